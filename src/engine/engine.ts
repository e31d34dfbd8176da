import type { KeyReads } from '../platform/key-reads.js';
import type { Tracing } from '../platform/tracing.js';
import type { Source } from '../statechart/types.js';
import { asBefore, Batch, type BatchDependencies, type Settled } from './batch.js';
import { readCase } from './cases.js';
import { isRefusal } from './errors.js';
import { failureOf, isOpenSubject } from './failures.js';
import { commandDigest, keyOf, keyReused } from './keys.js';
import { Lanes, type Limit, type Pending, TOGETHER, travelsAlone } from './lanes.js';
import { badText, caseBusy, caseNotFound, subjectIsOpen, unavailable } from './refusals.js';
import { isEngine } from './sender.js';
import { traceCommand } from './trace.js';
import { pause, type TransactionDependencies, Transactions } from './transactions.js';
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

/** How long a command is tried again while the database is away, before its sender is told 503. */
const PATIENCE_MS = 10_000;
/** How long a command may have waited in all before it was tried by itself: for what it travelled with, or for others who travel alone. */
const ALONE_PATIENCE_MS = 30_000;
/** A try that failed after so long is not one to make at every level of halves. */
const DEAR_MS = 500;

type Kept = Extract<Settled, { kept: unknown }>['kept'];

/** Hears what the engine does, to count it. Must be quick and never throw. */
export interface EngineObserver {
  /** Commands that travelled in one transaction, and how long that took. */
  batch(commands: number, ms: number): void;
  /** `ms`: from its arrival to its answer. */
  command(command: Command, outcome: 'accepted' | 'refused' | 'failed', ms: number): void;
}

export interface EngineDependencies extends Omit<BatchDependencies, 'sources' | 'dueWatcher'>, TransactionDependencies {
  /** Told of outbox rows that are on disk now, so that a worker hears of them at once. */
  wake(rows: OutboxRow[]): void;
  reads: KeyReads;
  /** Batches that may run at once. */
  concurrency: number;
  /** What may wait; what is usual unless told. */
  limit?: Limit | undefined;
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
  private readonly lanes: Lanes;
  private readonly transactions: Transactions;
  /** Kept commands under way in this process, by key: a twin waits for the same answer. */
  private readonly twins = new Map<string, { digest: Buffer; answer: Promise<Accepted> }>();
  private running = 0;
  /** Commands that were carried out before, whose case is being read for their answer. */
  private replaying = 0;
  /** No batch has succeeded since the database was at fault. */
  private isAway = false;
  /** Groups are made at the end of this turn. */
  private planned = false;
  private stopping = false;
  private idle: (() => void)[] = [];

  constructor(private readonly deps: EngineDependencies) {
    this.lanes = new Lanes(deps.concurrency, deps.limit);
    this.transactions = new Transactions(deps);
  }

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
    this.mustServe();
    const bytes = storable(command);
    // What the engine itself gives is bounded where it comes from, and nobody else would send it again.
    if (this.lanes.isFull && !isEngine(command.sender))
      throw unavailable(
        'More is asked of this process than it can do now. Send it again in a moment, with the same key.',
      );
    // An unknown workflow is the sender's mistake: found before it can cost a batch.
    if (command.kind === 'open') await this.deps.versions.current(command.organisationId, command.workflow);
    this.mustServe();
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

  private mustServe(): void {
    if (this.stopping) throw unavailable('This process is stopping. Send it again.');
  }

