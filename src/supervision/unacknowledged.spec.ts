import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { acknowledged, HandoffTown, papersRequested, referral } from '../../test/handoffs.js';
import { pass } from '../../test/partner.js';

let town: HandoffTown;
beforeAll(async () => {
  const input = { partner: 'otbasy-bank', service: 'housing-advice', deadline: '60 working days' };
  town = await HandoffTown.create([
    referral('followed', 'otbasy-bank', 'housing-advice', { input: { ...input, escalation: 'hand-off' } }),
    referral('unfollowed', 'otbasy-bank', 'housing-advice', { input }),
  ]);
  // Monday morning in Almaty, whenever this runs.
  await town.api.system.clock.beginAt('2026-06-08T04:00:00.000Z');
});
afterAll(() => town.close());

interface Told {
  what: string;
  step: number;
  dueAt: string;
  told: { role: string; text: Record<string, string> }[];
}
const told = async (id: string): Promise<Told[]> =>
  (await town.api.get('auditor', `/api/escalations?case=${id}`)).body.items;

describe('a hand-off that its partner does not acknowledge', () => {
  it('is told of after two working days, to whoever looks after it, once, as part of its history', async () => {
    const { id } = await town.sent('followed');
    // Sent on Monday morning: two working days are over when people go home on Wednesday.
    await pass(town.api.system, { hours: 56 });
    expect(await told(id)).toEqual([]);
    await pass(town.api.system, { hours: 2 });
    const [first, ...more] = await told(id);
    expect(more).toEqual([]);
    const dueAt = '2026-06-10T13:00:00.000Z';
    expect(first).toMatchObject({ what: 'handOff', step: 0, dueAt, told: [{ role: 'curator' }] });
    const { number } = await town.caseOf(id);
    for (const words of Object.values(first?.told[0]?.text ?? {})) expect(words).toContain(number);
    expect(first?.told[0]?.text['ru']).toMatch(
      /партнёр не подтвердил, что получил направление «Консультация по жилью»/,
    );
    expect((await town.journalOf(id)).map(({ type }) => type)).toContain('escalate');
    await pass(town.api.system, { days: 10 });
    expect(await told(id)).toHaveLength(1);
  });

  it('is told of once also by several processes at once, after an outage, and where one died before it noted that', async () => {
    const { id, handoff } = await town.sent('followed');
    const { clock, runtime } = town.api.system;
    await clock.advanceTo(new Date(Date.parse(await clock.now()) + 9 * 86_400_000).toISOString());
    const sweep = runtime.engine.sweeps.get('hand-offs not acknowledged') ?? (() => Promise.reject(new Error('none')));
    await Promise.all([sweep(), sweep(), sweep()]);
    await town.settled();
    await town.sql('update qamqor.handoffs set acknowledge_by = sent_at where id = $1', [handoff]);
    await town.settled();
    expect(await told(id)).toHaveLength(1);
  });

  it.each([
    ['it says that it has it', acknowledged()],
    ['it asks for papers', papersRequested()],
  ])('is told of to nobody where %s', async (_what, event) => {
    const { id, handoff } = await town.sent('followed');
    await town.tell(handoff, event);
    if (event.type === 'papers_requested') await town.api.post('curator', `/api/handoffs/${handoff}/supply`, {});
    await pass(town.api.system, { days: 10 });
    expect(await told(id)).toEqual([]);
  });

  it('is told of to nobody while its case is suspended; then its term has moved', async () => {
    const { id } = await town.sent('followed');
    await town.act(id, 'suspend');
    await pass(town.api.system, { days: 10 });
    expect(await told(id)).toEqual([]);
    await town.act(id, 'resume');
    await town.settled();
    expect(await told(id)).toEqual([]);
    await pass(town.api.system, { days: 5 });
    expect(await told(id)).toHaveLength(1);
  });

  it('is told of to nobody where no ladder says who hears', async () => {
    const { id } = await town.sent('unfollowed');
    await pass(town.api.system, { days: 10 });
    expect(await told(id)).toEqual([]);
  });
});

it('every case of this spec can be proved from its journal, and nothing was an error of ours', () =>
  town.expectSound());
