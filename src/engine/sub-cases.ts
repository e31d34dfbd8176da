import type { Json, JsonObject } from '../statechart/types.js';
import { uuidOf } from './entry-uuid.js';
import { AppError } from './errors.js';
import { ENGINE_SENDER } from './sender.js';
import type { CaseRecord, Command, Delivery, EngineApi, OutboxRow, SourceHandler } from './types.js';

/**
 * `invoke {src: case, input: {workflow, …}}`: the child is opened, answered and cancelled through the outbox, never in the
 * parent's transaction. Its id is derived from the entry, so that a second delivery finds the first one's child.
 */
export function registerSubCases(engine: EngineApi): void {
  engine.registerSource(caseSource);
  engine.registerOutbox('case.open', (row) => openChild(engine, row));
  engine.registerOutbox('case.close', (row) => cancelChild(engine, row));
  engine.registerOutbox('case.follow', (row) => followParent(engine, row));
  engine.registerOutbox('case.answer', (row) => answerParent(row));
  engine.registerOutbox('sendParent', (row) => tellParent(engine, row));
  engine.registerOutbox('openCase', (row) => openCase(engine, row));
}

/** The case row itself is all there is to write: nothing beside the outbox. */
const caseSource: SourceHandler = {
  src: 'case',
  open: () => Promise.resolve(),
  close: () => Promise.resolve(),
  topics: { open: 'case.open', close: 'case.close', follow: 'case.follow' },
};

/** Nobody means cases so deep inside each other: a workflow opens itself, by whatever way. */
const MAX_DEPTH = 10;

/** The rule of the incident on the case that would have opened one more. */
export const OPENS_WITHOUT_END = 'opens-without-end';

/** How many cases this one lies in, or was opened by without anybody having been waited for. */
async function depthOf(engine: EngineApi, row: OutboxRow, record: CaseRecord | null): Promise<number> {
  let depth = 0;
  for (let { parent } = record ?? { parent: null }; parent && depth < MAX_DEPTH; depth++)
    parent = (await engine.read(row.organisationId, parent.caseId))?.parent ?? null;
  return Math.max(depth, chainOf(row));
}

function chainOf({ payload: { chain } }: OutboxRow): number {
  return typeof chain === 'number' ? chain : 0;
}

function tooDeep(workflow: Json | undefined): Delivery {
  const reason = `${MAX_DEPTH} cases have opened each other to come to this one; one more of "${String(workflow)}" is not opened.`;
  return { kind: 'give-up', rule: OPENS_WITHOUT_END, reason };
}

async function openChild(engine: EngineApi, row: OutboxRow): Promise<Delivery> {
  const parent = await engine.read(row.organisationId, row.caseId);
  const entry = parent?.chart.entries.find((e) => e.id === row.payload['entry']);
  // Its state was left: nothing to open, and what an earlier attempt opened goes.
  if (!parent || entry?.kind !== 'invocation' || !row.entryId) return cancelChild(engine, row);
  const { workflow, ...input } = entry.input;
  if ((await depthOf(engine, row, parent)) >= MAX_DEPTH) return tooDeep(workflow);
  const given = (entry.input['input'] as JsonObject | undefined) ?? input;
  const child = {
    workflow: String(workflow),
    input: given,
    parent: { caseId: row.caseId, entryId: row.entryId },
    chain: chainOf(row) + 1,
    // It is about the same family: its hand-offs and papers need to know whose they are.
    ...(parent.subject === null ? {} : { subject: parent.subject }),
  };
  const delivery = await opened(engine, { ...base(row, uuidOf(row.entryId, 'case')), kind: 'open', ...child });
  // The parent may have moved on meanwhile, and its cancelling have found no child yet.
  const after = await engine.read(row.organisationId, row.caseId);
  if (delivery.kind !== 'done') return delivery;
  return after?.chart.entries.some((e) => e.id === entry.id) ? followParent(engine, row) : cancelChild(engine, row);
}

async function openCase(engine: EngineApi, row: OutboxRow): Promise<Delivery> {
  const { workflow, input, subject } = row.payload;
  if (chainOf(row) >= MAX_DEPTH) return tooDeep(workflow);
  const command: Command = {
    ...base(row, uuidOf(row.id, 'case')),
    kind: 'open',
    workflow: String(workflow),
    input: (input ?? {}) as JsonObject,
    chain: chainOf(row) + 1,
  };
  return await opened(engine, typeof subject === 'string' ? { ...command, subject } : command);
}

