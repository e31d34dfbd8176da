import { get, Problem } from './api.js';
import { h } from './dom.js';
import { said, t } from './texts.js';
import { day, moment } from './times.js';

/** So many tasks of a case are listed beside an open one; its history has the rest. */
const LISTED = 5;
const DATE = /^\d{4}-\d{2}-\d{2}$/;

/** What was answered in a task, field by field and in the words of its form. */
export function answerOf({ answer, form }) {
  if (answer === null) return h('p', { class: 'none' }, t().noAnswer);
  if (answer.erased.includes('')) return h('p', { class: 'none' }, t().erased);
  return recordOf(form.schema, answer.output, '', answer);
}

/** Fields in the order of the form; last what it does not name. */
function recordOf(schema, record, path, answer) {
  const described = schema?.properties ?? {};
  const names = [...new Set([...Object.keys(described), ...Object.keys(record)])];
  const fields = names.flatMap((name) => {
    const at = `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    const value = shownValue(described[name] ?? {}, record[name], at, answer);
    return value === null ? [] : [h('dt', {}, said(described[name]?.['x-title'], name)), h('dd', {}, value)];
  });
  return h('dl', { class: 'answered' }, ...fields);
}

/** Null where nothing was answered. */
function shownValue(schema, value, at, answer) {
  if (answer.hidden.includes(at)) return h('span', { class: 'none' }, t().notShown);
  if (answer.erased.includes(at)) return h('span', { class: 'none' }, t().erased);
  if (value === undefined || value === null) return null;
  if (Array.isArray(value)) return listOf(schema, value, at, answer);
  if (typeof value === 'object') return recordOf(schema, value, at, answer);
  return wordOf(schema, value);
}

function listOf(schema, values, at, answer) {
  if (values.length === 0) return t().noneListed;
  // Values of a list may be named by the list or by its items.
  const named = { ...schema.items, 'x-labels': schema['x-labels'] ?? schema.items?.['x-labels'] };
  const items = values.map((value, index) => shownValue(named, value, `${at}/${index}`, answer));
  return h('ul', {}, ...items.filter((item) => item !== null).map((item) => h('li', {}, item)));
}

/** A value in the reader's words. */
export function wordOf(schema, value) {
  if (typeof value === 'boolean') return value ? t().yes : t().no;
  const label = schema['x-labels']?.[value];
  if (label) return said(label);
  if (schema.format === 'date-time') return moment(value);
  return typeof value === 'string' && DATE.test(value) ? day(value) : String(value);
}

/** The answer of a task below its name, asked for when it is opened: who looks at it is written down. */
export function answeredTask(id, title, { open = false, more = null } = {}) {
  const place = h('div', {});
  const element = h('details', { open }, h('summary', {}, title), place);
  let asked = false;
  const show = async () => {
    // What is being read does not close because the page has newer figures.
    element.classList.toggle('further', element.open);
    if (asked || !element.open) return;
    asked = true;
    try {
      const task = await get(`/api/tasks/${id}`);
      place.replaceChildren(answerOf(task), ...[more?.(task)].filter(Boolean));
    } catch (error) {
      asked = false;
      place.replaceChildren(h('p', { class: 'field-error' }, error instanceof Problem ? error.message : t().offline));
    }
  };
  element.addEventListener('toggle', show);
  if (open) void show();
  return element;
}

/**
 * What was answered in the case before an open task: the last answer to the same question, which `fill` puts into the form,
 * and the newest others. The one that led to the task lies open.
 */
export async function answeredBefore(task, fill) {
  const { items } = await get(`/api/cases/${task.caseId}/answers`);
  if (items.length === 0) return null;
  const same = items.find(
    ({ invocation, item, form }) => invocation === task.invocation && item === task.item && form === task.form.name,
  );
  // Answered in the very step that opened this task.
  const leading = items.find(({ at }) => at === task.openedAt) ?? items[0];
  const others = items.filter((one) => one !== same && one !== leading);
  const shown = [...new Set([leading, same, ...others].filter(Boolean))].slice(0, LISTED);
  const button = (answered) =>
    answered.answer?.output &&
    h('button', { type: 'button', click: () => fill(answered.answer.output) }, t().fillWithAnswer);
  const rows = shown.map((one) => {
    const name = one === same ? t().lastAnswer(one.title) : one.title;
    const title = [
      h('strong', {}, name),
      h('span', { class: 'by' }, ` · ${[one.by, moment(one.at)].filter(Boolean).join(' · ')}`),
    ];
    return h(
      'li',
      {},
      answeredTask(one.id, title, { open: one === leading, more: one === same && fill ? button : null }),
    );
  });
  return h(
    'section',
    { class: 'card before' },
    h('h2', {}, t().answeredBefore),
    h('ul', {}, ...rows),
    items.length > shown.length && h('p', {}, h('a', { href: `#/cases/${task.caseId}` }, t().allInHistory)),
  );
}
