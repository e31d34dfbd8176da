import { describe, expect, it } from '@jest/globals';
import { Chance } from '../staff/chance.js';
import { MANNERS, PartnerBehaviour } from './behaviour.js';
import { type Asked, briskPlanOf, type Plan, planOf } from './plan.js';

const BEHAVIOUR = PartnerBehaviour.read('demo/behaviour.yaml');
const SENT = '2026-11-22T10:00:00.000Z';
const DUE = '2026-12-06T10:00:00.000Z';

describe('how a partner treats a hand-off', () => {
  it('follows from seed, partner, service, family and attempt alone', () => {
    expect(plan({ id: 'one' })).toEqual(JSON.parse(JSON.stringify(plan({ id: 'two' })).replaceAll('two', 'one')));
    const plans = [
      plan({}),
      plan({}, 'other'),
      plan({ family: 'F-0002' }),
      plan({ attempt: 1 }),
      plan({ partner: 'otbasy-bank' }),
    ];
    expect(new Set(plans.map(({ partnerRef }) => partnerRef)).size).toBe(plans.length);
  });

  it('shows every manner among the families of one town', () => {
    const plans = town();
    for (const manner of MANNERS) expect(plans.filter((one) => one.manner === manner).length).toBeGreaterThan(5);
    const events = plans.flatMap(({ callbacks }) => callbacks.map(({ event }) => event.type));
    for (const type of ['acknowledged', 'papers_requested', 'done', 'rejected']) expect(events).toContain(type);
    expect(plans.some(({ failures }) => failures.length === 3)).toBe(true);
    expect(plans.some(({ failures }) => failures.some(({ status }) => status === 429))).toBe(true);
    for (const trait of ['replyLost', 'deafToRecall'] as const) expect(plans.some((one) => one[trait])).toBe(true);
    expect(plans.some(({ callbacks }) => callbacks.some(({ times }) => times > 1))).toBe(true);
  });

  it('keeps answers in time well before the term and late ones well after it, so that no run flips them', () => {
    const term = Date.parse(DUE) - Date.parse(SENT);
    for (const { manner, callbacks } of town().filter(({ callbacks }) => !asksPapers(callbacks))) {
      const result = callbacks.find(({ event }) => event.type === 'done' || event.type === 'rejected');
      const at = result ? (Date.parse(result.due) - Date.parse(SENT)) / term : null;
      if (manner === 'silent') expect(callbacks).toEqual([]);
      else if (manner === 'late') expect(at).toBeGreaterThan(1.1);
      else expect(at).toBeLessThan(0.8);
    }
  });

  it('waits three weeks for papers that it asks for, and answers soon after they came', () => {
    const families = town().flatMap(({ callbacks }, number) => (asksPapers(callbacks) ? [`F-${number}`] : []));
    expect(families.length).toBeGreaterThan(20);
    const suppliedAt = '2026-12-04T06:00:00.000Z';
    for (const family of families) {
      const [asked, inVain] = plan({ family }).callbacks.slice(-2);
      expect(Date.parse(inVain?.due ?? '') - Date.parse(asked?.due ?? '')).toBe(21 * 86_400_000);
      expect(inVain).toMatchObject({ unlessPapers: true, event: { type: 'rejected', reasonCode: 'MISSING_DOCS' } });
      const result = plan({ family, suppliedAt }).callbacks.at(-1);
      expect(result?.unlessPapers).toBeUndefined();
      expect(Date.parse(result?.due ?? '') - Date.parse(suppliedAt)).toBeLessThan(2 * 86_400_000);
      expect(Date.parse(result?.due ?? '')).toBeGreaterThan(Date.parse(suppliedAt));
    }
  });

  it('puts an early result before its own 202, and a result of disorder before the acknowledgement', () => {
    for (const { manner, callbacks } of town()) {
      expect(callbacks.every(({ beforeReply }) => beforeReply === (manner === 'early'))).toBe(true);
      const types = callbacks.map(({ event }) => event.type);
      if (manner === 'disorder') expect(types.at(-1)).toBe('acknowledged');
      else if (manner !== 'silent') expect(types[0]).toBe('acknowledged');
      const dues = callbacks.map(({ due }) => due);
      expect(dues).toEqual([...dues].sort());
    }
  });

  it('goes smoothly after some attempts, so that a run ends', () => {
    for (const { manner, callbacks } of town(3)) {
      expect(manner).toBe('prompt');
      expect(callbacks.map(({ event }) => event.type)).toEqual(['acknowledged', 'done']);
    }
  });

  it('is faster where a demonstration asks for it', () => {
    const [usual, fast] = [1, 100].map((pace) =>
      planOf(new Chance('7'), BEHAVIOUR.of('atameken', 'course-enrolment'), asked({ family: 'F-0003' }), pace),
    );
    const resultAfter = (one: Plan | undefined) => Date.parse(one?.callbacks.at(-1)?.due ?? '') - Date.parse(SENT);
    expect(resultAfter(fast) / resultAfter(usual)).toBeCloseTo(0.01, 4);
    const late = town().findIndex(({ manner }) => manner === 'late');
    const hurried = planOf(
      new Chance('7'),
      BEHAVIOUR.of('atameken', 'course-enrolment'),
      asked({ family: `F-${late}` }),
      100,
    );
    expect(hurried.callbacks.at(-1)?.due.localeCompare(DUE)).toBe(1);
  });
});