  /** Nothing queued and nothing running: what a simulation waits for before it moves the clock. */
  get quiet(): boolean {
    return this.running === 0 && this.replaying === 0 && this.lanes.size === 0;
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
    return new Promise((resolve, reject) => {
      this.lanes.add({
        command,
        bytes,
        trace,
        since,
        resolve: (accepted) => {
          told('accepted');
          resolve(accepted);
        },
        reject: (error) => {
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
      const group = this.lanes.next();
      if (group.length === 0) break;
      this.running += 1;
      void this.runGroup(group).finally(() => {
        this.running -= 1;
        const wasAlone = this.lanes.isAlone(group);
        this.lanes.done(group);
        if (wasAlone) this.tellLateAlone(ALONE_PATIENCE_MS);
        this.plan();
      });
    }
    if (this.quiet) for (const resolve of this.idle.splice(0)) resolve();
  }

  private async runGroup(group: Pending[]): Promise<void> {
    if (group.length === 0) return;
    const batch = new Batch(
      { ...this.deps, sources: this.sources, dueWatcher: this.dueWatcher },
      group.map((p) => p.command),
      this.lanes.isAlone(group),
      this.deps.tracing && new Map(group.map((p) => [p.command, p.trace])),
    );
    let settled: Settled[];
    const began = this.deps.elapsed();
    try {
      settled = await this.transactions.run(batch);
      this.isAway = false;
      this.deps.observer?.batch(group.length, this.deps.elapsed() - began);
    } catch (error) {
      await this.afterFailure(group, error as Error, this.deps.elapsed() - began);
      return;
    }
    if (batch.outbox.length) this.deps.wake(batch.outbox);
    // Their cases go on travelling until they are back in their lane: nothing overtakes them.
    await this.rideAgain(this.answer(group, settled));
  }

  /** The batch was rolled back. By what it failed of it runs again whole, one by one, or in halves: nobody pays for a neighbour. */
  private async afterFailure(group: Pending[], error: Error, afterMs: number): Promise<void> {
    const failure = failureOf(error);
    switch (failure.kind) {
      case 'final':
        for (const pending of group) pending.reject(failure.cause);
        return;
      case 'away':
        return this.runWhenBack(group);
      case 'conflict':
        return this.runSuspects(group, 1, afterMs >= DEAR_MS);
      case 'slow':
        return this.runSuspects(group, TOGETHER, true);
      case 'lock':
        if (group.length > 1) return this.runSuspects(group, TOGETHER, true);
        for (const { command, reject } of group) reject(caseBusy(command));
        return;
      case 'taken':
      case 'own':
        return this.narrowDown(group, failure.kind, error);
    }
  }

  /** The database is at fault: those that would travel alone, one after another, need not each find that out. */
  private async runWhenBack(group: Pending[]): Promise<void> {
    // One connection that is lost says nothing yet.
    if (this.isAway) this.tellLateAlone(PATIENCE_MS);
    this.isAway = true;
    const inTime = this.tellLate(group, PATIENCE_MS);
    if (inTime.length === 0) return;
    await pause(this.deps.random());
    if (this.lanes.isAlone(inTime)) this.lanes.putBack(inTime);
    else await this.runGroup(inTime);
  }

  /**
   * One of them may be to blame, or nobody is: they run again whole, and then in halves, until who meets it each time travels
   * alone; where a try is dear, all of them travel alone instead. `times`: how often each counts as held up by it.
   */
  private async runSuspects(group: Pending[], times: number, isDear: boolean): Promise<void> {
    const inTime = this.tellLate(group, group.length > 1 ? ALONE_PATIENCE_MS : PATIENCE_MS);
    const [first, ...others] = inTime;
    if (!first) return;
    for (const pending of inTime) pending.heldUp += times;
    if (!inTime.some(travelsAlone)) {
      await pause(this.deps.random());
      return this.runGroup(inTime);
    }
    if (others.length > 0 && !isDear) return this.runInHalves(inTime);
    // Others go meanwhile.
    if (others.length === 0 && !this.lanes.hasAloneBefore(first)) await pause(this.deps.random());
    this.lanes.putBack(inTime);
  }

  private async narrowDown(group: Pending[], kind: 'taken' | 'own', error: Error): Promise<void> {
    const [first, ...others] = group;
    if (!first) return;
    if (others.length > 0) return this.runInHalves(group);
    // Another process stored the same key or opened the same subject first: looked at again, that is found and said.
    if (kind === 'taken' && !first.lookedAgain) {
      first.lookedAgain = true;
      return this.runGroup(group);
    }
    first.reject(isOpenSubject(error) ? subjectIsOpen(first.command) : error);
  }

  private async runInHalves(group: Pending[]): Promise<void> {
    const middle = group.length >> 1;
    await this.runGroup(group.slice(0, middle));
    await this.runGroup(this.lanes.putBackBehind(group.slice(middle)));
  }

  /** Gives those that may be tried again. */
  private tellLate(group: Pending[], patienceMs: number): Pending[] {
    const { late = [], inTime = [] } = Object.groupBy(group, (p) => (this.isLate(p, patienceMs) ? 'late' : 'inTime'));
    for (const pending of late) tellToComeBack(pending);
    return inTime;
  }

  private tellLateAlone(patienceMs: number): void {
    for (const pending of this.lanes.removeAlone((waiting) => this.isLate(waiting, patienceMs)))
      tellToComeBack(pending);
  }

  private isLate({ since }: Pending, patienceMs: number): boolean {
    return this.deps.elapsed() - since >= patienceMs;
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
      else if ('kept' in result) void this.answerAsBefore(pending, result.kept);
      else again.push(pending);
    }
    return again;
  }

  private async answerAsBefore(pending: Pending, { caseId, ...before }: Kept): Promise<void> {
    this.replaying += 1;
    try {
      const record = await this.read(pending.command.organisationId, caseId);
      if (!record) throw caseNotFound(caseId);
      pending.resolve(asBefore(pending.command, { case: record, ...before }));
    } catch (error) {
      pending.reject(error as Error);
    } finally {
      this.replaying -= 1;
      this.plan();
    }
  }

  /** Locked elsewhere, or not there at all: the difference is looked up once, without a lock. */
  private async rideAgain(passedOver: Pending[]): Promise<void> {
    if (passedOver.length === 0) return;
    const began = this.deps.elapsed();
    try {
      const existing = await this.transactions.existing([...new Set(passedOver.map((p) => p.command.caseId))]);
      const { absent = [], there = [] } = Object.groupBy(passedOver, ({ command }) =>
        existing.has(command.caseId) ? 'there' : 'absent',
      );
      for (const { command, reject } of absent) reject(caseNotFound(command.caseId));
      for (const pending of there) pending.heldUp += 1;
      this.lanes.putBack(there);
    } catch (error) {
      await this.afterFailure(passedOver, error as Error, this.deps.elapsed() - began);
    }
  }
}

function tellToComeBack(pending: Pending): void {
  pending.reject(unavailable('It could not be done in time. Send it again, with the same key.'));
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
