import { describe, expect, it } from '@jest/globals';
import { ChartCase } from '../../test/charts.js';
import { standsStill } from './liveness.js';

const CHART = `
  id: m
  delays: { soon: 3 days }
  initial: open
  states:
    open:
      on: { ALONE: alone, HEARD: heard, SIDE: side, HELD: held, ENDED: end, ASKED: asked, REMINDED: reminded }
      after: { soon: end }
    alone: { on: { GO: end } }
    asked: { invoke: { id: t, src: task, input: { deadline: 2 days }, onDone: end } }
    heard:
      invoke: { id: u, src: task, input: { deadline: 2 days, escalation: ladder }, onDone: [{ guard: '= event.output = 1', target: end }, { actions: { type: set, params: { n: 1 } } }] }
    reminded: { after: { soon: { actions: { type: notify, params: { template: x } } } } }
    side:
      type: parallel
      onDone: end
      states:
        one: { initial: a, states: { a: { after: { soon: z } }, z: { type: final } } }
        two: { initial: y, states: { y: { type: final } } }
    held:
      type: parallel
      states:
        one: { initial: a, states: { a: { after: { soon: '#m.end' } } } }
        two: { initial: b, states: { b: { on: { GO: c } }, c: {} } }
    end: { type: final }
`;

function led(...events: string[]): ChartCase {
  const chart = new ChartCase(CHART);
  for (const event of events) expect(chart.send(event).outcome).toBe('taken');
  return chart;
}

const quiet = (chart: ChartCase) => standsStill(chart.workflow, chart.state).map(({ state }) => state);

describe('a case as it stands', () => {
  it('lives by a timer that leads on, by a task that a ladder hears of, and when it has ended', () => {
    for (const event of ['HEARD', 'ENDED']) expect(quiet(led(event))).toEqual([]);
    expect(quiet(led())).toEqual([]);
  });

  it('lives in a region that has finished, and in one that another will take along', () => {
    expect(quiet(led('SIDE'))).toEqual([]);
    expect(quiet(led('HELD'))).toEqual([]);
    expect(quiet(led('HELD', 'GO'))).toEqual([]);
  });

  it('stands still where only an event leads on, where nobody hears, and where a timer only reminds', () => {
    expect(quiet(led('ALONE'))).toEqual(['alone']);
    expect(quiet(led('ASKED'))).toEqual(['asked']);
    expect(quiet(led('REMINDED'))).toEqual(['reminded']);
  });

  it('stands still where what was due has been answered already', () => {
    const chart = led('HEARD');
    chart.answer('u', 2);
    expect(chart.value).toBe('heard');
    expect(quiet(chart)).toEqual(['heard']);
    expect(standsStill(chart.workflow, chart.state)).toMatchObject([
      { state: 'heard', message: expect.stringContaining('"u"'), hint: expect.stringContaining('deadline') },
    ]);
  });

  it('stands still when its ladder names nobody', () => {
    const chart = led('HEARD');
    const ladders = [{ key: 'ladder', roles: [] }];
    expect(standsStill(chart.workflow, chart.state, { ladders })).toMatchObject([{ state: 'heard' }]);
  });
});
