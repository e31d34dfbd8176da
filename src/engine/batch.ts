import type { PoolClient } from 'pg';
import { textArray, uuidArray } from '../platform/binary-arrays.js';
import { sendTogether } from '../platform/send-together.js';
import type { Calendar, Json, Source } from '../statechart/types.js';
import { decide } from './decide.js';
import { AppError, LeaseOver } from './errors.js';
import { commandDigest, type KeptCommand, keyOf, keyReused } from './keys.js';
import { type Version, workflowsFor } from './moves.js';
import { caseNotFound } from './refusals.js';
import { type CaseRow, caseRecord, type EndingTransaction, writeBatch } from './rows.js';
import { inWaves, settleWave, sourceOf } from './settling.js';
import * as sql from './statements.js';
import type {
  Accepted,
  AnswerCommand,
  BatchTransaction,
  CaseRecord,
  Command,
  DueWatcher,
  OutboxRow,
  SourceHandler,
  VersionsApi,
} from './types.js';
import {
  type BatchWrites,
  type DecideContext,
  type Decided,
  type IncidentRow,
  markOf,
  noWrites,
  rewind,
  type WritesMark,
} from './writes.js';

/**
 * How one command of a batch ended. `skipped`: its case was locked elsewhere, it rides again. `kept`: it was carried out
 * before, on a case that this batch did not lock.
 */
export type Settled = { command: Command } & (
  | { accepted: Accepted }
  | { error: Error }
  | { skipped: true }
  | { kept: Omit<Accepted, 'case'> & { caseId: string } }
);

export interface BatchDependencies {
  versions: VersionsApi;
  sources: ReadonlyMap<Source, SourceHandler>;
  dueWatcher?: DueWatcher | undefined;
  calendar(organisationId: string): Calendar;
  /** 16 random bytes for a payload's digest. */
  salt(): Buffer;
  /** UUIDv7. */
  id(): string;
}

type OpenCommand = Extract<Command, { kind: 'open' }>;

/** Everything read at the start of a batch, under the locks. */
interface Loaded {
  now: string;
  records: Map<string, CaseRecord>;
  kept: Map<string, { digest: Buffer; caseId: string; seq: number; answer: Json }>;
  numbers: string[];
  takenSubjects: Map<string, { id: string; number: string }>;
  incidents: Map<string, IncidentRow>;
  suspensions: Map<string, { at: string; by: string }>;
  /** Attempts that hold their outbox rows, as `id:attempt`. */
  leases: Set<string>;
}

/**
 * One transaction for many commands: lock the cases, decide in memory, write set-based, commit. All or nothing; what was
 * refused changes nothing. Returns one result per command, and the outbox rows that are now on disk.
 */
export class Batch {
  readonly writes: BatchWrites = noWrites();
  private readonly settled: Settled[] = [];
  private readonly changed = new Map<string, { record: CaseRecord; isNew: boolean }>();
  private readonly keptCommands: KeptCommand[] = [];

  constructor(
    private readonly deps: BatchDependencies,
    private readonly commands: Command[],
    /** Wait for locked cases instead of passing them over. */
    private readonly waitsForLocks: boolean,
    /** What the rows of each command go on from; left out where nothing is traced. */
    private readonly traces?: ReadonlyMap<Command, string | undefined>,
  ) {}

  async run(client: PoolClient): Promise<Settled[]> {
    const loaded = await this.load(client);
    const tx = transactionOf(client);
    const ready = await this.admit(tx, loaded);
    const context = this.contextFor(loaded, await workflowsFor(this.deps.versions, ready, loaded.records));
    for (const wave of inWaves(ready, loaded.records, this.deps.sources)) {
      const outputs = await settleWave(tx, wave, loaded, this.deps.sources);
      for (const command of wave) this.decideOne(command, outputs.get(command), loaded, context);
    }
    await writeBatch(client, tx, this.deps.sources, {
      changed: [...this.changed.values()],
      kept: this.keptCommands,
      writes: this.writes,
      now: loaded.now,
      dueWatcher: this.deps.dueWatcher,
    });
    return this.settled;
  }

  /** What was decided, whether or not the answer to COMMIT arrived. */
  get results(): Settled[] {
    return this.settled;
  }

  /** The row by which a lost COMMIT can be settled: if it is there, all of the batch is. */
  get witness(): { caseId: string; seq: number; hash: Buffer } | undefined {
    return this.writes.journal[0];
  }

