import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EngineFixture, ORGANISATION } from '../../test/engine.js';
import { DatabaseClock } from '../platform/clock.js';
import { deployChangedFolder, deployChecked, deployFolder } from './deploy.js';
import { StoredFolderMemory } from './folder-memory.js';

const GOOD = 'id: lamp\ninitial: off\nstates: { off: { type: final } }';
/** Nobody ever leaves `off` but by an event that need not come. */
const WAITS = 'id: lamp\ninitial: off\nstates: { off: { on: { GO: on } }, on: { type: final } }';
const UNLOADABLE = 'id: lamp\nstates: [';

let fixture: EngineFixture;
const deps = () => ({
  versions: fixture.runtime.versions,
  clock: new DatabaseClock(fixture.database.pool('app')),
  catalogue: {},
});
const folder = (text: string) => ({ workflows: [{ folder: '/workflows/lamp', files: { 'workflow.yaml': text } }] });
const deploy = (text: string) => deployFolder(deps(), ORGANISATION, folder(text));
const versions = () => fixture.runtime.versions.list(ORGANISATION);

beforeAll(async () => {
  fixture = await EngineFixture.create();
});
afterAll(() => fixture.close());

describe('a workflow of the folder', () => {
  it.each([WAITS, UNLOADABLE])(
    'that must not be used stops the start while there is no version to go on with',
    async (text) => {
      const refused = deploy(text);
      await expect(refused).rejects.toMatchObject({ name: 'StartError', code: 'workflow-refused' });
      await expect(refused).rejects.toThrow('/workflows/lamp: The workflow was not deployed');
      expect(await versions()).toEqual([]);
    },
  );

  it('that is good becomes current, once', async () => {
    expect(await deploy(GOOD)).toEqual([]);
    expect(await deploy(GOOD)).toEqual([]);
    expect(await versions()).toEqual([{ key: 'lamp', version: 1 }]);
  });

  it.each([WAITS, UNLOADABLE])(
    'that must not be used leaves the version before it in place, and says so',
    async (text) => {
      const [problem, ...more] = await deploy(text);
      expect(more).toEqual([]);
      expect(problem).toContain('Cases of "lamp" are still opened on version 1.');
      expect(await versions()).toEqual([{ key: 'lamp', version: 1 }]);
    },
  );

  it('that is an older version does not become current in silence', async () => {
    const other = 'id: bulb\ninitial: off\nstates: { off: { type: final } }';
    expect(await deploy(other)).toEqual([]);
    expect(await deploy(`${other}\ndescription: newer`)).toEqual([]);
    const [problem, ...more] = await deploy(other);
    expect(more).toEqual([]);
    expect(problem).toContain('is version 1 of "bulb"');
    expect(problem).toContain('opened on version 2');
  });
});

describe('deploying', () => {
  it('names what would come to harm, and stores nothing', async () => {
    const deployed = deployChecked(deps(), ORGANISATION, { 'workflow.yaml': WAITS }, 'test');
    await expect(deployed).rejects.toMatchObject({
      code: 'workflow-refused',
      status: 422,
      facts: { findings: expect.arrayContaining([expect.objectContaining({ severity: 'error' })]) },
    });
    expect(await versions()).toContainEqual({ key: 'lamp', version: 1 });
  });
});

describe('workflows whose cases would open each other without end', () => {
  const opening = (key: string, other: string) =>
    `id: ${key}\ninitial: go\nstates: { go: { entry: { type: openCase, params: { workflow: ${other} } }, always: end }, end: { type: final } }`;

  it('are refused with the second of them, and together', async () => {
    const deploying = (text: string, beside = {}) =>
      deployChecked(deps(), ORGANISATION, { 'workflow.yaml': text }, 'test', beside);
    await deploying(opening('ping', 'lamp'));
    await deploying(opening('pong', 'ping'));
    const refused = { code: 'workflow-refused', message: expect.stringContaining('ping → pong → ping') };
    await expect(deploying(opening('ping', 'pong'))).rejects.toMatchObject(refused);
    const beside = { hither: { 'workflow.yaml': opening('hither', 'thither') } };
    await expect(deploying(opening('thither', 'hither'), beside)).rejects.toMatchObject({ code: 'workflow-refused' });
  });
});

describe('a folder that was deployed', () => {
  const CATALOGUE = { 'calendar.kz.yaml': '{}' };
  const start = async (text: string, catalogue: Record<string, string> = CATALOGUE) => {
    const { versions } = fixture.runtime;
    let checked = false;
    const deploy = (...given: Parameters<typeof versions.deploy>) => {
      checked = true;
      return versions.deploy(...given);
    };
    const memory = new StoredFolderMemory(fixture.database.pool('app'));
    const list = (id: string) => versions.list(id);
    const newestFiles = (id: string) => versions.newestFiles(id);
    const problems = await deployChangedFolder(
      { ...deps(), catalogue, versions: { deploy, list, newestFiles }, memory },
      ORGANISATION,
      folder(text),
    );
    return { checked, problems };
  };
  const DOOR = GOOD.replace('lamp', 'door');

  it('is not checked again while it, what it may name and the versions there are stay the same', async () => {
    expect(await start(DOOR)).toEqual({ checked: true, problems: [] });
    expect(await start(DOOR)).toEqual({ checked: false, problems: [] });
    expect((await start(DOOR, { ...CATALOGUE, 'roles.yaml': '{}' })).checked).toBe(true);
    expect((await start(`${DOOR}\ndescription: newer`, CATALOGUE)).checked).toBe(true);
  });

  it('is checked again where somebody has deployed another version since, and as long as it has a problem', async () => {
    expect((await start(GOOD)).checked).toBe(true);
    await fixture.runtime.versions.deploy(ORGANISATION, { 'workflow.yaml': `${GOOD}\ndescription: other` }, 'test');
    for (const _again of [1, 2]) {
      const { checked, problems } = await start(GOOD);
      expect(checked).toBe(true);
      expect(problems).toHaveLength(1);
    }
  });
});
