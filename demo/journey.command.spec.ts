import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, it } from '@jest/globals';
import { EXIT, explain, Terminal } from '../src/cli/terminal.js';
import { journeyCommand } from './journey.command.js';
import { type JourneyReport, JourneyStuck } from './journey.js';
import { MISHAP_WORDS, type Mishaps } from './mishaps.js';
import { TownRefused } from './town.js';

const { DATABASE_URL } = process.env;
afterEach(() => {
  if (DATABASE_URL === undefined) delete process.env.DATABASE_URL;
  else process.env.DATABASE_URL = DATABASE_URL;
});

const everyMishap = Object.fromEntries(Object.keys(MISHAP_WORDS).map((name) => [name, 1])) as Mishaps;

/** Everybody came to an end, and everything happened. */
function whole(change: Partial<JourneyReport> = {}): JourneyReport {
  return {
    families: 400,
    finished: 400,
    byStatus: { done: 400 },
    funnel: [],
    outcomes: {},
    partners: [],
    incidents: [],
    verify: { ok: true, cases: 400, rows: 9_000, problems: [] },
    seed: '1',
    wallMs: 1_000,
    mishaps: everyMishap,
    ends: {},
    days: 300,
    ...change,
  };
}

/** What the command says on stderr, and the code with which it ends. */
async function run(led: () => Promise<JourneyReport>): Promise<{ code: number; said: string }> {
  const stderr = new PassThrough();
  const terminal = new Terminal(true, new PassThrough().resume(), stderr);
  const options = { families: 'demo/data/families.csv', seed: '1' };
  const code = await journeyCommand(options, terminal, led).catch((error: unknown) => {
    const { exitCode, code, message } = explain(error);
    terminal.progress(`${code}: ${message}`);
    return exitCode;
  });
  return { code, said: String(stderr.read()) };
}

const ended = (change: Partial<JourneyReport>) => run(async () => whole(change));

describe('the command that leads families through a journey', () => {
  it('ends well when everybody came to an end, the journals are clean and everything that can happen did', async () => {
    const { code, said } = await ended({});
    expect(code).toBe(EXIT.ok);
    expect(said).not.toContain('Never happened');
  });

  it.each(Object.entries(MISHAP_WORDS))('fails when %s never happened, and says so: %s', async (name, words) => {
    const { code, said } = await ended({ mishaps: { ...everyMishap, [name]: 0 } });
    expect(code).toBe(EXIT.found);
    expect(said).toContain(`Never happened, so the run shows nothing about it: ${words}.`);
  });

  it('names everything that never happened', async () => {
    const { said } = await ended({ mishaps: { ...everyMishap, noShow: 0, recalled: 0 } });
    expect(said).toContain('about it: did not come, recalled from a partner.');
  });

  it('asks that of 400 families, and not of fewer', async () => {
    const mishaps = { ...everyMishap, noShow: 0 };
    expect(await ended({ families: 399, finished: 399, mishaps })).toMatchObject({ code: EXIT.ok });
    expect(await ended({ families: 401, finished: 401, mishaps })).toMatchObject({ code: EXIT.found });
  });

  it('fails when families have not come to an end', async () => {
    const { code, said } = await ended({ finished: 398 });
    expect(code).toBe(EXIT.found);
    expect(said).toContain('2 families have not come to an end.');
  });

  it('fails when a journal is not as it was written', async () => {
    const problem = { case: 'c1', number: 'C-2026-0001', seq: 3, problem: 'hash', detail: 'It does not fit.' };
    const problems = [problem] as unknown as JourneyReport['verify']['problems'];
    const { code, said } = await ended({ verify: { ok: false, cases: 400, rows: 9_000, problems } });
    expect(code).toBe(EXIT.found);
    expect(said).toContain('verify found 1 problems.');
  });

  it('fails for an incident that nobody can explain, and for no other', async () => {
    const incident = { case: 'C-2026-0001', reason: 'orphan: It waits for nothing.', explained: false };
    const { code, said } = await ended({ incidents: [{ ...incident, explained: true }, incident] });
    expect(code).toBe(EXIT.found);
    expect(said).toContain('1 incidents are not explained; the first: orphan: It waits for nothing.');
    expect(await ended({ incidents: [{ ...incident, explained: true }] })).toMatchObject({ code: EXIT.ok });
  });

  it('says everything that is wrong at once', async () => {
    const { said } = await ended({ finished: 399, mishaps: { ...everyMishap, resit: 0 } });
    expect(said).toContain('1 families have not come to an end.');
    expect(said).toContain('exam taken again');
  });

  it('never runs on a production database', async () => {
    process.env.DATABASE_URL = 'postgres://qamqor@127.0.0.1:1/qamqor';
    const { code, said } = await run(() => Promise.reject(new Error('It ran.')));
    expect(code).toBe(EXIT.unusable);
    expect(said).toMatch(/^production: A journey moves the clock .* Unset DATABASE_URL/);
  });

  it.each([
    ['database-in-use', EXIT.unusable, new TownRefused('Somebody serves it.'), 'Somebody serves it.'],
    ['journey-stuck', EXIT.found, new JourneyStuck('Nothing is due any more.'), 'Nothing is due any more.'],
  ])('ends with %s and %i where it cannot go on', async (reason, exit, error, words) => {
    const { code, said } = await run(() => Promise.reject(error));
    expect(code).toBe(exit);
    expect(said).toContain(`${reason}: ${words}`);
  });
});
