import type { PoolClient } from 'pg';
import { isConnectionLost, isRetryable, sqlState, withTransaction } from '../platform/database.js';
import type { KeyReads } from '../platform/key-reads.js';
import type { Tracing } from '../platform/tracing.js';
import type { Source } from '../statechart/types.js';
import { asBefore, Batch, type BatchDependencies, type Settled } from './batch.js';
import { readCase } from './cases.js';
import { AppError, isRefusal } from './errors.js';
import { commandDigest, keyOf, keyReused } from './keys.js';
import { caseNotFound, unavailable } from './refusals.js';
import * as sql from './statements.js';
import { traceCommand } from './trace.js';
import type {
  Accepted,
  CaseRecord,
  Command,
  DueWatcher,
  EngineApi,
  OutboxHandler,
  OutboxRow,
  SourceHandler,
} from './types.js';

const BATCH_COMMANDS = 200;
/** So many travel together though other slots are free: two transactions cost more than one that is longer. */
const SHARED_COMMANDS = 32;
const BATCH_BYTES = 1_000_000;
/** After so many rounds in which its case was locked elsewhere, a command waits for the lock alone. */
const ROUNDS_PASSED_OVER = 3;
/** How long a command is tried again while the database is away, before its sender is told 503. */
const PATIENCE_MS = 10_000;
/** How long a command may have waited in all when what it travelled with is tried one by one, because of a lock. */
const LOCK_PATIENCE_MS = 30_000;
/** After so many failures that should pass by themselves a command travels alone: its neighbours may be to blame, or it is. */
const SETBACKS_TOGETHER = 3;
/** What waits here at the most; whoever comes then is told to come back. Seconds of work, and memory that is there. */
const WAITING = { commands: 10_000, bytes: 64_000_000 };

type Kept = Extract<Settled, { kept: unknown }>['kept'];

/** Hears what the engine does, to count it. Must be quick and never throw. */
export interface EngineObserver {
  /** Commands that travelled in one transaction, and how long that took. */
  batch(commands: number, ms: number): void;
  /** `ms`: from its arrival to its answer. */
  command(command: Command, outcome: 'accepted' | 'refused' | 'failed', ms: number): void;
}

/** A command under way, and everyone who waits for its answer. */
interface Pending {
  command: Command;
  bytes: number;
  digest?: Buffer;
  /** What its outbox rows go on from, where it is traced. */
  trace: string | undefined;
  /** In the order in which commands came. */
  place: number;
  passedOver: number;
  setbacks: number;
  lookedAgain?: boolean;
  since: number;
  resolve: (accepted: Accepted) => void;
  reject: (error: Error) => void;
}

export interface EngineDependencies extends Omit<BatchDependencies, 'sources'> {
  /** Told of outbox rows that are on disk now, so that a worker hears of them at once. */
  wake(rows: OutboxRow[]): void;
  reads: KeyReads;
  /** Monotonic milliseconds. */
  elapsed(): number;
  /** 0 ≤ x < 1, for jitter. */
  random(): number;
  /** Batches that may run at once. */
  concurrency: number;
  /** Commands and bytes that may wait; what is usual unless told. */
  waiting?: { commands: number; bytes: number };
  observer?: EngineObserver | undefined;
  tracing?: Tracing | undefined;
}

/**
 * Takes commands, groups those that become ready in one turn or arrive while transactions are in flight, and runs each group
 * as one transaction. Two lanes: people first, machines fill. Where nothing else is under way a command goes at once.
 */
