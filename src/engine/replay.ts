import { position } from '../statechart/accepts.js';
import { canonicalJson } from '../statechart/canonical.js';
import { start, step } from '../statechart/step.js';
import type { Calendar, ChartState, CloseReason, Effect, Scope, StepResult, Workflow } from '../statechart/types.js';
import { isEscalation } from './escalate.js';
import type { StoredRow } from './journal.js';
import { ENGINE } from './record.js';
import type { CaseRecord, JournalBody, JournalPayload } from './types.js';

export interface Replayed {
  /** Undefined where it cannot be known: a payload is not there, and no row after it carries a state. */
  chart?: ChartState;
  /** The first row that could not be made again for want of a payload, where `chart` is undefined. */
  lostAt?: number;
  status: CaseRecord['status'];
  /** Why entries were closed, by their UUIDs. */
  ended: Map<string, CloseReason>;
  everOpened: { id: string; seq: number; src: string }[];
  problems: { seq: number; rule: string; message: string }[];
}

/** Dues are taken from the journal, so the working days of today do not matter. */
const NO_CALENDAR: Omit<Calendar, 'zone'> = {
  week: [1, 2, 3, 4, 5],
  hours: [{ from: '09:00', to: '18:00' }],
  days: {},
};

/**
 * The journal alone, through the versions it names, gives the state; in the owner's time zone (IANA), for that says which
 * day it was. Rows that carry the state they led to (acts,
 * migrations) begin a new segment, from which replay goes on even where earlier payloads were erased.
 */
export async function replayCase(
  rows: StoredRow[],
  workflowAt: (body: JournalBody) => Promise<Workflow>,
  zone: string,
): Promise<Replayed> {
  const replayed: Replayed = { status: 'active', ended: new Map(), everOpened: [], problems: [] };
  let hash: string | undefined;
  for (const row of rows) {
    const body = JSON.parse(row.body) as JournalBody;
    const workflow = await workflowAt(body);
    // Said once: all rows of a version have its hash.
    if (body.workflow.hash !== hash && body.workflow.hash !== workflow.hash)
      replayed.problems.push({
        seq: row.seq,
        rule: 'workflow-changed',
        message: `Row ${row.seq} ran on "${body.workflow.key}" version ${body.workflow.version} with the hash ${body.workflow.hash}; the one that is stored has ${workflow.hash}.`,
      });
    hash = body.workflow.hash;
    if (body.engine !== ENGINE)
      replayed.problems.push({
        seq: row.seq,
        rule: 'unknown-engine',
        message: `Row ${row.seq} was written by engine ${body.engine}; this one is ${ENGINE}.`,
      });
    replayRow(replayed, body, row.data === null ? undefined : (JSON.parse(row.data) as JournalPayload), {
      workflow,
      zone,
    });
  }
  return replayed;
}

function replayRow(
  replayed: Replayed,
  body: JournalBody,
  payload: JournalPayload | undefined,
  { workflow, zone }: { workflow: Workflow; zone: string },
): void {
  for (const { id, src } of body.opened) {
    if (src) replayed.everOpened.push({ id, seq: body.seq, src });
  }
  if (body.kind === 'ignored' || isEscalation(body)) return;
  if (payload?.result) {
    replayed.chart = payload.result.chart;
    replayed.status = payload.result.status;
    delete replayed.lostAt;
    // A hand answers nothing: what it closes is left.
    for (const { uuid } of body.closed) replayed.ended.set(uuid, 'left');
    comparePosition(replayed, body, replayed.chart, workflow);
    return;
  }
  if (!payload?.input || (body.seq > 1 && !replayed.chart)) {
    delete replayed.chart;
    replayed.lostAt ??= body.seq;
    return;
  }
  const result = again(replayed.chart, body, payload, { workflow, zone });
  if (result.outcome !== 'taken') {
    replayed.problems.push({
      seq: body.seq,
      rule: 'not-replayed',
      message: `Row ${body.seq} (${body.type}) cannot be made again: ${JSON.stringify(result)}`,
    });
    return;
  }
  replayed.chart = result.state;
  if (result.state.snapshot.status === 'done') replayed.status = 'done';
  const uuids = new Map(body.closed.map(({ id, uuid }) => [id, uuid]));
  for (const effect of result.effects) {
    const uuid = effect.kind === 'close' ? uuids.get(effect.entry.id) : undefined;
    if (effect.kind === 'close' && uuid !== undefined) replayed.ended.set(uuid, effect.reason);
  }
  compare(replayed, body, result.state, result.effects, workflow);
}

function again(
  chart: ChartState | undefined,
  body: JournalBody,
  payload: JournalPayload,
  { workflow, zone }: { workflow: Workflow; zone: string },
): StepResult {
  const dues = Object.fromEntries(body.opened.flatMap(({ id, due }) => (due ? [[id, due]] : [])));
  const scope: Scope = {
    now: body.at,
    by: payload.by ?? null,
    seq: body.seq,
    calendar: { ...NO_CALENDAR, zone },
    dues,
  };
  const input = payload.input;
  if (input?.kind === 'start') return start(workflow, input.input, scope);
  if (!input || !chart) throw new Error('A row to replay needs an input and a state.');
  return step(workflow, chart, input, scope);
}

function compare(
  replayed: Replayed,
  body: JournalBody,
  chart: ChartState,
  effects: Effect[],
  workflow: Workflow,
): void {
  comparePosition(replayed, body, chart, workflow);
  const add = (rule: string, message: string) => replayed.problems.push({ seq: body.seq, rule, message });
  const opened: string[] = [];
  const closed: string[] = [];
  for (const effect of effects) {
    if (effect.kind === 'open' || effect.kind === 'timer' || effect.kind === 'deadline') opened.push(effect.entry.id);
    else if (effect.kind !== 'action') closed.push(effect.entry.id);
  }
  if (opened.join() !== body.opened.map((e) => e.id).join())
    add(
      'opened-differs',
      `Row ${body.seq} opened ${body.opened.map((e) => e.id).join(', ')}; made again it opens ${opened.join(', ')}.`,
    );
  if (closed.join() !== body.closed.map((e) => e.id).join())
    add(
      'closed-differs',
      `Row ${body.seq} closed ${body.closed.map((e) => e.id).join(', ')}; made again it closes ${closed.join(', ')}.`,
    );
}

function comparePosition(replayed: Replayed, body: JournalBody, chart: ChartState, workflow: Workflow): void {
  const add = (rule: string, message: string) => replayed.problems.push({ seq: body.seq, rule, message });
  const { state, stages } = position(workflow, chart);
  if (canonicalJson(state) !== canonicalJson(body.state))
    add(
      'state-differs',
      `Row ${body.seq} says state ${canonicalJson(body.state)}; made again it is ${canonicalJson(state)}.`,
    );
  if (canonicalJson(stages) !== canonicalJson(body.stages))
    add(
      'stages-differ',
      `Row ${body.seq} says stages ${body.stages.join(', ')}; made again they are ${stages.join(', ')}.`,
    );
}