  get outbox(): OutboxRow[] {
    return this.writes.outbox;
  }

  private async load(client: PoolClient): Promise<Loaded> {
    const opens = this.commands.filter((c) => c.kind === 'open');
    const keyed = this.commands.filter((c) => c.keep);
    const acts = this.commands.filter((c) => c.kind === 'act');
    // The answer of a sub-case changes its parent, and settles what the child sent.
    const scoped = this.commands.flatMap((c) => (c.settles ? [c.caseId, c.settles.caseId] : [c.caseId]));
    const ids = [...new Set(scoped)].sort();
    const existing = [...new Set(this.commands.filter((c) => c.kind !== 'open').map((c) => c.caseId))];
    const subjects = opens.filter((c) => c.subject !== undefined && !c.parent);
    const incidentIds = acts.flatMap((c) => ('incidentId' in c.act ? [c.act.incidentId] : []));
    const suspended = acts.filter((c) => c.act.type === 'resume').map((c) => c.caseId);
    const settling = this.commands.flatMap((c) => c.settles ?? []);

    // Sent in one go and answered in order: the locks are held before the commands are looked up.
    sendTogether(client);
    const [, scope, cases, taken, kept, numbers, incidents, suspensions, leases] = await Promise.all([
      client.query('begin'),
      client.query<{ now: string }>({
        name: 'batch-scope',
        text: `select set_config('qamqor.cases', $1, true), floor(extract(epoch from qamqor.qamqor_now()) * 1000)::text as now`,
        values: [`{${ids.join(',')}}`],
      }),
      existing.length
        ? client.query<CaseRow>({
            ...(this.waitsForLocks ? sql.lockCasesWaiting : sql.lockCases),
            values: [uuidArray(existing)],
          })
        : noRows<CaseRow>(),
      // Before the keys: of a command that another process commits meanwhile, the case must not be seen without its key.
      subjects.length
        ? client.query<{ id: string; number: string; organisation_id: string; workflow_key: string; subject: string }>({
            ...sql.openSubjects,
            values: [
              subjects.map((c) => c.organisationId),
              subjects.map((c) => c.workflow),
              subjects.map((c) => c.subject),
            ],
          })
        : noRows<never>(),
      keyed.length ? client.query<KeptRow>(keysOf(keyed)) : noRows<never>(),
      opens.length ? client.query<{ n: string }>({ ...sql.takeNumbers, values: [opens.length] }) : noRows<never>(),
      incidentIds.length
        ? client.query<Record<string, string>>({ ...sql.findIncidents, values: [incidentIds] })
        : noRows<never>(),
      suspended.length
        ? client.query<{ case_id: string; at: Date; by: string }>({ ...sql.findSuspensions, values: [suspended] })
        : noRows<never>(),
      settling.length
        ? client.query<{ id: string; attempt: number }>({
            ...sql.findLeases,
            values: [settling.map((s) => s.outboxId), settling.map((s) => s.attempt)],
          })
        : noRows<never>(),
    ]);

    // Few cases have any: asked for only where an event may be what met one.
    const records = await this.recordsOf(cases.rows);
    const given = this.commands.filter((c) => c.kind === 'event' || (c.kind === 'act' && c.act.type === 'retry'));
    const troubled = given.filter(({ caseId }) => (records.get(caseId)?.incidents ?? 0) > 0);
    const met = await (troubled.length
      ? client.query<Record<string, string>>({ ...sql.findIncidentsOf, values: [troubled.map((c) => c.caseId)] })
      : noRows<never>());

    return {
      now: new Date(Number(scope.rows[0]?.now)).toISOString(),
      records,
      kept: new Map(
        kept.rows.map((row) => [
          `${row.organisation_id}:${row.account}:${row.id}`,
          { digest: row.digest, caseId: row.case_id, seq: row.seq, answer: JSON.parse(row.answer) as Json },
        ]),
      ),
      numbers: numbers.rows.map((row) => `Q-${row.n.padStart(6, '0')}`),
      takenSubjects: new Map(
        taken.rows.map((row) => [`${row.organisation_id}:${row.workflow_key}:${row.subject}`, row]),
      ),
      incidents: new Map([...incidents.rows, ...met.rows].map(incidentOf).map((incident) => [incident.id, incident])),
      suspensions: new Map(suspensions.rows.map(({ case_id, at, by }) => [case_id, { at: at.toISOString(), by }])),
      leases: new Set(leases.rows.map(leaseOf)),
    };
  }