export class Engine implements EngineApi {
  readonly sources = new Map<Source, SourceHandler>();
  readonly outboxHandlers = new Map<string, OutboxHandler>();
  readonly sweeps = new Map<string, () => Promise<void>>();
  private dueWatcher: DueWatcher | undefined;
  private readonly lanes: Record<Command['lane'], Pending[]> = { people: [], machines: [] };
  /** Kept commands under way in this process, by key: a twin waits for the same answer. */
  private readonly twins = new Map<string, { digest: Buffer; answer: Promise<Accepted> }>();
  private arrived = 0;
  private waitingBytes = 0;
  /** Cases in a running batch of this process. */
  private readonly busy = new Set<string>();
  private running = 0;
  /** Groups are made at the end of this turn. */
  private planned = false;
  /** Somebody travels alone: one at a time. */
  private isWaiting = false;
  private stopping = false;
  private idle: (() => void)[] = [];

  constructor(private readonly deps: EngineDependencies) {}

  registerSource(handler: SourceHandler): void {
    if (this.sources.has(handler.src))
      throw new Error(`Two features register for "${handler.src}": a source has exactly one handler.`);
    this.sources.set(handler.src, handler);
  }

  registerOutbox(topic: string, handler: OutboxHandler): void {
    if (this.outboxHandlers.has(topic)) throw new Error(`Two handlers register for outbox topic "${topic}".`);
    this.outboxHandlers.set(topic, handler);
  }

  registerDueWatcher(watcher: DueWatcher): void {
    if (this.dueWatcher) throw new Error('Two features follow what is due: one does.');
    this.dueWatcher = watcher;
  }

  registerSweep(name: string, sweep: () => Promise<void>): void {
    if (this.sweeps.has(name)) throw new Error(`Two sweeps are called "${name}".`);
    this.sweeps.set(name, sweep);
  }

  submit(command: Command): Promise<Accepted> {
    const { tracing } = this.deps;
    return tracing ? traceCommand(tracing, command, (trace) => this.take(command, trace)) : this.take(command);
  }

  private async take(command: Command, trace?: string): Promise<Accepted> {
    if (this.stopping) throw unavailable('This process is stopping. Send it again.');
    const bytes = storable(command);
    if (this.isFull && !isOurs(command))
      throw unavailable(
        'More is asked of this process than it can do now. Send it again in a moment, with the same key.',
      );
    // An unknown workflow is the sender's mistake: found before it can cost a batch.
    if (command.kind === 'open') await this.deps.versions.current(command.organisationId, command.workflow);
    if (!command.keep) return this.enqueue(command, bytes, trace);

    const key = keyOf(command);
    const digest = commandDigest(command);
    const twin = this.twins.get(key);
    if (twin) {
      if (!twin.digest.equals(digest)) throw keyReused(command);
      return { ...(await twin.answer), replayed: true };
    }
    const answer = this.enqueue(command, bytes, trace);
    this.twins.set(key, { digest, answer });
    try {
      return await answer;
    } finally {
      this.twins.delete(key);
    }
  }

  read(organisationId: string, idOrNumber: string): Promise<CaseRecord | null> {
    return readCase(this.deps.reads, this.deps.versions, organisationId, idOrNumber);
  }

  /** Nothing queued and nothing running: what a simulation waits for before it moves the clock. */
  get quiet(): boolean {
    return this.running === 0 && this.lanes.people.length === 0 && this.lanes.machines.length === 0;
  }

  private get isFull(): boolean {
    const { commands, bytes } = this.deps.waiting ?? WAITING;
    return this.lanes.people.length + this.lanes.machines.length >= commands || this.waitingBytes >= bytes;
  }

  /** Takes nothing more, and resolves when everything under way has been answered. */
  async stop(): Promise<void> {
    this.stopping = true;
    if (!this.quiet) await new Promise<void>((resolve) => this.idle.push(resolve));
  }

