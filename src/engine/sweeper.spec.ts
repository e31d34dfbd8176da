import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EngineFixture, until } from '../../test/engine.js';
import { Sweeper } from './sweeper.js';

const asks = {
  key: 'asks',
  title: { en: 'Asks' },
  context: {},
  initial: 'asking',
  states: {
    asking: {
      invoke: { id: 'ask', src: 'service', input: { name: 'rate' }, onDone: 'done', onError: 'done' },
    },
    done: { type: 'final' },
  },
};

let fixture: EngineFixture;
beforeAll(async () => {
  fixture = await EngineFixture.create(['task', 'handOff']);
  fixture.runtime.engine.registerSource({ ...fixture.noting('service'), topics: { open: 'service.run' } });
  fixture.runtime.engine.registerOutbox('service.run', () => Promise.resolve({ kind: 'retry', reason: 'Not now.' }));
  await fixture.deploy(asks);
}, 60_000);
afterAll(() => fixture.close());

describe('a sweep whose wake-ups the queue does not take', () => {
  it('goes on with what features ask for, and leaves the rows for the next', async () => {
    const { id } = await fixture.open('asks');
    await until(() => fixture.runtime.quiet);
    const due = `update qamqor.outbox set next_at = qamqor.qamqor_now(), leased_until = null, parked = false where case_id = $1`;
    await fixture.sql(due, [id]);
    const swept: string[] = [];
    const warned: string[] = [];
    const sweeper = new Sweeper({
      pool: fixture.database.pool('relay'),
      engine: fixture.runtime.engine,
      sweeps: new Map([['holds', async () => void swept.push('holds')]]),
      wake: () => Promise.reject(new Error('The queue is away.')),
      warn: (message) => warned.push(message),
    });
    expect(await sweeper.sweep()).toMatchObject({ outbox: 1 });
    expect(swept).toEqual(['holds']);
    expect(warned).toHaveLength(1);
    expect(await fixture.sql('select from qamqor.outbox where case_id = $1', [id])).toHaveLength(1);
  });
});