async function opened(engine: EngineApi, command: Command): Promise<Delivery> {
  try {
    await engine.submit(command);
    return { kind: 'done' };
  } catch (error) {
    if (await engine.read(command.organisationId, command.caseId)) return { kind: 'done' };
    if (error instanceof AppError && error.status < 500) return { kind: 'give-up', reason: error.message };
    throw error;
  }
}

async function cancelChild(engine: EngineApi, row: OutboxRow): Promise<Delivery> {
  if (!row.entryId) return { kind: 'done' };
  const caseId = uuidOf(row.entryId, 'case');
  const child = await engine.read(row.organisationId, caseId);
  // Not opened yet: opening will find its entry closed.
  if (!child || child.status === 'done' || child.status === 'cancelled') return { kind: 'done' };
  const command: Command = {
    ...base(row, caseId),
    kind: 'act',
    act: { type: 'cancel' },
    reason: `Left by its parent case (${String(row.payload['reason'])}).`,
  };
  await engine.submit(command);
  return { kind: 'done' };
}

/** A child stands still while its parent does, and goes on with it; one that a hand has stopped waits for a hand. */
async function followParent(engine: EngineApi, row: OutboxRow): Promise<Delivery> {
  const caseId = uuidOf(row.entryId ?? '', 'case');
  for (;;) {
    const parent = await engine.read(row.organisationId, row.caseId);
    const child = await engine.read(row.organisationId, caseId);
    const act = parent && child ? ACT_TO_FOLLOW[`${child.status} ${parent.status}`] : undefined;
    if (!parent || !act) return { kind: 'done' };
    const reason = act === 'suspend' ? 'parent-suspended' : 'parent-resumed';
    try {
      await engine.submit({ ...base(row, caseId), kind: 'act', act: { type: act }, reason });
    } catch (error) {
      if (error instanceof AppError && error.code === 'act-not-possible' && act === 'resume') return { kind: 'done' };
      throw error;
    }
    // The parent may have been stopped or let go on meanwhile: looked at once more.
  }
}

/** By where the child and its parent are. */
const ACT_TO_FOLLOW: Record<string, 'suspend' | 'resume'> = {
  'active suspended': 'suspend',
  'suspended active': 'resume',
};

/** The child's end is the parent's answer; a cancelled child is an error that `onError` may take. */
function answerParent(row: OutboxRow): Promise<Delivery> {
  const { parent, status, output } = row.payload;
  const shared = { ...base(row, String(parent)), entryId: row.entryId ?? '', late: 'journal' as const };
  const command: Command =
    status === 'done'
      ? { ...shared, kind: 'answer', output: output as Json }
      : { ...shared, kind: 'failure', error: { code: 'case-cancelled', output: output as Json } };
  return Promise.resolve({ kind: 'answer', command });
}

/**
 * `{type: sendParent, params: {event, data}}`: an event for the case that opened this one, taken once. Who opened none, is over
 * or does not listen there has nothing to hear; one that stands still hears it when it goes on.
 */
async function tellParent(engine: EngineApi, row: OutboxRow): Promise<Delivery> {
  const child = await engine.read(row.organisationId, row.caseId);
  if (!child?.parent) return { kind: 'done' };
  const { event, data } = row.payload;
  const command: Command = {
    ...base(row, child.parent.caseId),
    keep: true,
    kind: 'event',
    type: String(event),
    ...(data === undefined || data === null ? {} : { data }),
  };
  try {
    await engine.submit(command);
  } catch (error) {
    if (!(error instanceof AppError) || error.status >= 500) throw error;
    if (error.code === 'case-suspended') return { kind: 'retry', reason: error.message, patient: true };
    if (!NOT_LISTENING.has(error.code)) return { kind: 'give-up', reason: error.message };
  }
  return { kind: 'done' };
}

const NOT_LISTENING = new Set<string>(['event-not-accepted', 'guard-refused']);

function base(row: OutboxRow, caseId: CaseRecord['id']) {
  return {
    organisationId: row.organisationId,
    caseId,
    id: `outbox:${row.id}`,
    keep: false,
    lane: 'machines' as const,
    sender: ENGINE_SENDER,
  };
}
