import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { Pool } from 'pg';
import { parseCalendar } from '../statechart/calendar.js';
import { PartnerTerms } from './partner-terms.js';
import { Partners } from './partners.js';

const { calendar } = parseCalendar(readFileSync('workflows/calendar.kz.yaml', 'utf8'));

function read(yaml: string): Partners {
  return new Partners({
    catalogue: yaml,
    addresses: {},
    clock: { now: () => Promise.reject(new Error('nobody asks')) },
    loopback: false,
    // Nobody has an address: no circuit is ever asked for.
    circuits: { pool: {} as Pool, organisationId: '' },
    changed: () => undefined,
  });
}
const service = (more: string) => `bank: { title: {}, services: { advice: { title: {}, ${more} } } }`;

/** Nauryz 2026 is 21 to 25 March, Saturday to Wednesday. */
const DUE = '2026-03-19T13:00:00.000Z';

describe('how long an answer is still waited for', () => {
  it('is what the service says, in working days', () => {
    const terms = new PartnerTerms(read(service('grace: 2 working days')), calendar);
    expect(terms.giveUpAt({ partner: 'bank', service: 'advice' }, DUE)).toBe('2026-03-26T13:00:00.000Z');
  });

  it('is usually six working days, also where the partner or the service is gone from the file', () => {
    const terms = new PartnerTerms(read(service('pause: 3 days')), calendar);
    for (const [partner, name] of [
      ['bank', 'advice'],
      ['bank', 'gone'],
      ['gone', 'advice'],
    ] as const)
      expect(terms.giveUpAt({ partner, service: name }, DUE)).toBe('2026-04-01T13:00:00.000Z');
  });

  it.each(['soon', '= today()', 'until = today()'])('cannot be "%s"', (text) => {
    expect(() => read(service(`grace: "${text}"`))).toThrow(/"grace"/);
  });
});

describe('how soon a partner says that it has a hand-off', () => {
  it('is what the service says, usually within two working days', () => {
    const asked = { partner: 'bank', service: 'advice' };
    const within = (more: string) => new PartnerTerms(read(service(more)), calendar).acknowledgeBy(asked, DUE);
    expect(within('acknowledge: 1 working day')).toBe('2026-03-20T13:00:00.000Z');
    expect(within('pause: 3 days')).toBe('2026-03-26T13:00:00.000Z');
    expect(() => within('acknowledge: soon')).toThrow(/"acknowledge"/);
  });
});
