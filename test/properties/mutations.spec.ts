import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse, stringify } from 'yaml';
import { type Catalogue, parseCatalogue } from '../../src/statechart/catalogue.js';
import { check } from '../../src/statechart/check.js';
import { LoadError, loadWorkflow } from '../../src/statechart/load.js';
import type { Finding, Json, JsonObject } from '../../src/statechart/types.js';
import { readCatalogue, readWorkflow } from '../../src/workflows/folder.js';

const FOLDER = 'workflows';
const shipped = readdirSync(FOLDER).filter((name) => statSync(join(FOLDER, name)).isDirectory());
const LANGUAGES = ['kk', 'ru', 'en'];

/** One thing taken out of a workflow's files or of what lies beside them, and the rules that may say so. */
interface Mutant {
  what: string;
  rules: string[];
  files?: Record<string, string>;
  catalogue?: Catalogue;
  /** It shows only when the chart is walked; for all others that is left out, to save time. */
  explores?: boolean;
  /** Many things taken out at once: each place must be named by a finding of its own. */
  places?: Place[];
}

const NOT_EXPLORED = { configurations: 0, ways: 0 };

/** What a finding says of the place: the state, or words of its message. */
type Place = { state: string } | { words: string };

type Path = (string | number)[];

const full = process.env.QAMQOR_TEST === 'full';
const seed = Number(process.env.QAMQOR_TEST_SEED ?? Date.now() % 1_000_000);

/** Each run tries one mutant in four, and one in 48 of those for which a chart is walked, which takes seconds; others by each seed. At full size all are tried. */
function isTried({ explores }: Mutant, place: number): boolean {
  const oneIn = explores === true ? 48 : 4;
  return full || place % oneIn === seed % oneIn;
}

describe(`a workflow that is shipped (seed ${seed}; QAMQOR_TEST_SEED repeats it)`, () => {
  it('exists', () => {
    expect(shipped.length).toBeGreaterThan(0);
  });

  it.each(shipped)('%s has no finding', (name) => {
    expect(findings(readWorkflow(join(FOLDER, name)), catalogueOf(name))).toEqual([]);
  });

  it.each(shipped)(
    '%s is refused when anything that a family relies on is taken away',
    (name) => {
      const files = readWorkflow(join(FOLDER, name));
      const catalogue = catalogueOf(name);
      const mutants = [...mutantsOf(files), ...withoutPartOf(files, catalogue)].filter(isTried);
      const survivors: string[] = [];
      const killed: Record<string, number> = {};
      for (const mutant of mutants) {
        const found = findings(mutant.files ?? files, mutant.catalogue ?? catalogue, mutant.explores !== true);
        const fitting = found.filter(({ severity, rule }) => severity === 'error' && mutant.rules.includes(rule));
        for (const place of mutant.places ?? [{ words: '' }]) {
          const finding = fitting.find(({ state, message }) =>
            'state' in place ? state === place.state : message.includes(place.words),
          );
          if (finding !== undefined) killed[finding.rule] = (killed[finding.rule] ?? 0) + 1;
          else
            survivors.push(
              `${mutant.what} ${JSON.stringify(place)} (found only: ${[...new Set(found.map(({ rule }) => rule))].join() || 'nothing'})`,
            );
        }
      }
      console.info(`${name}: ${mutants.length} mutants, ${JSON.stringify(killed)}`);
      expect(survivors).toEqual([]);
      expect(Object.keys(killed).length).toBeGreaterThan(5);
    },
    170_000,
  );
});

function catalogueOf(name: string): Catalogue {
  const files = readWorkflow(join(FOLDER, name));
  const used = [...walk(parse(files['workflow.yaml'] ?? '') as Json)];
  const services = used.flatMap(({ value }) =>
    isMap(value) && value.src === 'service' && isMap(value.input) && typeof value.input.name === 'string'
      ? [value.input.name]
      : [],
  );
  return { ...parseCatalogue(readCatalogue(FOLDER)), services, workflows: shipped };
}

function findings(files: Record<string, string>, catalogue: Catalogue, quick = false): Finding[] {
  try {
    return check(loadWorkflow(files), catalogue, quick ? NOT_EXPLORED : undefined);
  } catch (error) {
    if (error instanceof LoadError) return error.findings;
    throw error;
  }
}

function* mutantsOf(files: Record<string, string>): Generator<Mutant> {
  for (const [file, text] of Object.entries(files)) {
    // Copied so that no two places share what an anchor names.
    const content = JSON.parse(JSON.stringify(parse(text))) as Json;
    const make = (what: string, rules: string[], change: (copy: Json) => void): Mutant => {
      const copy = structuredClone(content);
      change(copy);
      return {
        what: `${file}: ${what}`,
        rules,
        files: { ...files, [file]: stringify(copy) },
      };
    };
    yield* wordsOf(content, make);
    if (file === 'workflow.yaml') yield* partsOf(content, make);
    if (file.startsWith('forms/') || file.startsWith('messages/'))
      yield {
        what: `without ${file}`,
        rules: ['unknown-form', 'unknown-template'],
        files: Object.fromEntries(Object.entries(files).filter(([path]) => path !== file)),
      };
  }
}

