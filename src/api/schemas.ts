import { z } from 'zod';
import type { Json, JsonObject } from '../statechart/types.js';

/** Any JSON: what arrives was read by parseStrictJson, so there is nothing left to check. */
export const json = z.unknown() as z.ZodType<Json>;
export const jsonObject = z.record(z.string(), z.unknown()) as unknown as z.ZodType<JsonObject>;

export const text = z
  .object({ kk: z.string().optional(), ru: z.string().optional(), en: z.string().optional() })
  .meta({ id: 'Text', description: 'A text in the languages that have it' });

export const moment = z.string().meta({ format: 'date-time', description: 'ISO 8601 with offset' });
export const uuid = z.string().meta({ format: 'uuid' });

const state = json.meta({ description: "XState's state value" });

export const publicEvent = z
  .object({
    type: z.string(),
    title: text,
    schema: jsonObject.nullable().meta({ description: 'JSON Schema of the data, null where it takes none' }),
    roles: z.array(z.string()).meta({ description: 'Who may send it; empty: everybody of the centre' }),
    confirm: text.optional(),
    refused: text.optional(),
  })
  .meta({ id: 'PublicEvent' });

const member = z
  .number()
  .int()
  .nullable()
  .meta({ description: 'Whom of the family it is about: a number of its list; null where it is about all of them' });

export const caseView = z
  .object({
    id: uuid,
    number: z.string(),
    workflow: z.object({ key: z.string(), version: z.number().int() }),
    subject: z.string().nullable().meta({ description: 'What the case is about: the id of a family' }),
    member,
    state,
    stage: z.string().nullable().meta({ description: 'The furthest active stage' }),
    stages: z.array(z.string()),
    status: z.enum(['active', 'suspended', 'done', 'cancelled']),
    revision: z.number().int(),
    accepts: z.array(publicEvent),
    incidents: z.number().int(),
    overdue: z.boolean(),
    dueAt: moment.nullable(),
    openedAt: moment,
    updatedAt: moment,
    closedAt: moment.nullable(),
    facts: z
      .array(
        z.object({
          name: z.string(),
          title: jsonObject,
          values: z.array(
            z.object({ value: z.union([z.string(), z.number(), z.boolean()]), title: jsonObject.nullable() }),
          ),
        }),
      )
      .meta({ description: 'What the workflow tells about it in words, such as why it ended' }),
    modified: z.boolean().meta({ description: 'A hand changed where it stands' }),
    can: z.record(z.string(), z.boolean()).meta({ description: 'Which acts the signed-in account may do now' }),
  })
  .meta({ id: 'Case' });

export const stalledReason = z
  .object({
    kind: z.enum(['overdue', 'suspended', 'incident']),
    rule: z.string(),
    text: z
      .string()
      .meta({ description: 'In the language of `Accept-Language`: what happened, or which state is due' }),
    message: z
      .string()
      .meta({ description: 'Technical detail: what the incident says in English, or the name of what is due' }),
    since: moment.nullable(),
  })
  .nullable()
  .meta({
    description:
      'Why it stands still: an incident weighs more than a suspension of more than 30 days, and that more than a deadline',
  });

/** As lists show it: of those that are asked for because they stand still, why they do. */
export const listedCase = caseView
  .extend({
    reason: stalledReason.optional().meta({ description: 'Where `stalled=true` was asked: why it stands still' }),
  })
  .meta({ id: 'ListedCase' });

const previewedEntry = z.object({
  invoke: z.string(),
  src: z.string(),
  node: z.string().meta({ description: 'Dotted path of its state' }),
  title: json.nullable().meta({ description: 'A text, or texts by language' }),
  due: moment.nullable(),
});
const previewedTimer = z.object({
  kind: z.enum(['timer', 'deadline']),
  name: z.string(),
  node: z.string(),
  due: moment,
});

export const previewView = z
  .object({
    workflow: z.object({ key: z.string(), version: z.number().int() }),
    state,
    stage: z.string().nullable(),
    stages: z.array(z.string()),
    status: z.enum(['active', 'suspended', 'done', 'cancelled']),
    opens: z.array(previewedEntry),
    closes: z.array(previewedEntry),
    timers: z.object({ starts: z.array(previewedTimer), stops: z.array(previewedTimer) }),
    context: z.array(z.object({ name: z.string(), from: json, to: json })),
    actions: z.array(z.object({ type: z.string(), params: jsonObject })).meta({ description: 'What would go out' }),
  })
  .meta({ id: 'Preview', description: 'What an act would lead to, were it given now' });

