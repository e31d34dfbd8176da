import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { JsonObject, Workflow } from '../statechart/types.js';

const compiled = new WeakMap<JsonObject, ValidateFunction>();
const instances = new WeakMap<Workflow, Ajv2020>();

/** Compiled once per schema object; schemas of one workflow share an instance, so that `$id`s of two versions never meet. */
export function validatorOf(owner: Workflow, schema: JsonObject): ValidateFunction {
  const known = compiled.get(schema);
  if (known) return known;
  const ajv = instances.get(owner) ?? newInstance();
  instances.set(owner, ajv);
  const validate = ajv.compile(schema);
  compiled.set(schema, validate);
  return validate;
}

function newInstance(): Ajv2020 {
  // Keywords beginning with x- are ours (titles, personal fields); anything else unknown is a mistake in the form.
  const ajv = new Ajv2020({ allErrors: true, strict: false, validateFormats: true });
  addFormats.default(ajv);
  return ajv;
}