  private async recordsOf(rows: CaseRow[]): Promise<Map<string, CaseRecord>> {
    const records = new Map<string, CaseRecord>();
    for (const row of rows) {
      const workflow = await this.deps.versions.byVersion(row.organisation_id, row.workflow_key, row.workflow_version);
      records.set(row.id, caseRecord(row, workflow));
    }
    return records;
  }

  /** Leaves out replays, absent cases and what the features refuse under the lock. */
  private async admit(tx: BatchTransaction, loaded: Loaded): Promise<Command[]> {
    const present: Command[] = [];
    for (const command of this.commands) {
      const replay = this.replayed(command, loaded);
      if (replay) this.settled.push(replay);
      else if (command.kind !== 'open' && !loaded.records.has(command.caseId))
        this.settled.push(
          this.waitsForLocks ? { command, error: caseNotFound(command.caseId) } : { command, skipped: true },
        );
      else if (command.kind !== 'open' && loaded.records.get(command.caseId)?.organisationId !== command.organisationId)
        this.settled.push({ command, error: caseNotFound(command.caseId) });
      else if (command.settles && !loaded.leases.has(leaseOf({ ...command.settles, id: command.settles.outboxId })))
        this.settled.push({ command, error: new LeaseOver(command.settles.outboxId) });
      else present.push(command);
    }
    const bySource = Map.groupBy(
      present.filter((c): c is AnswerCommand => c.kind === 'answer' || c.kind === 'failure'),
      (command) => sourceOf(loaded.records.get(command.caseId), command.entryId),
    );
    const refused = new Map<Command, AppError>();
    for (const [source, answers] of bySource) {
      const handler = source && this.deps.sources.get(source);
      for (const [command, error] of (await handler?.admit?.(tx, answers)) ?? []) refused.set(command, error);
    }
    for (const [command, error] of refused) this.settled.push({ command, error });
    return present.filter((command) => !refused.has(command));
  }

  private replayed(command: Command, loaded: Loaded): Settled | undefined {
    const kept = command.keep ? loaded.kept.get(keyOf(command)) : undefined;
    if (!kept) return undefined;
    if (!kept.digest.equals(commandDigest(command))) return { command, error: keyReused(command) };
    const { caseId, seq } = kept;
    const record = loaded.records.get(caseId);
    const before = { seq, outcome: 'taken', replayed: true, answer: kept.answer } as const;
    // A case that is opened a second time has been given another id.
    if (!record) return { command, kept: { caseId, ...before } };
    return { command, accepted: asBefore(command, { case: record, ...before }) };
  }

  /** By a case that is stored, or opened before in this batch. */
  private subjectTaken(command: OpenCommand, loaded: Loaded): boolean {
    const other = loaded.takenSubjects.get(subjectKey(command) ?? '');
    if (!other) return false;
    const error = new AppError(
      'open-case-exists',
      409,
      `There is an open case already: ${other.number}. Go on with that one.`,
      { caseId: other.id, caseNumber: other.number },
    );
    this.settled.push({ command, error });
    return true;
  }

  private contextFor(loaded: Loaded, workflows: Map<Command, Version | AppError>): Omit<DecideContext, 'calendar'> {
    return {
      now: loaded.now,
      workflow(command) {
        const current = workflows.get(command);
        if (!current) throw new Error(`No workflow was loaded for command ${command.id}.`);
        if (current instanceof AppError) throw current;
        return current;
      },
      number: () => {
        const number = loaded.numbers.pop();
        if (!number) throw new Error('Fewer case numbers were taken than cases are opened.');
        return number;
      },
      topics: (src) => this.deps.sources.get(src)?.topics,
      incident: (id) => loaded.incidents.get(id),
      incidentsOf: (caseId) => [...loaded.incidents.values()].filter((incident) => incident.caseId === caseId),
      suspension: (caseId) => loaded.suspensions.get(caseId),
      salt: this.deps.salt,
      id: this.deps.id,
    };
  }

