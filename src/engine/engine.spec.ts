import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EngineFixture, ORGANISATION } from '../../test/engine.js';
import type { ClosedEntry, Command } from './types.js';

const review = {
  key: 'review',
  title: { kk: 'Тексеру', ru: 'Проверка', en: 'Review' },
  context: { count: 0, verdict: null },
  events: {
    ADD: {
      title: { en: 'Add' },
      roles: [],
      schema: { type: 'object', properties: { by: { type: 'integer' } }, required: ['by'] },
    },
    BACK: { roles: [] },
    LEAVE: { roles: ['director'] },
    CLOSE: { roles: [] },
  },
  initial: 'reading',
  delays: { patience: '3 days' },
  states: {
    reading: {
      meta: { stage: 'reading' },
      invoke: {
        id: 'read',
        src: 'task',
        input: { form: 'verdict', role: 'curator' },
        onDone: [
          {
            guard: '= event.output.ok',
            target: 'asking',
            actions: { type: 'set', params: { verdict: '= event.output' } },
          },
          { guard: '= event.output.ok = false', target: 'reading', reenter: true },
        ],
      },
      after: { patience: 'closed' },
    },
    asking: {
      meta: { stage: 'asking' },
      invoke: {
        id: 'ask',
        src: 'handOff',
        input: { partner: 'atameken', service: 'advice' },
        onDone: { guard: '= event.output.result = "yes"', target: 'closed' },
      },
    },
    closed: { type: 'final' },
  },
  on: {
    ADD: { actions: { type: 'set', params: { count: '= context.count + event.data.by' } } },
    BACK: { target: '.reading' },
    LEAVE: { target: '.closed' },
    CLOSE: [{ guard: '= context.count > 100', target: '.closed' }],
  },
};

let fixture: EngineFixture;
beforeAll(async () => {
  fixture = await EngineFixture.create();
  await fixture.deploy(review);
}, 60_000);
afterAll(async () => {
  await fixture?.close();
});

const STRANGER = '00000000-0000-7000-8000-00000000beef';

describe('a command of another organisation', () => {
  it('finds no case, and changes nothing', async () => {
    const { id } = await fixture.open('review');
    const entryId = fixture.entry(id, 'read');
    const foreign = { organisationId: STRANGER };
    const refused = { code: 'case-not-found', status: 404 };
    await expect(fixture.send(id, 'CLOSE', undefined, foreign)).rejects.toMatchObject(refused);
    await expect(fixture.answer(id, entryId, { ok: true }, foreign)).rejects.toMatchObject(refused);
    await expect(
      fixture.runtime.engine.submit({
        ...foreign,
        caseId: id,
        id: 'foreign',
        keep: true,
        lane: 'people',
        sender: { account: 'aida', roles: ['supervisor'] },
        kind: 'act',
        act: { type: 'cancel' },
        reason: 'because',
      }),
    ).rejects.toMatchObject(refused);
    expect((await fixture.read(id)).revision).toBe(1);
    expect(await fixture.sql('select 1 from qamqor.commands where organisation_id = $1', [STRANGER])).toEqual([]);
    expect(await fixture.sql('select 1 from qamqor.incidents where case_id = $1', [id])).toEqual([]);
    // Beside a command of the case's own organisation, in the same batch, too.
    const [own, other] = await Promise.allSettled([
      fixture.send(id, 'ADD', { by: 1 }),
      fixture.send(id, 'ADD', { by: 5 }, foreign),
    ]);
    expect([own, other]).toMatchObject([{ status: 'fulfilled' }, { status: 'rejected', reason: refused }]);
    expect((await fixture.read(id)).chart.snapshot.context).toMatchObject({ count: 1 });
  });
});

