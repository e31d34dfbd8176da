import safeRegex from 'safe-regex2';
import { validatorOf } from '../engine/schemas.js';
import { contextSchemaOf } from '../statechart/context-schema.js';
import type { Finding, Json, JsonObject, Workflow } from '../statechart/types.js';

/** Keywords below which a value's schema is reached by other ways than `properties`, `items` and alternatives. */
const OUT_OF_REACH = ['patternProperties', 'prefixItems', 'contains', 'if', 'not', 'dependentSchemas', 'propertyNames'];
/** What lets a schema be named from elsewhere: personal fields are found by following `#/…` alone. */
const NAMES = ['$id', '$anchor', '$dynamicAnchor', '$dynamicRef'];

/**
 * Every JSON Schema of a workflow can be used: it compiles, none of its patterns can keep the process busy (a person's answer
 * is matched on the request's own thread), and its personal fields, numbers of people and days stand where they are found.
 */
export function checkSchemas(workflow: Workflow): Finding[] {
  return [...schemasOf(workflow)].flatMap(({ name, schema, isForm = false }) => {
    const findings: Finding[] = [];
    const add = (rule: string, message: string, hint: string) =>
      findings.push({ rule, severity: 'error', state: '', message: `${name}: ${message}`, hint });
    walk(schema, '', { outOfReach: false, isForm, add });
    if (findings.length > 0) return findings;
    try {
      validatorOf(schema);
    } catch (error) {
      add(
        'schema-malformed',
        `it is no JSON Schema (${error instanceof Error ? error.message : String(error)}), so that nobody could answer.`,
        'Correct it; titles of fields are written `x-title`, labels of values `x-labels`.',
      );
    }
    return findings;
  });
}

function* schemasOf(workflow: Workflow): Iterable<{ name: string; schema: JsonObject; isForm?: boolean }> {
  for (const { name, schema } of Object.values(workflow.forms)) yield { name: `Form ${name}`, schema, isForm: true };
  for (const { type, schema } of workflow.events) if (schema) yield { name: `Event ${type}`, schema };
  if (workflow.inputSchema) yield { name: 'The input', schema: workflow.inputSchema };
  const context = contextSchemaOf(workflow);
  if (context) yield { name: 'The context', schema: context };
}

interface Walk {
  outOfReach: boolean;
  /** What people answer: only there some words are read. */
  isForm: boolean;
  add(rule: string, message: string, hint: string): void;
}

function walk(part: Json | undefined, path: string, { outOfReach, isForm, add }: Walk): void {
  if (Array.isArray(part)) {
    for (const [index, item] of part.entries()) walk(item, `${path}/${index}`, { outOfReach, isForm, add });
    return;
  }
  if (typeof part !== 'object' || part === null) return;
  if (outOfReach && part['x-personal'] === true)
    add(
      'personal-out-of-reach',
      `what ${path} marks x-personal would not be kept apart.`,
      'Describe it in `properties`.',
    );
  if (part['x-closed'] === true && part['x-personal'] !== true)
    add(
      'closed-not-personal',
      `what ${path} marks x-closed would stand in the case's journal, where everybody of the centre reads it.`,
      'Mark it `x-personal: true` as well.',
    );
  if (part['x-member'] === true) checkMember(part, path, { outOfReach, isForm, add });
  if (part['x-past'] === true) checkPast(part, path, { outOfReach, isForm, add });
  if (part['x-consents'] !== undefined) checkConsents(part, path, { outOfReach, isForm, add });
  for (const keyword of NAMES)
    if (typeof part[keyword] === 'string')
      add(
        'schema-named',
        `${path} gives a schema a name of its own (${keyword}).`,
        'Refer to it by `#/$defs/…` instead.',
      );
  const reference = part['$ref'];
  if (typeof reference === 'string' && reference !== '#' && !reference.startsWith('#/'))
    add('schema-elsewhere', `${path} refers to ${reference}, which is not in it.`, 'Refer to `#/$defs/…` only.');
  for (const pattern of patternsOf(part))
    if (!safeRegex(pattern))
      add(
        'unsafe-pattern',
        `the pattern ${JSON.stringify(pattern)} of ${path} could keep the system busy for minutes with one answer.`,
        'Leave out repetitions inside repetitions, such as (a+)+.',
      );
  for (const value of unlabelled(part))
    add(
      'no-label',
      `the value ${JSON.stringify(value)} of ${path} has no label, while others have one: people would read a code instead of words.`,
      'Add it to `x-labels` in kk, ru and en.',
    );
  for (const [keyword, inner] of Object.entries(part)) {
    // What stands there are values, not schemas.
    if (keyword === 'enum' || keyword === 'const' || keyword === 'default' || keyword === 'examples') continue;
    walk(inner, `${path}/${keyword}`, { outOfReach: outOfReach || OUT_OF_REACH.includes(keyword), isForm, add });
  }
}

/** Only a whole number can be one of the family list. */
function checkMember({ type }: JsonObject, path: string, { outOfReach, add }: Walk): void {
  if (
    [type]
      .flat()
      .filter((one) => one !== 'null')
      .join() !== 'integer'
  )
    add(
      'member-no-integer',
      `what ${path} marks x-member is no whole number, and nobody's number in the family list.`,
      'Give it `type: integer`; in a list of people mark the `items`.',
    );
  if (outOfReach)
    add('member-out-of-reach', `what ${path} marks x-member would not be checked.`, 'Describe it in `properties`.');
}

/** Only a day can have passed. */
function checkPast({ format }: JsonObject, path: string, { outOfReach, add }: Walk): void {
  if (format !== 'date')
    add('past-no-date', `what ${path} marks x-past is no day.`, 'Give it `type: string` and `format: date`.');
  if (outOfReach)
    add('past-out-of-reach', `what ${path} marks x-past would not be checked.`, 'Describe it in `properties`.');
}

/** What is misspelt here would leave in force a consent that a family took back, and nobody would hear of it. */
function checkConsents({ 'x-consents': mark, type, items }: JsonObject, path: string, { isForm, add }: Walk): void {
  if (mark !== true && mark !== 'staying')
    add(
      'consents-unknown',
      `${path} marks x-consents with ${JSON.stringify(mark)}, which says nothing: no consent would be given or taken back.`,
      'Write `x-consents: true` where consents are given or withheld, `x-consents: staying` where they are only taken back.',
    );
  const offered = typeof items === 'object' && items !== null && !Array.isArray(items) ? items['enum'] : undefined;
  if (!isForm || type !== 'array' || !Array.isArray(offered) || !/^\/properties\/[^/]+$/.test(path))
    add(
      'consents-no-list',
      `what ${path} marks x-consents is no list of partners' keys among the form's own fields: it would not be read.`,
      'Make it a field of the form with `type: array` and `items: {enum: [partner, …]}`.',
    );
}

/** Values of a list, or of its items, to which `x-labels` gives no words. */
function unlabelled({ enum: own, items, 'x-labels': labels }: JsonObject): string[] {
  if (typeof labels !== 'object' || labels === null) return [];
  const values = own ?? (typeof items === 'object' && items !== null && !Array.isArray(items) ? items['enum'] : []);
  if (!Array.isArray(values)) return [];
  return values.filter((value): value is string => typeof value === 'string' && !Object.hasOwn(labels, value));
}

function patternsOf({ pattern, patternProperties }: JsonObject): string[] {
  const named =
    typeof patternProperties === 'object' && patternProperties !== null ? Object.keys(patternProperties) : [];
  return [...(typeof pattern === 'string' ? [pattern] : []), ...named];
}
