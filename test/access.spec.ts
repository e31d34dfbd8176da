import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RequestMethod } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA } from '@nestjs/common/constants.js';
import { ModulesContainer } from '@nestjs/core';
import { LOOKS_AT } from '../src/identity/looks.js';
import { ApiFixture } from './api.js';

const PARTNER = 'partner-atameken';
const STAFF_ROLES = [
  'registrar',
  'curator',
  'lawyer',
  'psychologist',
  'coordinator',
  'trainer',
  'adviser',
  'supervisor',
  'director',
  'administrator',
  'auditor',
] as const;
const ROLES = [...STAFF_ROLES, 'integration', PARTNER] as const;
type Role = (typeof ROLES)[number];

const staff: Role[] = [...STAFF_ROLES];
const everybody = 'everybody';
const inside: Role[] = [...staff, 'integration'];

/**
 * Who may knock at which door, written down a second time and on purpose: a route that is not here fails the spec, and so
 * does one whose answer to a role differs. What the door leads to is each feature's own policy.
 */
const DOORS: Record<string, Role[] | typeof everybody> = {
  'POST /api/auth/sign-in/email': everybody,
  'POST /api/auth/sign-out': everybody,
  'GET /api/auth/get-session': everybody,
  'POST /api/auth/change-password': everybody,
  'GET /api/errors': everybody,
  'GET /health/live': everybody,
  'GET /health/ready': everybody,
  'GET /metrics': ['administrator', 'integration'],
  'GET /certificates/{number}': everybody,
  'GET /api/certificates/{number}': everybody,
  // Signed by the partner instead.
  'POST /api/handoffs/{id}/events': everybody,

  'POST /api/cases': ['registrar', 'curator', 'supervisor', 'director', 'administrator', 'integration'],
  'GET /api/cases': inside,
  'GET /api/cases/{id}': inside,
  'GET /api/cases/{id}/journal': inside,
  'GET /api/cases/{id}/waits': inside,
  'GET /api/cases/{id}/history': inside,
  'GET /api/cases/{id}/answers': inside,
  'GET /api/cases/{id}/drawing': inside,
  'POST /api/cases/{id}/events': inside.filter((role) => role !== 'auditor'),
  'POST /api/cases/{id}/acts': ['supervisor', 'director', 'administrator'],
  'GET /api/tasks': staff,
  'GET /api/tasks/{id}': staff,
  'GET /api/tasks/{id}/assignees': ['supervisor', 'director', 'administrator'],
  'POST /api/tasks/{id}/claim': staff,
  'POST /api/tasks/{id}/release': staff,
  'POST /api/tasks/{id}/assign': staff,
  'POST /api/tasks/{id}/hold': staff,
  'PUT /api/tasks/{id}/draft': staff,
  'POST /api/tasks/{id}/complete': staff,
  'GET /api/incidents': ['supervisor', 'director', 'administrator', 'auditor', 'integration'],
  'POST /api/incidents/{id}/retry': ['supervisor', 'director', 'administrator'],
  'POST /api/incidents/{id}/resolve': ['supervisor', 'director', 'administrator'],
  'POST /api/workflows': ['administrator', 'integration'],
  'GET /api/board': inside,
  'GET /api/escalations': [...inside, PARTNER],
  'GET /api/notifications': [...staff, PARTNER],
  'GET /api/live': [...inside, PARTNER],
  'GET /api/roles': staff,
  'GET /api/workflows': inside,
  'GET /api/workflows/{key}': inside,
  'GET /api/handoffs': [...inside, PARTNER],
  'GET /api/partners': [...inside, PARTNER],
  'POST /api/handoffs/{id}/supply': ['registrar', 'curator', 'lawyer', 'coordinator', 'adviser', 'supervisor'],
  'POST /api/handoffs/{id}/recall': ['curator', 'supervisor', 'director'],
  'GET /api/families': inside,
  'POST /api/families/search': inside,
  'GET /api/families/{id}': inside,
  'PATCH /api/families/{id}': ['registrar', 'curator', 'supervisor', 'director', 'administrator', 'integration'],
  'POST /api/families/{id}/members': ['registrar', 'curator', 'supervisor', 'director', 'administrator', 'integration'],
  'PATCH /api/families/{id}/members/{number}': [
    'registrar',
    'curator',
    'supervisor',
    'director',
    'administrator',
    'integration',
  ],
  'GET /api/families/{id}/consents': inside,
  'PUT /api/families/{id}/consents': ['registrar', 'curator', 'supervisor', 'integration'],
  'GET /api/certificates': inside,
  'GET /api/certificates/{number}/pdf': inside,
  'POST /api/certificates/{number}/revoke': ['director', 'supervisor'],
  'GET /api/access-log': ['auditor', 'administrator', 'director'],
};

/** Doors that lead to nobody's records, or tell how cases stand by number only: who looks through them is not written down. */
const NOT_LOGGED = [
  'GET /api/workflows',
  'GET /api/workflows/{key}',
  'GET /metrics',
  'GET /api/access-log',
  'GET /api/partners',
  'GET /api/board',
  'GET /api/live',
  'GET /api/roles',
];