  private enqueue(command: Command, bytes: number, trace: string | undefined): Promise<Accepted> {
    const { elapsed, observer, tracing } = this.deps;
    const since = elapsed();
    const tell = (outcome: 'accepted' | 'refused' | 'failed') => observer?.command(command, outcome, elapsed() - since);
    // A batch answers for many: each is told of in the span of its own.
    const told = tracing ? tracing.bound(tell) : tell;
    this.waitingBytes += bytes;
    return new Promise((resolve, reject) => {
      this.lanes[command.lane].push({
        command,
        bytes,
        trace,
        place: this.arrived++,
        passedOver: 0,
        setbacks: 0,
        since,
        resolve: (accepted) => {
          this.waitingBytes -= bytes;
          told('accepted');
          resolve(accepted);
        },
        reject: (error) => {
          this.waitingBytes -= bytes;
          told(isRefusal(error) ? 'refused' : 'failed');
          reject(error);
        },
      });
      if (tracing) tracing.outside(() => this.plan());
      else this.plan();
    });
  }

  /** What becomes ready in the same turn (one answer of the database releases many who asked) travels together. */
  private plan(): void {
    if (this.planned) return;
    this.planned = true;
    process.nextTick(() => {
      this.planned = false;
      this.pump();
    });
  }

  private pump(): void {
    while (this.running < this.deps.concurrency) {
      const group = this.nextGroup();
      if (group.length === 0) break;
      const waits = isAlone(group);
      this.running += 1;
      for (const { command } of group) this.busy.add(command.caseId);
      void this.runGroup(group).finally(() => {
        this.running -= 1;
        if (waits) this.isWaiting = false;
        for (const { command } of group) this.busy.delete(command.caseId);
        this.plan();
      });
    }
    if (this.quiet) for (const resolve of this.idle.splice(0)) resolve();
  }

  /** People first, then machines, up to the limits; a case that is in a running batch waits for it here, not at its lock. */
  private nextGroup(): Pending[] {
    // One at a time: the other slots are for those whose cases are free.
    const alone = this.isWaiting ? undefined : this.takeAlone();
    if (alone) {
      this.isWaiting = true;
      return [alone];
    }
    const group: Pending[] = [];
    let bytes = 0;
    const share = this.fairShare();
    const blocked = new Set<string>();
    const grouped = new Set<string>();
    for (const lane of [this.lanes.people, this.lanes.machines]) {
      const left: Pending[] = [];
      for (const pending of lane) {
        const { caseId } = pending.command;
        const full = group.length >= share || (bytes > 0 && bytes + pending.bytes > BATCH_BYTES);
        // An act relies on facts that are read when the batch begins: it is its case's only command in it.
        const isAct = pending.command.kind === 'act';
        if (
          full ||
          travelsAlone(pending) ||
          this.busy.has(caseId) ||
          blocked.has(caseId) ||
          (isAct && grouped.has(caseId))
        ) {
          // Later commands of this case must not overtake it.
          blocked.add(caseId);
          left.push(pending);
          continue;
        }
        group.push(pending);
        grouped.add(caseId);
        if (isAct) blocked.add(caseId);
        bytes += pending.bytes;
      }
      lane.splice(0, lane.length, ...left);
    }
    return group;
  }

  /** Of all who wait and travel: while one transaction waits for the disk, another one is prepared. */
  private fairShare(): number {
    const { people, machines } = this.lanes;
    const all = people.length + machines.length + this.busy.size;
    return Math.min(BATCH_COMMANDS, Math.max(SHARED_COMMANDS, Math.ceil(all / this.deps.concurrency)));
  }

  /** Before everybody, because others never stop coming; of those who travel alone the one that failed least, people first. */
  private takeAlone(): Pending | undefined {
    const lanes = [this.lanes.people, this.lanes.machines].filter((lane) => lane.some(travelsAlone));
    const [next] = lanes
      .flatMap(firstOfEachCase)
      .filter((pending) => travelsAlone(pending) && !this.busy.has(pending.command.caseId))
      .sort((one, other) => one.setbacks - other.setbacks);
    if (!next) return undefined;
    const lane = this.lanes[next.command.lane];
    return lane.splice(lane.indexOf(next), 1)[0];
  }

  private get isAnybodyAlone(): boolean {
    return this.lanes.people.some(travelsAlone) || this.lanes.machines.some(travelsAlone);
  }

