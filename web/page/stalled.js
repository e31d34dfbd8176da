import { get } from './api.js';
import { filterOf, stageTitle, workflowsByKey } from './cases.js';
import { h } from './dom.js';
import { namesOf } from './family.js';
import { incidentItem, openIncidents, seesIncidents } from './incidents.js';
import { badge, caseLink, dueOf } from './parts.js';
import { said, t } from './texts.js';
import { moment } from './times.js';

/** Cases that stand still: why, since when, and who was told. The board's numbers lead here. */
export async function stalledView(query, user) {
  const asked = new URLSearchParams(query ?? '');
  const { items: roles } = await get('/api/roles');
  const titles = new Map(roles.map(({ key, title }) => [key, said(title, key)]));
  const workflowOf = workflowsByKey();
  const list = h('ul', { class: 'cards wide' });
  const more = h('button', { class: 'quiet', hidden: true }, t().more);
  let cursor = null;
  const load = async () => {
    const page = new URLSearchParams(asked);
    page.set('stalled', 'true');
    page.set('order', 'due');
    page.set('limit', '10');
    if (cursor !== null) page.set('cursor', cursor);
    const { items, next } = await get(`/api/cases?${page}`);
    const nameOf = await namesOf(items);
    const rows = items.map(async (one) =>
      row(one, await workflowOf(one.workflow.key), { name: nameOf(one), titles, sees: seesIncidents(user) }),
    );
    list.append(...(await Promise.all(rows)));
    cursor = next;
    more.hidden = next === null;
  };
  more.addEventListener('click', () => {
    list.classList.add('further');
    return load();
  });
  await load();
  return h(
    'div',
    {},
    h('h1', {}, t().stalled),
    await filterOf(asked, workflowOf, '#/stalled'),
    list.children.length === 0 ? h('p', { class: 'none' }, t().nothingStalled) : list,
    h('div', { class: 'buttons' }, more),
  );
}

async function row({ id, number, stage, status, incidents, reason }, workflow, { name, titles, sees }) {
  const [waits, told, failed] = await Promise.all([
    get(`/api/cases/${id}/waits`),
    get(`/api/escalations?case=${number}&limit=5`),
    incidents > 0 && sees ? openIncidents(id) : [],
  ]);
  const late = waits.items.filter(({ overdue }) => overdue);
  const reasons = failed.map(incidentItem);
  // Who may not deal with the incident is told of it all the same.
  const isSaid = reasons.length > 0 || (reason?.kind === 'overdue' && late.length > 0);
  if (reason && !isSaid) reasons.push(reasonItem(reason));
  return h(
    'li',
    { class: 'card stalled', 'data-case': number },
    h('h3', {}, caseLink(number, id), stage && ` · ${stageTitle(workflow, stage)}`),
    name && h('p', { class: 'family' }, name),
    status === 'suspended' && h('p', { class: 'facts' }, badge(t().status[status], status)),
    h('ul', { class: 'waits' }, ...late.map(waiting), ...reasons),
    h('h4', {}, t().told),
    told.items.length === 0
      ? h('p', { class: 'none' }, t().noneTold)
      : h('ul', { class: 'told' }, ...told.items.flatMap((one) => hearing(one, titles))),
  );
}

function reasonItem({ text, since }) {
  const from = since && h('p', { class: 'due' }, `${t().since}: `, h('time', { datetime: since }, moment(since)));
  return h('li', { class: 'over' }, h('div', {}, h('p', {}, h('strong', {}, text)), from));
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

function hearing({ at, told }, titles) {
  return told.map(({ role, head, accountName }) => {
    const who = accountName ?? titles.get(role) ?? role ?? '';
    const time = h('time', { class: 'due', datetime: at }, moment(at));
    return h('li', {}, time, ` · ${who}`, head && h('span', { class: 'by' }, ` (${t().head})`));
  });
}
