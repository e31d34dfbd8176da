import { get } from './api.js';
import { h } from './dom.js';
import { dueOf } from './parts.js';
import { said, t } from './texts.js';
import { moment } from './times.js';

/** Somebody of a partner, who has no tasks and opens no cases. */
export const isPartner = ({ roles }) => roles.length > 0 && roles.every((role) => role.startsWith('partner-'));

/** What a partner was asked and has not answered yet: what is new, what it has taken on, and what waits for papers. */
export async function handoffsView() {
  const { items } = await get('/api/partners');
  const titles = new Map(
    items.flatMap(({ key, services }) => services.map((one) => [`${key}/${one.key}`, said(one.title, one.key)])),
  );
  const sections = await Promise.all(['sent', 'acknowledged', 'papers'].map((status) => section(status, titles)));
  return h('div', {}, h('h1', {}, t().handoffs), ...sections);
}

async function section(status, titles) {
  const path = `/api/handoffs?status=${status}&limit=30`;
  const first = await get(path);
  const list = h('ul', { class: 'cards' }, ...first.items.map((one) => card(one, titles)));
  let { next } = first;
  const more = h('button', { class: 'quiet', hidden: next === null }, t().more);
  more.addEventListener('click', async () => {
    list.classList.add('further');
    const page = await get(`${path}&cursor=${next}`);
    list.append(...page.items.map((one) => card(one, titles)));
    next = page.next;
    more.hidden = next === null;
  });
  return h(
    'section',
    { 'data-status': status },
    h('h2', {}, t().handoffsIn[status]),
    first.items.length === 0 ? h('p', { class: 'none' }, t().noHandoffs) : list,
    h('div', { class: 'buttons' }, more),
  );
}

function card({ id, partner, partnerTitle, service, caseNumber, sentAt, acknowledgedAt, ...one }, titles) {
  return h(
    'li',
    { class: 'card', 'data-handoff': id },
    h('h3', {}, titles.get(`${partner}/${service}`) ?? service),
    h('p', {}, `${said(partnerTitle, partner)} · ${t().case} `, h('span', { class: 'number' }, caseNumber)),
    h(
      'p',
      { class: 'facts' },
      sentAt && h('time', { class: 'due', datetime: sentAt }, `${t().status.sent}: ${moment(sentAt)}`),
      acknowledgedAt &&
        h('time', { class: 'due', datetime: acknowledgedAt }, `${t().status.acknowledged}: ${moment(acknowledgedAt)}`),
      dueOf(one.dueAt, one.overdue),
    ),
  );
}
