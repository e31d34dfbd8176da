import { Problem } from './api.js';
import { h } from './dom.js';
import { formOf, oneAtATime } from './form.js';
import { drawAnew, toast } from './parts.js';
import { t } from './texts.js';

/**
 * Buttons, each of which opens the form of one act below them: `{title, label?, schema?, given?, confirm?, submit?, send, done?}`.
 * `label` says more than the title to who cannot see what is beside the button.
 * `schema` may be a function that asks for it first; `send` gets what was filled in; without `done` the page is drawn anew.
 */
export function actsBlock(acts, kind = '') {
  const offered = acts.filter(Boolean);
  if (offered.length === 0) return null;
  const place = h('div', {});
  const open = async (act) => {
    try {
      const schema = typeof act.schema === 'function' ? await act.schema() : act.schema;
      place.replaceChildren(actForm({ ...act, schema }, place));
      place.querySelector('input, select, textarea')?.focus();
    } catch (error) {
      toast(error instanceof Problem ? error.message : t().offline);
    }
  };
  const buttons = offered.map((act) =>
    h('button', { type: 'button', class: kind, 'aria-label': act.label, click: () => open(act) }, act.title),
  );
  return h('div', { class: 'acts' }, h('div', { class: 'buttons' }, ...buttons), place);
}

function actForm({ schema, given, confirm, submit: word, send, done = drawAnew }, place) {
  const form = formOf(schema ?? {}, given);
  const problem = h('p', { class: 'field-error', role: 'alert' });
  const submit = oneAtATime(async () => {
    if (!form.complete()) return;
    problem.textContent = '';
    try {
      await send(form.read());
      place.replaceChildren();
      toast(t().sent);
      done();
    } catch (error) {
      if (!(error instanceof Problem)) problem.textContent = t().offline;
      else
        problem.textContent =
          error.errors.length > 0 ? form.mark(error.errors).join(' ') || t().fixFields : error.message;
    }
  });
  return h(
    'form',
    { class: 'answer', submit, novalidate: true },
    confirm && h('p', { class: 'notice' }, confirm),
    form.element,
    problem,
    h(
      'div',
      { class: 'buttons' },
      h('button', { class: 'primary' }, word ?? t().send),
      h('button', { type: 'button', class: 'quiet', click: () => place.replaceChildren() }, t().cancel),
    ),
  );
}

/** A schema of fields that must all be filled in, unless `optional`. The words are in the reader's language already. */
export function fieldsOf(properties, optional = []) {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: 'object', required, properties };
}

/** Why somebody does it: kept in the history. */
export const reasonField = () => ({ type: 'string', maxLength: 1000, title: t().why });
