import { systemIds } from '../src/platform/ids.js';
import type { Json, JsonObject } from '../src/statechart/types.js';

/** What happens in a journey, in order: it is opened, five events come from outside, and the partner answers between them. */
export const STEPS = ['open', 'screen', 'plan', 'partner', 'enrol', 'attend', 'assess'] as const;
export type Step = (typeof STEPS)[number];
/** Steps that somebody outside takes. The partner's comes through the outbox. */
export const OWN_STEPS = ['open', 'screen', 'plan', 'enrol', 'attend', 'assess'] as const satisfies Step[];
export type OwnStep = (typeof OWN_STEPS)[number];

export const ORGANISATION = '00000000-0000-7000-8000-000000000001';
export const CURATOR = { account: '0192f5a0-0000-7000-8000-0000000000c1', roles: ['curator'] };
export const PARTNER = { account: '0192f5a0-0000-7000-8000-0000000000a2', roles: ['partner-atameken'] };

/** One family's way through `bench/workflow`, with everything that will be said about it made before the clock starts. */
export interface Journey {
  caseId: string;
  said: Record<Step, JsonObject>;
  /** Resolves when the partner has answered; the next step waits until that is stored. */
  answered: Promise<void>;
  answer(): void;
}

/** Bytes of JSON that each event carries. */
const PAYLOAD_BYTES = 300;

export function makeJourneys(count: number): Journey[] {
  return Array.from({ length: count }, (_, index) => makeJourney(index));
}

function makeJourney(index: number): Journey {
  const { promise, resolve } = Promise.withResolvers<void>();
  const family = systemIds.next();
  return {
    caseId: systemIds.next(),
    answered: promise,
    answer: resolve,
    said: {
      open: {
        householdId: family,
        applicantId: systemIds.next(),
        districtCode: `7110${10 + (index % 6)}`,
        categories: ['large-family', 'low-income', 'child-with-disability'],
        interest: 'own-business',
        language: ['kk', 'ru'][index % 2] ?? 'kk',
        registeredOn: '2026-09-01',
      },
      screen: padded({ eligible: true, members: 3 + (index % 5), level: ['C', 'D', 'E'][index % 3] ?? 'C' }),
      plan: padded({ plan: `plan-${index}`, goals: ['own-business', 'home-income'], signedOn: '2026-09-14' }),
      partner: partnerSays(`AT-2026-${index}`),
      enrol: padded({ groupCode: `group-${index % 12}`, startsOn: '2026-10-05' }),
      attend: padded({ hours: 36 + (index % 20) }),
      assess: padded({ passed: true, score: 60 + (index % 40) }),
    },
  };
}

/** To the hand-off of a journey. */
export function partnerSays(reference: string): JsonObject {
  return padded({ result: 'place', reference });
}

const NOTE =
  'The family came on time, brought every paper that was asked for, and agreed to what was proposed. '.repeat(4);

/** Filled up with a note until its JSON has the bytes that the measurement names. */
function padded(data: { [key: string]: Json }): JsonObject {
  const bare = JSON.stringify({ ...data, note: '' }).length;
  return { ...data, note: NOTE.slice(0, PAYLOAD_BYTES - bare) };
}