describe('a command', () => {
  it('opens a case with its first state, its task and its first journal row', async () => {
    const opened = await fixture.open('review');
    expect(opened).toMatchObject({
      status: 'active',
      state: 'reading',
      stage: 'reading',
      stages: ['reading'],
      revision: 1,
    });
    expect(opened.number).toMatch(/^Q-\d{6}$/);
    expect(fixture.opened.filter((row) => row.caseId === opened.id)).toHaveLength(1);
    expect(await fixture.sql('select kind, type from qamqor.journal where case_id = $1', [opened.id])).toEqual([
      { kind: 'event', type: 'start' },
    ]);
  });

  it('is carried out once, however often it is sent with its key', async () => {
    const { id } = await fixture.open('review');
    const twice = await Promise.all([
      fixture.send(id, 'ADD', { by: 2 }, { id: 'same' }),
      fixture.send(id, 'ADD', { by: 2 }, { id: 'same' }),
    ]);
    const later = await fixture.send(id, 'ADD', { by: 2 }, { id: 'same' });
    expect(twice.map((answer) => answer.seq)).toEqual([2, 2]);
    expect(later).toMatchObject({ seq: 2, replayed: true });
    expect((await fixture.read(id)).chart.snapshot.context['count']).toBe(2);
  });

  it('gives a replayed command the answer that was made the first time', async () => {
    const { id } = await fixture.open('review');
    const present = (result: { case: { revision: number } }) => ({ revision: result.case.revision });
    const first = await fixture.send(id, 'ADD', { by: 1 }, { id: 'kept', present });
    await fixture.send(id, 'ADD', { by: 1 });
    const second = await fixture.send(id, 'ADD', { by: 1 }, { id: 'kept', present });
    expect(second.answer).toEqual(first.answer);
  });

  it('is refused when its key was used with another body', async () => {
    const { id } = await fixture.open('review');
    await fixture.send(id, 'ADD', { by: 1 }, { id: 'one-key' });
    await expect(fixture.send(id, 'ADD', { by: 2 }, { id: 'one-key' })).rejects.toMatchObject({
      code: 'key-reused',
      status: 422,
    });
  });

  it('is refused when the case has moved on from the revision it names', async () => {
    const { id } = await fixture.open('review');
    await fixture.send(id, 'ADD', { by: 1 });
    await expect(fixture.send(id, 'ADD', { by: 1 }, { revision: 1 })).rejects.toMatchObject({
      code: 'stale-revision',
      status: 409,
      facts: { revision: 2 },
    });
  });

  it.each([
    ['an event the state does not take', 'NOPE', undefined, { code: 'event-not-accepted', status: 409 }],
    ['an event whose guards all say no', 'CLOSE', undefined, { code: 'guard-refused', status: 409 }],
    ['an event of another role', 'LEAVE', undefined, { code: 'no-right', status: 403 }],
    ['an event of the engine', 'xstate.done.actor.read', undefined, { code: 'reserved-event', status: 422 }],
    [
      'data that does not fit the schema',
      'ADD',
      { by: 'two' },
      { code: 'schema', status: 422, errors: [{ path: '/by', message: 'must be integer' }] },
    ],
    ['a NUL', 'ADD', { by: 1, note: '\u0000' }, { code: 'bad-text', status: 400 }],
    ['a lone surrogate', 'ADD', { by: 1, note: '\ud800' }, { code: 'bad-text', status: 400 }],
  ])('is refused for %s, and changes nothing', async (_what, type, data, error) => {
    const { id } = await fixture.open('review');
    await expect(fixture.send(id, type, data)).rejects.toMatchObject(error);
    expect((await fixture.read(id)).revision).toBe(1);
  });

  it('teaches which events are possible', async () => {
    const { id } = await fixture.open('review');
    await expect(fixture.send(id, 'NOPE')).rejects.toMatchObject({
      facts: { state: 'reading', accepts: ['ADD', 'BACK', 'LEAVE'] },
    });
  });

  it('takes a typed backslash for what it is', async () => {
    const { id } = await fixture.open('review');
    await expect(fixture.send(id, 'ADD', { by: 1, note: '\\u0000 \\ud800' })).resolves.toMatchObject({
      outcome: 'taken',
    });
  });

  it.each([
    ['an unknown workflow', () => fixture.open('no-such-workflow'), { code: 'unknown-workflow', status: 422 }],
    [
      'an unknown case',
      () => fixture.send('00000000-0000-7000-8000-0000000000ff', 'ADD', { by: 1 }),
      { code: 'case-not-found', status: 404 },
    ],
    ['what is no case id', () => fixture.send('nonsense', 'ADD', { by: 1 }), { code: 'case-not-found', status: 404 }],
  ])('is refused for %s', async (_what, send, error) => {
    await expect(send()).rejects.toMatchObject(error);
  });
});

