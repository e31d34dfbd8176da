import { dueAt, parseDelay } from '../statechart/delay.js';
import type { Calendar, DelayRule } from '../statechart/types.js';
import { type PartnerDirectory, serviceOf } from './handoff.js';

/** One day more than the last step of the usual ladder: everybody has been told before nobody waits any longer. */
export const USUAL_GRACE = '6 working days';
const usual = parseDelay(USUAL_GRACE);

/** @throws Error that says what is expected */
export function parseGrace(text: string): DelayRule {
  const rule = parseDelay(text);
  if (rule.kind === 'until' || rule.kind === 'expression')
    throw new Error(`"${text}" is no span; write for example "${USUAL_GRACE}".`);
  return rule;
}

/** When nobody waits for a partner any longer: its service's grace after the due moment, in working days. */
export class Grace {
  constructor(
    private readonly partners: Pick<PartnerDirectory, 'find'>,
    private readonly calendar: Calendar,
  ) {}

  /** @param due when it is due; ISO 8601, as is what is given back */
  endOf(asked: { partner: string; service: string }, due: string): string {
    const partner = this.partners.find(asked.partner);
    const rule = (partner && serviceOf(partner, asked.service)?.grace) ?? usual;
    return dueAt(rule, {}, { now: due, calendar: this.calendar }) ?? due;
  }
}
