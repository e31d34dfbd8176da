import type { ChartNode, Definition } from './definition.js';
import type { Findings } from './findings.js';
import { text } from './parse.js';
import type { Json, JsonObject, Text, Workflow } from './types.js';

const LANGUAGES = ['kk', 'ru', 'en'] as const;
const NAMES = { kk: 'Kazakh', ru: 'Russian', en: 'English' };

/** Everything that people read must be there in Kazakh, Russian and English. */
export function checkTexts(workflow: Workflow, definition: Definition, findings: Findings): void {
  const checker = new Texts(findings);
  if (Object.keys(workflow.title).length > 0) checker.required(workflow.title, '', 'The workflow');
  else
    findings.warning(
      'no-title',
      '',
      'The workflow has no title: people read its key instead.',
      'Add `title` in kk, ru and en.',
    );
  for (const { key, title } of definition.stages) checker.required(title, '', `The stage "${key}"`);
  for (const { type, title, confirm, refused } of definition.eventsDeclared ? definition.events : []) {
    checker.required(title, '', `The event ${type}`);
    if (confirm) checker.required(confirm, '', `\`confirm\` of ${type}`, 'text');
    if (refused) checker.required(refused, '', `\`refused\` of ${type}`, 'text');
  }
  for (const { name, title } of Object.values(workflow.forms)) checker.required(title, '', `The form "${name}"`);
  for (const node of definition.nodes) checkState(node, workflow, checker);
  checkUntitled(definition, findings);
  for (const [path, content] of Object.entries(workflow.files)) checker.walk(content, path, []);
}

/** Where a workflow names its states for people, every state that a case can be in needs such a name. */
function checkUntitled({ nodes }: Definition, findings: Findings): void {
  const isTitled = ({ meta }: ChartNode) => text(meta.title) !== undefined;
  if (!nodes.some(isTitled)) return;
  for (const node of nodes) {
    if ((node.type !== 'atomic' && node.type !== 'final') || isTitled(node)) continue;
    findings.warning(
      'no-title',
      node.path,
      "The state has no title, while others have one: on a case's page people would read its key instead of words.",
      'Add `meta.title` in kk, ru and en.',
    );
  }
}

/** A task is shown by its own title, its state's, or its form's. */
function checkState(node: ChartNode, workflow: Workflow, checker: Texts): void {
  if (typeof node.meta.stage === 'string' && node.meta.title !== undefined)
    checker.required(text(node.meta.title), node.path, 'The state');
  for (const { id, src, input } of node.invokes) {
    if (src !== 'task') continue;
    const { title, form } = object(input);
    const known = typeof form === 'string' && Object.hasOwn(workflow.forms, form) ? workflow.forms[form] : undefined;
    const words = text(title) ?? text(node.meta.title) ?? known?.title;
    // That the form itself is missing is another rule's finding.
    if (words !== undefined || known !== undefined) checker.required(words, node.path, `The task "${id}"`);
  }
}

class Texts {
  constructor(private readonly findings: Findings) {}

  required(title: Text | undefined, state: string, what: string, kind: 'title' | 'text' = 'title'): void {
    const missing = LANGUAGES.filter((language) => !title?.[language]?.trim());
    if (missing.length === 0) return;
    this.findings.error(
      'no-translation',
      state,
      missing.length === LANGUAGES.length
        ? `${what} has no ${kind}: people would read a code instead of words.`
        : `${what} has no ${kind} in ${missing.map((language) => NAMES[language]).join(' and ')}: who reads that language would not understand it.`,
      `Give the ${kind} in kk, ru and en.`,
    );
  }

  /** Any map whose keys are languages is a text; it must have all of them. */
  walk(value: Json, file: string, path: string[]): void {
    if (typeof value !== 'object' || value === null) return;
    if (Array.isArray(value)) {
      value.forEach((item, index) => {
        this.walk(item, file, [...path, String(index)]);
      });
      return;
    }
    const keys = Object.keys(value);
    const isText =
      keys.length > 0 &&
      path.at(-1) !== 'properties' &&
      keys.every((key) => LANGUAGES.some((language) => language === key));
    if (isText) this.complete(value, file, path);
    for (const [key, item] of Object.entries(value)) this.walk(item, file, [...path, key]);
  }

  private complete(words: JsonObject, file: string, path: string[]): void {
    const missing = LANGUAGES.filter((language) => isEmpty(words[language]));
    if (missing.length === 0) return;
    this.findings.error(
      'no-translation',
      stateOf(path),
      `${file}, ${path.join('.') || 'the whole file'}: the words are missing in ${missing.map((language) => NAMES[language]).join(' and ')}.`,
      'Give the words in kk, ru and en.',
    );
  }
}

function isEmpty(words: Json | undefined): boolean {
  return words === undefined || words === null || (typeof words === 'string' && words.trim() === '');
}

/** `states.open.states.intake.meta.title` lies in the state `open.intake`. */
function stateOf(path: string[]): string {
  const states: string[] = [];
  for (let index = 0; path[index] === 'states' && path[index + 1] !== undefined; index += 2)
    states.push(path[index + 1] ?? '');
  return states.join('.');
}

function object(value: Json): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
}
