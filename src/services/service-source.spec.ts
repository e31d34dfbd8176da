import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { EngineFixture, ORGANISATION, until } from '../../test/engine.js';
import type { LeasedRow } from '../engine/types.js';
import type { Json } from '../statechart/types.js';
import { type Service, type ServiceCall, ServiceRefusal, ServiceSource } from './service-source.js';

const set = (params: object) => ({ type: 'set', params });
const errand = (name: string, more: object = {}) => ({
  id: `errand-${name}`,
  context: { found: null, code: null },
  events: { LEAVE: { title: { en: 'Leave' }, roles: [] }, AGAIN: { title: { en: 'Again' }, roles: [] } },
  initial: 'running',
  states: {
    running: {
      invoke: {
        id: 'work',
        src: 'service',
        input: { name, course: 'sewing' },
        onDone: { target: 'found', actions: set({ found: '= event.output' }) },
        ...more,
      },
      on: { LEAVE: 'left', AGAIN: { target: 'running', reenter: true } },
    },
    found: { type: 'final' },
    failed: { type: 'final' },
    left: { type: 'final' },
  },
});
const onError = { target: 'failed', actions: set({ code: '= event.error.code' }) };

let fixture: EngineFixture;
let source: ServiceSource;
const calls: ServiceCall[] = [];
/** What the service "plain" does next. */
let plain: (call: ServiceCall) => Promise<Json>;
const noted =
  (work: (call: ServiceCall) => Promise<Json>): Service['run'] =>
  (call) => {
    calls.push(call);
    return work(call);
  };

beforeAll(async () => {
  fixture = await EngineFixture.create(['task']);
  const { engine } = fixture.runtime;
  source = new ServiceSource(engine);
  engine.registerSource(source);
  engine.registerOutbox('service.open', (row) => source.run(row));
  source.register({ name: 'plain', run: noted((call) => plain(call)) });
  source.register({ name: 'once', delivery: 'at-most-once', run: noted((call) => plain(call)) });
  source.register(numbering);
  for (const name of ['plain', 'once', 'number', 'missing']) await fixture.deploy(errand(name));
  await fixture.deploy({ ...errand('plain', { onError }), id: 'forgiving' });
  await fixture.sql('create table public.numbers (entry_id uuid primary key, n serial, label text not null)');
  await fixture.sql('grant select, insert on public.numbers to qamqor_engine');
  await fixture.sql('grant usage on sequence public.numbers_n_seq to qamqor_engine');
});
beforeEach(() => {
  calls.length = 0;
  given.length = 0;
  plain = () => Promise.resolve('done');
});
afterAll(() => fixture.close());

/** Takes a number together with the answer, as certificates do. */
const given: { output: Json; entryId: string }[][] = [];
const numbering: Service = {
  name: 'number',
  run: noted((call) => plain(call)),
  async settle(tx, answers) {
    given.push(answers.map(({ output, call }) => ({ output, entryId: call.entryId })));
    const { rows } = await tx.query<{ entry_id: string; n: number }>(
      'take-spec-numbers',
      'insert into public.numbers (entry_id, label) select * from unnest($1::uuid[], $2::text[]) returning entry_id, n',
      [answers.map(({ call }) => call.entryId), answers.map(({ output }) => JSON.stringify(output))],
    );
    const byEntry = new Map(rows.map((row) => [row.entry_id, row.n]));
    return answers.map(({ call, output }) => ({ label: output, n: byEntry.get(call.entryId) ?? null }));
  },
};

/** As if the time of waiting rows had come. */
async function later(): Promise<void> {
  await fixture.sql('update qamqor.outbox set next_at = qamqor_now(), leased_until = null where not parked');
  await fixture.settled();
}
async function run(workflow: string) {
  const { id } = await fixture.open(workflow);
  await fixture.settled();
  return fixture.read(id);
}
const kinds = async (caseId: string) =>
  (
    await fixture.sql<{ kind: string; type: string }>(
      'select kind, type from qamqor.journal where case_id = $1 order by seq',
      [caseId],
    )
  ).map(({ kind, type }) => `${kind} ${type}`);
const outboxOf = (caseId: string) =>
  fixture.sql<{ attempt: number; parked: boolean; last_error: string | null }>(
    'select attempt, parked, last_error from qamqor.outbox where case_id = $1',
    [caseId],
  );
