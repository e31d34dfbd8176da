import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { HandoffTown, referral } from '../../test/handoffs.js';

let town: HandoffTown;
beforeAll(async () => {
  const request = { member: 2, course: 'sewing' };
  const input = { partner: 'otbasy-bank', service: 'housing-advice', deadline: '10 days', request };
  town = await HandoffTown.create([referral('husband', 'otbasy-bank', 'housing-advice', { input })]);
});
afterAll(() => town.close());

describe('a hand-off', () => {
  it('is about whom of the family the request names, whose number the partner does not see', async () => {
    const family = await town.family();
    await town.sql(
      `insert into qamqor.persons (id, organisation_id, family_id, place, relation, surname, given, phone, created_at, created_by, updated_at, updated_by)
       select gen_random_uuid(), organisation_id, id, 1, 'spouse', 'Қасымов', 'Ерлан', '+77025554433', now(), 'test', now(), 'test'
       from qamqor.families where id = $1`,
      [family],
    );
    const { handoff } = await town.sent('husband', family);
    const body = JSON.parse(town.bank.about(handoff)[0]?.body ?? '{}');
    expect(body.person).toMatchObject({ surname: 'Қасымов', given: 'Ерлан', phone: '+77025554433' });
    expect(body.request).toEqual({ course: 'sewing', caseNumber: expect.any(String) });
  });
});