type Make = (what: string, rules: string[], change: (copy: Json) => void) => Mutant;

/** Each language of each text: all texts of a file lose it at once, and each must be named. */
function* wordsOf(content: Json, make: Make): Generator<Mutant> {
  const texts = [...walk(content)].filter(({ path, value }) => {
    const keys = isMap(value) ? Object.keys(value) : [];
    return keys.length > 0 && path.at(-1) !== 'properties' && keys.every((key) => LANGUAGES.includes(key));
  });
  for (const language of texts.length > 0 ? LANGUAGES : []) {
    const change = (copy: Json) => {
      for (const { path } of texts) remove(copy, [...path, language]);
    };
    yield {
      ...make(`no ${language}`, ['no-translation'], change),
      places: texts.map(({ path }) => ({ words: `${path.join('.') || 'the whole file'}:` })),
    };
  }
}

/** Deadlines, ladders and defaults one by one; of what stands alone in its state, all at once. */
function* partsOf(content: Json, make: Make): Generator<Mutant> {
  const groups = new Map<string, Path[]>();
  const confirmed = confirmedIn(content);
  const together = (rule: string, path: Path) => groups.set(rule, [...(groups.get(rule) ?? []), path]);
  for (const { path, value, parent } of walk(content)) {
    const name = path.at(-1);
    const gone = (rules: string[]) => make(`no ${path.join('.')}`, rules, (copy) => remove(copy, path));
    if (name === 'deadline') yield gone(['no-deadline']);
    if (name === 'escalation') yield gone(['no-escalation']);
    if (isMap(parent) && 'partner' in parent && (name === 'partner' || name === 'service'))
      together(`no-${name}`, path);
    if (isMap(parent) && 'form' in parent && (name === 'form' || name === 'role')) together(`no-${name}`, path);
    if (name === 'template') together('no-template', path);
    if (name === 'onDone' && path.at(-2) === 'invoke') together('no-on-done', path);
    if (name === 'onError' && isMap(parent) && parent.src === 'handOff') together('no-on-error', path);
    if (isTarget(path, value)) yield* targetsOf(path, confirmed, make);
    if (
      Array.isArray(value) &&
      isAnswer(path) &&
      value.length > 1 &&
      isMap(value.at(-1)) &&
      !('guard' in (value.at(-1) as JsonObject))
    )
      yield make(`no default of ${path.join('.')}`, ['no-default'], (copy) =>
        remove(copy, [...path, value.length - 1]),
      );
  }
  for (const [rule, paths] of groups) {
    const change = (copy: Json) => {
      for (const path of paths) remove(copy, path);
    };
    yield { ...make(rule, [rule], change), places: paths.map((path) => ({ state: stateOf(path) })) };
  }
  yield* lostTargets(content, make);
}

/** Every target names a state that is not there. */
function* lostTargets(content: Json, make: Make): Generator<Mutant> {
  const targets = [...walk(content)].filter(({ path, value }) => isTarget(path, value)).map(({ path }) => path);
  const [initials, others] = [
    targets.filter((path) => path.at(-1) === 'initial'),
    targets.filter((path) => path.at(-1) !== 'initial'),
  ];
  for (const [rule, paths] of [['initial-unknown', initials] as const, ['target-unknown', others] as const]) {
    const change = (copy: Json) => {
      for (const path of paths) set(copy, path, 'noSuchState');
    };
    yield { ...make(rule, [rule], change), places: paths.map((path) => ({ state: stateOf(path) })) };
  }
}

/** `states.open.states.intake.invoke` belongs to the state `open.intake`. */
function stateOf(path: Path): string {
  const states: Path = [];
  for (let index = 0; path[index] === 'states' && path[index + 1] !== undefined; index += 2)
    states.push(path[index + 1] as string);
  return states.join('.');
}

/** An answer's or a timer's only way on is gone. */
function* targetsOf(path: Path, confirmed: ReadonlySet<string>, make: Make): Generator<Mutant> {
  const owner = path.at(-1) === 'target' ? path.slice(0, -1) : path;
  const change = (copy: Json) => (path.at(-1) === 'target' ? remove(copy, path) : set(copy, path, {}));
  const what = `no target at ${path.join('.')}`;
  if (isDecision(owner) || isDecision(owner.slice(0, -1)))
    yield { ...make(what, ['decision-leads-nowhere', 'unreachable', 'no-end'], change), explores: true };
  // An event that people are asked to confirm leads on; another one may only set something down.
  if (isEventIn(confirmed, owner) || isEventIn(confirmed, owner.slice(0, -1)))
    yield make(what, ['event-leads-nowhere'], change);
  if (!isAnswer(owner) && !isAnswer(owner.slice(0, -1))) return;
  const rules = ['answer-leads-nowhere', 'timer-leads-nowhere', 'waits-for-ever', 'no-end', 'unreachable'];
  yield { ...make(what, rules, change), explores: true };
}

