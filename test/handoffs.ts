import { expect } from '@jest/globals';
import type { Config, PartnerConfig } from '../src/config.js';
import { ConsentsService } from '../src/consents/consents.service.js';
import { verify } from '../src/engine/verify.js';
import { FamiliesService } from '../src/families/families.service.js';
import { handoffWork } from '../src/handoffs/handoff-work.js';
import type { Log } from '../src/platform/log.js';
import { ORGANISATION } from '../src/system.js';
import { taskWork } from '../src/tasks/task-work.js';
import { ApiFixture } from './api.js';
import type { TestDatabase } from './database.js';
import { Partner, type Say, say, settled } from './partner.js';

const text = (en: string) => ({ kk: en, ru: en, en });
const familyInput = { type: 'object', properties: { familyId: { type: 'string' } } };

/** A workflow that asks one partner for one thing, about a family. `invoke`: what is different about the asking. */
export function referral(id: string, partner: string, service: string, invoke: object = {}) {
  return {
    id,
    title: text('Referral'),
    context: { familyId: '= input.familyId', result: null, number: null, code: null, missing: null },
    events: { LEAVE: { title: text('Leave'), roles: [] }, AGAIN: { title: text('Again'), roles: [] } },
    meta: { reopen: 'asking' },
    initial: 'asking',
    states: {
      asking: {
        invoke: {
          id: 'ask',
          src: 'handOff',
          input: { partner, service, deadline: '10 days', request: { categories: ['large'] } },
          onDone: {
            target: 'helped',
            actions: {
              type: 'set',
              params: { result: '= event.output.result', number: '= event.output.result.number' },
            },
          },
          onError: {
            target: 'refused',
            actions: { type: 'set', params: { code: '= event.error.code', missing: '= event.error.missing' } },
          },
          ...invoke,
        },
        on: { LEAVE: 'gone', AGAIN: { target: 'asking', reenter: true } },
      },
      helped: { type: 'final' },
      refused: { type: 'final' },
      gone: { type: 'final' },
    },
  };
}

/** What is personal about every family of a town: where it stands outside the database, somebody has let it out. */
export const PERSONAL = { surname: 'Қасымова', given: 'Әсел', phone: '77011234567' };

export interface Referred {
  /** The case. */
  id: string;
  handoff: string;
  family: string;
}

/** The application with two partners that a spec speaks for, and a family that wants something of them. */
export class HandoffTown {
  private families = 0;

  private constructor(
    readonly api: ApiFixture,
    readonly bank: Partner,
    readonly office: Partner,
  ) {}

  /** `through` and `partners`: a database and partners that were there before. `bank`: what the settings say of it besides where it is. */
  static async create(
    workflows: object[],
    more: {
      through?: (url: string) => Promise<string>;
      partners?: readonly [bank: Partner, office: Partner];
      bank?: Partial<PartnerConfig>;
      config?: Partial<Config>;
      fixture?: { queues?: boolean; logger?: Log; database?: TestDatabase };
    } = {},
  ): Promise<HandoffTown> {
    const [bank, office] = more.partners ?? (await Promise.all([Partner.start(), Partner.start()]));
    const addresses = {
      'otbasy-bank': { url: bank.url, secret: bank.secret, ...more.bank },
      'civil-office': { url: office.url, secret: office.secret },
    };
    const api = await ApiFixture.create({ partners: addresses, ...more.config }, more.through, undefined, more.fixture);
    for (const workflow of workflows) await api.deploy(workflow, { 'input.yaml': familyInput });
    return new HandoffTown(api, bank, office);
  }

  async close(): Promise<void> {
    await this.api.close();
    await Promise.all([this.bank.close(), this.office.close()]);
  }

  /** A new family, which allows these partners to have its data. */
  async family(consents: string[] = this.api.system.partnerKeys): Promise<string> {
    this.families += 1;
    const { system } = this.api;
    const { familyId } = await new FamiliesService(system.orm.em, system.ids).registerApplicant(
      {
        surname: `${PERSONAL.surname}${this.families}`,
        given: PERSONAL.given,
        patronymic: null,
        categories: ['large', 'single-parent'],
        interest: 'sewing',
        phone: `+${PERSONAL.phone}`,
        language: 'kk',
      },
      { organisation: ORGANISATION, actor: 'test' },
    );
    for (const partner of consents) await this.consent(familyId, partner, true);
    return familyId;
  }

