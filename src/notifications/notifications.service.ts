import type { Pool } from 'pg';
import { parse } from 'yaml';
import { z } from 'zod';
import { uuidOf } from '../engine/entry-uuid.js';
import type { Delivery, EngineApi, OutboxRow } from '../engine/types.js';
import type { Json, JsonObject, Language, Workflow } from '../statechart/types.js';

const LANGUAGES = ['kk', 'ru', 'en'] as const satisfies Language[];

const template = z.object({
  channels: z.array(z.enum(['sms', 'email', 'in-app'])).default(['in-app']),
  text: z.object({ kk: z.string(), ru: z.string(), en: z.string() }),
});

export interface NotificationsDependencies {
  engine: Pick<EngineApi, 'read'>;
  /** Connections of the role `qamqor_relay`. */
  pool: Pool;
}

export interface Notice {
  /** The outbox row that tells, and the case it is about. */
  about: Pick<OutboxRow, 'id' | 'organisationId' | 'caseId'>;
  template: string;
  recipient: string;
  text: Record<Language, string>;
}

/** Writes down what somebody is told, in three languages. Sending it by SMS and e-mail is not built yet. */
export class NotificationsService {
  constructor(private readonly deps: NotificationsDependencies) {}

  /** Topic `notify`: `{template, to}` and whatever the text wants to be filled with. */
  async notify(row: OutboxRow): Promise<Delivery> {
    const name = String(row.payload['template']);
    const record = await this.deps.engine.read(row.organisationId, row.caseId);
    const found = record && templateOf(record.workflow, name);
    if (!found)
      return { kind: 'give-up', reason: `There is no message "${name}" (messages/${name}.yaml) in three languages.` };
    const facts: JsonObject = { ...row.payload, caseNumber: record.number };
    const missing = gapsOf(found.text).filter((gap) => !Object.hasOwn(facts, gap));
    if (missing.length > 0)
      return {
        kind: 'give-up',
        reason: `The message "${name}" wants {${missing.join('}, {')}}, and nobody says what that is.`,
      };
    const text = Object.fromEntries(LANGUAGES.map((language) => [language, filled(found.text[language], facts)]));
    await this.write(row.id, row, name, String(row.payload['to'] ?? 'family'), found.channels, text, null);
    return { kind: 'done' };
  }

  /** Tells a role (`supervisor`, `partner-<key>`) or one person (`account:<id>`), inside the application, once for each row. */
  async tell({ about, template: name, recipient, text }: Notice): Promise<void> {
    await this.write(uuidOf(about.id, recipient), about, name, recipient, ['in-app'], text, about.id);
  }

  private async write(
    id: string,
    of: Pick<OutboxRow, 'organisationId' | 'caseId'>,
    name: string,
    recipient: string,
    channels: string[],
    text: Partial<Record<Language, string>>,
    about: string | null,
  ): Promise<void> {
    await this.deps.pool.query({
      name: 'write-notification',
      text: `insert into qamqor.notifications (id, organisation_id, case_id, template, recipient, channels, text, about, created_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, qamqor.qamqor_now()) on conflict (id) do nothing`,
      values: [id, of.organisationId, of.caseId, name, recipient, channels, JSON.stringify(text), about],
    });
  }
}

function templateOf(workflow: Workflow, name: string): z.output<typeof template> | undefined {
  const file = workflow.files[`messages/${name}.yaml`];
  const read = template.safeParse(typeof file === 'string' ? parse(file) : file);
  return read.success ? read.data : undefined;
}

const GAP = /\{([A-Za-z]+)\}/g;

function gapsOf(text: Record<Language, string>): string[] {
  const gaps = LANGUAGES.flatMap((language) => [...text[language].matchAll(GAP)].map(([, gap]) => gap ?? ''));
  return [...new Set(gaps)];
}

/** `{name}` is replaced by the fact of that name, once: what stands in a fact is never a template itself. */
function filled(text: string, facts: JsonObject): string {
  return text.replace(GAP, (_gap, name: string) => asText(facts[name]));
}

function asText(value: Json | undefined): string {
  return typeof value === 'string' ? value : value === null || value === undefined ? '' : JSON.stringify(value);
}