  private async runGroup(group: Pending[]): Promise<void> {
    if (group.length === 0) return;
    const waiting = isAlone(group);
    const batch = new Batch(
      { ...this.deps, sources: this.sources, dueWatcher: this.dueWatcher },
      group.map((p) => p.command),
      waiting,
      this.deps.tracing && new Map(group.map((p) => [p.command, p.trace])),
    );
    let settled: Settled[];
    const began = this.deps.elapsed();
    try {
      settled = await this.transact(batch);
      this.deps.observer?.batch(group.length, this.deps.elapsed() - began);
    } catch (error) {
      await this.afterFailure(group, error as Error);
      return;
    }
    if (batch.outbox.length) this.deps.wake(batch.outbox);
    // Their cases stay busy until they are back in their lane: nothing overtakes them.
    await this.rideAgain(this.answer(group, settled));
  }

  private async transact(batch: Batch): Promise<Settled[]> {
    const client = await this.deps.pool.connect();
    try {
      const settled = await batch.run(client);
      client.release();
      return settled;
    } catch (error) {
      const lost = isConnectionLost(error);
      const over = !lost && (await isRolledBack(client));
      client.release(over ? undefined : (error as Error));
      if (!(await this.landed(batch, over ? NO_BACKEND : backendOf(client)))) throw error;
      if (lost) return batch.results;
      throw new Final(error as Error);
    }
  }

  /** Whether COMMIT took effect. @throws Final when that cannot be found out in ten seconds */
  private async landed(batch: Batch, backend: number): Promise<boolean> {
    const { witness } = batch;
    if (!witness) return false;
    const began = this.deps.elapsed();
    for (;;) {
      const landed = await this.lookUp(witness, backend).catch((error: unknown) => {
        if (isRetryable(error)) return undefined;
        throw new Final(error as Error);
      });
      if (landed !== undefined) return landed;
      if (this.deps.elapsed() - began > PATIENCE_MS)
        throw new Final(
          unavailable('The database went away at the last moment. Send it again, with the same key: it is done once.'),
        );
      await this.pause();
    }
  }

  /** `undefined` while the backend that was left may still receive or carry out its COMMIT. */
  private lookUp(witness: NonNullable<Batch['witness']>, backend: number): Promise<boolean | undefined> {
    return this.looking([witness.caseId], async (client) => {
      // In this order: what is not open any more is to be seen by the next statement.
      const open = await client.query({ ...sql.findTransaction, values: [backend] });
      const { rows } = await client.query({ ...sql.findRow, values: [witness.caseId, witness.seq, witness.hash] });
      return rows.length > 0 || (open.rows.length > 0 ? undefined : false);
    });
  }

  /** The batch was rolled back. By what it failed of it runs again whole, one by one, or in halves: nobody pays for a neighbour. */
  private async afterFailure(group: Pending[], error: Error): Promise<void> {
    const [first] = group;
    if (!first) return;
    if (error instanceof Final) {
      for (const pending of group) pending.reject(error.cause);
      return;
    }
    if (group.length > 1 && isLockTimeout(error)) {
      // One by one: in halves, whoever is locked would cost its neighbours the wait at every level.
      for (const pending of group) await this.runInTurn(this.patient([pending], LOCK_PATIENCE_MS));
      return;
    }
    if (!isLockTimeout(error) && isRetryable(error)) {
      const patient = this.patient(group, PATIENCE_MS);
      const setbacks = setbacksOf(error);
      if (setbacks === 0) this.tellLate();
      if (patient.length === 0) return;
      for (const pending of patient) pending.setbacks += setbacks;
      // Where others travel alone they go meanwhile.
      if (setbacks === 0 || !this.isAnybodyAlone) await this.pause();
      return patient.some(travelsAlone) ? this.putBack(patient) : this.runGroup(patient);
    }
    if (group.length > 1) {
      const middle = group.length >> 1;
      await this.runInTurn(group.slice(0, middle));
      return this.runInTurn(group.slice(middle));
    }
    // Another process stored the same key or opened the same subject first: looked at again, that is found and said.
    if (isTaken(error) && !first.lookedAgain) {
      first.lookedAgain = true;
      return this.runGroup(group);
    }
    first.reject(
      isLockTimeout(error) ? busy(first.command) : isOpenSubject(error) ? subjectIsOpen(first.command) : error,
    );
  }

