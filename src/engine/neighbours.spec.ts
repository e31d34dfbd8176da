import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { EngineFixture } from '../../test/engine.js';

const LONG_MS = 60_000;
const NEIGHBOURS = 60;
const LIMIT = { commands: 80, bytes: 1_000_000 };

const workflow = {
  key: 'asking',
  title: { en: 'Asking' },
  events: { ASK: { roles: [] }, STOP: { roles: [] } },
  initial: 'idle',
  states: {
    idle: { on: { ASK: 'asking' } },
    asking: { invoke: { id: 'task', src: 'task', input: { form: 'f', role: 'curator' } }, on: { STOP: 'idle' } },
  },
};

describe('commands that travel together', () => {
  let fixture: EngineFixture;
  /** What a feature does in the transaction of the batch, where it is told to. */
  let failing: string | undefined;
  beforeAll(async () => {
    fixture = await EngineFixture.create([], { limit: LIMIT });
    fixture.runtime.engine.registerSource({
      ...fixture.noting('task'),
      open: async (tx) => {
        if (failing)
          await tx.query(
            `failing-${failing}`,
            `do $$ begin raise exception 'held' using errcode = '${failing}'; end $$`,
            [],
          );
      },
    });
    await fixture.deploy(workflow);
  }, LONG_MS);
  afterAll(() => fixture?.close());

  /** Sent in one turn, the first among them to the case that fails. */
  async function sent([first = '', ...others]: string[], { lane = 'people' }: { lane?: 'people' | 'machines' } = {}) {
    const commands = [fixture.send(first, 'ASK'), ...others.map((id) => fixture.send(id, 'ASK', undefined, { lane }))];
    const answers = await Promise.allSettled(commands);
    return answers.map((one) => (one.status === 'fulfilled' ? 'taken' : (one.reason as { code: string }).code));
  }
  const opened = async (count: number) =>
    Promise.all(Array.from({ length: count }, async () => (await fixture.open('asking')).id));

  /** What writes to the journal of these cases fails with `code`, `s` seconds later; gives how often that was tried. */
  async function poison(cases: string[], code: string, s = 0): Promise<() => Promise<number>> {
    await fixture.sql(`
      create sequence if not exists qamqor.poisoned;
      create or replace function qamqor.poison() returns trigger language plpgsql security definer as $$
        begin
          if new.case_id = any ('{${cases.join()}}'::uuid[]) then
            perform nextval('qamqor.poisoned'), pg_sleep(${s});
            raise exception 'poisoned' using errcode = '${code}';
          end if;
          return new;
        end $$;
      create or replace trigger poison before insert on qamqor.journal for each row execute function qamqor.poison()`);
    const tries = async () => {
      const [row] = await fixture.sql<{ tries: string }>('select last_value as tries from qamqor.poisoned');
      return Number(row?.tries);
    };
    const before = await tries();
    return async () => (await tries()) - before;
  }
  afterEach(() => fixture.sql('drop trigger if exists poison on qamqor.journal'));

  it.each([
    ['a serialisation failure', '40001', 0, 'people'] as const,
    ['a deadlock, at once', '40P01', 0, 'machines'] as const,
    ['a deadlock, after a second', '40P01', 1, 'people'] as const,
    ['a statement that takes too long', '57014', 0, 'people'] as const,
  ])(
    'F23: are not held up by the one that meets %s each time: that one alone is told to come back',
    async (_what, code, s, lane) => {
      const [poisoned = '', ...others] = await opened(NEIGHBOURS + 1);
      await poison([poisoned], code, s);
      const answers = await sent([poisoned, ...others], { lane });
      expect(answers).toEqual(['unavailable', ...others.map(() => 'taken')]);
      await fixture.sql('drop trigger poison on qamqor.journal');
      expect(await sent([poisoned])).toEqual(['taken']);
    },
    LONG_MS,
  );

  it(
    'F23: are tried some times a second, also where several of them meet it each time, two of one case among them',
    async () => {
      const [one = '', other = '', ...others] = await opened(NEIGHBOURS);
      const tries = await poison([one, other], '40001');
      const answers = await sent([one, one, other, ...others]);
      expect(answers).toEqual(['unavailable', 'unavailable', 'unavailable', ...others.map(() => 'taken')]);
      // One try takes 50 ms and more, and it is tried for ten seconds: two of them in turn, twice as often.
      expect(await tries()).toBeLessThanOrEqual(2 * 250);
    },
    LONG_MS,
  );

  it(
    'F22: are not held up by the one that meets a lock which is held elsewhere: that one alone is told to come back',
    async () => {
      const [locked = '', ...others] = await opened(NEIGHBOURS + 1);
      await poison([locked], '55P03', 2);
      expect(await sent([locked, ...others])).toEqual(['case-busy', ...others.map(() => 'taken')]);
    },
    LONG_MS,
  );

  it.each([
    ['a lock that is held elsewhere', '55P03', 'case-busy'],
    ['a disk that is full', '53100', 'unavailable'],
  ])(
    'are told of %s, which a feature met, and not of the COMMIT that failed for it',
    async (_what, code, told) => {
      const [id = ''] = await opened(1);
      failing = code;
      try {
        expect(await sent([id])).toEqual([told]);
      } finally {
        failing = undefined;
      }
    },
    LONG_MS,
  );

  it('F50: are so many at the most: who comes then is told to come back, and what was accepted is there', async () => {
    const ids = await opened(LIMIT.commands);
    const more = await opened(LIMIT.commands);
    const answers = await sent([...ids, ...more]);
    const taken = [...ids, ...more].filter((_id, n) => answers[n] === 'taken');
    expect(taken.length).toBeGreaterThanOrEqual(LIMIT.commands);
    expect(answers.filter((one) => one === 'unavailable').length).toBe(answers.length - taken.length);
    expect(taken.length).toBeLessThan(answers.length);
    for (const id of taken) expect((await fixture.read(id)).state).toBe('asking');
    // Nothing of it stays behind.
    expect(await sent([...ids, ...more].filter((id) => !taken.includes(id)))).not.toContain('unavailable');
  });
});
