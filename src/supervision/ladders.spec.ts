import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { parseCalendar } from '../statechart/calendar.js';
import { dueAt, parseDelay } from '../statechart/delay.js';
import { givenMs, Ladders, momentOf } from './ladders.js';

const { calendar } = parseCalendar(readFileSync('workflows/calendar.kz.yaml', 'utf8'));
const ladders = new Ladders(readFileSync('workflows/escalation.yaml', 'utf8'), ['head']);

/** When each step of a ladder is due, for something opened at a moment in Almaty and due after a span. */
function steps(key: string, opened: string, span: string): string[] {
  const ladder = ladders.find(key);
  const openedAt = new Date(`${opened}+05:00`).toISOString();
  const due = dueAt(parseDelay(span), {}, { now: openedAt, calendar }) ?? '';
  const given = { openedAt, dueAt: due, givenMs: givenMs(ladder, openedAt, due, calendar) };
  return [due, ...ladder.steps.map((step) => momentOf(step, given, calendar))].map((moment) =>
    new Date(Date.parse(moment) + 5 * 3_600_000).toISOString().slice(0, 16),
  );
}

describe('the ladder of a task', () => {
  it('does not count the day of receipt, reminds at 80 % of the working time, and climbs by working days', () => {
    // Friday morning; Monday is the first day that counts.
    expect(steps('task', '2026-11-13T09:00', '3 working days')).toEqual([
      '2026-11-18T18:00',
      '2026-11-18T10:36',
      '2026-11-18T18:00',
      '2026-11-20T18:00',
      '2026-11-25T18:00',
    ]);
  });

  it('steps over holidays', () => {
    // Nauryz 2026: 21 to 25 March.
    expect(steps('task', '2026-03-19T09:00', '1 working day').at(3)).toBe('2026-03-27T18:00');
  });

  it('does not remind on a weekend', () => {
    const [, reminder] = steps('task', '2026-11-13T17:00', '1 working day');
    expect(reminder).toBe('2026-11-16T16:12');
  });

  it('counts hours of the clock where somebody is in danger: nobody waits from Friday evening until Monday', () => {
    expect(steps('urgent', '2026-11-13T19:00', '4 hours')).toEqual([
      '2026-11-13T23:00',
      '2026-11-13T21:00',
      '2026-11-13T23:00',
      '2026-11-14T01:00',
    ]);
  });

  it('is never before its opening, nor a step past the deadline before the deadline', () => {
    const [due, ...moments] = steps('task', '2026-11-14T02:00', '20 minutes');
    expect(due).toBe('2026-11-14T02:20');
    expect(moments[0]).toBe('2026-11-14T02:16');
    for (const moment of moments.slice(1)) expect(moment >= String(due)).toBe(true);
  });
});

describe('a pause', () => {
  it('moves the reminder together with the deadline', () => {
    const ladder = ladders.find('hand-off');
    const [reminder] = ladder.steps;
    const openedAt = '2026-11-16T04:00:00.000Z';
    const due = '2026-11-20T13:00:00.000Z';
    const given = givenMs(ladder, openedAt, due, calendar);
    const at = (dueNow: string) =>
      reminder && momentOf(reminder, { openedAt, dueAt: dueNow, givenMs: given }, calendar);
    expect(at(due)).toBe('2026-11-20T04:00:00.000Z');
    expect(at('2026-12-04T13:00:00.000Z')).toBe('2026-12-04T04:00:00.000Z');
  });
});

describe('a file of ladders', () => {
  it.each([
    ['task: {title: {}, steps: []}', /steps/],
    ['task: {title: {}, steps: [{role: curator}]}', /either/],
    ['task: {title: {}, steps: [{after: 1 working day}]}', /nobody/],
    ['task: {title: {}, steps: [{after: soon, role: curator}]}', /steps\[0\]/],
    ['task: {title: {}, steps: [{after: 1 day, role: curator, tel: x}]}', /tel/],
  ])('that says %s is refused by name', (yaml, why) => {
    expect(() => new Ladders(yaml, [])).toThrow(why);
  });

  it('that lost a ladder still tells those who oversee', () => {
    expect(new Ladders('{}', ['head', 'deputy']).find('gone').steps).toMatchObject([{ roles: ['head', 'deputy'] }]);
  });
});
