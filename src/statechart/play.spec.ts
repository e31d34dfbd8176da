import { describe, expect, it } from '@jest/globals';
import { MONDAY } from '../../test/charts.js';
import { loadWorkflow } from './load.js';
import { Player, type PlayStep, play } from './play.js';

function played(yaml: string, events: string, input = {}): PlayStep[] {
  return play(loadWorkflow({ 'workflow.yaml': yaml }, { forPlay: true }), events, { input, now: MONDAY }).steps;
}

function brief(steps: PlayStep[]) {
  return steps.map(({ event, accepted, state }) => [event, accepted, state]);
}

describe('playing a chart', () => {
  it('shows what the workflow says to whoever sends an event that its guards refuse, and only then', () => {
    const yaml = `
      id: m
      context: { paid: true }
      delays: { day: 1 day }
      events: { STOP: { refused: { en: It was paid. } } }
      initial: work
      states:
        work: { on: { STOP: { guard: '= not(context.paid)', target: done } }, after: { day: idle } }
        idle: { after: { day: done } }
        done: { type: final }
    `;
    const steps = played(yaml, 'STOP,wait(P1D),STOP');
    expect(steps.map(({ accepted, refused }) => [accepted, refused])).toEqual([
      [true, undefined],
      [false, { en: 'It was paid.' }],
      [true, undefined],
      [false, undefined],
    ]);
  });

  it('shows the start and every step, with what it accepts and what it asks for', () => {
    const steps = played(
      `
      id: m
      initial: review
      delays: { reminder: 3 days }
      states:
        review:
          invoke: { id: check, src: task, input: { form: plan, deadline: 1 working day }, onDone: done }
          after: { reminder: { actions: { type: notify, params: { to: curator } } } }
          on: { STOP: done }
        done: { type: final }
      `,
      'HELLO,wait(P3D),done(check):{"ok":true},STOP',
    );
    expect(steps).toEqual([
      {
        event: null,
        accepted: true,
        state: 'review',
        accepts: ['STOP'],
        effects: [
          { kind: 'timer', id: 'reminder', due: '2026-01-08T04:00:00.000Z' },
          {
            kind: 'open',
            id: 'check',
            src: 'task',
            input: { form: 'plan', deadline: '1 working day' },
            due: '2026-01-06T13:00:00.000Z',
          },
        ],
      },
      { event: 'HELLO', accepted: false, state: 'review', accepts: ['STOP'], effects: [] },
      {
        event: 'wait(P3D)',
        accepted: true,
        state: 'review',
        accepts: ['STOP'],
        effects: [
          { kind: 'cancel', id: 'reminder' },
          { kind: 'action', id: 'notify', input: { to: 'curator' } },
        ],
      },
      {
        event: 'done(check)',
        accepted: true,
        state: 'done',
        accepts: [],
        effects: [{ kind: 'close', id: 'check', src: 'task' }],
      },
      { event: 'STOP', accepted: false, state: 'done', accepts: [], effects: [] },
    ]);
  });

  it('fires what is due in the order of its dues, timers that were set meanwhile included', () => {
    const chart = `
      id: m
      initial: a
      states:
        a: { after: { 1000: b } }
        b: { after: { 1000: c, 500: { actions: { type: notify, params: { half: true } } } } }
        c: { after: { 1000: d } }
        d: {}
    `;
    expect(brief(played(chart, 'wait(PT2S),wait(PT0.999S),wait(PT0.001S)'))).toEqual([
      [null, true, 'a'],
      ['wait(PT2S)', true, 'c'],
      ['wait(PT0.999S)', true, 'c'],
      ['wait(PT0.001S)', true, 'd'],
    ]);
    expect(played(chart, 'wait(2500)')[1]?.effects.map(({ kind, id }) => `${kind} ${id}`)).toEqual([
      'cancel 1000',
      'timer 500',
      'timer 1000',
      'cancel 500',
      'action notify',
      'cancel 1000',
      'timer 1000',
    ]);
  });

  it('does not fire a timer again that nothing took', () => {
    const chart =
      "{ id: m, context: { n: 0 }, initial: a, states: { a: { after: { 1000: { guard: '= context.n = 1', target: b } }, on: { SET: { actions: { type: set, params: { n: 1 } } } } }, b: {} } }";
    expect(brief(played(chart, 'wait(PT5S),SET,wait(PT5S)'))).toEqual([
      [null, true, 'a'],
      ['wait(PT5S)', true, 'a'],
      ['SET', true, 'a'],
      ['wait(PT5S)', true, 'a'],
    ]);
  });

  it('leaves sources that it does not know inert: they can be answered', () => {
    const chart = '{ initial: a, states: { a: { invoke: { src: fetchUser, onDone: b, onError: c } }, b: {}, c: {} } }';
    expect(brief(played(chart, 'done(0.(machine).a)'))).toEqual([
      [null, true, 'a'],
      ['done(0.(machine).a)', true, 'b'],
    ]);
    expect(brief(played(chart, 'error(0.(machine).a)'))[1]).toEqual(['error(0.(machine).a)', true, 'c']);
  });

  it('does not take an answer to what is not open, nor an error for which there is no `onError`', () => {
    const chart = '{ id: m, initial: a, states: { a: { invoke: { id: t, src: task, onDone: b } }, b: {} } }';
    expect(brief(played(chart, 'error(t),done(other),done(t),done(t)'))).toEqual([
      [null, true, 'a'],
      ['error(t)', false, 'a'],
      ['done(other)', false, 'a'],
      ['done(t)', true, 'b'],
      ['done(t)', false, 'b'],
    ]);
  });

  it('answers the items of a list by their keys', () => {
    const chart =
      "{ id: m, context: { people: [ana, bek] }, initial: a, states: { a: { invoke: { id: t, src: task, each: '= context.people', key: '= item', onDone: b } }, b: {} } }";
    const steps = played(chart, 'done(t:bek),done(t)');
    expect(steps[0]?.effects.map(({ id }) => id)).toEqual(['t:ana', 't:bek']);
    expect(brief(steps).slice(1)).toEqual([
      ['done(t:bek)', true, 'a'],
      ['done(t)', true, 'b'],
    ]);
  });

  it('takes input that is missing for null', () => {
    const chart =
      "{ id: m, context: { family: '= input.familyId' }, initial: a, states: { a: { invoke: { id: t, src: task, input: { family: '= context.family' } } } } }";
    expect(played(chart, '')[0]).toMatchObject({ accepted: true, effects: [{ input: { family: null } }] });
    expect(played(chart, '', { familyId: 'f1' })[0]).toMatchObject({ effects: [{ input: { family: 'f1' } }] });
  });

  it('names the fault of a step that cannot be made, and goes on', () => {
    const chart =
      "{ id: m, context: {}, initial: a, states: { a: { on: { GO: { guard: '= context.x', target: b }, ON: b } }, b: {} } }";
    const steps = played(chart, 'GO,ON');
    expect(steps[1]).toMatchObject({ accepted: false, state: 'a', fault: { rule: 'expression', state: 'a' } });
    expect(steps[2]).toMatchObject({ accepted: true, state: 'b' });
  });

  it('goes nowhere from a start that cannot be made', () => {
    const steps = played(
      "{ id: m, context: {}, initial: a, states: { a: { entry: { type: notify, params: { to: '= context.x' } }, on: { GO: a } } } }",
      'GO',
    );
    expect(steps).toMatchObject([
      { event: null, accepted: false, state: null, fault: { rule: 'expression' } },
      { event: 'GO', accepted: false, state: null },
    ]);
  });

  it('stops a wait in which timers go round in circles', () => {
    const player = new Player(
      loadWorkflow({
        'workflow.yaml': '{ id: m, initial: a, states: { a: { after: { 1: b } }, b: { after: { 1: a } } } }',
      }),
    );
    player.start();
    expect(player.play({ kind: 'wait', text: 'wait(P1D)', duration: 'P1D' }).effects.length).toBeLessThanOrEqual(
      20_000,
    );
  });
});