describe('the plan for somebody who looks on', () => {
  it('answers within a minute whatever the term is, and never falls silent or late', () => {
    const plans = Array.from({ length: 200 }, (_none, number) =>
      briskPlanOf(new Chance('7'), BEHAVIOUR.of('atameken', 'course-enrolment'), asked({ family: `F-${number}` })),
    );
    for (const { manner, callbacks } of plans) {
      expect(['prompt', 'early', 'disorder']).toContain(manner);
      // A family that has to bring papers gets its days.
      for (const { due } of callbacks.filter(({ unlessPapers }) => !unlessPapers))
        expect(Date.parse(due) - Date.parse(SENT)).toBeLessThanOrEqual(60_000);
    }
    const [hurried] = plans;
    const soon = { ...asked({ family: 'F-0' }), dueAt: new Date(Date.parse(SENT) + 2_000).toISOString() };
    const [first] = briskPlanOf(new Chance('7'), BEHAVIOUR.of('atameken', 'course-enrolment'), soon).callbacks;
    expect(first?.due.localeCompare(hurried?.callbacks[0]?.due ?? '')).toBe(-1);
  });
});

describe('the behaviour of partners', () => {
  it('is refused with the place of each mistake', () => {
    expect(() => PartnerBehaviour.from({ partners: { default: { replyLost: 2 }, services: {} } })).toThrow(
      /partners\.default\.manner[\s\S]*partners\.default\.replyLost: Too big/,
    );
  });

  it('may differ by service', () => {
    expect(BEHAVIOUR.of('otbasy-bank', 'housing-advice').rejected).toBe(0.25);
    expect(BEHAVIOUR.of('otbasy-bank', 'another').rejected).toBe(0.1);
  });
});

function plan(change: Partial<Asked>, seed = '7'): Plan {
  return planOf(new Chance(seed), BEHAVIOUR.of('atameken', 'course-enrolment'), asked(change));
}

function asksPapers(callbacks: Plan['callbacks']): boolean {
  return callbacks.some(({ event }) => event.type === 'papers_requested');
}

function town(attempt = 0): Plan[] {
  return Array.from({ length: 400 }, (_none, number) => plan({ family: `F-${number}`, attempt }));
}

function asked(change: Partial<Asked>): Asked {
  return {
    id: 'h1',
    partner: 'atameken',
    service: 'course-enrolment',
    family: 'F-0001',
    attempt: 0,
    sentAt: SENT,
    dueAt: DUE,
    ...change,
  };
}