const incidentOf = async (caseId: string) =>
  (
    await fixture.sql<{ id: string; message: string }>('select * from qamqor.incidents where case_id = $1', [caseId])
  )[0];
const held = () => {
  let answer: (value: Json) => void = () => {};
  const promise = new Promise<Json>((resolve) => {
    answer = resolve;
  });
  return { promise, answer };
};

describe('a service', () => {
  it('is told what the workflow gave, and its answer leads the case on', async () => {
    const record = await run('errand-plain');
    expect(record).toMatchObject({ state: 'found', status: 'done' });
    expect(record.chart.snapshot.context['found']).toBe('done');
    expect(calls).toEqual([
      {
        entryId: expect.any(String),
        organisationId: ORGANISATION,
        caseId: record.id,
        caseNumber: record.number,
        subject: null,
        input: { course: 'sewing' },
        attempt: 1,
        signal: expect.any(AbortSignal),
      },
    ]);
    expect(await outboxOf(record.id)).toEqual([]);
  });

  it('that throws is tried again under the same key, until it answers', async () => {
    plain = ({ attempt }) => (attempt < 3 ? Promise.reject(new Error('the printer is off')) : Promise.resolve('ok'));
    const record = await run('errand-plain');
    expect(record).toMatchObject({ state: 'running', incidents: 0 });
    expect(await outboxOf(record.id)).toEqual([{ attempt: 1, parked: false, last_error: 'the printer is off' }]);
    await later();
    await later();
    expect(await fixture.read(record.id)).toMatchObject({ state: 'found' });
    expect(calls.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    expect(new Set(calls.map(({ entryId }) => entryId)).size).toBe(1);
  });

  it('that refuses is not tried again: the case takes it by onError', async () => {
    plain = () => Promise.reject(new ServiceRefusal('no-name', 'Nobody is named.'));
    const record = await run('forgiving');
    expect(record).toMatchObject({ state: 'failed', incidents: 0 });
    expect(record.chart.snapshot.context['code']).toBe('no-name');
    expect(calls).toHaveLength(1);
    expect(await outboxOf(record.id)).toEqual([]);
  });

  it('that refuses where nobody takes it is an incident', async () => {
    plain = () => Promise.reject(new ServiceRefusal('no-name', 'Nobody is named.'));
    expect(await run('errand-plain')).toMatchObject({ state: 'running', incidents: 1 });
  });

  it('at most once is not repeated after it failed: a person looks', async () => {
    plain = () => Promise.reject(new Error('who knows whether it was done'));
    const record = await run('errand-once');
    await later();
    await later();
    expect(calls).toHaveLength(1);
    expect(await fixture.read(record.id)).toMatchObject({ state: 'running', incidents: 1 });
    const incident = await incidentOf(record.id);
    expect(incident?.message).toContain('must not be repeated');
    for (const act of ['retry', 'modify', 'resolve']) expect(incident?.message).toContain(act);
    expect(incident?.message).not.toContain('answer by hand');
    // Whoever sends it again has looked.
    plain = () => Promise.resolve('this time');
    await fixture.act(record.id, { type: 'retry', incidentId: incident?.id ?? '' });
    await fixture.settled();
    expect(await fixture.read(record.id)).toMatchObject({ state: 'found', incidents: 0 });
  });

  it('at most once is not repeated after its worker died with it', async () => {
    const { promise, answer } = held();
    plain = () => promise;
    const { id } = await fixture.open('errand-once');
    await until(() => calls.length === 1);
    // Its lease ran out: for the others it is dead.
    await fixture.sql('update qamqor.outbox set leased_until = null, next_at = qamqor_now() where case_id = $1', [id]);
    await fixture.runtime.sweeper.sweep();
    await until(async () => (await fixture.read(id)).incidents === 1);
    expect(calls).toHaveLength(1);
    answer('after all');
    await fixture.settled();
    // Whose lease is over settles nothing, not even with good news.
    expect(await fixture.read(id)).toMatchObject({ state: 'running', incidents: 1 });
  });

  it('that nobody has registered is an incident when no newer process takes it, and runs when it is there and the incident is retried', async () => {
    const record = await run('errand-missing');
    expect(record).toMatchObject({ state: 'running', incidents: 0 });
    await until(async () => {
      await later();
      return (await fixture.read(record.id)).incidents === 1;
    });
    const incident = await incidentOf(record.id);
    expect(incident?.message).toContain('No service is called "missing". There are: plain, once, number');
    source.register({ name: 'missing', run: noted(() => Promise.resolve('here now')) });
    await fixture.act(record.id, { type: 'retry', incidentId: incident?.id ?? '' });
    await fixture.settled();
    expect(await fixture.read(record.id)).toMatchObject({ state: 'found', incidents: 0 });
  });

  it('cannot be registered twice', () => {
    expect(() => source.register({ name: 'plain', run: () => Promise.resolve(null) })).toThrow(/plain/);
  });
});

describe('a service whose state is left', () => {
  it('is not begun any more', async () => {
    plain = () => Promise.reject(new Error('not yet'));
    const record = await run('errand-plain');
    await fixture.send(record.id, 'LEAVE');
    await later();
    expect(calls).toHaveLength(1);
    expect(await outboxOf(record.id)).toEqual([]);
    expect(await kinds(record.id)).toEqual(['event start', 'event LEAVE']);
  });

  it('hears of it while it runs', async () => {
    plain = ({ signal }) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('stopped'))));
    const { id } = await fixture.open('errand-plain');
    await until(() => calls.length === 1);
    expect(calls[0]?.signal.aborted).toBe(false);
    await fixture.send(id, 'LEAVE');
    await until(() => calls[0]?.signal.aborted ?? false);
    await later();
    expect(calls).toHaveLength(1);
  });

  it('answers in vain: it is written down, and changes nothing', async () => {
    const { promise, answer } = held();
    plain = () => promise;
    const { id } = await fixture.open('errand-plain');
    await until(() => calls.length === 1);
    await fixture.send(id, 'LEAVE');
    answer('too late');
    await fixture.settled();
    expect(await fixture.read(id)).toMatchObject({ state: 'left', incidents: 0 });
    expect(await kinds(id)).toEqual(['event start', 'event LEAVE', 'ignored answer']);
    expect(await outboxOf(id)).toEqual([]);
  });

  it('does not answer for the next time it is asked', async () => {
    const { promise, answer } = held();
    plain = ({ entryId }) => (entryId === calls[0]?.entryId ? promise : Promise.resolve('second'));
    const { id } = await fixture.open('errand-plain');
    await until(() => calls.length === 1);
    await fixture.send(id, 'AGAIN');
    await until(() => calls.length === 2);
    answer('first');
    await fixture.settled();
    expect((await fixture.read(id)).chart.snapshot.context['found']).toBe('second');
  });
});

