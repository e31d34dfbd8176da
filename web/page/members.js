import { actsBlock, fieldsOf } from './acts.js';
import { patch, post } from './api.js';
import { h } from './dom.js';
import { labelled, personNames } from './family-fields.js';
import { drawAnew } from './parts.js';
import { t } from './texts.js';

const RELATIONS = ['spouse', 'child', 'parent', 'sibling', 'grandparent', 'grandchild', 'ward', 'other'];

export const fullName = ({ surname, given, patronymic }) => [surname, given, patronymic].filter(Boolean).join(' ');

/**
 * Everybody of a family with their number, which forms and hand-offs go by; whoever may enters people and corrects them.
 * `changed` is called with the warnings about what was written.
 */
export function membersBlock({ id, members, can }, changed) {
  const path = `/api/families/${id}/members`;
  const items = members.map((member) =>
    h('li', {}, lineOf(member), can.enterPeople && actsBlock([correctionOf(path, member, changed)], 'quiet')),
  );
  return [
    h('ul', { class: 'members', 'aria-label': t().people.members }, ...items),
    can.enterPeople && actsBlock([entryOf(path, changed)], 'quiet'),
  ];
}

/** What should be compared with the papers: it stands until somebody has read it. */
export function warningsOf(warnings) {
  if (warnings.length === 0) return null;
  const lines = warnings.map(({ message }) => h('p', {}, message));
  const read = h('button', { type: 'button', class: 'quiet', click: drawAnew }, t().people.read);
  return h('div', { class: 'notice unread', role: 'status' }, ...lines, read);
}

/** The same form, in which a number of the family list (`x-member`) is chosen by name. */
export function withPeople(schema, family) {
  if (!family || family.members.length === 0) return schema;
  const numbers = family.members.map(({ number }) => number);
  const labels = labelled(Object.fromEntries(family.members.map((member) => [member.number, labelOf(member)])));
  const named = (part) => {
    if (Array.isArray(part)) return part.map(named);
    if (typeof part !== 'object' || part === null) return part;
    const inner = Object.fromEntries(Object.entries(part).map(([key, value]) => [key, named(value)]));
    return part['x-member'] === true ? { ...inner, enum: numbers, 'x-labels': labels } : inner;
  };
  return named(schema);
}

const labelOf = (member) => `${member.number} — ${fullName(member)}`;
function lineOf(member) {
  const { relation, birthYear } = member;
  return h(
    'span',
    { class: 'facts' },
    h('span', {}, labelOf(member)),
    h('span', { class: 'by' }, [t().people.relation[relation] ?? relation, birthYear].filter(Boolean).join(', ')),
  );
}

function entryOf(path, changed) {
  const names = personNames();
  const properties = { ...names, relation: relations(), ...papersOf('') };
  const schema = fieldsOf(properties, [...Object.keys(names), 'iin', 'birthDate']);
  return {
    title: t().people.addPerson,
    schema,
    submit: t().people.addPerson,
    ...sending((given) => post(path, given), changed),
  };
}

/** Names are as they stand in the form; a number and a birth date that are left empty stay as they were. */
function correctionOf(path, member, changed) {
  const { number, surname, given, patronymic, relation, revision } = member;
  // What everybody else is called by is what they are to the applicant.
  const kin = relation === 'applicant' ? {} : { relation: relations() };
  const properties = { ...personNames(), ...kin, ...papersOf(` (${t().people.emptyStays})`) };
  const send = (said) =>
    patch(`${path}/${number}`, { surname: null, given: null, patronymic: null, ...said, revision });
  return {
    title: t().people.correct,
    label: `${t().people.correct}: ${labelOf(member)}`,
    schema: fieldsOf(properties, Object.keys(properties)),
    given: { surname, given, patronymic, relation },
    submit: t().people.save,
    ...sending(send, changed),
  };
}

/** For an act whose answer has warnings: the page hears of them once it was sent. */
export function sending(send, changed) {
  let warnings = [];
  return {
    send: async (given) => {
      ({ warnings } = await send(given));
    },
    done: () => changed(warnings),
  };
}

function relations() {
  const labels = Object.fromEntries(RELATIONS.map((one) => [one, t().people.relation[one]]));
  return { enum: RELATIONS, 'x-labels': labelled(labels), title: t().people.relationTitle };
}

function papersOf(hint) {
  return {
    iin: { type: 'string', maxLength: 20, title: `${t().people.iin}${hint}` },
    birthDate: {
      type: 'string',
      format: 'date',
      formatMinimum: '1900-01-01',
      'x-past': true,
      title: `${t().people.birthDate}${hint}`,
    },
  };
}
