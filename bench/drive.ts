import type { Contestant } from './contestant.js';
import { type Journey, makeJourneys, OWN_STEPS, STEPS } from './journey.js';
import { percentile } from './percentile.js';

export interface Drive {
  journeys: number;
  wallMs: number;
  journeysPerSecond: number;
  /** Openings, events from outside and partners' answers: everything that became a journal row. */
  eventsPerSecond: number;
  /** Milliseconds from giving a command to its answer, after COMMIT. */
  p50: number;
  p95: number;
}

/** Leads `count` journeys, `inFlight` at a time. The clock stops when the last answer of a partner has been stored. */
export async function drive(contestant: Contestant, count: number, inFlight: number): Promise<Drive> {
  const journeys = makeJourneys(count);
  const latencies: number[] = [];
  const began = performance.now();
  let next = 0;
  const lead = async () => {
    for (let journey = journeys[next++]; journey; journey = journeys[next++])
      await travel(contestant, journey, latencies);
  };
  await Promise.all(Array.from({ length: Math.min(inFlight, count) }, lead));
  await contestant.settled();
  const wallMs = performance.now() - began;
  latencies.sort((one, other) => one - other);
  return {
    journeys: count,
    wallMs,
    journeysPerSecond: (count * 1000) / wallMs,
    eventsPerSecond: (count * STEPS.length * 1000) / wallMs,
    p50: percentile(latencies, 0.5),
    p95: percentile(latencies, 0.95),
  };
}

async function travel(contestant: Contestant, journey: Journey, latencies: number[]): Promise<void> {
  for (const step of OWN_STEPS) {
    const asked = performance.now();
    await contestant.take(step, journey);
    latencies.push(performance.now() - asked);
    if (step === 'plan') await journey.answered;
  }
}
