import { PassThrough } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import { readConfig } from '../config.js';
import { Log } from './log.js';

function logged(settings: Record<string, string>, tell: (log: Log) => void, isTTY = false): string {
  const stream = Object.assign(new PassThrough(), { isTTY });
  tell(new Log(readConfig(settings), stream));
  return String(stream.read() ?? '');
}
const lines = (text: string) =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('the log', () => {
  it('is JSON where a program reads it, with level, moment, message and what it is about', () => {
    const [line] = lines(
      logged({}, (log) => log.trouble('It failed.', new Error('no answer'), { case: 'c-1', command: 'outbox:o-1' })),
    );
    expect(line).toMatchObject({
      level: 'warn',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      msg: 'It failed.',
      case: 'c-1',
      command: 'outbox:o-1',
      error: 'no answer',
    });
  });

  it('is lines for a person at a terminal, and JSON there too with NODE_ENV=production', () => {
    const warn = (log: Log) => log.warn('It is late.', 'Partners');
    expect(logged({}, warn, true)).toMatch(/^\S*\[\d\d:\d\d:\d\d\].*WARN.*It is late\..*Partners/s);
    expect(lines(logged({ NODE_ENV: 'production' }, warn, true))).toMatchObject([
      { msg: 'It is late.', part: 'Partners' },
    ]);
  });

  it.each([
    ['silent', []],
    ['error', ['fatal', 'error']],
    ['warn', ['fatal', 'error', 'warn']],
    ['info', ['fatal', 'error', 'warn', 'info']],
    ['debug', ['fatal', 'error', 'warn', 'info', 'debug', 'debug']],
    ['trace', ['fatal', 'error', 'warn', 'info', 'debug', 'debug', 'trace']],
  ])('says with QAMQOR_LOG=%s: %j', (level, said) => {
    const text = logged({ QAMQOR_LOG: level }, (log) => {
      for (const each of ['fatal', 'error', 'warn', 'info', 'log', 'debug', 'verbose'] as const) log[each](each);
    });
    expect(lines(text).map((line) => line['level'])).toEqual(said);
  });

  it('shows where it happened only of what nobody expected', () => {
    const error = new Error('boom');
    const [expected, unexpected] = lines(
      logged({}, (log) => {
        log.trouble('Tried again.', error);
        log.error('GET /x failed', error, { reference: 'r-1' }, 'Http');
      }),
    );
    expect(expected?.['error']).toBe('boom');
    expect(unexpected).toMatchObject({ reference: 'r-1', part: 'Http', error: expect.stringMatching(/boom\n\s+at /) });
  });

  it.each([
    [
      'insert into "families" values (\'Qasymova\') - duplicate key',
      'insert into "families" values (\'…\') - duplicate key',
    ],
    ['invalid input syntax for type uuid: "Aigul Bek"', 'invalid input syntax for type uuid: "…"'],
    ['Unexpected token, "Қасымова" is not JSON', 'Unexpected token, "…" is not JSON'],
    ['no rows for Сейітқызы Дана in it', 'no rows for <text> in it'],
    ['call +7 701 123 45 67 or 900101300123', 'call <number> or <number>'],
    ['told aigul@example.kz', 'told <address>'],
    ['relation "qamqor.cases" does not exist', 'relation "qamqor.cases" does not exist'],
    [
      'case 01936f2a-7c1b-7000-8000-123456789012 at 127.0.0.1:5432',
      'case 01936f2a-7c1b-7000-8000-123456789012 at 127.0.0.1:5432',
    ],
  ])('says of the error %j only %j', (message, said) => {
    const [line] = lines(logged({}, (log) => log.trouble('It failed.', new Error(message))));
    expect(line?.['error']).toBe(said);
  });
});
