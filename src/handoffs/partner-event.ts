import { z } from 'zod';
import { instant, jsonObject } from '../api/schemas.js';
import { parseStrictJson } from '../api/strict-json.js';
import { zodViolations } from '../api/violations.js';
import { AppError, type Violation } from '../engine/errors.js';
import type { Json } from '../statechart/types.js';
import type { PartnerEvent } from './handoff.js';

const REASON_CODES = [
  'MISSING_DOCS',
  'NOT_ELIGIBLE',
  'NO_CAPACITY',
  'NO_CONTACT',
  'DUPLICATE',
  'OUT_OF_SCOPE',
  'WITHDRAWN',
  'EXPIRED',
  'TECHNICAL',
] as const;
/** A result goes into the case and stays in its journal: `{kind, number, date}` and little more. */
const RESULT_CHARACTERS = 8_000;
const ERRORS_SHOWN = 10;

export const partnerEvent = z.strictObject({
  eventId: z.string().min(1).max(100),
  type: z.enum(['acknowledged', 'papers_requested', 'done', 'rejected']),
  at: instant,
  reasonCode: z.enum(REASON_CODES).optional(),
  missing: z.array(z.string().max(200)).max(50).optional(),
  result: jsonObject
    .refine((result) => JSON.stringify(result).length <= RESULT_CHARACTERS, {
      error: `has more than ${RESULT_CHARACTERS} characters`,
      params: { rule: 'too-long' },
    })
    .optional(),
  comment: z.string().max(2_000).optional(),
});

/** Reads a message whose signature was found right. @throws AppError `malformed`, `unknown-field` (400), `schema` (422) */
export function readPartnerEvent(rawBody: Buffer): PartnerEvent {
  const body = parseStrictJson(rawBody, { anyText: true });
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new AppError('malformed', 400, 'The message must be a JSON object.');
  const unstorable = textsThatCannotBeStored(body, '');
  if (unstorable.length > 0) throw doesNotFit(unstorable);
  const read = partnerEvent.safeParse(body);
  if (read.success) return { ...read.data, at: new Date(read.data.at).toISOString() } as PartnerEvent;
  const unknown = read.error.issues.flatMap((issue) => (issue.code === 'unrecognized_keys' ? issue.keys : []));
  if (unknown.length > 0) {
    const names = unknown.slice(0, ERRORS_SHOWN).map((name) => name.slice(0, 100));
    throw new AppError('unknown-field', 400, `A message has no field ${names.map((name) => `"${name}"`).join(', ')}.`, {
      names,
    });
  }
  throw doesNotFit(zodViolations(read.error, body));
}

function doesNotFit(errors: Violation[]): AppError {
  return new AppError('schema', 422, 'The message does not fit; errors says where.', {}, errors.slice(0, ERRORS_SHOWN));
}

/** PostgreSQL takes neither NUL nor half of a character pair, however deep it lies. */
function textsThatCannotBeStored(value: Json, path: string): Violation[] {
  if (typeof value === 'string')
    return isStorable(value)
      ? []
      : [{ path, message: 'holds a character that cannot be stored', rule: 'not-storable' }];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) =>
    isStorable(name)
      ? textsThatCannotBeStored(inner, `${path}/${name}`)
      : [{ path, message: 'has a field whose name cannot be stored', rule: 'not-storable' }],
  );
}

function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}
