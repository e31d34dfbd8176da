import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { projectPath } from '../../src/platform/project-root.js';
import type { Json, JsonObject } from '../../src/statechart/types.js';
import type { Step } from '../journey.js';

export const workflow = parse(readFileSync(projectPath('bench', 'workflow', 'workflow.yaml'), 'utf8')) as {
  context: JsonObject;
  events: Record<string, JsonObject>;
};

/** What a person is told about the events that are possible now. */
function told(...types: string[]): Json {
  return [...types, 'WITHDRAW'].map((type) => {
    const { title = null, schema = null, roles = [] } = workflow.events[type] ?? {};
    return { type, title, schema, roles };
  });
}

export const ACCEPTS: Record<Step, Json> = {
  open: told(),
  screen: told('PLAN_AGREED'),
  plan: told(),
  partner: null,
  enrol: told('ATTENDED'),
  attend: told(),
  assess: [],
};
export const CAN = {
  event: true,
  cancel: false,
  suspend: true,
  resume: false,
  reopen: false,
  modify: false,
  list: true,
  retry: false,
  resolve: false,
};
