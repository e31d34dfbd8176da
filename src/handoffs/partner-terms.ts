import { dueAt, parseDelay } from '../statechart/delay.js';
import type { Calendar, DelayRule } from '../statechart/types.js';
import { type PartnerDirectory, type PartnerService, serviceOf } from './handoff.js';

/** One day more than the last step of the usual ladder: everybody has been told before nobody waits any longer. */
export const USUAL_GRACE = '6 working days';
export const USUAL_ACKNOWLEDGE = '2 working days';
const usual = { grace: parseDelay(USUAL_GRACE), acknowledge: parseDelay(USUAL_ACKNOWLEDGE) };

/** @throws Error that says what is expected */
export function parseTerm(text: string): DelayRule {
  const rule = parseDelay(text);
  if (rule.kind === 'until' || rule.kind === 'expression')
    throw new Error(`"${text}" is no span; write for example "${USUAL_GRACE}".`);
  return rule;
}

type Asked = { partner: string; service: string };

/** The terms of `partners.yaml` as moments, in working days. Moments are ISO 8601. */
export class PartnerTerms {
  constructor(
    private readonly partners: Pick<PartnerDirectory, 'find'>,
    private readonly calendar: Calendar,
  ) {}

  /** When nobody waits for the partner any longer: its service's grace after the due moment. */
  giveUpAt(asked: Asked, due: string): string {
    return this.after(due, this.serviceOf(asked)?.grace ?? usual.grace);
  }

  /** When it should have said that it has what was sent. */
  acknowledgeBy(asked: Asked, sentAt: string): string {
    return this.after(sentAt, this.serviceOf(asked)?.acknowledge ?? usual.acknowledge);
  }

  private after(moment: string, rule: DelayRule): string {
    return dueAt(rule, {}, { now: moment, calendar: this.calendar }) ?? moment;
  }

  private serviceOf(asked: Asked): PartnerService | undefined {
    const partner = this.partners.find(asked.partner);
    return partner && serviceOf(partner, asked.service);
  }
}