  /** Those that may be tried again; whoever has waited too long is told. */
  private patient(group: Pending[], patienceMs: number): Pending[] {
    const late = (pending: Pending) => this.deps.elapsed() - pending.since >= patienceMs;
    for (const pending of group.filter(late))
      pending.reject(unavailable('It could not be done in time. Send it again, with the same key.'));
    return group.filter((pending) => !late(pending));
  }

  /** The database itself is at fault: those that would travel alone, one after another, need not each find that out. */
  private tellLate(): void {
    for (const lane of Object.values(this.lanes)) {
      if (!lane.some(travelsAlone)) continue;
      const kept = new Set(this.patient(lane.filter(travelsAlone), PATIENCE_MS));
      lane.splice(0, lane.length, ...lane.filter((pending) => !travelsAlone(pending) || kept.has(pending)));
    }
  }

  /** Gives those that were passed over. */
  private answer(group: Pending[], settled: Settled[]): Pending[] {
    const byCommand = new Map(settled.map((result) => [result.command, result]));
    const again: Pending[] = [];
    for (const pending of group) {
      const result = byCommand.get(pending.command);
      if (!result) pending.reject(new Error('A batch forgot one of its commands.'));
      else if ('accepted' in result) pending.resolve(result.accepted);
      else if ('error' in result) pending.reject(result.error);
      else if ('kept' in result) this.answerAsBefore(pending, result.kept).catch(pending.reject);
      else again.push(pending);
    }
    return again;
  }

  private async answerAsBefore(pending: Pending, { caseId, ...before }: Kept): Promise<void> {
    const record = await this.read(pending.command.organisationId, caseId);
    if (!record) throw caseNotFound(caseId);
    pending.resolve(asBefore(pending.command, { case: record, ...before }));
  }

  /** Locked elsewhere, or not there at all: the difference is looked up once, without a lock. */
  private async rideAgain(passedOver: Pending[]): Promise<void> {
    if (passedOver.length === 0) return;
    try {
      const ids = [...new Set(passedOver.map((p) => p.command.caseId))];
      const existing = await this.existing(ids);
      const again: Pending[] = [];
      for (const pending of passedOver) {
        if (!existing.has(pending.command.caseId)) {
          pending.reject(caseNotFound(pending.command.caseId));
          continue;
        }
        pending.passedOver += 1;
        again.push(pending);
      }
      this.putBack(again);
    } catch (error) {
      await this.afterFailure(passedOver, error as Error);
    }
  }

  /** In the order in which they came. */
  private putBack(group: Pending[]): void {
    for (const pending of group) this.lanes[pending.command.lane].push(pending);
    for (const lane of Object.values(this.lanes)) lane.sort((one, other) => one.place - other.place);
  }

  /** A part of a group, whose other part may have been put back: an earlier command of a case is not overtaken. */
  private async runInTurn(part: Pending[]): Promise<void> {
    const waiting = Object.values(this.lanes).flat();
    // Of the machines' commands a person's has gone ahead already.
    const isBehind = ({ command, place }: Pending) =>
      waiting.some(
        (other) =>
          other.place < place &&
          other.command.caseId === command.caseId &&
          (other.command.lane === command.lane || other.command.lane === 'people'),
      );
    const { behind = [], next = [] } = Object.groupBy(part, (pending) => (isBehind(pending) ? 'behind' : 'next'));
    this.putBack(behind);
    await this.runGroup(next);
  }