describe('commands that arrive together', () => {
  it('travel in few transactions, and those of one case run in their order', async () => {
    const cases = await Promise.all(Array.from({ length: 20 }, () => fixture.open('review')));
    const sent = await Promise.all(
      cases.flatMap(({ id }) => Array.from({ length: 10 }, (_, by) => fixture.send(id, 'ADD', { by }))),
    );
    expect(sent).toHaveLength(200);
    for (const { id } of cases) {
      const rows = await fixture.sql<{ data: string }>(
        'select data from qamqor.payloads where case_id = $1 and seq > 1 order by seq',
        [id],
      );
      expect(rows.map((row) => JSON.parse(row.data).input.data.by)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
    const [{ transactions }] = (await fixture.sql<{ transactions: number }>(
      `select count(distinct xmin::text)::int as transactions from qamqor.journal where case_id = any ($1::uuid[])`,
      [cases.map((c) => c.id)],
    )) as [{ transactions: number }];
    expect(transactions).toBeLessThan(30);
  });

  it('F42: do not pay for a neighbour that cannot be stored', async () => {
    const broken = await EngineFixture.create([]);
    broken.runtime.engine.registerSource({
      ...broken.noting('task'),
      open: (tx, rows) =>
        tx
          .query('may-fail', 'select 1 / (case when $1 then 0 else 1 end)', [
            rows.some((row) => row.subject === 'cursed'),
          ])
          .then(() => undefined),
    });
    await broken.deploy({ ...review, states: { ...review.states, asking: { type: 'final' } } });
    const opened = await Promise.allSettled(
      ['a', 'b', 'cursed', 'd', 'e'].map((subject) => broken.open('review', {}, { subject } as Partial<Command>)),
    );
    expect(opened.map((result) => result.status)).toEqual([
      'fulfilled',
      'fulfilled',
      'rejected',
      'fulfilled',
      'fulfilled',
    ]);
    await broken.close();
  });

  it('open one case per subject', async () => {
    const opened = await Promise.allSettled(
      [1, 2, 3].map(() => fixture.open('review', {}, { subject: 'family-1' } as Partial<Command>)),
    );
    expect(opened.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
    expect(opened.find((result) => result.status === 'rejected')).toMatchObject({
      reason: { code: 'open-case-exists', status: 409 },
    });
    await expect(fixture.open('review', {}, { subject: 'family-1' } as Partial<Command>)).rejects.toMatchObject({
      code: 'open-case-exists',
    });
  });

  it('meet no case that was refused beside them', async () => {
    const subject = 'family-2';
    await fixture.deploy({
      key: 'counting',
      title: { en: 'Counting' },
      context: { count: '= input.count + 1' },
      initial: 'a',
      states: { a: { invoke: { src: 'task', input: { role: 'curator', deadline: '1 day' } } } },
    });
    const open = (count: number | null, more = {}) => fixture.open('counting', { count }, more);
    // The version is known by then, and the first two keep the engine busy: the others share a batch.
    await open(1);
    const opened = await Promise.allSettled([open(1), open(1), open(null, { subject }), open(1, { subject })]);
    expect(opened.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
  });

  it('F22: wait only for their own case when somebody else holds its lock', async () => {
    const [held, free] = await Promise.all([fixture.open('review'), fixture.open('review')]);
    const holder = await fixture.database.pool('owner').connect();
    await holder.query('begin');
    await holder.query('select 1 from qamqor.cases where id = $1 for update', [held.id]);
    const blocked = fixture.send(held.id, 'ADD', { by: 1 });
    await expect(fixture.send(free.id, 'ADD', { by: 1 })).resolves.toMatchObject({ outcome: 'taken' });
    await expect(blocked).rejects.toMatchObject({ code: 'case-busy', status: 503, retryAfter: 2 });
    await holder.query('rollback');
    holder.release();
    await expect(fixture.send(held.id, 'ADD', { by: 1 })).resolves.toMatchObject({ outcome: 'taken' });
  });
});

describe('an answer', () => {
  it('moves the case on and closes its task in the same row', async () => {
    const { id } = await fixture.open('review');
    const done = await fixture.answer(id, fixture.entry(id, 'read'), { ok: true });
    expect(done.case).toMatchObject({ state: 'asking', revision: 2 });
    const closed = fixture.closed.filter((row: ClosedEntry) => row.caseId === id);
    expect(closed).toMatchObject([{ reason: 'answered', output: { ok: true }, entry: { invoke: 'read' } }]);
    const [row] = await fixture.sql<{ body: string }>(
      'select body from qamqor.journal where case_id = $1 and seq = 2',
      [id],
    );
    expect(JSON.parse(row?.body ?? '{}')).toMatchObject({
      kind: 'answer',
      type: 'done(read)',
      by: 'aida',
      state: 'asking',
    });
  });

  it('of a first opening is not taken for the second one', async () => {
    const { id } = await fixture.open('review');
    const first = fixture.entry(id, 'read');
    await fixture.answer(id, first, { ok: false });
    expect(fixture.entry(id, 'read')).not.toBe(first);
    await expect(fixture.answer(id, first, { ok: true })).rejects.toMatchObject({ code: 'task-closed', status: 409 });
    expect((await fixture.read(id)).state).toBe('reading');
  });

  it('of a machine that comes too late is journaled as ignored, and the machine is told', async () => {
    const { id } = await fixture.open('review');
    const read = fixture.entry(id, 'read');
    await fixture.answer(id, read, { ok: true });
    const late = await fixture.answer(id, read, { ok: true }, { late: 'journal' });
    expect(late).toMatchObject({ outcome: 'ignored', reason: 'entry-closed', case: { state: 'asking' } });
  });

  it('of a person that no transition takes is refused, and the task stays open', async () => {
    const { id } = await fixture.open('review');
    await fixture.answer(id, fixture.entry(id, 'read'), { ok: true });
    await fixture.send(id, 'BACK');
    const guarded = await fixture.open('review');
    await fixture.answer(guarded.id, fixture.entry(guarded.id, 'read'), { ok: true });
    await expect(fixture.answer(guarded.id, fixture.entry(guarded.id, 'ask'), { result: 'no' })).rejects.toMatchObject({
      code: 'answer-not-taken',
      status: 409,
    });
    expect((await fixture.read(guarded.id)).chart.entries).toHaveLength(1);
  });

  it('of a partner that no transition takes becomes an incident, which can be retried', async () => {
    const { id } = await fixture.open('review');
    await fixture.answer(id, fixture.entry(id, 'read'), { ok: true });
    const ask = fixture.entry(id, 'ask');
    const lost = await fixture.answer(id, ask, { result: 'no' }, { late: 'journal' });
    expect(lost).toMatchObject({ outcome: 'incident', case: { state: 'asking', incidents: 1 } });
    const failed = await fixture.fail(id, ask, { code: 'REJECTED' });
    expect(failed).toMatchObject({ outcome: 'incident', case: { status: 'active', incidents: 2 } });

    const incidents = await fixture.sql<{ id: string; rule: string }>(
      'select id, rule from qamqor.incidents where case_id = $1 order by seq',
      [id],
    );
    expect(incidents.map((incident) => incident.rule)).toEqual(['guard-refused', 'no-transition']);
    const again = await fixture.act(id, { type: 'retry', incidentId: incidents[0]?.id ?? '' });
    expect(again).toMatchObject({ outcome: 'incident', case: { incidents: 2 } });
    await fixture.act(id, { type: 'resolve', incidentId: incidents[1]?.id ?? '' }, 'the partner called');
    expect((await fixture.read(id)).incidents).toBe(1);
  });
});

describe('the database', () => {
  it('shows the engine no case that its batch does not name', async () => {
    await fixture.open('review');
    const { rows } = await fixture.database.pool('engine').query('select id from qamqor.cases');
    expect(rows).toEqual([]);
  });

  it('shows the application only what belongs to the organisation it names', async () => {
    await fixture.open('review');
    const client = await fixture.database.pool('app').connect();
    expect((await client.query('select id from qamqor.cases')).rows).toEqual([]);
    await client.query('begin');
    await client.query(`select set_config('qamqor.organisation', $1, true)`, [ORGANISATION]);
    expect((await client.query('select id from qamqor.cases limit 1')).rows).toHaveLength(1);
    await client.query('rollback');
    client.release();
  });

  it('lets nobody change a journal row', async () => {
    await expect(
      fixture.database.pool('app').query('update qamqor.journal set type = $1', ['x']),
    ).rejects.toMatchObject({ code: '42501' });
    await expect(fixture.database.pool('engine').query('delete from qamqor.journal')).rejects.toMatchObject({
      code: '42501',
    });
  });
});
