import { actsBlock, fieldsOf, reasonField } from './acts.js';
import { answeredTask, wordOf } from './answers.js';
import { get, post } from './api.js';
import { actionsOf } from './case-acts.js';
import { certificatesBlock, certificatesOf } from './certificates.js';
import { consentsOf } from './consents.js';
import { h } from './dom.js';
import { drawingOf } from './drawing.js';
import { familyBox, familyOf, namesOf } from './family.js';
import { incidentItem, openIncidents, seesIncidents } from './incidents.js';
import { badge, caseLink, dueOf, searchForm } from './parts.js';
import { said, t } from './texts.js';
import { moment } from './times.js';

/** Cases that a query finds: the board's links lead here, and the search. */
export async function casesView(query = '') {
  const asked = new URLSearchParams(query);
  const workflowOf = workflowsByKey();
  return h(
    'div',
    {},
    h('h1', {}, t().cases),
    searchForm('#/cases', asked.get('q') ?? '', t().search),
    await filterOf(asked, workflowOf),
    (await casesList(asked, workflowOf)) ?? h('p', { class: 'none' }, t().nothingFound),
  );
}

/** A list of cases that grows; null when there are none. */
export async function casesList(asked, workflowOf = workflowsByKey()) {
  const list = h('ul', { class: 'cards' });
  const more = h('button', { class: 'quiet', hidden: true }, t().more);
  let cursor = null;
  const load = async () => {
    const page = new URLSearchParams(asked);
    page.set('limit', '50');
    if (cursor !== null) page.set('cursor', cursor);
    const { items, next } = await get(`/api/cases?${page}`);
    const nameOf = await namesOf(items);
    const cards = items.map(async (one) => card(one, await workflowOf(one.workflow.key), nameOf(one)));
    list.append(...(await Promise.all(cards)));
    cursor = next;
    more.hidden = next === null;
  };
  more.addEventListener('click', () => {
    list.classList.add('further');
    return load();
  });
  await load();
  return list.children.length === 0 ? null : h('div', {}, list, h('div', { class: 'buttons' }, more));
}

/** Asks for each workflow once. */
export function workflowsByKey() {
  const workflows = new Map();
  return (key) => {
    if (!workflows.has(key)) workflows.set(key, get(`/api/workflows/${encodeURIComponent(key)}`));
    return workflows.get(key);
  };
}

/** Which of all cases these are, in words, and the way back to all of them. */
export async function filterOf(asked, workflowOf, all = '#/cases') {
  const [key, stage, status, q] = ['workflow', 'stage', 'status', 'q'].map((name) => asked.get(name));
  // The address may have been typed: what is no workflow is shown as it stands there.
  const workflow = key && (await workflowOf(key).catch(() => ({ title: {}, stages: [] })));
  const words = [
    workflow && said(workflow.title, key),
    stage && `${t().stage}: ${stageTitle(workflow, stage)}`,
    status && (t().status[status] ?? status),
    asked.get('overdue') === 'true' && t().overdue,
    q && `«${q}»`,
  ].filter(Boolean);
  if (words.length === 0) return null;
  return h(
    'p',
    { class: 'notice facts filter' },
    h('span', {}, `${t().shownOnly}: ${words.join(' · ')}`),
    h('a', { href: all }, t().showAll),
  );
}

export function stageTitle(workflow, stage) {
  return said(workflow?.stages?.find(({ key }) => key === stage)?.title, stage);
}

function card(one, workflow, family) {
  const where = [said(workflow.title, workflow.key), one.stage && stageTitle(workflow, one.stage)];
  return h(
    'li',
    { class: 'card' },
    h('h3', {}, caseLink(one.number, one.id)),
    family && h('p', { class: 'family' }, family),
    h('p', {}, where.filter(Boolean).join(' · ')),
    h('p', { class: 'facts' }, badge(t().status[one.status], one.status), whenOf(one)),
  );
}

/** Until when it should go on; since when it is closed. */
function whenOf({ closedAt, dueAt, overdue }) {
  return closedAt === null ? dueOf(dueAt, overdue) : h('time', { class: 'due', datetime: closedAt }, moment(closedAt));
}

/** One case: where it stands, what it waits for, what may be done, its drawing, what happened. */
export async function caseView(id, user) {
  const path = `/api/cases/${encodeURIComponent(id)}`;
  const [one, waits, history, drawing] = await Promise.all([
    get(path),
    get(`${path}/waits`),
    get(`${path}/history?limit=30`),
    get(`${path}/drawing`),
  ]);
  const [workflow, family, incidents, mayWith, certificates] = await Promise.all([
    get(`/api/workflows/${encodeURIComponent(one.workflow.key)}`),
    familyOf(one.subject),
    one.incidents > 0 && seesIncidents(user) ? openIncidents(one.id) : [],
    handoffRights(one.id, waits.items),
    certificatesOf(one.id),
  ]);
  const acts = actionsOf(one, path, user);
  return h(
    'div',
    { class: 'one-case' },
    h('h1', {}, `${t().case} ${one.number}`),
    familyBox(family, { caseId: one.id, member: one.member }),
    await consentsOf(family, user),
    h(
      'p',
      { class: 'facts' },
      h('span', {}, said(workflow.title, workflow.key)),
      badge(t().status[one.status], one.status),
      whenOf(one),
      one.modified && badge(t().changedByHand, 'quiet'),
      one.incidents > 0 && badge(`${t().incidents}: ${one.incidents}`, 'alarm'),
    ),
    one.facts.length > 0 && factsList(one.facts),
    stagesOf(workflow.stages, one),
    incidents.length > 0 && section(t().incidents, h('ul', { class: 'waits' }, ...incidents.map(incidentItem))),
    section(
      t().waits,
      waits.items.length === 0
        ? h('p', { class: 'none' }, t().waitsNothing)
        : h('ul', { class: 'waits' }, ...waits.items.map((item) => wait(item, mayWith.get(item.id)))),
    ),
    acts && section(t().actions, acts),
    certificatesBlock(certificates),
    section(t().drawing, drawingBlock(path, drawing)),
    section(t().history, historyBlock(path, history)),
  );
}

