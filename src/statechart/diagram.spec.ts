import { describe, expect, it } from '@jest/globals';
import { createMachine, initialTransition } from 'xstate';
import { diagram } from './diagram.js';
import { loadWorkflow } from './load.js';
import { studioMachine } from './studio.js';

const workflow = loadWorkflow({
  'workflow.yaml': `
id: lamp
title: { kk: Шам, ru: Лампа, en: Lamp }
context: { times: 0 }
delays: { soon: 5 minutes }
initial: off-duty
states:
  off-duty: { on: { PRESS: { target: lit, guard: '= context.times < 3' } }, meta: { title: { en: Off duty } } }
  lit:
    type: parallel
    onDone: burnt
    states:
      red: { initial: on, states: { on: { after: { soon: out } }, out: { type: final } } }
      green: { initial: on, states: { on: { on: { PRESS: out } }, out: { type: final } } }
  burnt: { type: final }
`,
});

describe('the picture of a workflow', () => {
  const { nodes, edges, mermaid } = diagram(workflow);

  it('has every state with its title, and every way from one to another with its guard', () => {
    expect(nodes.map((node) => node.path)).toEqual([
      '',
      'off-duty',
      'lit',
      'lit.red',
      'lit.red.on',
      'lit.red.out',
      'lit.green',
      'lit.green.on',
      'lit.green.out',
      'burnt',
    ]);
    expect(nodes[1]).toMatchObject({ title: 'Off duty', initial: true, parent: '' });
    expect(edges).toContainEqual({ from: 'off-duty', to: 'lit', label: 'PRESS', guard: '= context.times < 3' });
    expect(edges).toContainEqual({ from: 'lit', to: 'burnt', label: 'done', guard: null });
  });

  it('is Mermaid with one region beside the other', () => {
    expect(mermaid).toContain('state "Off duty" as s_off_2d_duty');
    expect(mermaid).toContain('  [*] --> s_off_2d_duty');
    expect(mermaid.split('\n').filter((line) => line.trim() === '--')).toHaveLength(1);
    expect(mermaid).toContain('s_burnt --> [*]');
  });
});

describe('the export for the studio', () => {
  it('is JSON that plain XState loads and starts', () => {
    const machine = createMachine(JSON.parse(JSON.stringify(studioMachine(workflow))));
    const [snapshot] = initialTransition(machine);
    expect(snapshot.value).toBe('off-duty');
    expect(machine.id).toBe('lamp');
  });
});
