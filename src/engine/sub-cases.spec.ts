import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EngineFixture, ORGANISATION, until } from '../../test/engine.js';
import { verify } from './verify.js';

const parent = {
  key: 'family',
  title: { en: 'Family' },
  context: { members: ['= input.members'], result: null, begun: [] },
  events: { LEAVE: { roles: [] }, BEGUN: { roles: ['engine'], schema: { type: 'object' } } },
  initial: 'learning',
  on: {
    LEAVE: '.left',
    BEGUN: { actions: { type: 'set', params: { begun: '= append(context.begun, event.data.person)' } } },
  },
  states: {
    learning: {
      invoke: {
        id: 'track',
        src: 'case',
        each: '= context.members',
        key: '= item.person',
        input: { workflow: 'track', input: { person: '= item.person' } },
        onDone: { target: 'taught', actions: { type: 'set', params: { result: '= event.output' } } },
        onError: 'failed',
      },
    },
    taught: { type: 'final' },
    failed: { type: 'final' },
    left: { type: 'final' },
  },
};

const track = {
  key: 'track',
  title: { en: 'Track' },
  context: { person: '= input.person', mark: null },
  meta: { reopen: 'study' },
  events: { BEGIN: { roles: [] } },
  initial: 'study',
  states: {
    study: {
      on: {
        BEGIN: { actions: { type: 'sendParent', params: { event: 'BEGUN', data: { person: '= context.person' } } } },
      },
      invoke: {
        id: 'exam',
        src: 'task',
        input: { form: 'exam', role: 'trainer', deadline: '30 days', escalation: 'ladder' },
        onDone: { target: 'passed', actions: { type: 'set', params: { mark: '= event.output.mark' } } },
      },
    },
    passed: { type: 'final' },
  },
  output: { person: '= context.person', mark: '= context.mark' },
};

let fixture: EngineFixture;
beforeAll(async () => {
  fixture = await EngineFixture.create();
  await fixture.deploy(track);
  await fixture.deploy({ ...parent, context: { members: '= input.members', result: null, begun: [] } });
}, 60_000);
afterAll(async () => {
  const report = await verify(fixture.runtime, ORGANISATION, {});
  await fixture.close();
  expect(report.problems).toEqual([]);
});

interface Child {
  id: string;
  status: string;
}

const OPEN_ENDLESS = `select id, case_id from qamqor.incidents where rule = 'opens-without-end' and status = 'open'`;

const childrenOf = (id: string) =>
  fixture.sql<Child>('select id, status from qamqor.cases where parent_case_id = $1 order by id', [id]);

async function aFamily(...people: string[]): Promise<{ id: string; children: Child[] }> {
  const { id } = await fixture.open('family', { members: people.map((person) => ({ person })) });
  await until(async () => (await childrenOf(id)).length === people.length);
  return { id, children: await childrenOf(id) };
}

