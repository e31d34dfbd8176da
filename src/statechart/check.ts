import { unlistedYears } from './calendar.js';
import type { Catalogue } from './catalogue.js';
import { chartOf } from './chart.js';
import { activeAtOnce } from './chart-tree.js';
import { checkBranches } from './check-branches.js';
import { checkLife } from './check-life.js';
import { checkOpenings } from './check-openings.js';
import { checkReferences } from './check-references.js';
import { checkRefusals } from './check-refusals.js';
import { checkTexts } from './check-texts.js';
import type { Definition } from './definition.js';
import { type ExplorationLimits, explore } from './explore.js';
import { Findings } from './findings.js';
import { checkNames } from './names.js';
import type { Finding, Workflow } from './types.js';

/** What would go wrong for a family, errors first; no error means that the workflow may be deployed. */
export function check(workflow: Workflow, catalogue: Catalogue = {}, limits?: Partial<ExplorationLimits>): Finding[] {
  const { definition } = chartOf(workflow);
  const findings = new Findings();
  if (isTooWide(definition, findings)) return [...findings.found.values()];
  const exploration = explore(definition, limits);
  checkLife(definition, catalogue, exploration, findings);
  checkOpenings(workflow, definition, exploration, catalogue, findings);
  checkBranches(definition, catalogue, findings);
  checkRefusals(definition, findings);
  checkReferences(workflow, definition, catalogue, findings);
  checkNames(workflow, definition, findings);
  checkTexts(workflow, definition, findings);
  checkCalendar(catalogue, findings);
  const found = [...findings.found.values()];
  return [
    ...found.filter(({ severity }) => severity === 'error'),
    ...found.filter(({ severity }) => severity === 'warning'),
  ];
}

/** The time that XState takes for a step grows with the cube of what is active: 100 states take some 10 ms. */
const MAX_ACTIVE = 100;

function isTooWide({ root }: Definition, findings: Findings): boolean {
  const active = activeAtOnce(root);
  if (active <= MAX_ACTIVE) return false;
  findings.error(
    'too-large',
    '',
    `Up to ${active} of its states are active at once, more than ${MAX_ACTIVE}: each step of one family would keep all others waiting.`,
    'Move parallel parts into sub-cases (`src: case`).',
  );
  return true;
}

function checkCalendar({ calendar, now }: Catalogue, findings: Findings): void {
  if (calendar === undefined || now === undefined) return;
  const nextYear = `${Number(now.slice(0, 4)) + 1}-12-31T00:00:00Z`;
  for (const year of unlistedYears(calendar, now, nextYear)) {
    findings.warning(
      'calendar-year',
      '',
      `The calendar has no holidays for ${year}: families would be told dates on which nobody works.`,
      `Enter the holidays of ${year} in the calendar file.`,
    );
  }
}
