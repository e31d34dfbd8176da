import type { Json, JsonObject } from '../statechart/types.js';

/** What a family has said about its data in a form: which partners may have it, and which of those it was asked about may not. */
export interface ConsentAnswer {
  given: string[];
  withheld: string[];
}

/**
 * Reads the fields that a form marks `x-consents`: lists of partners' keys. A partner that the list offers and the family
 * did not name is one that it does not consent to; whom the form does not offer, it says nothing about. A field that is
 * marked `staying` only takes back: naming a partner there gives it nothing that it did not have.
 */
export function consentsIn(schema: JsonObject, answer: Json): ConsentAnswer {
  const given = new Set<string>();
  const staying = new Set<string>();
  const offered = new Set<string>();
  const fields = isObject(schema['properties']) ? schema['properties'] : {};
  for (const [name, field] of Object.entries(fields)) {
    const named = isObject(answer) && Object.hasOwn(answer, name) ? answer[name] : undefined;
    if (!isObject(field) || !Array.isArray(named)) continue;
    const mark = field['x-consents'];
    if (mark !== true && mark !== 'staying') continue;
    for (const partner of texts(named)) (mark === true ? given : staying).add(partner);
    const items = field['items'];
    for (const partner of texts(isObject(items) ? items['enum'] : undefined)) offered.add(partner);
  }
  return {
    given: [...given],
    withheld: [...offered].filter((partner) => !given.has(partner) && !staying.has(partner)),
  };
}

function texts(value: Json | undefined): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
