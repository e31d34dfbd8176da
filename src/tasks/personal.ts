import type { Json, JsonObject } from '../statechart/types.js';
import { replaceMarked } from './marked.js';

/** One field that a form marks `x-personal`, taken out of an answer. */
export interface PersonalValue {
  id: string;
  /** JSON Pointer into the answer. */
  path: string;
  value: Json;
}

/**
 * Takes the fields that the form's schema marks `x-personal` out of an answer and leaves `{"$personal": "<id>"}` in their
 * place: statechart, journal and queues never hold them. An absent field stays absent.
 */
export function splitPersonal(
  schema: JsonObject,
  answer: Json,
  id: () => string,
): { answer: Json; values: PersonalValue[] } {
  const values: PersonalValue[] = [];
  const rest = replaceMarked(schema, 'x-personal', answer, (value, path) => {
    const reference = id();
    values.push({ id: reference, path, value });
    return { $personal: reference };
  });
  return { answer: rest, values };
}
