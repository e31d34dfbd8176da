import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { keptTerminal as terminal } from '../../test/terminal.js';
import { checkWorkflows, testWorkflows } from './check.js';
import { verifyCases } from './database-commands.js';
import { drawWorkflow, exportWorkflow } from './drawing.js';
import { playWorkflow } from './play.js';
import { EXIT, explain, TerminalError } from './terminal.js';

const folder = mkdtempSync(join(tmpdir(), 'cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const LAMP = `
id: lamp
initial: off
states:
  off: { on: { PRESS: on } }
  on: { on: { PRESS: off } }
`;

function workflow(name: string, text: string): string {
  mkdirSync(join(folder, name), { recursive: true });
  const path = join(folder, name, 'workflow.yaml');
  writeFileSync(path, text);
  return path;
}

describe('workflow play', () => {
  it('tells each step as it was asked for, the start first, and goes on after an event that is not taken', async () => {
    const at = terminal();
    const code = await playWorkflow(workflow('lamp', LAMP), { events: 'PRESS,NONSENSE,PRESS' }, at.terminal);
    expect(code).toBe(EXIT.ok);
    expect(at.answer()).toEqual({
      steps: [
        { event: null, accepted: true, state: 'off', accepts: ['PRESS'], effects: [] },
        { event: 'PRESS', accepted: true, state: 'on', accepts: ['PRESS'], effects: [] },
        { event: 'NONSENSE', accepted: false, state: 'on', accepts: ['PRESS'], effects: [] },
        { event: 'PRESS', accepted: true, state: 'off', accepts: ['PRESS'], effects: [] },
      ],
    });
  });

  it('says why an event is refused, in the words of its workflow', async () => {
    const at = terminal();
    const locked = LAMP.replace('PRESS: on }', "PRESS: { guard: '= 1 = 2', target: on } }");
    const words = 'events: { PRESS: { refused: { en: It is locked. Unlock it first. } } }';
    await playWorkflow(workflow('locked', `${locked}${words}`), { events: 'PRESS' }, at.terminal);
    expect(at.stderr.text).toContain('PRESS (not taken) → "off"\n  refused: It is locked. Unlock it first.');
  });

  it('leaves stdout to the JSON', async () => {
    const at = terminal();
    await playWorkflow(workflow('lamp', LAMP), { events: 'PRESS' }, at.terminal);
    expect(at.stdout.text.trim().split('\n')).toHaveLength(1);
    expect(at.stderr.text).toContain('PRESS → "on"');
  });

  it.each([
    ['wait(soon)', 'does not say how long'],
    ['PRESS:{broken', 'not JSON'],
  ])('refuses the list %s before anything is played', async (events, why) => {
    const at = terminal();
    const played = playWorkflow(workflow('lamp', LAMP), { events }, at.terminal);
    await expect(played).rejects.toThrow(TerminalError);
    await expect(played).rejects.toThrow(why);
    expect(at.stdout.text).toBe('');
  });

  it('refuses input that is no JSON object', async () => {
    await expect(
      playWorkflow(workflow('lamp', LAMP), { events: '', input: '[1]' }, terminal().terminal),
    ).rejects.toThrow('--input must be a JSON object');
  });

  it('says what is wrong with a chart that cannot be loaded, with exit code 2', async () => {
    const error = await playWorkflow(
      workflow('broken', 'initial: nowhere\nstates: { a: {} }'),
      { events: '' },
      terminal().terminal,
    ).catch((caught: unknown) => caught);
    const { code, exitCode, message } = explain(error);
    expect({ code, exitCode }).toEqual({ code: 'workflow-not-loadable', exitCode: 2 });
    expect(message).toContain(`${join(folder, 'broken', 'workflow.yaml')} cannot be loaded:`);
  });
});

describe('workflow check', () => {
  it('passes what comes with Qamqor', async () => {
    const at = terminal();
    expect(await checkWorkflows(undefined, at.terminal)).toBe(EXIT.ok);
    // Of a year to come that nobody has published yet it tells from January on.
    const { workflows } = at.answer() as { workflows: { findings: { rule: string }[] }[] };
    const told = workflows.map(({ findings, ...rest }) => ({
      ...rest,
      findings: findings.filter(({ rule }) => rule !== 'calendar-year'),
    }));
    expect(told).toEqual(
      ['course-track', 'family-support', 'grant-track'].map((key) => ({ key, ok: true, findings: [] })),
    );
  });

  it('knows the workflows beside the one that it is given alone', async () => {
    const at = terminal();
    expect(await checkWorkflows(resolve('workflows/family-support'), at.terminal)).toBe(EXIT.ok);
  });

  it('ends with 1 on an error, and says what it would mean and what to do', async () => {
    const at = terminal();
    const path = workflow('waits', 'id: waits\ninitial: a\nstates: { a: { on: { GO: b } }, b: { type: final } }');
    expect(await checkWorkflows(path, at.terminal)).toBe(EXIT.found);
    const [checked] = at.answer().workflows as {
      ok: boolean;
      findings: { severity: string; state: string; message: string; hint: string }[];
    }[];
    expect(checked?.ok).toBe(false);
    const finding = checked?.findings.find(({ severity, state }) => severity === 'error' && state === 'a');
    expect(finding?.message).toBeTruthy();
    expect(finding?.hint).toBeTruthy();
  });

  it('ends with 2 where something cannot be loaded, apart from findings', async () => {
    const at = terminal();
    expect(await checkWorkflows(workflow('unloadable', 'id: x\nstates: ['), at.terminal)).toBe(EXIT.unusable);
    expect(at.answer()).toMatchObject({
      workflows: [{ ok: false, findings: [], loadErrors: [expect.objectContaining({ rule: 'unreadable' })] }],
      error: { code: 'workflow-not-loadable', message: expect.stringContaining('unloadable') },
    });
  });

  it('says of a file that is something else that it is no workflow', async () => {
    const error = await checkWorkflows(resolve('workflows/partners.yaml'), terminal().terminal).catch(explain);
    expect(error).toMatchObject({ code: 'not-a-workflow', exitCode: EXIT.unusable });
  });

  it('says so where there is nothing', async () => {
    await expect(checkWorkflows(join(folder, 'nowhere'), terminal().terminal)).rejects.toThrow('There is nothing at');
  });
});

describe('the other workflow commands', () => {
  it('test plays every scenario', async () => {
    const at = terminal();
    expect(await testWorkflows(undefined, at.terminal)).toBe(EXIT.ok);
    expect(at.stderr.text).toContain('✓ A family goes all the way; one of its two learners is awarded the grant');
  });

  it('test names the step of a scenario that goes another way, with exit code 1', async () => {
    const at = terminal();
    const path = workflow('lamp-tested', LAMP.replace('id: lamp', 'id: lamp\nevents: { PRESS: { roles: [curator] } }'));
    mkdirSync(join(folder, 'lamp-tested', 'scenarios'));
    const scenario = join(folder, 'lamp-tested', 'scenarios', 'dark.yaml');
    const given = 'title: It stays dark\ngiven: { input: {}, at: 2026-03-02T09:00:00+05:00 }\n';
    writeFileSync(
      scenario,
      `${given}steps:\n  - when: { event: PRESS, by: curator }\n    then: { waitsFor: [nobody] }\n`,
    );
    expect(await testWorkflows(path, at.terminal)).toBe(EXIT.found);
    expect(at.stderr.text).toContain(
      '✗ It stays dark\n      dark.yaml, step 1: Expected what it waits for to be ["nobody"]',
    );
    expect(at.answer()).toMatchObject({
      workflows: [{ key: 'lamp', scenarios: [{ name: 'dark', ok: false, problem: { step: 1 } }] }],
    });

    writeFileSync(scenario, 'title: [');
    const unreadable = testWorkflows(path, terminal().terminal);
    await expect(unreadable).rejects.toMatchObject({ name: 'TerminalError', code: 'scenario-unreadable' });
  });

  it('diagram asks a database for what no file answers to, and starts none where there is none', async () => {
    process.env.QAMQOR_DATA = join(folder, 'no-data');
    await expect(drawWorkflow('no-such-workflow', terminal().terminal)).rejects.toMatchObject({
      code: 'unknown-workflow',
    });
    expect(existsSync(join(folder, 'no-data'))).toBe(false);
  });

  it('diagram draws what is given by key or by path', async () => {
    const at = terminal(false);
    expect(await drawWorkflow('family-support', at.terminal)).toBe(EXIT.ok);
    expect(await drawWorkflow(workflow('lamp', LAMP), at.terminal)).toBe(EXIT.ok);
    expect(at.stdout.text).toContain('s_off --> s_on : PRESS');
  });

  it('export --studio gives a machine without our own words in it', async () => {
    const at = terminal();
    expect(await exportWorkflow('family-support', { studio: true }, at.terminal)).toBe(EXIT.ok);
    const machine = at.answer();
    expect(machine.id).toBe('family-support');
    expect(machine.stages).toBeUndefined();
    expect(machine.meta).toMatchObject({ qamqor: { stages: { grant: { kk: 'Грант' } } } });
  });
});

describe('verify', () => {
  it('finds no database where there is none, and makes none', async () => {
    const missing = join(folder, 'mistyped');
    const before = process.env.QAMQOR_DATA;
    process.env.QAMQOR_DATA = missing;
    const error = await verifyCases(terminal().terminal).catch(explain);
    if (before === undefined) delete process.env.QAMQOR_DATA;
    else process.env.QAMQOR_DATA = before;
    expect(error).toMatchObject({ code: 'no-database', exitCode: EXIT.unusable });
    expect(error).toMatchObject({ message: expect.stringContaining(missing) });
    expect(existsSync(missing)).toBe(false);
  });
});

describe('what stops a command', () => {
  it('is the last line of stdout as JSON, with exit code 2', () => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--import', resolve('test/typescript.js'), resolve('src/cli.ts'), 'verify', '--json'],
      {
        encoding: 'utf8',
        env: { PATH: process.env.PATH, DATABASE_URL: 'postgres://u:geheim@127.0.0.1:1/d', QAMQOR_DEMOO: '1' },
      },
    );
    expect(status).toBe(2);
    expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toEqual({
      error: { code: 'database-unreachable', message: expect.stringContaining('nothing answers at 127.0.0.1:1') },
    });
    expect(stderr).toContain('The setting QAMQOR_DEMOO means nothing and is passed over. Did you mean "QAMQOR_DEMO"?');
    expect(stdout + stderr).not.toMatch(/geheim|^ {4}at /m);
  });
});

describe('a reader that has seen enough (| head)', () => {
  it.each([['test'], ['test', '--json']])(
    'ends workflow %s as it would have ended, without a word',
    async (...args) => {
      const child = spawn(
        process.execPath,
        [
          '--import',
          resolve('test/typescript.js'),
          resolve('src/cli.ts'),
          'workflow',
          ...args,
          'workflows/course-track',
        ],
        { env: { PATH: process.env.PATH }, stdio: ['ignore', 'pipe', args.includes('--json') ? 'ignore' : 'pipe'] },
      );
      child.stdout?.destroy();
      let said = '';
      child.stderr?.on('data', (chunk: Buffer) => {
        said += chunk.toString();
      });
      expect(await once(child, 'close')).toEqual([EXIT.ok, null]);
      expect(said).toBe('');
    },
  );
});
