import { get } from './api.js';
import { h } from './dom.js';
import { said, t } from './texts.js';

/** Every workflow's stages with what is in them. */
export async function boardView() {
  const { items } = await get('/api/workflows');
  const boards = await Promise.all(items.map(async ({ key }) => ({ key, ...(await boardOf(key)) })));
  // The pipeline that has most in it first: those that others open are part of it.
  const inUse = boards.filter(({ stages }) => stages.length > 0).sort((one, other) => totalOf(other) - totalOf(one));
  return h('div', {}, ...inUse.map(board));
}

async function boardOf(key) {
  const [{ stages }, { title }] = await Promise.all([
    get(`/api/board?workflow=${encodeURIComponent(key)}`),
    get(`/api/workflows/${encodeURIComponent(key)}`),
  ]);
  return { stages, title };
}

function totalOf({ stages }) {
  return stages.reduce((sum, { count }) => sum + count, 0);
}

function board({ key, title, stages }) {
  const total = totalOf({ stages });
  return h(
    'section',
    { class: 'board' },
    h('h2', {}, said(title, key), h('small', {}, ` · ${t().total(total)}`)),
    h('ol', { class: 'stages' }, ...stages.map((stage) => column(key, stage))),
  );
}

function column(workflow, { key, title, count, overdue, stalled, oldestDays }) {
  const query = new URLSearchParams({ workflow, stage: key });
  const late = new URLSearchParams({ workflow, stage: key, overdue: 'true' });
  return h(
    'li',
    { class: 'card stage', 'data-stage': key },
    h('h3', {}, said(title, key)),
    h('a', { class: 'count', href: `#/cases?${query}` }, String(count), h('small', {}, t().inStage)),
    h(
      'dl',
      {},
      fact(t().overdue, h('a', { href: `#/cases?${late}` }, String(overdue)), overdue > 0),
      fact(t().stalledCount, h('a', { href: `#/stalled?${query}` }, String(stalled)), stalled > 0),
      fact(t().oldest, oldestDays === null ? '–' : String(oldestDays), false),
    ),
  );
}

function fact(name, value, alarming) {
  return h('div', { class: alarming ? 'fact alarm' : 'fact' }, h('dt', {}, name), h('dd', {}, value));
}