describe('sub-cases', () => {
  it('are opened one per item, and their outputs come back in input order', async () => {
    const { id, children } = await aFamily('dana', 'aru');
    for (const child of children) {
      const { person } = (await fixture.read(child.id)).chart.snapshot.context;
      await fixture.answer(child.id, fixture.entry(child.id, 'exam'), { mark: person === 'dana' ? 5 : 4 });
    }
    await until(async () => (await fixture.read(id)).status === 'done');
    expect(await fixture.read(id)).toMatchObject({
      state: 'taught',
      chart: {
        snapshot: {
          context: {
            result: [
              { person: 'dana', mark: 5 },
              { person: 'aru', mark: 4 },
            ],
          },
        },
      },
    });
  });

  it('are about the same family as their parent, which may have several', async () => {
    const subject = 'family-7';
    const { id } = await fixture.open('family', { members: [{ person: 'dana' }, { person: 'aru' }] }, { subject });
    await until(async () => (await childrenOf(id)).length === 2);
    for (const child of await childrenOf(id)) expect((await fixture.read(child.id)).subject).toBe(subject);
  });

  it('leave nothing in the outbox once their parents have heard', async () => {
    const { children } = await aFamily('dana');
    await fixture.answer(children[0]?.id ?? '', fixture.entry(children[0]?.id ?? '', 'exam'), { mark: 3 });
    await until(async () => (await fixture.sql('select topic from qamqor.outbox')).length === 0);
  });

  it('are cancelled with their tasks when the parent leaves', async () => {
    const { id, children } = await aFamily('dana');
    await fixture.send(id, 'LEAVE');
    await until(async () => (await childrenOf(id)).every((child) => child.status === 'cancelled'));
    expect(fixture.closed.filter((row) => row.caseId === children[0]?.id)).toMatchObject([
      { entry: { invoke: 'exam' }, reason: 'left' },
    ]);
  });

  it('that are cancelled by hand are an error to their parent', async () => {
    const { id, children } = await aFamily('dana');
    await fixture.act(children[0]?.id ?? '', { type: 'cancel' });
    await until(async () => (await fixture.read(id)).state === 'failed');
  });

  it('answer once for each time that they end, however much is journaled later', async () => {
    const { id, children } = await aFamily('dana');
    const child = children[0]?.id ?? '';
    const exam = fixture.entry(child, 'exam');
    const heard = async () => {
      await fixture.settled();
      const rows = await fixture.sql<{ kind: string }>(
        'select kind from qamqor.journal where case_id = $1 order by seq',
        [id],
      );
      return rows.map(({ kind }) => kind);
    };
    await fixture.answer(child, exam, { mark: 3 });
    expect(await heard()).toEqual(['event', 'answer']);
    const late = await fixture.answer(child, exam, { mark: 5 }, { late: 'journal' });
    expect(late).toMatchObject({ outcome: 'ignored', seq: 3 });
    expect(await heard()).toEqual(['event', 'answer']);
    // Its second end is another answer; that its entry is closed is the parent's to say.
    await fixture.act(child, { type: 'reopen' });
    await fixture.answer(child, fixture.entry(child, 'exam'), { mark: 4 });
    expect(await heard()).toEqual(['event', 'answer', 'ignored']);
  });

  it('tell their parent what happens to them before they end; one that stands still hears it when it goes on', async () => {
    const { id, children } = await aFamily('dana', 'aru');
    const begun = async () => (await fixture.read(id)).chart.snapshot.context.begun;
    const childOf = async (person: string) => {
      const read = await Promise.all(children.map((child) => fixture.read(child.id)));
      return read.find(({ chart }) => chart.snapshot.context.person === person)?.id ?? '';
    };
    await fixture.send(await childOf('dana'), 'BEGIN');
    await until(async () => (await begun())?.toString() === 'dana');

    await fixture.act(id, { type: 'suspend' });
    const aru = await childOf('aru');
    // Nothing that follows the parent is under way any more.
    await fixture.settled();
    expect((await fixture.read(aru)).status).toBe('suspended');
    // A hand lets the sub-case go on while its parent still stands.
    await fixture.act(aru, { type: 'resume' });
    await fixture.send(aru, 'BEGIN');
    const waits = `select 1 from qamqor.outbox where topic = 'sendParent' and last_error like '%suspended%'`;
    await until(async () => (await fixture.sql(waits)).length === 1);
    await fixture.act(id, { type: 'resume' });
    await fixture.sql(`update qamqor.outbox set next_at = qamqor.qamqor_now() where topic = 'sendParent'`);
    await fixture.settled();
    expect(await begun()).toEqual(['dana', 'aru']);
  });

  it('stand still with their parent, and go on with it, unless a hand had stopped them', async () => {
    const { id, children } = await aFamily('dana', 'aru');
    const [one = '', other = ''] = children.map((child) => child.id);
    const statuses = async () => (await childrenOf(id)).map((child) => child.status);
    await fixture.act(other, { type: 'suspend' }, 'ill');
    await fixture.act(id, { type: 'suspend' }, 'the family is away');
    await until(async () => (await fixture.read(one)).status === 'suspended');
    await fixture.act(id, { type: 'resume' });
    await until(async () => (await fixture.read(one)).status === 'active');
    await fixture.settled();
    expect(await statuses()).toEqual(['active', 'suspended']);
    const told = await fixture.sql<{ data: string }>(
      `select p.data from qamqor.payloads p join qamqor.journal j using (case_id, seq)
        where case_id = $1 and j.type in ('suspend', 'resume') order by seq`,
      [one],
    );
    expect(told.map(({ data }) => JSON.parse(data).reason)).toEqual(['parent-suspended', 'parent-resumed']);
  });

  it('stand still from the start where their parent was suspended before they were opened', async () => {
    const { id } = await fixture.open('family', { members: [{ person: 'dana' }] });
    await fixture.act(id, { type: 'suspend' });
    await until(async () => (await childrenOf(id)).some((child) => child.status === 'suspended'));
    await fixture.act(id, { type: 'resume' });
    await until(async () => (await childrenOf(id)).every((child) => child.status === 'active'));
  });

  it('tell nobody where they were opened by nobody, or where their parent is over', async () => {
    const { id, children } = await aFamily('dana');
    const { id: alone } = await fixture.open('track', { person: 'bek' });
    await fixture.send(alone, 'BEGIN');
    await fixture.settled();
    // The parent ends at the very moment: what was said to it is on its way.
    await fixture.sql(`update qamqor.cases set status = 'done' where id = $1`, [id]);
    await fixture.send(children[0]?.id ?? '', 'BEGIN');
    await fixture.settled();
    await fixture.sql(`update qamqor.cases set status = 'active' where id = $1`, [id]);
    expect((await fixture.read(id)).chart.snapshot.context.begun).toEqual([]);
    expect(await fixture.sql('select 1 from qamqor.incidents')).toEqual([]);
  });

  it.each([
    ['by an invocation', { invoke: { id: 'again', src: 'case', input: { workflow: 'mirror', input: {} } } }],
    ['by an action', { entry: { type: 'openCase', params: { workflow: 'mirror' } } }],
  ])('that open themselves %s end in an incident that says so, not in cases without end', async (_how, state) => {
    await fixture.deploy({ key: 'mirror', title: { en: 'Mirror' }, initial: 'a', states: { a: state } });
    const before = await fixture.sql('select 1 from qamqor.cases');
    await fixture.open('mirror');
    await until(async () => (await fixture.sql(OPEN_ENDLESS)).length === 1);
    await fixture.settled();
    expect((await fixture.sql('select 1 from qamqor.cases')).length - before.length).toBe(11);
    for (const { id, case_id } of await fixture.sql<{ id: string; case_id: string }>(OPEN_ENDLESS))
      await fixture.act(case_id, { type: 'resolve', incidentId: id });
  });
});
