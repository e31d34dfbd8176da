import { get } from './api.js';
import { h } from './dom.js';
import { caseLink, dueOf } from './parts.js';
import { t } from './texts.js';

/** At most so many cases have their reason looked up at once. */
const SHOWN = 50;

/** Cases that stand still: what they wait for longer than they should, and who was told. */
export async function stalledView() {
  const [{ items }, told] = await Promise.all([
    get(`/api/cases?overdue=true&limit=${SHOWN}`),
    get('/api/escalations?limit=200'),
  ]);
  const rows = await Promise.all(items.map((one) => row(one, told.items)));
  return h(
    'div',
    {},
    h('h1', {}, t().stalled),
    rows.length === 0 ? h('p', { class: 'none' }, t().nothingStalled) : h('ul', { class: 'cards wide' }, ...rows),
  );
}

async function row(one, told) {
  const { items } = await get(`/api/cases/${one.id}/waits`);
  const late = items.filter(({ overdue }) => overdue);
  const heard = [...new Set(told.filter(({ caseId }) => caseId === one.id).map(({ to }) => to))];
  return h(
    'li',
    { class: 'card stalled' },
    h('h3', {}, caseLink(one.number, one.id)),
    h(
      'ul',
      { class: 'waits' },
      ...late.map(({ title, who, dueAt, overdue }) =>
        h(
          'li',
          { class: 'over' },
          h('strong', {}, title),
          who && h('span', { class: 'by' }, ` · ${who}`),
          ' ',
          dueOf(dueAt, overdue),
        ),
      ),
    ),
    h('p', { class: 'by' }, `${t().told}: ${heard.length === 0 ? t().noneTold : heard.join(', ')}`),
  );
}
