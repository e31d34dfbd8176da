import { get, Problem, post, put } from './api.js';
import { h } from './dom.js';
import { formOf } from './form.js';
import { badge, caseLink, dueOf, startOf, toast } from './parts.js';
import { said, t } from './texts.js';

/** What I have, and what I could take. */
export async function queueView() {
  const [mine, available] = await Promise.all([
    get('/api/tasks?view=mine&limit=100'),
    get('/api/tasks?view=available&limit=100'),
  ]);
  return h(
    'div',
    { class: 'queue' },
    section(t().mine, mine.items, t().noTasks),
    section(t().available, available.items, t().noneAvailable),
  );
}

function section(title, tasks, none) {
  return h(
    'section',
    {},
    h('h2', {}, title, ' ', badge(tasks.length)),
    tasks.length === 0 ? h('p', { class: 'none' }, none) : h('ul', { class: 'cards' }, ...tasks.map(card)),
  );
}

function card(task) {
  return h(
    'li',
    { class: 'card task', 'data-task': task.id },
    h('h3', {}, said(task.title, task.invocation)),
    h('p', {}, `${t().case} `, caseLink(task.caseNumber, task.caseId), task.item && ` · ${task.item}`),
    h(
      'p',
      { class: 'facts' },
      startOf(task),
      dueOf(task.dueAt, isOver(task.dueAt)),
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

function isOver(dueAt) {
  return dueAt !== null && Date.parse(dueAt) < Date.now();
}

/** One task with its form. */
export async function taskView(id) {
  const task = await get(`/api/tasks/${id}`);
  const { can } = task;
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
    'div',
    { class: 'one-task' },
    h('p', {}, h('a', { href: '#/queue' }, `← ${t().queue}`)),
    h('h1', {}, said(task.title, task.invocation)),
    h(
      'p',
      { class: 'facts' },
      `${t().case} `,
      caseLink(task.caseNumber, task.caseId),
      startOf(task),
      dueOf(task.dueAt, isOver(task.dueAt)),
    ),
    h(
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
    ),
  );
}
