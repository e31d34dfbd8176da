import { actsBlock, fieldsOf, reasonField } from './acts.js';
import { answeredBefore, answerOf } from './answers.js';
import { get, Problem, post, put } from './api.js';
import { certificatesBlock, certificatesOf } from './certificates.js';
import { h } from './dom.js';
import { familyBox, familyOf, namesOf } from './family.js';
import { formOf, oneAtATime } from './form.js';
import { withPeople } from './members.js';
import { badge, caseLink, drawAnew, dueOf, isUrgent, startOf, toast, urgencyOf } from './parts.js';
import { said, t } from './texts.js';
import { day, moment, startOfDay } from './times.js';

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
  return { ...page, nameOf: await namesOf(page.items) };
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
  const add = ({ items, nameOf }) => {
    const fresh = items.filter(({ id }) => !shown.has(id));
    for (const { id } of fresh) shown.add(id);
    list.append(...fresh.map((task) => card(task, nameOf(task))));
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

function card(task, name) {
  return h(
    'li',
    { class: 'card task', 'data-task': task.id },
    h('h3', {}, said(task.title, task.invocation)),
    name && h('p', { class: 'family' }, name),
    h('p', {}, `${t().case} `, caseLink(task.caseNumber, task.caseId), task.item && ` · ${task.item}`),
    h(
      'p',
      { class: 'facts' },
      urgencyOf(task),
      startOf(task),
      dueOf(task.dueAt, task.overdue, isUrgent(task)),
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
      drawAnew();
    }
  };
  return h('button', { class: 'primary', click: claim }, t().claim);
}

/** One task with its form. */
export async function taskView(id, user) {
  const task = await get(`/api/tasks/${id}`);
  const over = task.status === 'done' || task.status === 'cancelled';
  const family = await familyOf(task.subject);
  const work = over ? null : answering(task, user, family);
  const [certificates, before] = await Promise.all([
    certificatesOf(task.caseId),
    work && answeredBefore(task, work.fill),
  ]);
  return h(
    'div',
    { class: 'one-task' },
    h('p', {}, h('a', { href: '#/queue' }, `← ${t().queue}`)),
    h('h1', {}, said(task.title, task.invocation)),
    familyBox(family, task, work?.peopleChanged),
    h(
      'p',
      { class: 'facts' },
      `${t().case} `,
      caseLink(task.caseNumber, task.caseId),
      over
        ? badge(t().status[task.status], task.status)
        : [urgencyOf(task), startOf(task), dueOf(task.dueAt, task.overdue, isUrgent(task))],
      !over && task.status !== 'open' && h('span', { class: 'by' }, `${t().assignee}: ${task.assigneeName}`),
    ),
    task.status === 'held' && h('p', { class: 'notice' }, `${t().heldUntil(day(task.heldUntil))} ${task.holdReason}`),
    certificatesBlock(certificates),
    over ? finished(task, await askedAgain(task, user)) : h('div', { class: 'work' }, before, work.place),
  );
}

/** What became of it, and what was answered. */
function finished(task, again) {
  const { status, closedAt, completedByName, assigneeName, onBehalfOf, caseNumber, caseId } = task;
  const by = onBehalfOf === null ? completedByName : t().inPlaceOf(completedByName, assigneeName);
  return h(
    'div',
    { class: 'card finished' },
    h('p', {}, status === 'done' ? t().finished : t().needless),
    completedByName && h('p', {}, `${t().finishedBy}: ${by}`),
    closedAt && h('p', {}, h('time', { datetime: closedAt }, moment(closedAt))),
    status === 'done' && [h('h2', {}, t().answer), answerOf(task)],
    h('p', {}, `${t().seeHistory} `, caseLink(caseNumber, caseId)),
    again &&
      h('p', { class: 'notice again' }, `${t().askedAgain} `, h('a', { href: `#/tasks/${again.id}` }, t().answerAgain)),
  );
}

/** What was answered and is asked again: the open task of the same step, where this account sees one. */
async function askedAgain(task, { may }) {
  if (task.status !== 'done') return undefined;
  const views = may.includes('oversee') ? ['all'] : ['mine', 'available'];
  const pages = await Promise.all(views.map((view) => get(`/api/tasks?view=${view}&caseId=${task.caseId}&limit=200`)));
  const isSame = ({ id, form, invocation, item }) =>
    id !== task.id && form.name === task.form.name && invocation === task.invocation && item === task.item;
  return pages.flatMap(({ items }) => items).find(isSame);
}

/**
 * The form, and below it what else may be done with the task. `fill` lays an answer over what stands in the form; null for
 * whoever may not answer. What was filled in stays when the family's people change.
 */
function answering(task, user, family) {
  const { can } = task;
  const place = h('div', {});
  const untouched = JSON.stringify(formOf(withPeople(task.form.schema, family), task.draft ?? {}).read());
  let people = family;
  const draw = (given) => {
    const form = formOf(withPeople(task.form.schema, people), given);
    const acts = actsBlock([can.hold && holdOf(task, form, untouched), can.assign && assignmentOf(task)]);
    const more = acts && h('section', { class: 'card more' }, h('h2', {}, t().actions), acts);
    place.replaceChildren(...[answerForm(task, form, user), more].filter(Boolean));
    return form;
  };
  let form = draw(task.draft ?? {});
  const fill = (answer) => {
    form = draw({ ...form.read(), ...answer });
    form.element.querySelector('input, select, textarea')?.focus();
  };
  const peopleChanged = (now) => {
    people = now;
    form = draw(form.read());
  };
  return { place, fill: can.complete || can.completeOnBehalf ? fill : null, peopleChanged };
}

/** What was begun is kept as a draft. */
function holdOf({ id, can }, form, untouched) {
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

function answerForm(task, form, user) {
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
      else if (error.errors.length > 0) say(...wordsOf(error.errors));
      else say(error.message);
    }
  };
  /** What stands at no field is said below them all. */
  const wordsOf = (errors) => {
    const others = form.mark(errors);
    return others.length < errors.length ? [t().fixFields, ...others] : others;
  };
  const complete = () => {
    if (!form.complete()) return undefined;
    return act(async () => {
      const onBehalfOf = can.completeOnBehalf ? { onBehalfOf: task.assignee } : {};
      await post(`/api/tasks/${id}/complete`, { output: form.read(), ...onBehalfOf });
      toast(t().done);
      const here = location.hash;
      const again = await askedAgain({ ...task, status: 'done' }, user).catch(() => undefined);
      // Whoever has gone elsewhere meanwhile stays there.
      if (location.hash !== here) return;
      if (again) drawAnew();
      else location.hash = '#/queue';
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
    { class: 'card answer', submit: oneAtATime(complete), novalidate: true },
    form.element,
    problem,
    h(
      'div',
      { class: 'buttons' },
      can.complete && h('button', { class: 'primary' }, t().complete),
      can.completeOnBehalf && h('button', { class: 'primary' }, t().completeFor(task.assigneeName)),
      can.draft && h('button', { type: 'button', click: oneAtATime(save) }, t().saveDraft),
      can.release && h('button', { type: 'button', class: 'quiet', click: oneAtATime(release) }, t().release),
    ),
  );
}