export const taskView = z
  .object({
    id: uuid,
    caseId: uuid,
    caseNumber: z.string(),
    subject: z.string().nullable().meta({ description: 'What it is about: the id of a family' }),
    member,
    invocation: z.string(),
    item: z.string().nullable(),
    form: z.object({ name: z.string(), version: z.number().int(), schema: jsonObject, ui: jsonObject }),
    title: text,
    role: z.string(),
    status: z.enum(['open', 'claimed', 'held', 'done', 'cancelled']),
    assignee: uuid
      .nullable()
      .meta({ description: 'Who has it; of an open task: who had it last time, and is offered it' }),
    assigneeName: z.string().nullable(),
    startBy: moment.nullable().meta({ description: 'When the work on it should have begun' }),
    dueAt: moment.nullable(),
    overdue: z.boolean().meta({ description: 'By the rule of the board: not while the case is suspended' }),
    priority: z.number().int(),
    heldUntil: moment.nullable(),
    holdReason: z.string().nullable(),
    draft: json.nullable(),
    revision: z.number().int(),
    openedAt: moment,
    closedAt: moment.nullable(),
    completedBy: uuid.nullable().meta({ description: 'Who answered it' }),
    completedByName: z.string().nullable(),
    onBehalfOf: uuid.nullable().meta({ description: 'Whose task it was, where somebody else answered it for them' }),
    can: z.object({
      claim: z.boolean(),
      release: z.boolean(),
      assign: z.boolean(),
      hold: z.boolean(),
      draft: z.boolean(),
      complete: z.boolean(),
      completeOnBehalf: z.boolean(),
    }),
  })
  .meta({ id: 'Task' });

const pointers = z.array(z.string());
export const answeredTaskView = taskView
  .extend({
    answer: z
      .object({
        output: json.meta({ description: 'Null where all of it was erased' }),
        hidden: pointers.meta({ description: 'JSON Pointers of personal fields that you may not see: left out' }),
        erased: pointers.meta({ description: 'JSON Pointers of what was erased since; "" is the whole answer' }),
      })
      .nullable()
      .meta({ description: 'What was answered; null while nobody has' }),
  })
  .meta({ id: 'TaskWithAnswer' });

export const journalRow = z
  .object({
    seq: z.number().int(),
    at: moment,
    kind: z.enum(['event', 'answer', 'ignored', 'timer', 'act', 'migration']),
    type: z.string(),
    data: json.nullable().meta({ description: 'What was sent; null where it was erased' }),
    by: z.string(),
    onBehalfOf: z.string().nullable(),
    commandId: z.string(),
    state,
    stages: z.array(z.string()),
    opened: z.array(z.object({ id: z.string(), uuid, src: z.string().optional(), due: moment.nullable() })),
    closed: z.array(z.object({ id: z.string(), uuid })),
    prevHash: z.string(),
    hash: z.string(),
  })
  .meta({ id: 'JournalRow' });

export const incidentView = z
  .object({
    id: uuid,
    caseId: uuid,
    caseNumber: z.string(),
    seq: z.number().int(),
    rule: z.string(),
    state: z.string().meta({ description: 'Dotted path of the state in which it happened; empty for the whole case' }),
    text: z.string().meta({ description: 'What happened and what to do, in the language of `Accept-Language`' }),
    message: z.string().meta({ description: 'Technical detail, in English' }),
    status: z.enum(['open', 'retried', 'resolved']),
    openedAt: moment,
    closedAt: moment.nullable(),
    can: z.object({ retry: z.boolean(), resolve: z.boolean() }),
  })
  .meta({ id: 'Incident' });

export const problemSchema = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    code: z.string().meta({ description: 'One of /api/errors' }),
    detail: z.string().meta({
      description:
        'What happened and what to do, in the language of `Accept-Language`; of an event that its guards refuse, as its workflow says it (`refused`)',
    }),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  })
  .meta({ id: 'Problem' });

/** A page of a list: `next` is the cursor of the page after it, null at the end. */
export function page<Item extends z.ZodType>(item: Item) {
  return z.object({ items: z.array(item), next: z.string().nullable(), total: z.number().int().optional() });
}

/** Query names that every list understands. */
export const paging = {
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(500).optional(),
};

/** ISO 8601 with offset, as PostgreSQL takes it: no further from UTC than anybody lives, in the years of this system. */
export const instant = z.iso.datetime({ offset: true }).refine(isOfThisCentury, {
  error: 'must lie between the years 2000 and 2100',
  params: { rule: 'moment-impossible' },
});

function isOfThisCentury(moment: string): boolean {
  const at = Date.parse(moment);
  const [, hours = '0'] = /[+-](\d\d):\d\d$/.exec(moment) ?? [];
  return at >= Date.UTC(2000, 0) && at < Date.UTC(2100, 0) && Number(hours) <= 14;
}

export const flag = z.enum(['true', 'false']).transform((value) => value === 'true');
