import type { Pool } from 'pg';
import { parse } from 'yaml';
import { z } from 'zod';
import { jsonObject } from '../api/schemas.js';
import type { PartnerConfig } from '../config.js';
import type { Clock } from '../platform/clock.js';
import type { Tracing } from '../platform/tracing.js';
import type { DelayRule, JsonObject } from '../statechart/types.js';
import { type Partner, type PartnerDirectory, PERSON_FIELDS } from './handoff.js';
import { PartnerCircuit, type PartnerNews } from './partner-circuit.js';
import { addressOf, PartnerClient } from './partner-client.js';
import { PartnerResult } from './partner-result.js';
import { parseTerm, USUAL_ACKNOWLEDGE, USUAL_GRACE } from './partner-terms.js';
import type { WebhookSecret } from './webhook.js';

const text = z.object({ kk: z.string(), ru: z.string(), en: z.string() }).partial();
const days = z.string().regex(/^\d{1,3} days?$/);
const term = z.string().transform((value, context): DelayRule => {
  try {
    return parseTerm(value);
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message });
    return z.NEVER;
  }
});
const catalogue = z.record(
  z.string().regex(/^[a-z][a-z0-9-]{0,63}$/),
  z.looseObject({
    title: text,
    services: z.record(
      z.string(),
      z.looseObject({
        title: text,
        pause: days.default('30 days'),
        acknowledge: term.prefault(USUAL_ACKNOWLEDGE),
        grace: term.prefault(USUAL_GRACE),
        person: z.array(z.enum(PERSON_FIELDS)).default([]),
        consent: z.enum(['required', 'none']).default('required'),
        result: jsonObject.optional(),
      }),
    ),
  }),
);

export interface PartnersOptions {
  /** Text of `partners.yaml`. */
  catalogue: string;
  /** Addresses and secrets, from the settings. */
  addresses: Record<string, PartnerConfig>;
  clock: Clock;
  /** Lets simulated partners on this machine be reached. */
  loopback: boolean;
  /** Where it is kept which of them do not answer; connections of the role `qamqor_relay`. */
  circuits: { pool: Pool; organisationId: string };
  /** Told when a partner counts as down, when it answers again, and when it takes nothing any more. */
  changed(partner: string, state: PartnerNews): void;
  tracing?: Tracing | undefined;
}

/** The partners of `partners.yaml`, each with the connection that its settings give. A sixth partner is data. */
export class Partners implements PartnerDirectory {
  private readonly byKey: Map<string, Partner>;

  /** @throws when the catalogue or an address cannot be used */
  constructor(private readonly options: PartnersOptions) {
    const read = catalogue.parse(parse(options.catalogue));
    const unknown = Object.keys(options.addresses).filter((key) => !Object.hasOwn(read, key));
    if (unknown.length > 0)
      throw new Error(`Settings name partners that partners.yaml does not have: ${unknown.join(', ')}.`);
    this.byKey = new Map(Object.entries(read).map(([key, entry]) => [key, this.partner(key, entry)]));
  }

  find(key: string): Partner | undefined {
    return this.byKey.get(key);
  }

  all(): Partner[] {
    return [...this.byKey.values()];
  }

  close(): void {
    for (const partner of this.byKey.values()) partner.client?.close();
  }

  private partner(key: string, { title, services }: z.output<typeof catalogue>[string]): Partner {
    const address = this.options.addresses[key];
    return {
      key,
      title,
      secrets: address ? secretsOf(address) : [],
      services: Object.fromEntries(
        Object.entries(services).map(([name, service]) => [
          name,
          {
            title: service.title,
            pauseDays: Number.parseInt(service.pause, 10),
            acknowledge: service.acknowledge,
            grace: service.grace,
            person: service.person,
            consent: service.consent,
            result: resultOf(key, name, service.result),
          },
        ]),
      ),
      ...(address ? { client: this.clientFor(key, address) } : {}),
    };
  }

  private clientFor(key: string, address: PartnerConfig): PartnerClient {
    const { clock, loopback, circuits, changed, tracing } = this.options;
    const url = addressOf(address.url);
    const circuit = new PartnerCircuit({ ...circuits, partner: key, url, changed: (state) => changed(key, state) });
    return new PartnerClient({ url, secrets: secretsOf(address), clock, circuit, loopback, tracing });
  }
}

/** Each says by itself until when it is in force: a rotation begins with a restart and ends without one. */
function secretsOf({ secret, oldSecret }: PartnerConfig): WebhookSecret[] {
  return oldSecret ? [secret, oldSecret] : [secret];
}

function resultOf(partner: string, service: string, schema: JsonObject | undefined): PartnerResult {
  try {
    return new PartnerResult(schema);
  } catch (error) {
    throw new Error(`partners.yaml, ${partner}, ${service}: result cannot be used.`, { cause: error });
  }
}