/** Right in form, so that only the right to it can refuse it; nothing of it exists. */
const BODIES: Record<string, object> = {
  'POST /api/cases': { workflow: 'nowhere', input: {} },
  'POST /api/cases/{id}/events': { type: 'GO' },
  'POST /api/cases/{id}/acts': { act: 'cancel', reason: 'because' },
  'POST /api/tasks/{id}/assign': { assignee: 'x' },
  'POST /api/tasks/{id}/hold': { until: '2030-01-01T00:00:00Z', reason: 'x' },
  'PUT /api/tasks/{id}/draft': { data: {} },
  'POST /api/tasks/{id}/complete': { output: {} },
  'POST /api/incidents/{id}/retry': { reason: 'x' },
  'POST /api/incidents/{id}/resolve': { reason: 'x' },
  'POST /api/workflows': { files: {} },
  'POST /api/handoffs/{id}/recall': { reason: 'x' },
  'POST /api/families/search': { q: 'ешкім' },
  'POST /api/families/{id}/members': { given: 'Дана' },
  'PATCH /api/families/{id}': { phone: null, revision: 1 },
  'PATCH /api/families/{id}/members/{number}': { given: 'Дана', revision: 1 },
  'POST /api/certificates/{number}/revoke': { reason: 'x' },
  'PUT /api/families/{id}/consents': { partner: 'atameken', given: true, how: 'paper' },
};

/** What whoever may gets: what is there, or that this one is not there; here the request says too little, or names nothing. */
const ANSWERS: Record<string, number> = {
  'GET /api/certificates': 400,
  'GET /api/families': 400,
  'POST /api/cases': 422,
  'POST /api/workflows': 422,
  'POST /api/auth/change-password': 422,
  'POST /api/auth/sign-in/email': 422,
  // Nobody's signature is on it.
  'POST /api/handoffs/{id}/events': 401,
};
const answerOf = (door: string) => ANSWERS[door] ?? (door.includes('{') ? 404 : 200);

const NOTHING = '019f0000-0000-7000-8000-000000000000';
let api: ApiFixture;
beforeAll(async () => {
  api = await ApiFixture.create();
  for (const role of ROLES) if (role !== 'integration') await api.account(role);
});
afterAll(() => api.close());

/** What stands behind a door, by what Nest knows of its controllers. */
function looksOf(door: string): unknown {
  for (const { controllers } of api.app.get(ModulesContainer).values())
    for (const { metatype } of controllers.values()) {
      if (typeof metatype !== 'function') continue;
      const prefix: unknown = Reflect.getMetadata(PATH_METADATA, metatype);
      for (const name of Object.getOwnPropertyNames(metatype.prototype)) {
        const handler: unknown = Reflect.get(metatype.prototype, name);
        const path: unknown = typeof handler === 'function' ? Reflect.getMetadata(PATH_METADATA, handler) : undefined;
        if (typeof handler !== 'function' || path === undefined) continue;
        if (Reflect.getMetadata(METHOD_METADATA, handler) !== RequestMethod.GET) continue;
        const url = `/${prefix}/${path}`
          .replace(/\/+/g, '/')
          .replace(/(.)\/$/, '$1')
          .replace(/:(\w+)/g, '{$1}');
        if (`GET ${url}` === door) return Reflect.getMetadata(LOOKS_AT, handler);
      }
    }
  throw new Error(`Behind ${door} there is nothing.`);
}

const knock = (as: string | null, door: string) => {
  const [method = '', path = ''] = door.split(' ');
  // A stream that stays open would never be answered.
  const url = path.replace(/\{\w+\}/, NOTHING) + (path === '/api/live' ? '?once=true' : '');
  return api.ask(as, method, url, method === 'GET' ? {} : { body: BODIES[door] ?? {} });
};

describe('every door', () => {
  it('that the document names is in this list, and none besides', () => {
    const documented = [...new Set(api.contract.promised.map((promise) => promise.replace(/ \d+$/, '')))];
    expect(documented.sort()).toEqual(Object.keys(DOORS).sort());
  });

  it("to somebody's records writes down who looked through it", () => {
    const doors = Object.keys(DOORS).filter((door) => door.startsWith('GET ') && DOORS[door] !== everybody);
    const silent = doors.filter((door) => looksOf(door) === undefined);
    // Add @Looks to the route; only what shows no record of anybody belongs into NOT_LOGGED.
    expect(silent.sort()).toEqual([...NOT_LOGGED].sort());
  });

  it.each(Object.keys(DOORS))('%s opens to whom it should, and to nobody else', async (door) => {
    const may = DOORS[door];
    const stranger = await knock(null, door);
    if (may === everybody) {
      expect(stranger).toMatchObject({ status: answerOf(door) });
      return;
    }
    expect(stranger).toMatchObject({ status: 401, body: { code: 'no-session' } });
    const let_in: string[] = [];
    for (const role of ROLES) {
      const { status, body } = await knock(role, door);
      if (status === 403) expect(body.code).toBe('no-right');
      else {
        expect({ role, status }).toEqual({ role, status: answerOf(door) });
        let_in.push(role);
      }
    }
    expect(let_in.sort()).toEqual([...(may ?? [])].sort());
  });
});
