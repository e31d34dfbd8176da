import { stringify } from 'yaml';
import type { Catalogue } from '../src/statechart/catalogue.js';
import { check } from '../src/statechart/check.js';
import { loadWorkflow } from '../src/statechart/load.js';
import type { Finding, Json, JsonObject } from '../src/statechart/types.js';

export const T = { kk: 'Атауы', ru: 'Название', en: 'Title' };
export const TASK = { form: 'plan', role: 'curator', deadline: '3 working days', escalation: 'task' };
export const HAND_OFF = {
  partner: 'atameken',
  service: 'enrolment',
  deadline: '10 working days',
  escalation: 'hand-off',
};

export const DELAYS = Object.fromEntries([1, 3, 5, 7, 10, 30, 90].map((days) => [`d${days}`, `${days} days`]));

export const CATALOGUE: Catalogue = {
  roles: ['curator', 'director'],
  partners: [{ key: 'atameken', services: ['enrolment'] }],
  ladders: [
    { key: 'task', roles: ['curator'] },
    { key: 'hand-off', roles: ['director'] },
    { key: 'nobody', roles: [] },
    { key: 'misspelt', roles: ['curator', 'drector'] },
  ],
  services: ['issueCertificate'],
  workflows: ['track'],
};

export const FORM: JsonObject = {
  'x-title': T,
  type: 'object',
  additionalProperties: false,
  properties: {
    decision: { type: 'string' },
    people: { type: 'array', items: { type: 'object', properties: { id: { type: 'string' } } } },
    phone: { type: 'string', 'x-personal': true },
  },
};

export function task(onDone: Json, input: JsonObject = {}, id = 'ask'): JsonObject {
  return { id, src: 'task', input: { ...TASK, ...input }, onDone };
}

export function handOff(onDone: Json, onError: Json, input: JsonObject = {}): JsonObject {
  return { id: 'send', src: 'handOff', input: { ...HAND_OFF, ...input }, onDone, onError };
}

export function step({ onDone, onError = 'end' }: { onDone: Json; onError?: Json }): JsonObject {
  const input = { name: 'issueCertificate', deadline: '1 days', escalation: 'task' };
  return { id: 'step', src: 'service', input, onDone, onError };
}

/** A workflow around some states; `more` lies over the whole config. */
export function chart(states: JsonObject, more: JsonObject = {}): Record<string, string> {
  const [first = ''] = Object.keys(states);
  const config = { id: 'w', title: T, events: {}, context: {}, delays: DELAYS, initial: first, states, ...more };
  return {
    'workflow.yaml': stringify(config),
    'forms/plan.yaml': stringify(FORM),
    'messages/hello.yaml': stringify({ text: T }),
  };
}

export function findings(files: Record<string, string>, catalogue = CATALOGUE): Finding[] {
  return check(loadWorkflow(files), catalogue);
}

export const END = { end: { type: 'final' } };
export const EVENTS = { GO: { title: T, roles: ['curator'] }, STOP: { title: T, roles: ['curator'] } };
export const simple = (invoke: JsonObject | JsonObject[], more: JsonObject = {}) =>
  chart({ work: { invoke }, ...END }, more);

/** A task that GO may end before it is answered. */
export function guarded(GO: Json, event: JsonObject = EVENTS.GO): Record<string, string> {
  return chart({ work: { invoke: task('end'), on: { GO } }, ...END }, { events: { GO: event }, context: { x: true } });
}

export const region = (name: string) => ({
  initial: 'ask',
  states: { ask: { invoke: task('ok', {}, name) }, ok: { type: 'final' } },
});
