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

/** Looks for something at an address of the page. */
export function searchForm(address, asked, label) {
  const words = h('input', { type: 'search', name: 'q', value: asked, placeholder: label, 'aria-label': label });
  const find = (event) => {
    event.preventDefault();
    location.hash = `${address}?${new URLSearchParams({ q: words.value })}`;
  };
  return h('form', { class: 'search', submit: find }, words, h('button', {}, t().find));
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