describe('what a service does together with its answer', () => {
  it('stands in the answer, and is there for each entry once', async () => {
    plain = () => Promise.resolve('paper');
    const [one, other] = [await run('errand-number'), await run('errand-number')];
    const numbers = [one, other].map((record) => (record.chart.snapshot.context['found'] as { n: number }).n);
    expect((numbers[1] ?? 0) - (numbers[0] ?? 0)).toBe(1);
    expect(one.chart.snapshot.context['found']).toEqual({ label: 'paper', n: numbers[0] });
  });

  it('goes with the answer: a transaction that fails leaves none of it, and the next begins with what run gave', async () => {
    await fixture.sql('create sequence public.tries');
    await fixture.sql('grant usage on sequence public.tries to qamqor_engine');
    // A sequence is not rolled back: the first answer meets a serialisation failure, the second goes through.
    await fixture.sql(`create function public.fail_once() returns trigger language plpgsql as $$ begin
      if new.kind = 'answer' and nextval('public.tries') = 1 then raise exception 'once' using errcode = '40001'; end if;
      return new; end $$`);
    await fixture.sql(
      'create trigger fail_once before insert on qamqor.journal for each row execute function public.fail_once()',
    );
    plain = () => Promise.resolve('fresh');
    const record = await run('errand-number');
    await fixture.sql('drop trigger fail_once on qamqor.journal');
    expect(record).toMatchObject({ state: 'found' });
    expect(calls).toHaveLength(1);
    expect(given.flat().map(({ output }) => output)).toEqual(['fresh', 'fresh']);
    const rows = await fixture.sql<{ label: string }>('select label from public.numbers where entry_id = $1', [
      calls[0]?.entryId,
    ]);
    expect(rows).toEqual([{ label: '"fresh"' }]);
  });

  it('happens once when two workers answer for one entry at the same moment', async () => {
    const { promise, answer } = held();
    plain = () => promise;
    const { id } = await fixture.open('errand-number');
    await until(() => calls.length === 1);
    const row = await outboxRowOf(id);
    const delivery = source.run(row);
    answer('one paper');
    const made = await delivery;
    if (made.kind !== 'answer') throw new Error('The twin did not answer.');
    await fixture.runtime.engine.submit(made.command);
    await fixture.settled();
    expect(await fixture.sql('select n from public.numbers where entry_id = $1', [row.entryId])).toHaveLength(1);
    expect(await kinds(id)).toEqual(['event start', 'answer done(work)', 'ignored answer']);
  });

  it('does not happen while the case is suspended, and happens once when it goes on', async () => {
    const { id, answer } = await asked('errand-number');
    await fixture.act(id, { type: 'suspend' });
    answer('paper');
    await fixture.settled();
    expect(await fixture.read(id)).toMatchObject({ state: 'running', status: 'suspended' });
    expect(given).toEqual([]);
    expect(await parkedOf(id)).toHaveLength(1);

    const next = await run('errand-number');
    await fixture.act(id, { type: 'resume' });
    await fixture.settled();
    const record = await fixture.read(id);
    expect(record).toMatchObject({ state: 'found' });
    const { n } = next.chart.snapshot.context['found'] as { n: number };
    expect(record.chart.snapshot.context['found']).toEqual({ label: 'paper', n: n + 1 });
    expect(given).toHaveLength(2);
    expect(await parkedOf(id)).toEqual([]);
  });

  it.each([
    ['left', (id: string) => fixture.send(id, 'LEAVE')],
    ['cancelled', (id: string) => fixture.act(id, { type: 'cancel' })],
  ])('does not happen for an answer that comes after its case was %s', async (_how, end) => {
    const { id, answer } = await asked('errand-number');
    await end(id);
    answer('too late');
    await fixture.settled();
    expect(given).toEqual([]);
    expect((await kinds(id)).at(-1)).toBe('ignored answer');
  });

  it('does not happen for an answer whose state is left in the same transaction', async () => {
    const [one, other] = [await asked('errand-number'), await asked('errand-number')];
    const row = await outboxRowOf(one.id);
    const made = await source.run(row);
    if (made.kind !== 'answer') throw new Error('The service did not answer.');
    // While the first is on its way, the others gather: they are one batch.
    const busy = fixture.send(other.id, 'AGAIN');
    await Promise.all([busy, fixture.send(one.id, 'LEAVE'), fixture.runtime.engine.submit(made.command)]);
    for (const { answer } of [one, other]) answer('too late');
    await fixture.settled();
    const journal = await kinds(one.id);
    expect(journal.slice(0, 2)).toEqual(['event start', 'event LEAVE']);
    expect(new Set(journal.slice(2))).toEqual(new Set(['ignored answer']));
    expect(given.flat().filter(({ entryId }) => entryId === row.entryId)).toEqual([]);
  });
});

/** A case whose service is at work until it is told what to answer. */
async function asked(workflow: string): Promise<{ id: string; answer: (value: Json) => void }> {
  const { promise, answer } = held();
  plain = () => promise;
  const before = calls.length;
  const { id } = await fixture.open(workflow);
  await until(() => calls.length === before + 1);
  plain = () => Promise.resolve('done');
  return { id, answer };
}

const parkedOf = (caseId: string) => fixture.sql('select seq from qamqor.parked where case_id = $1', [caseId]);

/** Another worker's copy. */
async function outboxRowOf(caseId: string): Promise<LeasedRow> {
  const [row] = await fixture.sql<{ id: string; seq: number; topic: string; entry_id: string; payload: string }>(
    'select id, seq, topic, entry_id, payload from qamqor.outbox where case_id = $1',
    [caseId],
  );
  if (!row) throw new Error('The service was not asked.');
  return {
    id: row.id,
    organisationId: ORGANISATION,
    caseId,
    seq: row.seq,
    topic: row.topic,
    entryId: row.entry_id,
    payload: JSON.parse(row.payload),
    attempt: 2,
    tries: 2,
    failures: 0,
  };
}
