import { get } from './api.js';
import { h } from './dom.js';
import { caseLink, dueOf } from './parts.js';
import { moment, said, t } from './texts.js';

/** Cases that stand still: why, since when, and who was told. */
export async function stalledView() {
  const [{ items: workflows }, { items: roles }] = await Promise.all([get('/api/workflows'), get('/api/roles')]);
  const titles = new Map(roles.map(({ key, title }) => [key, said(title, key)]));
  const boards = await Promise.all(workflows.map(({ key }) => get(`/api/board?workflow=${encodeURIComponent(key)}`)));
  const items = boards.flatMap(({ stages }) =>
    stages.flatMap((stage) => stage.items.map((item) => ({ ...item, stage }))),
  );
  const rows = await Promise.all(items.filter(({ stalled }) => stalled).map((item) => row(item, titles)));
  return h(
    'div',
    {},
    h('h1', {}, t().stalled),
    rows.length === 0 ? h('p', { class: 'none' }, t().nothingStalled) : h('ul', { class: 'cards wide' }, ...rows),
  );
}

async function row({ id, number, reason, stage }, titles) {
  const [waits, told] = await Promise.all([
    get(`/api/cases/${id}/waits`),
    get(`/api/escalations?case=${number}&limit=5`),
  ]);
  const late = waits.items.filter(({ overdue }) => overdue);
  return h(
    'li',
    { class: 'card stalled', 'data-case': number },
    h('h3', {}, caseLink(number, id), ` · ${said(stage.title, stage.key)}`),
    h('ul', { class: 'waits' }, ...late.map(waiting), reason?.kind === 'incident' && incident(reason)),
    h('h4', {}, t().told),
    told.items.length === 0
      ? h('p', { class: 'none' }, t().noneTold)
      : h('ul', { class: 'told' }, ...told.items.flatMap((one) => hearing(one, titles))),
  );
}

function waiting({ title, who, dueAt, overdue }) {
  return h(
    'li',
    { class: 'over' },
    h('strong', {}, title),
    who && h('span', { class: 'by' }, ` · ${who}`),
    ' ',
    dueOf(dueAt, overdue),
  );
}

function incident({ message, since }) {
  return h(
    'li',
    { class: 'over' },
    h('strong', {}, t().incidents),
    ` · ${message} `,
    since && h('time', { class: 'due' }, moment(since)),
  );
}

function hearing({ at, told }, titles) {
  return told.map(({ role, accountName }) =>
    h(
      'li',
      {},
      h('time', { class: 'due', datetime: at }, moment(at)),
      ` · ${accountName ?? titles.get(role) ?? role ?? ''}`,
    ),
  );
}
