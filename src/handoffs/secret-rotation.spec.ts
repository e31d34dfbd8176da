import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { acknowledged, done, HandoffTown, referral } from '../../test/handoffs.js';
import { pass } from '../../test/partner.js';
import { verify } from './webhook.js';

const OLD = `whsec_${Buffer.alloc(32, 5).toString('base64')}`;
let town: HandoffTown;
beforeAll(async () => {
  // Long enough for this spec, by the clock that it moves itself.
  const oldSecret = { secret: OLD, until: new Date(Date.now() + 24 * 3600_000).toISOString() };
  town = await HandoffTown.create([referral('housing', 'otbasy-bank', 'housing-advice')], { bank: { oldSecret } });
});
afterAll(() => town.close());

/** By which of the two secrets the bank knows what it was sent. */
async function known(handoff: string) {
  const [delivery] = town.bank.about(handoff);
  if (!delivery) throw new Error('Nothing came.');
  const now = await town.api.system.clock.now();
  const rawBody = Buffer.from(delivery.body);
  const by = (secret: string) => verify({ headers: delivery.headers, rawBody, secrets: [secret], now }).ok;
  return { old: by(OLD), new: by(town.bank.secret) };
}

it('while a secret is replaced both are in force, and after its end only the new one, without a restart', async () => {
  const during = await town.sent('housing');
  expect(await known(during.handoff)).toEqual({ old: true, new: true });
  expect((await town.tell(during.handoff, acknowledged(), { secret: OLD })).status).toBe(200);
  expect((await town.tell(during.handoff, done())).status).toBe(200);

  const before = await town.sent('housing');
  await pass(town.api.system, { hours: 25 });
  const after = await town.sent('housing');
  expect(await known(after.handoff)).toEqual({ old: false, new: true });
  expect(await town.tell(before.handoff, acknowledged(), { secret: OLD })).toMatchObject({
    status: 401,
    body: { code: 'bad-signature' },
  });
  expect((await town.tell(before.handoff, done())).status).toBe(200);
});
