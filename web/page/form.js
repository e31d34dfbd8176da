import { h } from './dom.js';
import { said, t } from './texts.js';
import { today } from './times.js';

/** From here on a text needs more than one line. */
const LONG = 200;
/** Where in a request the server may have found what a form filled in. */
const PLACES = ['', '/output', '/input'];
let fields = 0;

/**
 * A form made from a JSON Schema: `x-title` and `x-labels` name things in three languages. Gives the element, `read()` for
 * what was filled in, and `mark(errors)` for what the server did not accept (`[{path, message}]`).
 */
export function formOf(schema, given = {}) {
  const root = objectOf(schema ?? {}, given ?? {}, () => '');
  return {
    element: root.element,
    read: root.read,
    mark: (errors) => {
      for (const field of root.all()) field.say('');
      const unmarked = [];
      for (const { path, message } of errors) {
        const field = root.all().find((one) => PLACES.some((place) => path === `${place}${one.path()}`));
        if (field) field.say(message);
        else unmarked.push(message);
      }
      root
        .all()
        .find((field) => field.said)
        ?.focus();
      return unmarked;
    },
    /** What is not answered and must be is marked; true when there is nothing of the kind. */
    complete: () => {
      for (const field of root.all()) field.say(field.lacks());
      const lacking = root.all().find((field) => field.said);
      lacking?.focus();
      return lacking === undefined;
    },
  };
}

/**
 * A listener of a form, or of a button in one, for what takes time: until it has ended, another press in the form does nothing.
 */
export function oneAtATime(act) {
  return async (event) => {
    event.preventDefault();
    const form = event.currentTarget.closest('form');
    if (form.getAttribute('aria-busy') === 'true') return;
    form.setAttribute('aria-busy', 'true');
    try {
      await act();
    } finally {
      form.removeAttribute('aria-busy');
    }
  };
}