/** `onDone`, `onError` and single timers, whose branches must always lead on. */
function isAnswer(path: Path): boolean {
  return path.at(-1) === 'onDone' || path.at(-1) === 'onError' || path.at(-2) === 'after';
}

/** A choice that is made by looking, without anybody's answer. */
function isDecision(path: Path): boolean {
  return path.at(-1) === 'always';
}

function isEventIn(types: ReadonlySet<string>, path: Path): boolean {
  return path.at(-2) === 'on' && types.has(String(path.at(-1)));
}

function confirmedIn(content: Json): Set<string> {
  const events = isMap(content) && isMap(content.events) ? content.events : {};
  return new Set(Object.keys(events).filter((type) => isMap(events[type]) && 'confirm' in events[type]));
}

function isTarget(path: Path, value: Json): boolean {
  if (typeof value !== 'string') return false;
  const [grand, last] = [path.at(-2), path.at(-1)];
  if (last === 'target') return true;
  return (
    last === 'onDone' ||
    last === 'onError' ||
    grand === 'on' ||
    grand === 'after' ||
    (last === 'initial' && path.length > 1)
  );
}

/** Each role, partner, service and ladder that the workflow names, taken out of the catalogue. */
function* withoutPartOf(files: Record<string, string>, catalogue: Catalogue): Generator<Mutant> {
  const named = new Set(
    [...walk(parse(files['workflow.yaml'] ?? '') as Json)].flatMap(({ value }) =>
      typeof value === 'string' ? [value] : [],
    ),
  );
  for (const role of catalogue.roles ?? [])
    if (named.has(role))
      yield {
        what: `catalogue without the role ${role}`,
        rules: ['unknown-role'],
        catalogue: { ...catalogue, roles: catalogue.roles?.filter((other) => other !== role) ?? [] },
      };
  for (const ladder of catalogue.ladders ?? []) {
    if (!named.has(ladder.key)) continue;
    const others = catalogue.ladders?.filter((other) => other !== ladder) ?? [];
    yield {
      what: `catalogue without the ladder ${ladder.key}`,
      rules: ['unknown-ladder'],
      catalogue: { ...catalogue, ladders: others },
    };
    yield {
      what: `ladder ${ladder.key} without roles`,
      rules: ['no-escalation', 'waits-for-ever'],
      catalogue: { ...catalogue, ladders: [...others, { ...ladder, roles: [] }] },
    };
    yield {
      what: `ladder ${ladder.key} with a role that there is not`,
      rules: ['unknown-role'],
      catalogue: { ...catalogue, ladders: [...others, { ...ladder, roles: [...ladder.roles, 'nobody'] }] },
      places: [{ words: `The ladder "${ladder.key}"` }],
    };
  }
  for (const partner of catalogue.partners ?? []) {
    if (!named.has(partner.key)) continue;
    const others = catalogue.partners?.filter((other) => other !== partner) ?? [];
    yield {
      what: `catalogue without the partner ${partner.key}`,
      rules: ['unknown-partner'],
      catalogue: { ...catalogue, partners: others },
    };
    for (const service of partner.services) {
      if (!named.has(service)) continue;
      const changed = { ...partner, services: partner.services.filter((other) => other !== service) };
      yield {
        what: `${partner.key} without ${service}`,
        rules: ['unknown-service'],
        catalogue: { ...catalogue, partners: [...others, changed] },
      };
    }
  }
}

function* walk(
  value: Json,
  path: Path = [],
  parent: Json = null,
): Generator<{ path: Path; value: Json; parent: Json }> {
  yield { path, value, parent };
  if (typeof value !== 'object' || value === null) return;
  for (const [key, part] of Object.entries(value))
    yield* walk(part, [...path, Array.isArray(value) ? Number(key) : key], value);
}

function isMap(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function at(value: Json, path: Path): JsonObject | Json[] {
  return path.reduce<Json>((part, key) => (part as JsonObject)[key as string] as Json, value) as JsonObject | Json[];
}

function remove(content: Json, path: Path): void {
  const parent = at(content, path.slice(0, -1));
  const key = path.at(-1);
  if (Array.isArray(parent)) parent.splice(Number(key), 1);
  else delete parent[String(key)];
}

function set(content: Json, path: Path, value: Json): void {
  const parent = at(content, path.slice(0, -1));
  (parent as JsonObject)[String(path.at(-1))] = value;
}
