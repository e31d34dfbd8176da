import { get } from './api.js';
import { h } from './dom.js';
import { isPartner } from './handoffs.js';
import { caseLink } from './parts.js';
import { said, t } from './texts.js';
import { moment } from './times.js';

/** What I and my roles were told, the newest first. */
export async function noticesView(_query, user) {
  const [first, titled] = await Promise.all([get('/api/notifications?limit=30'), titlesOf(user)]);
  const list = h('ul', { class: 'cards wide' }, ...first.items.map((one) => card(one, titled)));
  let { next } = first;
  const more = h('button', { class: 'quiet', hidden: next === null }, t().more);
  more.addEventListener('click', async () => {
    list.classList.add('further');
    const page = await get(`/api/notifications?limit=30&cursor=${next}`);
    list.append(...page.items.map((one) => card(one, titled)));
    next = page.next;
    more.hidden = next === null;
  });
  return h(
    'div',
    {},
    h('h1', {}, t().notices),
    first.items.length === 0 ? h('p', { class: 'none' }, t().noNotices) : list,
    h('div', { class: 'buttons' }, more),
  );
}

/** Titles of roles, which partners' people may not read; nor may they open a case. */
async function titlesOf(user) {
  if (isPartner(user)) return null;
  const { items } = await get('/api/roles');
  return new Map(items.map(({ key, title }) => [key, said(title, key)]));
}

function card({ id, at, caseId, caseNumber, role, text }, titles) {
  return h(
    'li',
    { class: 'card', 'data-notice': id },
    h('p', {}, said(text, '')),
    h(
      'p',
      { class: 'facts' },
      h('time', { class: 'due', datetime: at }, moment(at)),
      h('span', {}, `${t().case} `, titles ? caseLink(caseNumber, caseId) : caseNumber),
      h('span', { class: 'by' }, role === null ? t().toYou : (titles?.get(role) ?? '')),
    ),
  );
}