/** `path`: says where it is now, for rows move up when one before them is taken out. */
function objectOf(schema, given, path) {
  const parts = Object.entries(schema.properties ?? {}).map(([name, property]) => {
    const place = () => `${path()}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    const demands = () => demandsOf(schema, (other) => parts.find((part) => part.name === other)?.field.read());
    const required = () => demands().some((one) => one.required?.includes(name));
    const least = () => Math.max(0, ...demands().map((one) => one.properties?.[name]?.minItems ?? 0));
    return { name, field: fieldOf(property, given?.[name], place, { name, required, least }) };
  });
  const star = () => {
    for (const { field } of parts) field.star?.();
  };
  star();
  const value = () => {
    const filled = parts.map(({ name, field }) => [name, field.read()]).filter(([, part]) => part !== undefined);
    return Object.fromEntries(filled);
  };
  return {
    element: h('div', { class: 'fields', change: star }, ...parts.map(({ field }) => field.element)),
    read: value,
    all: () => parts.flatMap(({ field }) => field.all()),
  };
}

/** The schema itself and every `then` that counts now, where the condition is that other fields have certain values. */
function demandsOf(schema, read) {
  const holds = ([name, rule]) => 'const' in rule && read(name) === rule.const;
  const counts = ({ if: condition, then }) => then && Object.entries(condition?.properties ?? {}).every(holds);
  return [schema, ...[schema, ...(schema.allOf ?? [])].filter(counts).map(({ then }) => then)];
}

/** `required` and `least` (how many a list has at least) may change with every answer. */
function fieldOf(schema, given, path, { name, required, least }) {
  const title = said(schema['x-title'], schema.title ?? name);
  const type = [schema.type].flat().find((one) => one !== 'null');
  if (type === 'object') return groupOf(schema, given, path, title);
  if (type === 'array' && schema.items?.type === 'object')
    return rowsOf(schema, given, path, title, { required, least });
  const id = `field-${++fields}`;
  const control = controlOf(schema, type, given, id);
  const message = h('p', { class: 'field-error', id: `${id}-error`, role: 'alert' });
  const hint = schema['x-personal'] ? h('p', { class: 'hint' }, t().personal) : null;
  const must = h('span', { class: 'must', 'aria-hidden': 'true' }, ' *');
  const label = [title, must];
  const caption = control.group ? h('legend', {}, ...label) : h('label', { for: id }, ...label);
  const element = h(control.group ? 'fieldset' : 'div', { class: 'field' }, caption, control.element, hint, message);
  // An empty list that would be too short is no answer.
  const read = () => {
    const value = control.read();
    return Array.isArray(value) && value.length === 0 && least() > 0 ? undefined : value;
  };
  const field = {
    path,
    element,
    said: false,
    star: () => {
      must.hidden = !required();
    },
    lacks: () => (required() && read() === undefined ? t().required : ''),
    read,
    focus: () => element.querySelector('input, select, textarea')?.focus(),
    say: (text) => tell(field, message, text),
    all: () => [field],
  };
  return field;
}

/** What is wrong with a field, at the field; nothing when the text is empty. */
function tell(field, message, text) {
  field.said = text !== '';
  message.textContent = text;
  field.element.classList.toggle('wrong', field.said);
}

function groupOf(schema, given, path, title) {
  const inner = objectOf(schema, given, path);
  return { ...inner, element: h('fieldset', { class: 'field group' }, h('legend', {}, title), inner.element) };
}

/** A list of records: each can be taken out, and more be added. One that is required may be empty unless it says how many it needs. */
function rowsOf(schema, given, path, title, { required, least }) {
  const rows = [];
  const list = h('div', { class: 'rows' });
  const add = (value) => {
    const row = {};
    row.inner = objectOf(schema.items, value ?? {}, () => `${path()}/${rows.indexOf(row)}`);
    const remove = () => {
      rows.splice(rows.indexOf(row), 1);
      element.remove();
    };
    const element = h(
      'div',
      { class: 'row' },
      row.inner.element,
      h('button', { type: 'button', class: 'quiet', click: remove }, t().remove),
    );
    rows.push(row);
    list.append(element);
  };
  for (const value of given ?? []) add(value);
  const another = () => {
    add();
    group.say('');
  };
  const more = h('button', { type: 'button', class: 'quiet', click: another }, t().add);
  const message = h('p', { class: 'field-error', role: 'alert' });
  const must = h('span', { class: 'must', 'aria-hidden': 'true' }, ' *');
  const group = {
    path,
    element: h('fieldset', { class: 'field group' }, h('legend', {}, title, must), list, more, message),
    said: false,
    star: () => {
      must.hidden = !required();
    },
    lacks: () => (rows.length < least() && (rows.length > 0 || required()) ? t().addRows(least()) : ''),
    read: () => (rows.length > 0 || required() ? rows.map(({ inner }) => inner.read()) : undefined),
    focus: () => more.focus(),
    say: (text) => tell(group, message, text),
    all: () => [group, ...rows.flatMap(({ inner }) => inner.all())],
  };
  return group;
}

function controlOf(schema, type, given, id) {
  if (type === 'boolean') return choiceOf(id, [true, false], given, (value) => (value ? t().yes : t().no));
  if (schema.enum) return enumOf(schema, given, id);
  if (type === 'array') return schema.items?.enum ? severalOf(schema, given, id) : linesOf(schema, given, id);
  if (type === 'integer' || type === 'number') return numberOf(schema, type, given, id);
  return schema.format === 'date' ? dayOf(schema, given, id) : textOf(schema, given, id);
}

function labelOf(schema, value) {
  return said(schema['x-labels']?.[value], String(value));
}

/** Few choices lie open; many are a list to pick from. */
function enumOf(schema, given, id) {
  const values = schema.enum.filter((value) => value !== null);
  if (values.length <= 4) return choiceOf(id, values, given, (value) => labelOf(schema, value));
  const options = values.map((value, index) =>
    h('option', { value: index, selected: value === given }, labelOf(schema, value)),
  );
  const select = h('select', { id }, h('option', { value: '' }, `${t().choose}…`), ...options);
  return { element: select, read: () => (select.value === '' ? undefined : values[Number(select.value)]) };
}

function choiceOf(id, values, given, label) {
  const inputs = values.map((value, index) =>
    h('input', { type: 'radio', name: id, id: `${id}-${index}`, checked: value === given }),
  );
  const choices = inputs.map((input, index) =>
    h('label', { class: 'choice', for: input.id }, input, h('span', {}, label(values[index]))),
  );
  const read = () => values[inputs.findIndex((input) => input.checked)];
  return { group: true, element: h('div', { class: 'choices' }, ...choices), read };
}

function severalOf(schema, given, id) {
  const values = schema.items.enum;
  const named = schema['x-labels'] ? schema : schema.items;
  const inputs = values.map((value, index) =>
    h('input', { type: 'checkbox', id: `${id}-${index}`, checked: (given ?? []).includes(value) }),
  );
  const choices = inputs.map((input, index) =>
    h('label', { class: 'choice', for: input.id }, input, h('span', {}, labelOf(named, values[index]))),
  );
  const read = () => values.filter((_, index) => inputs[index].checked);
  return { group: true, element: h('div', { class: 'choices' }, ...choices), read };
}

/** A line that should be a number and is none stays as it was typed: the server says what is wrong with it. */
function linesOf(schema, given, id) {
  const numbers = ['integer', 'number'].includes(schema.items?.type);
  const itemOf = (line) => (numbers && Number.isFinite(Number(line)) ? Number(line) : line);
  const area = h('textarea', { id, rows: 3, placeholder: t().onePerLine }, (given ?? []).join('\n'));
  const read = () => {
    const lines = area.value.split('\n').map((line) => line.trim());
    return lines.filter((line) => line !== '').map(itemOf);
  };
  return { element: area, read };
}

function numberOf(schema, type, given, id) {
  const { minimum: min, maximum: max } = schema;
  const input = h('input', { id, type: 'number', step: type === 'integer' ? 1 : 'any', min, max, value: given });
  return { element: input, read: () => (input.value === '' ? undefined : input.valueAsNumber) };
}

/** As the server bounds days that people write down; what has happened, has happened by today. */
function dayOf({ formatMinimum: min = '2000-01-01', formatMaximum: max = '2100-12-31', 'x-past': past }, given, id) {
  const input = h('input', { id, type: 'date', min, max: past ? today() : max, value: given });
  return { element: input, read: () => (input.value === '' ? undefined : input.value) };
}

function textOf(schema, given, id) {
  const { maxLength: maxlength } = schema;
  const long = (maxlength ?? 0) > LONG;
  const type = schema.format === 'email' ? 'email' : 'text';
  const input = long
    ? h('textarea', { id, rows: 3, maxlength }, given ?? '')
    : h('input', { id, type, maxlength, value: given });
  return { element: input, read: () => (input.value.trim() === '' ? undefined : input.value) };
}
