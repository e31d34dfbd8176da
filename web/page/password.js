import { Problem, postUnkept } from './api.js';
import { h } from './dom.js';
import { oneAtATime } from './form.js';
import { toast } from './parts.js';
import { t } from './texts.js';

/** Whoever was given a password chooses their own. */
export function passwordView() {
  const current = secret('current-password');
  const fresh = secret('new-password', { minlength: 8, maxlength: 128 });
  const again = secret('new-password-again', { autocomplete: 'new-password' });
  const problem = h('p', { class: 'field-error', role: 'alert' });
  const submit = oneAtATime(async () => {
    problem.textContent = fresh.value === again.value ? '' : t().passwordsDiffer;
    if (problem.textContent !== '') return;
    try {
      await postUnkept('/api/auth/change-password', { currentPassword: current.value, newPassword: fresh.value });
      toast(t().passwordChanged);
      location.hash = '#/';
    } catch (error) {
      problem.textContent = wordsOf(error);
    }
  });
  return h(
    'form',
    { class: 'card sign-in answer', submit },
    h('h1', {}, t().changePassword),
    field(t().currentPassword, current),
    field(t().newPassword, fresh, t().passwordHint),
    field(t().passwordAgain, again),
    problem,
    h('button', { class: 'primary' }, t().changePassword),
  );
}

function secret(id, more = {}) {
  return h('input', { id, type: 'password', autocomplete: id, required: true, ...more });
}

function field(title, input, hint) {
  return h(
    'div',
    { class: 'field' },
    h('label', { for: input.id }, title),
    input,
    hint && h('p', { class: 'hint' }, hint),
  );
}

function wordsOf(error) {
  if (!(error instanceof Problem)) return t().offline;
  return error.code === 'wrong-credentials' ? t().wrongPassword : error.message;
}
