import { h } from './dom.js';
import { t } from './texts.js';
import { dueDay } from './times.js';

/** A due date, with its time where it is near or urgent; marked when it is over. */
export function dueOf(dueAt, overdue, urgent = false) {
  if (dueAt === null) return h('span', { class: 'due' }, t().noDue);
  const text = `${overdue ? t().overdue : t().due}: ${dueDay(dueAt, urgent)}`;
  return h('time', { class: overdue ? 'due over' : 'due', datetime: dueAt }, text);
}

/** Of a task that nobody has begun: marked when somebody should have. */
export function startOf({ status, startBy, priority }) {
  if (status !== 'open' || startBy === null) return null;
  const late = Date.parse(startBy) < Date.now();
  const text = `${late ? t().lateToStart : t().startBy}: ${dueDay(startBy, isUrgent({ priority }))}`;
  return h('time', { class: late ? 'due over' : 'due', datetime: startBy }, text);
}

/** A task that goes before others. */
export const isUrgent = ({ priority }) => priority > 0;

export function urgencyOf(task) {
  return isUrgent(task) ? badge(t().urgent, 'alarm') : null;
}

export function caseLink(number, id = number) {
  return h('a', { class: 'number', href: `#/cases/${encodeURIComponent(id)}` }, number);
}

/** An identity number, or a telephone number: only a family has one, and browsers keep addresses. */
const isPersonal = (words) => /^\d{7,}$|\d{10}/.test(words.replace(/[\s()+.-]/g, ''));

/** Looks for something at an address of the page; for what is personal among the families, and beside the address (`lookedFor`). */
export function searchForm(address, asked, label) {
  const words = h('input', { type: 'search', name: 'q', value: asked, placeholder: label, 'aria-label': label });
  const find = (event) => {
    event.preventDefault();
    const q = words.value;
    const before = location.hash;
    location.hash = isPersonal(q) ? '#/families?q=' : `${address}?${new URLSearchParams({ q })}`;
    history.replaceState(isPersonal(q) ? { q } : null, '');
    if (location.hash === before) drawAnew();
  };
  return h('form', { class: 'search', submit: find }, words, h('button', {}, t().find));
}

/** What was looked for to come to this address of the page. */
export function lookedFor(query = '') {
  return (new URLSearchParams(query).get('q') || (history.state?.q ?? '')).trim();
}

export function drawAnew() {
  dispatchEvent(new HashChangeEvent('hashchange'));
}

export function badge(text, kind = '') {
  return h('span', { class: `badge ${kind}` }, text);
}

/** Says something for a moment, for eyes and screen readers. */
export function toast(text) {
  const note = h('div', { class: 'toast', role: 'status' }, text);
  document.body.append(note);
  setTimeout(() => note.remove(), 5000);
}