  /** `output`: what an answer became when it was settled. */
  private decideOne(
    command: Command,
    output: Json | undefined,
    loaded: Loaded,
    context: Omit<DecideContext, 'calendar'>,
  ): void {
    if (command.kind === 'open' && this.subjectTaken(command, loaded)) return;
    // The command itself stays as it was given: if this transaction fails, it is settled anew in the next.
    const given = output === undefined || command.kind !== 'answer' ? command : { ...command, output };
    const calendar = this.deps.calendar(command.organisationId);
    let decided: Decided;
    const mark = markOf(this.writes);
    try {
      decided = decide(loaded.records.get(command.caseId) ?? null, given, { ...context, calendar }, this.writes);
    } catch (error) {
      // What was settled for it must not be committed without it.
      if (given !== command) throw error;
      // Whatever it had begun to write goes with it.
      rewind(this.writes, mark);
      this.settled.push({ command, error: error as Error });
      return;
    }
    if (decided.refused && given !== command) throw decided.refused;
    if (this.traces) goOnFrom(this.traces.get(command), this.writes, mark);
    const isNew = command.kind === 'open' || (this.changed.get(command.caseId)?.isNew ?? false);
    loaded.records.set(command.caseId, decided.record);
    const subject = command.kind === 'open' && decided.record.status === 'active' ? subjectKey(command) : undefined;
    if (subject !== undefined) loaded.takenSubjects.set(subject, decided.record);
    if (decided.touched) this.changed.set(command.caseId, { record: decided.record, isNew });
    if (decided.refused || decided.seq === undefined) {
      this.settled.push({
        command,
        error: decided.refused ?? new Error('A command was neither accepted nor refused.'),
      });
      return;
    }
    const accepted: Accepted = {
      case: decided.record,
      seq: decided.seq,
      outcome: decided.outcome ?? 'taken',
      ...(decided.reason ? { reason: decided.reason } : {}),
      replayed: false,
      answer: null,
    };
    accepted.answer = command.present?.(accepted) ?? null;
    if (command.keep)
      this.keptCommands.push({ command, caseId: decided.record.id, seq: decided.seq, answer: accepted.answer });
    if (decided.again?.keep)
      this.keptCommands.push({ command: decided.again, caseId: decided.record.id, seq: decided.seq, answer: null });
    this.settled.push({ command, accepted });
  }
}

/** Of what was added since. */
function goOnFrom(trace: string | undefined, { outbox, closed }: BatchWrites, since: WritesMark): void {
  for (const row of [...outbox.slice(since.outbox), ...closed.slice(since.closed)]) row.trace = trace;
}

/** Sub-cases are about nothing that could be taken. */
function subjectKey({ organisationId, workflow, subject, parent }: OpenCommand): string | undefined {
  if (subject === undefined || parent) return undefined;
  return `${organisationId}:${workflow}:${subject}`;
}

interface KeptRow {
  organisation_id: string;
  account: string;
  id: string;
  digest: Buffer;
  case_id: string;
  seq: number;
  answer: string;
}

function keysOf(commands: Command[]) {
  return {
    ...sql.findCommands,
    values: [
      uuidArray(commands.map((c) => c.organisationId)),
      textArray(commands.map((c) => c.sender.account)),
      textArray(commands.map((c) => c.id)),
    ],
  };
}

/** One that a retry has carried out had nobody to answer then. */
export function asBefore(command: Command, accepted: Accepted): Accepted {
  return { ...accepted, answer: accepted.answer ?? command.present?.(accepted) ?? null };
}

function leaseOf({ id, attempt }: { id: string; attempt: number }): string {
  return `${id}:${attempt}`;
}

function transactionOf(client: PoolClient): EndingTransaction {
  let ended = false;
  return {
    async query<Row extends object>(name: string, text: string, values: unknown[]) {
      if (ended)
        throw new Error(
          `Statement "${name}" came after COMMIT: a source sends all its statements before it awaits one.`,
        );
      const result = await client.query({ name, text, values });
      return { rows: result.rows as Row[], rowCount: result.rowCount ?? 0 };
    },
    end() {
      ended = true;
    },
  };
}

function noRows<Row>(): Promise<{ rows: Row[] }> {
  return Promise.resolve({ rows: [] });
}

function incidentOf(row: Record<string, string>): IncidentRow {
  return {
    id: row['id'] ?? '',
    organisationId: row['organisation_id'] ?? '',
    caseId: row['case_id'] ?? '',
    seq: Number(row['seq']),
    entryId: row['entry_id'] ?? null,
    outboxId: row['outbox_id'] ?? null,
    rule: row['rule'] ?? '',
    state: row['state'] ?? '',
    message: row['message'] ?? '',
    command: row['command'] ?? '{}',
    at: String(row['opened_at']),
  };
}