  async consent(familyId: string, partner: string, given: boolean): Promise<void> {
    const by = await this.api.account('curator');
    await this.api.app.get(ConsentsService).set(by, familyId, { partner, given, how: 'paper' });
  }

  /** Opens a case: of a family that consents to everything, unless another one is given. */
  async open(workflow: string, family?: string): Promise<Referred> {
    const familyId = family ?? (await this.family());
    const { status, body } = await this.api.post('integration', '/api/cases', { workflow, input: { familyId } });
    expect({ status, body }).toMatchObject({ status: 201 });
    const [handoff] = await this.handoffs(body.id);
    return { id: body.id, handoff: String(handoff?.['id']), family: familyId };
  }

  /** … whose hand-off has gone out, if it could. */
  async sent(workflow: string, family?: string): Promise<Referred> {
    const opened = await this.open(workflow, family);
    await this.settled();
    return opened;
  }

  settled(): Promise<void> {
    return settled(this.api.system);
  }

  /** Newest first. */
  async handoffs(caseId: string): Promise<Record<string, unknown>[]> {
    return (await this.api.get('integration', `/api/handoffs?caseId=${caseId}`)).body.items;
  }

  async handoffOf(caseId: string): Promise<Record<string, string | null>> {
    const [handoff = {}] = await this.handoffs(caseId);
    return handoff as Record<string, string | null>;
  }

  async caseOf(id: string) {
    return (await this.api.get('integration', `/api/cases/${id}`)).body;
  }

  async contextOf(id: string) {
    return (await this.api.system.runtime.engine.read(ORGANISATION, id))?.chart.snapshot.context ?? null;
  }

  async journalOf(id: string) {
    const { body } = await this.api.get('integration', `/api/cases/${id}/journal?limit=200`);
    return body.items as { kind: string; type: string }[];
  }

  async incidentsOf(id: string) {
    return (await this.api.get('integration', `/api/incidents?caseId=${id}`)).body.items;
  }

  leave(id: string, type = 'LEAVE') {
    return this.api.post('integration', `/api/cases/${id}/events`, { type });
  }

  act(id: string, act: string) {
    return this.api.post('supervisor', `/api/cases/${id}/acts`, { act, reason: 'holiday' });
  }

  /** The bank says something. */
  tell(handoff: string, event: object, more?: Say) {
    return say(this.api, this.bank, handoff, event, more);
  }

  async sql(statement: string, values: unknown[] = []) {
    return (await this.api.database.pool('owner').query(statement, values)).rows;
  }

  /** What the partner has said, by its ids, and what became of it. */
  async eventsOf(handoff: string): Promise<{ event_id: string; status: string; reason: string | null }[]> {
    const text = 'select event_id, status, reason from qamqor.handoff_events where handoff_id = $1 order by event_id';
    return this.sql(text, [handoff]);
  }

  /** At the end: every case can be proved from its journal, and nothing was an error of ours. */
  async expectSound(): Promise<void> {
    const openWork = { task: taskWork, handOff: handoffWork };
    const { problems } = await verify(this.api.system.runtime, ORGANISATION, openWork);
    expect(problems).toEqual([]);
    expect(this.api.errors).toEqual([]);
  }
}

/**
 * The moment comes at which nobody waits for the hand-off of a case any longer; `more`: ms past it. Holidays and
 * weekends to which a pause has moved it put it off.
 */
export async function givenUp(town: HandoffTown, caseId: string, more = 0): Promise<void> {
  const moment = String((await town.handoffOf(caseId))['givesUpAt']);
  await town.api.system.clock.advanceTo(new Date(Date.parse(moment) + more).toISOString());
  await town.settled();
  if (String((await town.handoffOf(caseId))['givesUpAt']) > moment) await givenUp(town, caseId, more);
}

/** What partners say; `say` adds when. */
export const acknowledged = (eventId = 'a') => ({ eventId, type: 'acknowledged' });
export const papersRequested = (eventId = 'p') => ({
  eventId,
  type: 'papers_requested',
  missing: ['identity-document'],
});
export const done = (eventId = 'd', number = '1207', more: object = {}) => ({
  eventId,
  type: 'done',
  result: { kind: 'advice', number, date: '2026-11-22', ...more },
});
export const rejected = (eventId = 'r', more: object = {}) => ({ eventId, type: 'rejected', ...more });
