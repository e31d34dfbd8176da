import { actsBlock, fieldsOf, reasonField } from './acts.js';
import { get, Problem, post, put } from './api.js';
import { h } from './dom.js';
import { familyBox, familyNames, familyOf } from './family.js';
import { formOf } from './form.js';
import { withPeople } from './members.js';
import { badge, caseLink, dueOf, startOf, toast } from './parts.js';
import { day, moment, said, startOfDay, t } from './texts.js';

const AT_ONCE = 100;

/** What I have, and what I could take. */
export async function queueView() {
  const mine = section(t().mine, t().noTasks);
  const available = section(t().available, t().noneAvailable);
  const [first, others] = await Promise.all([pageOf('mine'), pageOf('available')]);
  const addMine = (page) => {
    // What comes back to whoever had it last is nobody's yet.
    available.add({ ...page, items: page.items.filter(({ status }) => status === 'open') });
    mine.add({ ...page, items: page.items.filter(({ status }) => status !== 'open') });
    mine.goesOn(page.next, async () => addMine(await pageOf('mine', page.next)));
  };
  const addAvailable = (page) => {
    available.add(page);
    available.goesOn(page.next, async () => addAvailable(await pageOf('available', page.next)));
  };
  addMine(first);
  addAvailable(others);
  return h('div', { class: 'queue' }, mine.element, available.element);
}

async function pageOf(view, cursor) {
  const query = new URLSearchParams({ view, limit: AT_ONCE, ...(cursor ? { cursor } : {}) });
  const page = await get(`/api/tasks?${query}`);
  return { ...page, names: await familyNames(page.items) };
}

/** A list that grows. How many there are is known once the last page was read: until then the number has a plus. */
function section(title, none) {
  const shown = new Set();
  const count = badge('0');
  const empty = h('p', { class: 'none' }, none);
  const list = h('ul', { class: 'cards' });
  const more = h('button', { class: 'quiet', hidden: true }, t().more);
  let follow = null;
  const tell = () => {
    more.hidden = follow === null;
    empty.hidden = shown.size > 0 || follow !== null;
    count.textContent = follow === null ? shown.size : `${shown.size}+`;
  };
  const add = ({ items, names }) => {
    const fresh = items.filter(({ id }) => !shown.has(id));
    for (const { id } of fresh) shown.add(id);
    list.append(...fresh.map((task) => card(task, names)));
    tell();
  };
  const goesOn = (next, load) => {
    follow = next === null ? null : load;
    tell();
  };
  more.addEventListener('click', () => {
    list.classList.add('further');
    return follow();
  });
  return {
    element: h('section', {}, h('h2', {}, title, ' ', count), empty, list, h('div', { class: 'buttons' }, more)),
    add,
    goesOn,
  };
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
  const answer = over ? finished(task) : answering(task, family);
  return h(
    'div',
    { class: 'one-task' },
    h('p', {}, h('a', { href: '#/queue' }, `← ${t().queue}`)),
    h('h1', {}, said(task.title, task.invocation)),
    familyBox(family, task.caseId, answer.peopleChanged),
    h(
      'p',
      { class: 'facts' },
      `${t().case} `,
      caseLink(task.caseNumber, task.caseId),
      over ? badge(t().status[task.status], task.status) : [startOf(task), dueOf(task.dueAt, task.overdue)],
      !over && task.status !== 'open' && h('span', { class: 'by' }, `${t().assignee}: ${task.assigneeName}`),
    ),
    task.status === 'held' && h('p', { class: 'notice' }, `${t().heldUntil(day(task.heldUntil))} ${task.holdReason}`),
    answer.element,
  );
}

/** What became of it; what was answered stands in the case. */
function finished({ status, closedAt, completedByName, assigneeName, onBehalfOf, caseNumber, caseId }) {
  const by = onBehalfOf === null ? completedByName : t().inPlaceOf(completedByName, assigneeName);
  const element = h(
    'div',
    { class: 'card finished' },
    h('p', {}, status === 'done' ? t().finished : t().needless),
    completedByName && h('p', {}, `${t().finishedBy}: ${by}`),
    closedAt && h('p', {}, h('time', { datetime: closedAt }, moment(closedAt))),
    h('p', {}, `${t().seeHistory} `, caseLink(caseNumber, caseId)),
  );
  return { element };
}

/** The form, and below it what else may be done with the task. What was filled in stays when the family's people change. */
function answering(task, family) {
  const { can } = task;
  const element = h('div', {});
  const draw = (people, given) => {
    const form = formOf(withPeople(task.form.schema, people), given);
    const acts = actsBlock([can.hold && holdOf(task, form), can.assign && assignmentOf(task)]);
    const more = acts && h('section', { class: 'card more' }, h('h2', {}, t().actions), acts);
    element.replaceChildren(...[answerForm(task, form), more].filter(Boolean));
    filledIn = form.read;
  };
  let filledIn = () => task.draft ?? {};
  draw(family, filledIn());
  return { element, peopleChanged: (people) => draw(people, filledIn()) };
}

/** What was begun is kept as a draft. */
function holdOf({ id, can }, form) {
  const untouched = JSON.stringify(form.read());
  return {
    title: t().hold,
    schema: fieldsOf({ until: { type: 'string', format: 'date', title: t().holdUntil }, reason: reasonField() }),
    submit: t().hold,
    send: async ({ until, reason }) => {
      const data = form.read();
      if (can.draft && JSON.stringify(data) !== untouched) await put(`/api/tasks/${id}/draft`, { data });
      await post(`/api/tasks/${id}/hold`, { until: startOfDay(until), reason });
    },
    done: () => {
      location.hash = '#/queue';
    },
  };
}

function assignmentOf({ id, assignee, status }) {
  const schema = async () => {
    const [{ items }, { items: roles }] = await Promise.all([get(`/api/tasks/${id}/assignees`), get('/api/roles')]);
    const titles = new Map(roles.map(({ key, title }) => [key, said(title, key)]));
    const others = items.filter((one) => status === 'open' || one.id !== assignee);
    const labels = others.map((one) => [
      one.id,
      { en: `${one.name} (${one.roles.map((r) => titles.get(r) ?? r).join(', ')})` },
    ]);
    const ids = others.map((one) => one.id);
    return fieldsOf({ assignee: { enum: ids, 'x-labels': Object.fromEntries(labels), title: t().assignee } });
  };
  return {
    title: t().assign,
    schema,
    submit: t().assign,
    send: (given) => post(`/api/tasks/${id}/assign`, given),
  };
}

function answerForm(task, form) {
  const { can, id } = task;
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
