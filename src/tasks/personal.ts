import type { Json, JsonObject } from '../statechart/types.js';
import { ALTERNATIVES, escaped, fieldOf, isObject, replaceMarked, resolve } from './marked.js';

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

/** A stored answer with its personal fields back in their places. The paths are JSON Pointers. */
export interface WholeAnswer {
  output: Json;
  /** Fields that are left out, because the reader may not see them. */
  hidden: string[];
  /** Fields that are left out, because nobody has them any more. */
  erased: string[];
}

/**
 * The opposite of `splitPersonal`: puts `values` (by their ids) back where an answer refers to them.
 * @param maySee whether the reader may see a personal field; `closed`: one that the form marks `x-closed`
 */
export function joinPersonal(
  schema: JsonObject,
  answer: Json,
  values: ReadonlyMap<string, Json>,
  maySee: (closed: boolean) => boolean,
): WholeAnswer {
  const hidden: string[] = [];
  const erased: string[] = [];
  const join = (parts: JsonObject[], value: Json, path: string): Json | undefined => {
    const reference = referenceIn(value);
    if (reference !== undefined) {
      const seen = maySee(parts.some((part) => part['x-closed'] === true));
      const kept = seen ? values.get(reference) : undefined;
      if (kept === undefined) (seen ? erased : hidden).push(path);
      return kept;
    }
    if (Array.isArray(value)) {
      const items = parts.flatMap((part) => describing(schema, part['items']));
      // Others keep their places.
      return value.map((item, index) => join(items, item, `${path}/${index}`) ?? null);
    }
    if (!isObject(value)) return value;
    const fields = Object.entries(value).flatMap(([name, child]) => {
      const described = parts.flatMap((part) => describing(schema, fieldOf(part, name)));
      const joined = join(described, child, `${path}/${escaped(name)}`);
      return joined === undefined ? [] : [[name, joined] as const];
    });
    return Object.fromEntries(fields);
  };
  return { output: join(describing(schema, schema), answer, '') ?? null, hidden, erased };
}

/** A part of a schema, and all that describes the same value: its alternatives, and what it refers to. */
function describing(schema: JsonObject, part: Json | undefined, refs: readonly string[] = []): JsonObject[] {
  if (!isObject(part)) return [];
  const others = ALTERNATIVES.flatMap((keyword) => part[keyword] ?? []).flatMap((other) =>
    describing(schema, other, refs),
  );
  const reference = part['$ref'];
  if (typeof reference !== 'string' || refs.includes(reference)) return [part, ...others];
  return [part, ...others, ...describing(schema, resolve(schema, reference), [...refs, reference])];
}

function referenceIn(value: Json): string | undefined {
  if (!isObject(value)) return undefined;
  const { $personal, ...more } = value;
  return typeof $personal === 'string' && Object.keys(more).length === 0 ? $personal : undefined;
}
