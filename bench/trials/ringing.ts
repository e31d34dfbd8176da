import type { Runtime } from '../../src/engine/runtime.js';
import { systemIds } from '../../src/platform/ids.js';
import type { JsonObject } from '../../src/statechart/types.js';
import { CURATOR, ORGANISATION } from '../journey.js';

/** A case that waits until a moment and is done. */
const RINGING = {
  id: 'bench-ringing',
  title: { kk: 'Қоңырау', ru: 'Звонок', en: 'Ringing' },
  context: { ringAt: '= input.ringAt' },
  delays: { ring: 'until = context.ringAt' },
  initial: 'waiting',
  states: { waiting: { after: { ring: 'rung' } }, rung: { type: 'final' } },
};
const INPUT = {
  type: 'object',
  additionalProperties: false,
  required: ['ringAt'],
  properties: { ringAt: { type: 'string', format: 'date-time' } },
};
/** Cases that are opened at once. */
const OPENING = 400;

export async function deployRinging({ versions }: Runtime): Promise<void> {
  await versions.deploy(
    ORGANISATION,
    { 'workflow.json': JSON.stringify(RINGING), 'input.json': JSON.stringify(INPUT) },
    'bench',
  );
}

/** Opens a case for each moment (milliseconds since 1970). Gives the moments by the ids of the cases. */
export async function openRinging(runtime: Runtime, moments: readonly number[]): Promise<Map<string, number>> {
  const due = new Map<string, number>();
  let next = 0;
  const open = async () => {
    for (let moment = moments[next++]; moment !== undefined; moment = moments[next++]) {
      const caseId = systemIds.next();
      due.set(caseId, moment);
      await openCase(runtime, caseId, 'bench-ringing', { ringAt: new Date(moment).toISOString() });
    }
  };
  await Promise.all(Array.from({ length: OPENING }, open));
  return due;
}

export async function openCase(runtime: Runtime, caseId: string, workflow: string, input: JsonObject): Promise<void> {
  await runtime.engine.submit({
    organisationId: ORGANISATION,
    caseId,
    id: `open:${caseId}`,
    keep: true,
    sender: CURATOR,
    lane: 'people',
    kind: 'open',
    workflow,
    input,
  });
}

/** Calls back after COMMIT of every timer that has fired, in that order. */
export function whenRung(runtime: Runtime, rung: (caseId: string) => void): void {
  const { engine } = runtime;
  const submit = engine.submit.bind(engine);
  engine.submit = async (command) => {
    const accepted = await submit(command);
    if (command.kind === 'timer') rung(command.caseId);
    return accepted;
  };
}