/** What the workflow tells about the case, such as why it ended. */
function factsList(facts) {
  const words = ({ values }) => values.map(({ value, title }) => said(title, wordOf({}, value))).join(', ');
  return h(
    'dl',
    { class: 'case-facts' },
    ...facts.flatMap((fact) => [h('dt', {}, said(fact.title, fact.name)), h('dd', {}, words(fact))]),
  );
}

/** The stages as a path, with the present ones marked. */
function stagesOf(stages, one) {
  const furthest = stages.findIndex(({ key }) => key === one.stage);
  const steps = stages.map(({ key, title }, index) => {
    const here = one.stages.includes(key);
    return h(
      'li',
      { class: here ? 'here' : index < furthest ? 'past' : '', 'aria-current': here && 'step' },
      said(title, key),
    );
  });
  return h('ol', { class: 'path' }, ...steps);
}

function section(title, ...content) {
  return h('section', { class: 'card' }, h('h2', {}, title), ...content);
}

/** Id of a hand-off → what may be done with it, as the API says. */
async function handoffRights(caseId, waits) {
  if (!waits.some(({ kind }) => kind === 'handOff')) return new Map();
  const { items } = await get(`/api/handoffs?caseId=${caseId}&limit=200`);
  return new Map(items.map(({ id, can }) => [id, can]));
}

function wait({ kind, id, title, who, status, waitingReason, asked, dueAt, overdue }, can) {
  const to = id && { task: `#/tasks/${id}`, case: `#/cases/${id}` }[kind];
  return h(
    'li',
    { class: overdue ? 'over' : '' },
    h(
      'div',
      {},
      h('strong', {}, to ? h('a', { href: to }, title) : title),
      who && h('span', { class: 'by' }, ` · ${who}`),
      asked &&
        h(
          'p',
          { class: 'asked' },
          `${t().status.papers}: ${[...asked.missing, asked.comment].filter(Boolean).join(' · ')}`,
        ),
    ),
    h(
      'div',
      { class: 'facts' },
      badge(t().kind[kind], 'quiet'),
      status && badge(t().status[status] ?? status, 'quiet'),
      waitingReason && badge(t().waitingReason[waitingReason], 'alarm'),
      dueOf(dueAt, overdue),
    ),
    can && actsBlock([can.supply && supplyOf(id, asked), can.recall && recallOf(id)], 'quiet'),
  );
}

/** A row for each paper that the partner named; one without a place to find it is taken out. */
function supplyOf(id, asked) {
  const line = (title) => ({ type: 'string', maxLength: 200, title });
  const row = fieldsOf({ title: line(t().paper), reference: line(t().paperPlace) });
  return {
    title: t().supply,
    schema: fieldsOf(
      {
        documents: { type: 'array', title: t().papers, items: row },
        note: { type: 'string', maxLength: 2000, title: t().note },
      },
      ['documents', 'note'],
    ),
    given: { documents: (asked?.missing ?? []).slice(0, 20).map((title) => ({ title: title.slice(0, 200) })) },
    submit: t().supply,
    send: (given) => post(`/api/handoffs/${id}/supply`, given),
  };
}

function recallOf(id) {
  return {
    title: t().recall,
    confirm: t().recallConfirm,
    schema: fieldsOf({ reason: reasonField() }),
    submit: t().recall,
    send: (given) => post(`/api/handoffs/${id}/recall`, given),
  };
}

function drawingBlock(path, folded) {
  const place = h('div', {}, drawingOf(folded));
  let whole = false;
  const toggle = async () => {
    whole = !whole;
    button.textContent = whole ? t().stageDrawing : t().wholeDrawing;
    place.replaceChildren(whole ? drawingOf(await get(`${path}/drawing?whole=true`), true) : drawingOf(folded));
  };
  const button = h('button', { type: 'button', class: 'quiet', click: toggle }, t().wholeDrawing);
  return [place, button];
}

function historyBlock(path, { items, next }) {
  const list = h('ol', { class: 'history' }, ...items.map(happened));
  let before = next;
  const button = h('button', { class: 'quiet', hidden: before === null }, t().earlier);
  button.addEventListener('click', async () => {
    const page = await get(`${path}/history?limit=30&before=${before}`);
    list.append(...page.items.map(happened));
    before = page.next;
    button.hidden = before === null;
  });
  return [list, button];
}

function happened({ at, title, by, reason, states, task }) {
  return h(
    'li',
    {},
    h('time', { datetime: at }, moment(at)),
    h(
      'div',
      {},
      h('strong', {}, title),
      h('span', { class: 'by' }, ` · ${by ?? t().system}`),
      reason && h('p', {}, reason),
      states.length > 0 && h('p', { class: 'states' }, `→ ${states.join(', ')}`),
      task && answeredTask(task, t().answer),
    ),
  );
}
