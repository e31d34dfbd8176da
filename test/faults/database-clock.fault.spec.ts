import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ENGINE_SENDER } from '../../src/engine/sender.js';
import type { Delivery, OutboxRow } from '../../src/engine/types.js';
import { databaseAt, type TestDatabase } from '../database.js';
import { EngineFixture, until } from '../engine.js';
import { faketime, hasFaketime, otherTime } from '../faketime.js';
import { hasRealPostgres, RealPostgres, realPostgres } from '../real-postgres.js';
import { violations } from './invariants.js';

const CASES = process.env.QAMQOR_TEST === 'full' ? 200 : 10;
const LONG_MS = 120_000;
/** Four times what an operator is promised where a worker is killed. */
const TAKEN_OVER_MS = 60_000;

const resting = {
  key: 'resting',
  title: { en: 'Resting' },
  delays: { rest: '5 seconds' },
  events: { KNOCK: { roles: [] } },
  context: { knocks: 0 },
  initial: 'resting',
  on: { KNOCK: { actions: { type: 'set', params: { knocks: '= context.knocks + 1' } } } },
  states: { resting: { after: { rest: 'over' } }, over: { type: 'final' } },
};

const asking = {
  key: 'asking',
  title: { en: 'Asking' },
  initial: 'asking',
  states: {
    asking: { invoke: { id: 'ask', src: 'handOff', input: { partner: 'p', service: 's' }, onDone: 'asked' } },
    asked: { type: 'final' },
  },
};

(hasFaketime && hasRealPostgres ? describe : describe.skip)(`${realPostgres} with ${faketime}`, () => {
  let folder: string;
  let postgres: RealPostgres;
  let database: TestDatabase;
  let fixture: EngineFixture;
  const clockIs = (offset: string) => writeFileSync(join(folder, 'offset'), `${offset}\n`);
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'qamqor-clock-'));
    // Run by root, the server belongs to another user, who must get through.
    await chmod(folder, 0o755);
    clockIs('+0');
    postgres = await RealPostgres.create(() => ({}), otherTime({ file: join(folder, 'offset') }));
    database = await databaseAt(postgres.url);
    fixture = worker(answered);
    await fixture.deploy(resting);
    await fixture.deploy(asking);
    fixture.runtime.sweeper.start();
  }, LONG_MS);
  afterAll(async () => {
    await fixture?.close();
    await database?.close();
    await postgres?.close();
    if (folder) rmSync(folder, { recursive: true });
  }, 60_000);

  /** A process, which does this with what is to be handed off. */
  function worker(carryOut: (row: OutboxRow) => Promise<Delivery>): EngineFixture {
    const other = EngineFixture.on(database, database.url, ['task']);
    other.runtime.engine.registerSource({ ...other.noting('handOff'), topics: { open: 'handOff.open' } });
    other.runtime.engine.registerOutbox('handOff.open', carryOut);
    return other;
  }

  async function answered({ id, organisationId, caseId, entryId }: OutboxRow): Promise<Delivery> {
    const answer = { organisationId, caseId, id, entryId: entryId ?? '', keep: false, output: null } as const;
    const command = { ...answer, kind: 'answer', lane: 'machines', sender: ENGINE_SENDER, late: 'journal' } as const;
    return { kind: 'answer', command };
  }

  const open = () => Promise.all(Array.from({ length: CASES }, async () => (await fixture.open('resting')).id));
  const journalOf = async (ids: string[]) =>
    fixture.sql<{ kinds: string; backwards: boolean }>(
      `select string_agg(kind, ',' order by seq) as kinds, bool_or(back) as backwards from
         (select case_id, seq, kind, at < lag(at) over (partition by case_id order by seq) as back from qamqor.journal) j
         where case_id = any ($1::uuid[]) and kind <> 'ignored' group by case_id`,
      [ids],
    );
  const allDone = async (ids: string[]) => {
    const rows = await fixture.sql(`select from qamqor.cases where id = any ($1::uuid[]) and status <> 'done'`, [ids]);
    return rows.length === 0;
  };

  it(
    'F27: whose clock goes back an hour: no timer fires twice, the order is that of the numbers, what was due comes later',
    async () => {
      const before = await open();
      await until(() => allDone(before), 30_000);
      const caught = await open();
      clockIs('-1h');
      for (const id of caught) await fixture.send(id, 'KNOCK');
      // What begins in the new time goes on by it, and takes as long as the others have waited by then.
      const after = await open();
      await until(() => allDone(after), 30_000);
      for (const id of caught) expect(await fixture.read(id)).toMatchObject({ status: 'active', state: 'resting' });

      clockIs('+0');
      await until(() => allDone(caught), 30_000);
      const knocked = { kinds: 'event,event,timer', backwards: true };
      expect(await journalOf(caught)).toEqual(caught.map(() => knocked));
      for (const { kinds } of await journalOf([...before, ...after])) expect(kinds).toBe('event,timer');
      expect(await violations(postgres.url, { ended: true })).toEqual([]);
    },
    LONG_MS,
  );

  it(
    'F27: whose clock goes back an hour while a worker is killed: what that one had in hand is taken over, and not an hour later',
    async () => {
      const killed = worker(() => new Promise(() => undefined));
      const { id } = await killed.open('asking');
      const held = `select from qamqor.outbox where leased_until > qamqor.qamqor_now()`;
      await until(async () => (await fixture.sql(held)).length === 1);
      await killed.runtime.stop(0);
      clockIs('-1h');
      await until(async () => (await fixture.sql(`${held} + interval '30 minutes'`)).length === 1);

      const from = performance.now();
      try {
        await until(() => allDone([id]), TAKEN_OVER_MS);
      } finally {
        clockIs('+0');
      }
      process.stdout.write(`F27: taken over after ${((performance.now() - from) / 1_000).toFixed(1)} s.\n`);
      expect(await fixture.sql('select from qamqor.outbox')).toEqual([]);
      expect(await violations(postgres.url, { ended: true })).toEqual([]);
    },
    LONG_MS,
  );
});
