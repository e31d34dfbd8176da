import { get, Problem, post, put } from './api.js';
import { h } from './dom.js';
import { familyBox, familyNames, familyOf } from './family.js';
import { formOf } from './form.js';
import { badge, caseLink, dueOf, startOf, toast } from './parts.js';
import { moment, said, t } from './texts.js';

/** What I have, and what I could take. */
export async function queueView() {
  const [mine, available] = await Promise.all([
    get('/api/tasks?view=mine&limit=100'),
    get('/api/tasks?view=available&limit=100'),
  ]);
  // What comes back to whoever had it last is nobody's yet.
  const offered = mine.items.filter(({ status }) => status === 'open');
  const had = mine.items.filter(({ status }) => status !== 'open');
  const others = available.items.filter(({ id }) => offered.every((task) => task.id !== id));
  const names = await familyNames([...mine.items, ...available.items]);
  return h(
    'div',
    { class: 'queue' },
    section(t().mine, had, t().noTasks, names),
    section(t().available, [...offered, ...others], t().noneAvailable, names),
  );
}

function section(title, tasks, none, names) {
  return h(
    'section',
    {},
    h('h2', {}, title, ' ', badge(tasks.length)),
    tasks.length === 0
      ? h('p', { class: 'none' }, none)
      : h('ul', { class: 'cards' }, ...tasks.map((task) => card(task, names))),
  );
}

function card(task, names) {
  return h(
    'li',
    { class: 'card task', 'data-task': task.id },
    h('h3', {}, said(task.title, task.invocation)),
    names.has(task.subject) && h('p', { class: 'family' }, names.get(task.subject)),
    h('p', {}, `${t().case} `, caseLink(task.caseNumber, task.caseId), task.item && ` · ${task.item}`),
    h(
      'p',
      { class: 'facts' },
      startOf(task),
      dueOf(task.dueAt, task.overdue),
      task.status === 'held' && badge(t().held, 'quiet'),
      task.draft !== null && badge(t().status.draft, 'quiet'),
    ),
    button(task),
  );
}

function button(task) {
  if (task.status === 'claimed' || task.status === 'held' || !task.can.claim)
    return h('a', { class: 'button primary', href: `#/tasks/${task.id}` }, t().open);
  const claim = async () => {
    try {
      await post(`/api/tasks/${task.id}/claim`, {});
      location.hash = `#/tasks/${task.id}`;
    } catch (error) {
      // Somebody was quicker: the words say who.
      toast(error.message);
      dispatchEvent(new HashChangeEvent('hashchange'));
    }
  };
  return h('button', { class: 'primary', click: claim }, t().claim);
}

/** One task with its form. */
export async function taskView(id) {
  const task = await get(`/api/tasks/${id}`);
  const family = await familyOf(task.subject);
  const over = task.status === 'done' || task.status === 'cancelled';
  return h(
    'div',
    { class: 'one-task' },
    h('p', {}, h('a', { href: '#/queue' }, `← ${t().queue}`)),
    h('h1', {}, said(task.title, task.invocation)),
    familyBox(family, task.caseId),
    h(
      'p',
      { class: 'facts' },
      `${t().case} `,
      caseLink(task.caseNumber, task.caseId),
      over ? badge(t().status[task.status], task.status) : [startOf(task), dueOf(task.dueAt, task.overdue)],
    ),
    over ? finished(task) : answerForm(task),
  );
}

/** What became of it; what was answered stands in the case. */
function finished({ status, closedAt, completedByName, assigneeName, onBehalfOf, caseNumber, caseId }) {
  const by = onBehalfOf === null ? completedByName : t().inPlaceOf(completedByName, assigneeName);
  return h(
    'div',
    { class: 'card finished' },
    h('p', {}, status === 'done' ? t().finished : t().needless),
    completedByName && h('p', {}, `${t().finishedBy}: ${by}`),
    closedAt && h('p', {}, h('time', { datetime: closedAt }, moment(closedAt))),
    h('p', {}, `${t().seeHistory} `, caseLink(caseNumber, caseId)),
  );
}

function answerForm(task) {
  const { can, id } = task;
  const form = formOf(task.form.schema, task.draft ?? {});
  const problem = h('div', { class: 'notice wrong', role: 'alert', hidden: true });
  const say = (...lines) => {
    problem.hidden = lines.length === 0;
    problem.replaceChildren(...lines.map((line) => h('p', {}, line)));
  };
  const act = async (what) => {
    say();
    try {
      await what();
    } catch (error) {
      if (!(error instanceof Problem)) say(t().offline);
      else if (error.errors.length > 0) say(t().fixFields, ...form.mark(error.errors));
      else say(error.message);
    }
  };
  const complete = (event) => {
    event.preventDefault();
    if (!form.complete()) return undefined;
    return act(async () => {
      const onBehalfOf = can.completeOnBehalf ? { onBehalfOf: task.assignee } : {};
      await post(`/api/tasks/${id}/complete`, { output: form.read(), ...onBehalfOf });
      toast(t().done);
      location.hash = '#/queue';
    });
  };
  const save = () =>
    act(async () => {
      await put(`/api/tasks/${id}/draft`, { data: form.read() });
      toast(t().draftSaved);
    });
  const release = () =>
    act(async () => {
      await post(`/api/tasks/${id}/release`, {});
      location.hash = '#/queue';
    });
  return h(
    'form',
    { class: 'card answer', submit: complete, novalidate: true },
    form.element,
    problem,
    h(
      'div',
      { class: 'buttons' },
      can.complete && h('button', { class: 'primary' }, t().complete),
      can.completeOnBehalf && h('button', { class: 'primary' }, t().completeFor(task.assigneeName)),
      can.draft && h('button', { type: 'button', click: save }, t().saveDraft),
      can.release && h('button', { type: 'button', class: 'quiet', click: release }, t().release),
    ),
  );
}
