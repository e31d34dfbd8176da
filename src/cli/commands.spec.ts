import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, describe, expect, it } from '@jest/globals';
import { LoadError } from '../statechart/load.js';
import type { JsonObject } from '../statechart/types.js';
import { checkWorkflows, testWorkflows } from './check.js';
import { drawWorkflow, exportWorkflow } from './drawing.js';
import { playWorkflow } from './play.js';
import { EXIT, explain, Terminal, TerminalError } from './terminal.js';

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

/** A terminal whose streams are kept. `answer` is the last line of stdout. */
function terminal(json = true) {
  const [stdout, stderr] = [new Kept(), new Kept()];
  return {
    stdout,
    stderr,
    terminal: new Terminal(json, stdout, stderr),
    answer: () => JSON.parse(stdout.text.trim().split('\n').at(-1) ?? '') as JsonObject,
  };
}

class Kept extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
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
    expect(error).toBeInstanceOf(LoadError);
    expect(explain(error).exitCode).toBe(2);
  });
});

describe('workflow check', () => {
  it('passes what comes with Qamqor', async () => {
    const at = terminal();
    expect(await checkWorkflows(undefined, at.terminal)).toBe(EXIT.ok);
    expect(at.answer()).toEqual({ workflows: [{ key: 'family-support', ok: true, findings: [] }] });
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
    });
  });

  it('says so where there is nothing', async () => {
    await expect(checkWorkflows(join(folder, 'nowhere'), terminal().terminal)).rejects.toThrow('There is nothing at');
  });
});

describe('the other workflow commands', () => {
  it('test plays every scenario', async () => {
    const at = terminal();
    expect(await testWorkflows(undefined, at.terminal)).toBe(EXIT.ok);
    expect(at.stderr.text).toContain('✓ A family goes all the way and is awarded the grant');
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
