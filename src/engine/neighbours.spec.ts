import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EngineFixture } from '../../test/engine.js';

const LONG_MS = 60_000;
const NEIGHBOURS = 20;
const LIMIT = { commands: 40, bytes: 1_000_000 };

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

  it.each([
    ['a serialisation failure', '40001', 'people'] as const,
    ['a deadlock', '40P01', 'machines'] as const,
    ['a statement that takes too long', '57014', 'people'] as const,
  ])(
    'F23: are not held up by the one that meets %s each time: that one alone is told to come back',
    async (_what, code, lane) => {
      const [poisoned = '', ...others] = await opened(NEIGHBOURS + 1);
      await fixture.sql(`
        create or replace function qamqor.poison() returns trigger language plpgsql security definer as $$
          begin
            if new.case_id = '${poisoned}' then raise exception 'poisoned' using errcode = '${code}'; end if;
            return new;
          end $$;
        create or replace trigger poison before insert on qamqor.journal for each row execute function qamqor.poison()`);
      try {
        const answers = await sent([poisoned, ...others], { lane });
        expect(answers).toEqual(['unavailable', ...others.map(() => 'taken')]);
      } finally {
        await fixture.sql('drop trigger poison on qamqor.journal');
      }
      expect(await sent([poisoned])).toEqual(['taken']);
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
