import { setTimeout as pause } from 'node:timers/promises';
import { Runtime, type RuntimeOptions } from '../src/engine/runtime.js';
import type {
  Accepted,
  Act,
  CaseRecord,
  ClosedEntry,
  Command,
  OpenedEntry,
  SourceHandler,
} from '../src/engine/types.js';
import { systemIds } from '../src/platform/ids.js';
import type { Calendar, Json, JsonObject, Source } from '../src/statechart/types.js';
import { createDatabase, type TestDatabase } from './database.js';

export const ORGANISATION = '00000000-0000-7000-8000-000000000001';
const CALENDAR: Calendar = {
  zone: 'Asia/Almaty',
  week: [1, 2, 3, 4, 5],
  hours: [{ from: '09:00', to: '18:00' }],
  days: {},
};

/** The real engine on a database of its own, with sources that only note what was opened and closed. */
export class EngineFixture {
  readonly opened: OpenedEntry[] = [];
  readonly closed: ClosedEntry[] = [];
  readonly warnings: string[] = [];
  readonly runtime: Runtime;

  private constructor(
    readonly database: TestDatabase,
    url: string,
    private readonly isOwner: boolean,
    more: Partial<RuntimeOptions> = {},
  ) {
    this.runtime = new Runtime({
      url,
      id: () => systemIds.next(),
      calendar: () => CALENDAR,
      warn: (message, error) => this.warnings.push(`${message} ${String(error)}`),
      ...more,
    });
  }

  static async create(
    sources: Source[] = ['task', 'handOff', 'service'],
    more: Partial<RuntimeOptions> = {},
  ): Promise<EngineFixture> {
    const database = await createDatabase();
    return new EngineFixture(database, database.url, true, more).withSources(sources);
  }

  /** Another process, as it were, on a database that somebody else closes; `url` may lead there by a detour. */
  static on(
    database: TestDatabase,
    url: string = database.url,
    sources: Source[] = ['task', 'handOff', 'service'],
  ): EngineFixture {
    return new EngineFixture(database, url, false).withSources(sources);
  }

  private withSources(sources: Source[]): this {
    for (const src of sources) this.runtime.engine.registerSource(this.noting(src));
    return this;
  }

  noting(src: Source): SourceHandler {
    return {
      src,
      open: (_tx, rows) => {
        this.opened.push(...rows);
        return Promise.resolve();
      },
      close: (_tx, rows) => {
        this.closed.push(...rows);
        return Promise.resolve();
      },
    };
  }

  async deploy(
    workflow: object,
    files: Record<string, object> = {},
  ): Promise<{ key: string; version: number; hash: string; created: boolean }> {
    const texts = Object.entries({ 'workflow.yaml': workflow, ...files }).map(([path, content]) => [
      path,
      JSON.stringify(content),
    ]);
    return await this.runtime.versions.deploy(ORGANISATION, Object.fromEntries(texts), 'test');
  }

  async open(workflow: string, input: JsonObject = {}, more: Partial<Command> = {}): Promise<CaseRecord> {
    const command = { ...this.base(systemIds.next()), kind: 'open', workflow, input, ...more } as Command;
    return (await this.runtime.engine.submit(command)).case;
  }

  send(caseId: string, type: string, data?: Json, more: Partial<Command> = {}): Promise<Accepted> {
    return this.runtime.engine.submit({
      ...this.base(caseId),
      kind: 'event',
      type,
      ...(data === undefined ? {} : { data }),
      ...more,
    } as Command);
  }

  answer(caseId: string, entryId: string, output: Json = null, more: Partial<Command> = {}): Promise<Accepted> {
    return this.runtime.engine.submit({
      ...this.base(caseId),
      kind: 'answer',
      entryId,
      output,
      late: 'refuse',
      ...more,
    } as Command);
  }

  fail(caseId: string, entryId: string, error: Json = null): Promise<Accepted> {
    return this.runtime.engine.submit({ ...this.base(caseId), kind: 'failure', entryId, error, late: 'journal' });
  }

  act(caseId: string, act: Act, reason = 'because'): Promise<Accepted> {
    return this.runtime.engine.submit({ ...this.base(caseId), kind: 'act', act, reason });
  }

  async read(caseId: string): Promise<CaseRecord> {
    const record = await this.runtime.engine.read(ORGANISATION, caseId);
    if (!record) throw new Error(`No case ${caseId}.`);
    return record;
  }

  /** Entry UUID of the newest opening of this invocation. */
  entry(caseId: string, invoke: string): string {
    const found = this.opened.findLast((row) => row.caseId === caseId && row.entry.invoke === invoke);
    if (!found) throw new Error(`"${invoke}" was never opened.`);
    return found.entryId;
  }

  /** As the owner: past every policy. */
  async sql<Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> {
    return (await this.database.pool('owner').query(text, values)).rows as Row[];
  }

  /** Until this process has carried out all it can: outbox, answers, wake-ups. */
  async settled(): Promise<void> {
    for (;;) {
      await until(() => this.runtime.quiet);
      const [left] = await this.sql<{ count: number }>(
        'select count(*)::int as count from qamqor.outbox where not parked and next_at <= qamqor.qamqor_now()',
      );
      if (left?.count === 0 && this.runtime.quiet) return;
      await this.runtime.sweeper.sweep();
    }
  }

  async close(): Promise<void> {
    await this.runtime.stop();
    if (this.isOwner) await this.database.close();
  }

  private base(caseId: string) {
    return {
      organisationId: ORGANISATION,
      caseId,
      id: `test-${systemIds.next()}`,
      keep: true,
      lane: 'people' as const,
      sender: { account: 'aida', roles: ['curator', 'supervisor'] },
    };
  }
}

const LOOK_MS = 5;

/** Waits for a condition, not for a time. */
export async function until(condition: () => boolean | Promise<boolean>, limitMs = 20_000): Promise<void> {
  const began = performance.now();
  while (!(await condition())) {
    if (performance.now() - began > limitMs)
      throw new Error(`Waited ${limitMs} ms for a condition that did not come true: ${condition.toString()}`);
    // Looking all the time would take the time from what is waited for.
    await pause(LOOK_MS);
  }
}
