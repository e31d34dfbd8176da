import type { Span } from '../platform/span.js';
import type { Tracing } from '../platform/tracing.js';
import { isRefusal } from './errors.js';
import type { Accepted, Command, Delivery, LeasedRow } from './types.js';

const UUID = /^[0-9a-f-]{36}$/i;

/** A command, from its arrival to its answer. `carryOut` gets what its outbox rows go on from. */
export async function traceCommand(
  tracing: Tracing,
  command: Command,
  carryOut: (trace: string) => Promise<Accepted>,
): Promise<Accepted> {
  const span = tracing.begin({ name: `advance ${command.kind}`, kind: 'internal', facts: factsOf(command) });
  try {
    const accepted = await tracing.within(span, () => carryOut(span.traceparent));
    span.note({
      'qamqor.case.id': accepted.case.id,
      'qamqor.workflow': accepted.case.workflow.key,
      'qamqor.workflow.version': accepted.case.workflowVersion,
      'qamqor.outcome': accepted.outcome,
      'qamqor.replayed': accepted.replayed,
    });
    return accepted;
  } catch (error) {
    noteError(span, error);
    throw error;
  } finally {
    span.end();
  }
}

function factsOf(command: Command) {
  return {
    'qamqor.command.kind': command.kind,
    'qamqor.command.lane': command.lane,
    ...(command.kind === 'act' ? { 'qamqor.command.act': command.act.type } : {}),
    // What somebody put into an address in place of an id is no id.
    ...(UUID.test(command.caseId) ? { 'qamqor.case.id': command.caseId } : {}),
  };
}

/** A refusal is an answer like others. */
function noteError(span: Span, error: unknown): void {
  if (isRefusal(error)) {
    span.note({ 'qamqor.outcome': 'refused', 'error.type': error.code });
    return;
  }
  span.note({ 'qamqor.outcome': 'failed' });
  span.fail(error);
}

/** One attempt to carry out an outbox row: it goes on from the command that wrote the row, however much later that is. */
export function traceDelivery(
  tracing: Tracing,
  row: Omit<LeasedRow, 'payload'>,
  carryOut: () => Promise<Delivery['kind'] | undefined>,
): Promise<void> {
  const facts = {
    'qamqor.case.id': row.caseId,
    'qamqor.outbox.id': row.id,
    'qamqor.outbox.topic': row.topic,
    'qamqor.outbox.attempt': row.attempt,
  };
  return tracing.span({ name: `deliver ${row.topic}`, kind: 'consumer', facts, from: row.trace }, async (span) => {
    const ended = await carryOut();
    span.note({ 'qamqor.outcome': ended ?? 'not-settled' });
    if (ended === undefined || ended === 'give-up') span.fail(ended ?? 'not-settled');
  });
}
