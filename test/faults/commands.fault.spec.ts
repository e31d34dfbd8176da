import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { seededRandom } from '../../src/platform/random.js';
import { until } from '../engine.js';
import { violations } from './invariants.js';
import { type Ask, Office, type Told } from './office.js';
import { Place } from './processes.js';
import { QUEUES, type Queues } from './queues.js';

const full = process.env.QAMQOR_TEST === 'full';
const SIZE = full ? { clients: 40, kills: 40 } : { clients: 8, kills: 4 };
const LONG_MS = full ? 1_200_000 : 180_000;
const seed = process.env.QAMQOR_TEST_SEED ?? String(Date.now() % 1_000_000);

const newcomer = (surname: string) => ({
  workflow: 'family-support',
  input: {
    applicant: { surname, given: 'Айгүл' },
    categories: ['large'],
    interest: 'sewing',
    phone: null,
    language: 'kk',
  },
});

describe.each(QUEUES)('with queues in %s', (_name, create) => {
  let queues: Queues;
  let place: Place;
  let office: Office;
  beforeAll(async () => {
    execFileSync(process.execPath, ['scripts/build-once.js']);
    place = await Place.create();
    queues = await create();
    office = new Office(place, queues.settings);
    await office.signIn();
  }, LONG_MS);
  afterAll(async () => {
    await place?.remove();
    await queues?.close();
  }, 60_000);

  /** The server is replaced by one that is armed so, once the one that runs has gone. */
  async function arm(...crashes: string[]): Promise<void> {
    office.crashes = crashes;
    await office.stop();
  }

  async function rows<Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> {
    const client = new pg.Client({ connectionString: (await place.databaseUrl()) ?? '' });
    await client.connect();
    try {
      return (await client.query<Row>(text, values)).rows;
    } finally {
      await client.end();
    }
  }

  const casesOf = (surname: string) =>
    rows<{ id: string; families: number }>(
      `select c.id, (select count(*)::int from qamqor.persons p where p.surname = $1) as families
       from qamqor.cases c join qamqor.persons p on p.family_id::text = c.subject where p.surname = $1`,
      [surname],
    );

  /** Of a case that was just opened, as soon as its desk shows it. */
  async function firstTask(caseId: string): Promise<string> {
    const list = { method: 'GET', path: `/api/tasks?view=available&caseId=${caseId}`, asRegistrar: true };
    await until(async () => (await office.insist(list)).body.items.length > 0);
    return (await office.insist(list)).body.items[0].id;
  }

  /** Where a command is remembered, whatever it is about: how many rows of each table name keys like this. */
  const traces = async (keys: string) =>
    (
      await rows(
        `select (select count(*)::int from qamqor.journal where body::json ->> 'commandId' like $1) as journal,
         (select count(*)::int from qamqor.commands where id like $1) as commands,
         (select count(*)::int from qamqor.idempotency_keys where key like $1) as keys`,
        [keys],
      )
    )[0];

  describe('a command in flight when its process is killed', () => {
    it.each([
      ['F3: after COMMIT, before the answer', 'commit.after:1', 'Ахметова', 1],
      ['F4: before COMMIT', 'commit.before:1', 'Болатова', 0],
    ])(
      '%s, is carried out once when it comes again with its key',
      async (_when, crash, surname, stored) => {
        await arm(crash);
        const ask = { path: '/api/cases', body: newcomer(surname), key: `key-${stored}` };
        await expect(office.ask(ask)).rejects.toThrow('fetch failed');
        expect(await office.died()).toBe('SIGKILL');
        expect(await casesOf(surname)).toHaveLength(stored);

        const told = await office.insist(ask);
        expect(told).toMatchObject({ status: 201, body: { status: 'active', revision: 1 } });
        expect(told.replayed).toBe(stored === 1);
        expect(await office.insist(ask)).toEqual({ ...told, replayed: true });
        expect(await casesOf(surname)).toEqual([{ id: told.body.id, families: 1 }]);
      },
      LONG_MS,
    );

    it(
      'F3: after a write beside the engine, before its answer is kept, is carried out once when it comes again with its key',
      async () => {
        const { body } = await office.insist({ path: '/api/cases', body: newcomer('Дәулетова'), key: 'before-claim' });
        const task = await firstTask(body.id);
        await arm('keep.before:1');
        const ask = { path: `/api/tasks/${task}/claim`, key: 'claimed-and-killed', asRegistrar: true };
        await expect(office.ask(ask)).rejects.toThrow('fetch failed');
        expect(await office.died()).toBe('SIGKILL');
        // Nobody knows whether somebody is still at it: whoever asks again waits for that.
        const told = await office.insist(ask);
        expect(told).toMatchObject({ status: 200, replayed: false });
        expect(await office.insist(ask)).toEqual({ ...told, replayed: true });
        expect(await rows('select status from qamqor.tasks where id = $1', [task])).toEqual([{ status: 'claimed' }]);
      },
      LONG_MS,
    );

    it(
      `F1, F3, F4: all of them together, again and again: each once, each with one answer (seed ${seed}; QAMQOR_TEST_SEED repeats it)`,
      async () => {
        const random = seededRandom(seed);
        const before = place.killed.groups;
        await arm(
          ...Array.from({ length: SIZE.kills }, () => {
            // Ten clients who wait for each other's commands travel in few transactions.
            // A key whose holder died waits for its lease: too long for every run.
            const point = random.pick(['commit.before', 'commit.after', ...(full ? ['keep.before'] : [])]);
            return `${point}:${random.between(1, 2)}`;
          }),
        );
        const clients = await Promise.all(Array.from({ length: SIZE.clients }, (_, n) => familyThatLeaves(n)));
        expect(place.killed.groups - before).toBeGreaterThanOrEqual(3);
        // Nothing remembers what was refused; what was accepted is found in the same places.
        expect(await traces('no-%')).toEqual({ journal: 0, commands: 0, keys: 0 });
        const { clients: all } = SIZE;
        for (const kind of ['open', 'answer', 'leave'])
          expect({ kind, ...(await traces(`${kind}-%`)) }).toEqual({ kind, journal: all, commands: all, keys: 0 });
        expect(await traces('claim-%')).toEqual({ journal: 0, commands: 0, keys: all });
        expect(await rows(`select id from qamqor.persons where surname like 'Бөтен %'`)).toEqual([]);

        // The one that runs is armed yet.
        await arm();
        for (const { surname, caseId, answers } of clients) {
          for (const { ask, told } of answers) expect(await office.insist(ask)).toEqual({ ...told, replayed: true });
          expect(await casesOf(surname)).toEqual([{ id: caseId, families: 1 }]);
          const taken = await rows(
            `select type from qamqor.journal where case_id = $1 and kind in ('event', 'answer') order by seq`,
            [caseId],
          );
          expect(taken).toEqual([{ type: 'start' }, { type: 'done(registration)' }, { type: 'WITHDRAW' }]);
        }
        expect(await violations((await place.databaseUrl()) ?? '')).toEqual([]);
      },
      LONG_MS,
    );

    /**
     * Opens a case, claims and answers its first task, withdraws it: each with a key, each until it is answered. On the way
     * it asks for what cannot be, with keys too.
     */
    async function familyThatLeaves(n: number) {
      const surname = `Отбасы${n}`;
      const answers: { ask: Ask; told: Told }[] = [];
      const act = async (ask: Ask, status: number) => {
        const told = await office.insist(ask);
        expect(told).toMatchObject({ status });
        answers.push({ ask, told });
        return told;
      };
      const refuse = async (ask: Ask, code: string) =>
        expect(await office.insist(ask)).toMatchObject({ body: { code } });
      const stranger = newcomer(`Бөтен ${surname}`);
      const impossible = { ...stranger, input: { ...stranger.input, language: 'xx' } };
      await refuse({ path: '/api/cases', body: impossible, key: `no-open-${n}` }, 'schema');
      const { body } = await act({ path: '/api/cases', body: newcomer(surname), key: `open-${n}` }, 201);
      const caseId: string = body.id;
      const twin = { workflow: 'family-support', input: { familyId: body.subject } };
      await refuse({ path: '/api/cases', body: twin, key: `no-twin-${n}` }, 'open-case-exists');
      const task = await firstTask(caseId);
      await act({ path: `/api/tasks/${task}/claim`, key: `claim-${n}`, asRegistrar: true }, 200);
      const output = {
        contactChannel: 'visit',
        contactReason: 'learning',
        identitySeen: 'paper',
        livesInCity: true,
        addressRegistration: false,
        categories: ['large'],
        interest: 'sewing',
        consents: [],
        papersMissing: false,
        housingWish: false,
        urgent: false,
      };
      const partly = { ...output, interest: 'nothing' };
      await refuse(
        { path: `/api/tasks/${task}/complete`, body: { output: partly }, key: `no-answer-${n}`, asRegistrar: true },
        'schema',
      );
      await act({ path: `/api/tasks/${task}/complete`, body: { output }, key: `answer-${n}`, asRegistrar: true }, 200);
      const leave = { type: 'WITHDRAW', data: { reason: 'own-wish' } };
      await act({ path: `/api/cases/${caseId}/events`, body: leave, key: `leave-${n}` }, 200);
      await refuse({ path: `/api/cases/${caseId}/events`, body: leave, key: `no-leave-${n}` }, 'event-not-accepted');
      await refuse({ path: `/api/tasks/${task}/claim`, key: `no-claim-${n}`, asRegistrar: true }, 'task-closed');
      return { surname, caseId, answers };
    }
  });

  describe('F38: one command sent fifty times at once to two processes', () => {
    let servers: string[];
    beforeAll(async () => {
      await arm();
      servers = [await office.url(), await office.another()];
    }, LONG_MS);

    /** What all fifty were told; one of them was the first. */
    async function toldOf(ask: Ask): Promise<Told> {
      const told = await Promise.all(Array.from({ length: 50 }, (_, n) => office.ask(ask, servers[n % 2])));
      const different = new Set(told.map(({ status, body }) => JSON.stringify({ status, body })));
      expect([...different].map((text) => JSON.parse(text))).toEqual([
        { status: told[0]?.status, body: told[0]?.body },
      ]);
      expect(told.filter(({ replayed }) => !replayed)).toHaveLength(1);
      return told[0] as Told;
    }

    it(
      'is carried out once, and fifty get the same answer; with another body its key is refused',
      async () => {
        const ask = { path: '/api/cases', body: newcomer('Сапарова'), key: 'fifty' };
        const { status, body } = await toldOf(ask);
        expect(status).toBe(201);
        expect(await casesOf('Сапарова')).toEqual([{ id: body.id, families: 1 }]);
        const other = { ...ask, body: newcomer('Басқа') };
        for (const url of servers)
          expect(await office.ask(other, url)).toMatchObject({ status: 422, body: { code: 'key-reused' } });
      },
      LONG_MS,
    );

    it(
      'also where it is no command of a case: somebody is entered in a family once, a task is claimed once',
      async () => {
        const opened = await office.ask({ path: '/api/cases', body: newcomer('Жақсыбекова'), key: 'family-of-fifty' });
        const family: string = opened.body.subject;
        const path = `/api/families/${family}/members`;
        const entered = await toldOf({ path, body: { given: 'Нұрлан' }, key: 'member', asRegistrar: true });
        expect(entered.status).toBe(201);
        expect(
          await rows(`select place from qamqor.persons where family_id = $1 and given = 'Нұрлан'`, [family]),
        ).toHaveLength(1);

        const task = await firstTask(opened.body.id);
        const claimed = await toldOf({ path: `/api/tasks/${task}/claim`, key: 'claim-of-fifty', asRegistrar: true });
        expect(claimed.status).toBe(200);
      },
      LONG_MS,
    );
  });
});