  private existing(ids: string[]): Promise<Set<string>> {
    return this.looking(ids, async (client) => {
      const { rows } = await client.query<{ id: string }>({ ...sql.existingCases, values: [ids] });
      return new Set(rows.map((row) => row.id));
    });
  }

  /** Reads about these cases without a lock. */
  private looking<T>(caseIds: string[], look: (client: PoolClient) => Promise<T>): Promise<T> {
    return withTransaction(this.deps.pool, async (client) => {
      await client.query({ text: `select set_config('qamqor.cases', $1, true)`, values: [`{${caseIds.join(',')}}`] });
      return await look(client);
    });
  }

  private pause(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, 50 + Math.floor(this.deps.random() * 200)));
  }
}

/** It was passed over or held up too often: it waits for its case's lock, as long as it takes to say that it is locked. */
function travelsAlone({ passedOver, setbacks }: Pending): boolean {
  return passedOver >= ROUNDS_PASSED_OVER || setbacks >= SETBACKS_TOGETHER;
}

function firstOfEachCase(lane: Pending[]): Pending[] {
  const firsts = new Map<string, Pending>();
  for (const pending of lane) if (!firsts.has(pending.command.caseId)) firsts.set(pending.command.caseId, pending);
  return [...firsts.values()];
}

function isAlone([first, ...others]: Pending[]): boolean {
  return others.length === 0 && first !== undefined && travelsAlone(first);
}

/** Running the batch again would not be right, or would not help: its commands are told. */
class Final extends Error {
  constructor(override readonly cause: Error) {
    super(cause.message);
  }
}

const NO_BACKEND = 0;

/** Process id of the server's side of this connection. */
function backendOf(client: PoolClient): number {
  return (client as PoolClient & { processID?: number | null }).processID ?? NO_BACKEND;
}

async function isRolledBack(client: PoolClient): Promise<boolean> {
  return client.query('rollback').then(
    () => true,
    () => false,
  );
}

/** Size in bytes; refuses what PostgreSQL cannot store before it can cost a batch. */
function storable(command: Command): number {
  const text = JSON.stringify(command);
  // JSON.stringify writes both as escapes; a backslash that was typed is doubled and does not count.
  if (text.includes('\\u') && /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/i.test(text)) throw badText();
  if (!UUID.test(command.caseId)) throw caseNotFound(command.caseId);
  return Buffer.byteLength(text);
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

function badText(): AppError {
  return new AppError(
    'bad-text',
    400,
    'A text that was sent holds a NUL or half of a character pair (a lone surrogate), which cannot be stored. Remove it and send again.',
  );
}

function busy(command: Command): AppError {
  return new AppError(
    'case-busy',
    503,
    `Case ${command.caseId} is locked by something else for too long. Send it again.`,
    {},
    undefined,
    2,
  );
}

/** unique_violation. */
function isTaken(error: Error): boolean {
  return (error as { code?: string }).code === '23505';
}

/** Another case of the same subject is open: by a case that is reopened, say. */
function isOpenSubject(error: Error): boolean {
  return (error as { constraint?: string }).constraint === 'cases_open_subject';
}

function subjectIsOpen(command: Command): AppError {
  return new AppError(
    'open-case-exists',
    409,
    `Case ${command.caseId} cannot be opened: another case of the same subject is open. Go on with that one.`,
  );
}

function isLockTimeout(error: Error): boolean {
  return (error as { code?: string }).code === '55P03';
}

/** How much the commands of a batch are suspected: one of their cases alone may be what meets it again and again. */
function setbacksOf(error: Error): number {
  return SETBACKS[sqlState(error) ?? ''] ?? 0;
}

/** serialization_failure, deadlock_detected, and query_canceled: seconds, that nobody shall pay twice. */
const SETBACKS: Partial<Record<string, number>> = { '40001': 1, '40P01': 1, '57014': SETBACKS_TOGETHER };

/** Bounded where it comes from, and nobody else would send it again. */
function isOurs({ sender }: Command): boolean {
  return sender.roles.includes('engine');
}
