import { describe, expect, it } from '@jest/globals';
import { RealTimetable, SimulatedTimetable } from './timetable.js';

const at = (minute: number) => new Date(Date.UTC(2026, 10, 22, 10, minute)).toISOString();

describe('simulated time', () => {
  it('does what is due, in the order of the moments, and nothing else', async () => {
    const done: string[] = [];
    const timetable = new SimulatedTimetable();
    for (const minute of [3, 1, 2]) timetable.at(at(minute), 'one', async () => void done.push(`minute ${minute}`));
    expect(timetable.nextDue()).toBe(at(1));
    expect(await timetable.runDue(at(0))).toBe(0);
    expect(await timetable.runDue(at(2))).toBe(2);
    expect(done).toEqual(['minute 1', 'minute 2']);
    expect(timetable.nextDue()).toBe(at(3));
    expect(await timetable.runDue(at(60))).toBe(1);
    expect(timetable.nextDue()).toBeNull();
  });

  it('lets works of one key follow each other, and others go beside them', async () => {
    const timetable = new SimulatedTimetable();
    const log: string[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    timetable.at(at(1), 'slow', () => promise.then(() => void log.push('slow 1')));
    timetable.at(at(2), 'slow', async () => void log.push('slow 2'));
    timetable.at(at(3), 'quick', async () => {
      log.push('quick');
      resolve();
    });
    await timetable.runDue(at(3));
    expect(log).toEqual(['quick', 'slow 1', 'slow 2']);
  });

  it('takes what falls due later while it works', async () => {
    const timetable = new SimulatedTimetable();
    timetable.at(at(1), 'one', async () => timetable.at(at(2), 'one', async () => undefined));
    await timetable.runDue(at(5));
    expect(timetable.nextDue()).toBe(at(2));
  });
});

describe('real time', () => {
  it('does at once what is due, and survives what fails', async () => {
    const warnings: unknown[] = [];
    const timetable = new RealTimetable({ now: async () => at(10) }, (error) => warnings.push(error));
    await new Promise<void>((resolve) => {
      timetable.at(at(1), 'one', () => Promise.reject(new Error('no')));
      timetable.at(at(2), 'one', async () => resolve());
    });
    expect(warnings).toEqual([new Error('no')]);
    await timetable.stop();
  });

  it('drops what is waiting when it is stopped', async () => {
    const timetable = new RealTimetable({ now: async () => at(0) }, () => undefined);
    let done = false;
    timetable.at(at(1), 'one', async () => {
      done = true;
    });
    await timetable.stop();
    expect(done).toBe(false);
  });
});
