import { AppError, type Violation } from '../engine/errors.js';
import type { Json, JsonObject } from '../statechart/types.js';
import { replaceMarked } from './marked.js';

/** Numbers of the family list that an answer names, by path: the fields that its form marks `x-member`. */
export function membersIn(schema: JsonObject, answer: Json): Map<string, number> {
  const named = new Map<string, number>();
  replaceMarked(schema, 'x-member', answer, (value, path) => {
    if (typeof value === 'number') named.set(path, value);
    return value;
  });
  return named;
}

/** A number that nobody has would be found out weeks later, by a hand-off or a certificate. @throws AppError `schema` */
export function refuseUnknownMembers(named: Map<string, number>, known: readonly number[]): void {
  const errors = [...named].filter(([, member]) => !known.includes(member)).map(unknownMember(known));
  if (errors.length === 0) return;
  throw new AppError('schema', 422, 'The family has nobody with this number; errors says where.', {}, errors);
}

const unknownMember =
  (known: readonly number[]) =>
  ([path, member]: [string, number]): Violation => ({
    path,
    message: `nobody has the number ${member} in the family list`,
    rule: 'unknown-member',
    facts: { member, known: [...known] },
  });
