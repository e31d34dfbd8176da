import { describe, expect, it } from '@jest/globals';
import { parsePlayEvents } from './play-events.js';

describe('a list of events to play', () => {
  it('holds names, answers, failures and waits', () => {
    expect(parsePlayEvents('GO, done(review), error(review), wait(P3D)')).toEqual([
      { kind: 'event', text: 'GO', type: 'GO' },
      { kind: 'done', text: 'done(review)', id: 'review' },
      { kind: 'error', text: 'error(review)', id: 'review' },
      { kind: 'wait', text: 'wait(P3D)', duration: 'P3D' },
    ]);
  });

  it('does not split inside JSON', () => {
    expect(
      parsePlayEvents('PAY:{"sum":5,"to":["a,b","c)"]},done(t):{"grade":4,"why":"a \\"b, c"},GO:[1,2],N:7,S:"x,y"'),
    ).toEqual([
      { kind: 'event', text: 'PAY', type: 'PAY', data: { sum: 5, to: ['a,b', 'c)'] } },
      { kind: 'done', text: 'done(t)', id: 't', output: { grade: 4, why: 'a "b, c' } },
      { kind: 'event', text: 'GO', type: 'GO', data: [1, 2] },
      { kind: 'event', text: 'N', type: 'N', data: 7 },
      { kind: 'event', text: 'S', type: 'S', data: 'x,y' },
    ]);
  });

  it('takes ids as XState makes them, and names with colons', () => {
    expect(parsePlayEvents('done(0.(machine).a):{"x":1},track:ana,done(track:ana)')).toEqual([
      { kind: 'done', text: 'done(0.(machine).a)', id: '0.(machine).a', output: { x: 1 } },
      { kind: 'event', text: 'track:ana', type: 'track:ana' },
      { kind: 'done', text: 'done(track:ana)', id: 'track:ana' },
    ]);
  });

  it('takes an error with its reason', () => {
    expect(parsePlayEvents('error(t):{"code":"down"}')).toEqual([
      { kind: 'error', text: 'error(t)', id: 't', error: { code: 'down' } },
    ]);
  });

  it('says where JSON is broken', () => {
    expect(() => parsePlayEvents('GO:{"a":}')).toThrow('"GO:{"a":}": what stands behind the colon is not JSON.');
  });

  it('may be empty', () => {
    expect(parsePlayEvents(' , ')).toEqual([]);
  });
});
