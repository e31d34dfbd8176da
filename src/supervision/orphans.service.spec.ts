import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { EngineFixture } from '../../test/engine.js';
import { Sweeper } from '../engine/sweeper.js';
import { OrphansService } from './orphans.service.js';

const waits = {
  key: 'waits',
  title: { en: 'Waits' },
  context: {},
  initial: 'a',
  states: { a: { after: { long: 'b' } }, b: { type: 'final' } },
  delays: { long: '300 days' },
};
/** More than were ever looked at within a minute, a thousand every ten seconds. */
const MANY = 7_500;

let fixture: EngineFixture;
let model: string;
beforeAll(async () => {
  fixture = await EngineFixture.create();
  await fixture.deploy(waits);
  model = (await fixture.open('waits')).id;
}, 60_000);
afterAll(() => fixture.close());

/** Second by second, as the sweeper of a process goes. */
class Rounds {
  seconds = 0;
  /** When each case whose state cannot be read was looked at: it is warned of each time. */
  readonly lookedAt = new Map<string, number[]>();
  private readonly sweeper: Sweeper;

  constructor() {
    const service = new OrphansService({
      engine: fixture.runtime.engine,
      versions: fixture.runtime.versions,
      pool: fixture.database.pool('relay'),
      elapsed: () => this.seconds * 1_000,
      warn: (_message, _error, about) => this.note(String(about?.['case'])),
    });
    this.sweeper = new Sweeper({
      pool: fixture.database.pool('relay'),
      engine: fixture.runtime.engine,
      sweeps: new Map([['orphans', () => service.sweep()]]),
      wake: () => Promise.resolve(),
      warn: (message, error) => fixture.warnings.push(`${message} ${String(error)}`),
    });
  }

  async pass(seconds: number): Promise<void> {
    for (const until = this.seconds + seconds; this.seconds < until; this.seconds += 1) await this.sweeper.sweep();
  }

  private note(id: string): void {
    const before = this.lookedAt.get(id);
    if (before) before.push(this.seconds);
    else this.lookedAt.set(id, [this.seconds]);
  }
}

/** Active cases that come before all others in a round, and whose state cannot be read. */
async function unreadable(count: number): Promise<string[]> {
  const rows = await fixture.sql<{ id: string }>(
    `insert into qamqor.cases select (jsonb_populate_record(c, jsonb_build_object('id', '00000000-0000-4000-8000-' || lpad(n::text, 12, '0'),
       'number', 'U-' || n, 'chart', 'null'))).* from qamqor.cases c, generate_series(1, $2) n where c.id = $1 returning id`,
    [model, count],
  );
  return rows.map(({ id }) => id);
}

async function orphan(): Promise<string> {
  const { id } = await fixture.open('waits');
  await fixture.sql('delete from qamqor.timers where case_id = $1', [id]);
  return id;
}

const incidentsOf = async (id: string) =>
  (await fixture.sql<{ rule: string }>('select rule from qamqor.incidents where case_id = $1', [id])).map(
    ({ rule }) => rule,
  );
const longAgo = () => fixture.sql(`update qamqor.journal set at = at - interval '1 day'`);

describe('cases that nothing can move', () => {
  beforeEach(() => fixture.sql(`delete from qamqor.cases where chart = 'null'`));

  it('are looked for among all active ones within every minute, however many there are', async () => {
    const ids = await unreadable(MANY);
    const last = await orphan();
    await longAgo();
    const rounds = new Rounds();
    await rounds.pass(60);
    expect(await incidentsOf(last)).toEqual(['orphan']);
    await rounds.pass(75);
    const gaps = ids.map((id) => {
      const moments = [0, ...(rounds.lookedAt.get(id) ?? []), rounds.seconds];
      return Math.max(...moments.slice(1).map((moment, at) => moment - (moments[at] ?? 0)));
    });
    expect(Math.max(...gaps)).toBeLessThanOrEqual(60);
    // And no more often than that needs.
    expect(Math.max(...[...rounds.lookedAt.values()].map((moments) => moments.length))).toBeLessThanOrEqual(4);
    expect(fixture.warnings).toEqual([]);
  }, 120_000);

  it('are looked for soon among those that changed lately, however many steps other cases took since', async () => {
    await unreadable(MANY);
    await longAgo();
    const rounds = new Rounds();
    await rounds.pass(1);
    const changed = await orphan();
    await fixture.sql(
      `insert into qamqor.journal select (jsonb_populate_record(j, jsonb_build_object('seq', 1000 + n, 'at', qamqor.qamqor_now()))).*
       from qamqor.journal j, generate_series(1, 2000) n where j.case_id = $1 and j.seq = (select max(seq) from qamqor.journal where case_id = $1)`,
      [model],
    );
    await rounds.pass(10);
    expect(await incidentsOf(changed)).toEqual(['orphan']);
  });

  it('are those whose only timer has passed without effect, unless something else moves them', async () => {
    await fixture.deploy({
      ...waits,
      key: 'waits-twice',
      states: { ...waits.states, a: { after: { long: 'b', later: 'b' } } },
      delays: { ...waits.delays, later: '301 days' },
    });
    await fixture.deploy({
      ...waits,
      key: 'waits-and-hears',
      events: { GO: { roles: [] } },
      states: { ...waits.states, a: { after: { long: 'b' }, on: { GO: 'b' } } },
    });
    const [alone, heard, beside] = [
      await fixture.open('waits'),
      await fixture.open('waits-and-hears'),
      await fixture.open('waits-twice'),
    ];
    const passed = `update qamqor.timers set passed_at = qamqor.qamqor_now() where id in
      (select id from qamqor.timers where case_id = $1 order by due_at limit 1)`;
    for (const { id } of [alone, heard, beside]) await fixture.sql(passed, [id]);
    await new Rounds().pass(60);
    // That somebody could send an event is no reason to forget it.
    for (const { id } of [alone, heard]) expect(await incidentsOf(id)).toEqual(['orphan']);
    expect(await incidentsOf(beside.id)).toEqual([]);
  });

  it('are not among those that wait as they should', async () => {
    const { id } = await fixture.open('waits');
    await new Rounds().pass(60);
    expect(await incidentsOf(id)).toEqual([]);
  });
});
