import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EngineFixture, ORGANISATION } from '../../test/engine.js';
import { Versions } from './versions.js';

const LAMP = {
  id: 'lamp',
  events: { PRESS: { title: { en: 'Press' }, roles: [] } },
  initial: 'off',
  states: { off: { on: { PRESS: 'on' } }, on: { type: 'final' } },
};
/** What the loader takes today, and what it refuses in anything new. */
const OLDER = {
  ...LAMP,
  states: { ...LAMP.states, off: { on: { PRESS: { target: 'on', actions: { type: 'set' } } } } },
};

let fixture: EngineFixture;
beforeAll(async () => {
  fixture = await EngineFixture.create();
});
afterAll(() => fixture.close());

describe('a stored version', () => {
  it('is gone on with by its cases after a release that refuses in new ones what it has', async () => {
    await expect(fixture.deploy(OLDER)).rejects.toMatchObject({ code: 'workflow-refused' });
    await fixture.deploy(LAMP);
    await fixture.sql(`update qamqor.workflow_versions set files = $1 where key = 'lamp'`, [
      JSON.stringify({ 'workflow.yaml': JSON.stringify(OLDER) }),
    ]);
    const { id } = await fixture.open('lamp');
    await fixture.send(id, 'PRESS');
    expect(await fixture.read(id)).toMatchObject({ state: 'on', status: 'done' });
  });

  it('that cannot be built any more is not taken for something else', async () => {
    await fixture.sql(`update qamqor.workflow_versions set files = $1 where key = 'lamp'`, [
      JSON.stringify({ 'workflow.yaml': JSON.stringify({ ...LAMP, initial: 'nowhere' }) }),
    ]);
    const fresh = new Versions(fixture.runtime.readPool, () => 0);
    await expect(fresh.byVersion(ORGANISATION, 'lamp', 1)).rejects.toThrow('nowhere');
  });
});
