import { describe, expect, it } from '@jest/globals';
import { loadWorkflow } from './load.js';
import { startByOf } from './start-by.js';
import type { Calendar, Json } from './types.js';

const calendar: Calendar = {
  zone: 'Asia/Almaty',
  week: [1, 2, 3, 4, 5],
  hours: [{ from: '09:00', to: '18:00' }],
  days: { '2026-11-24': 'off' },
};
/** A Monday. */
const now = '2026-11-23T05:00:00.000Z';

/** @param evaluated what stands in the input of the entry, where it is not what the workflow says */
function startBy(written: Json, evaluated: Json = written): string | null {
  const workflow = loadWorkflow({
    'workflow.yaml': JSON.stringify({
      id: 'm',
      context: { court: null },
      delays: { soon: '2 working days' },
      initial: 'a',
      states: {
        a: {
          invoke: { id: 'ask', src: 'task', input: { form: 'f', role: 'r', startBy: written, deadline: '9 days' } },
        },
      },
    }),
    'forms/f.yaml': '{ type: object }',
  });
  return startByOf(workflow, { node: 'a', invoke: 'ask', input: { startBy: evaluated } }, { now, calendar });
}

describe('when the work on a task should have begun', () => {
  it.each<[string, Json, Json, string | null]>([
    ['working days, past a holiday', '2 working days', '2 working days', '2026-11-26T13:00:00.000Z'],
    ['hours', '4 hours', '4 hours', '2026-11-23T09:00:00.000Z'],
    ['one of the delays', 'soon', 'soon', '2026-11-26T13:00:00.000Z'],
    ['an expression that gave a span', '= context.court', 'PT2H', '2026-11-23T07:00:00.000Z'],
    ['an expression that gave a day', '= context.court', '2026-11-30', '2026-11-30T19:00:00.000Z'],
    ['an expression that gave nothing', '= context.court', null, null],
    [
      'some days before a date',
      { until: '= context.court', before: '2 days' },
      { until: '2026-11-30', before: '2 days' },
      '2026-11-28T19:00:00.000Z',
    ],
  ])('is told by %s', (_what, written, evaluated, expected) => {
    expect(startBy(written, evaluated)).toBe(expected);
  });
});
