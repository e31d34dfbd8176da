import { Problem, postUnkept } from './api.js';
import { h } from './dom.js';
import { oneAtATime } from './form.js';
import { t } from './texts.js';

export function signInView(signedIn) {
  const email = h('input', { id: 'email', type: 'email', autocomplete: 'username', required: true });
  const password = h('input', { id: 'password', type: 'password', autocomplete: 'current-password', required: true });
  const problem = h('p', { class: 'field-error', role: 'alert' });
  const submit = oneAtATime(async () => {
    problem.textContent = '';
    try {
      await postUnkept('/api/auth/sign-in/email', { email: email.value, password: password.value });
      await signedIn();
    } catch (error) {
      problem.textContent = error instanceof Problem ? error.message : t().offline;
    }
  });
  return h(
    'form',
    { class: 'card sign-in', submit },
    h('h1', {}, t().tagline),
    h('div', { class: 'field' }, h('label', { for: 'email' }, t().email), email),
    h('div', { class: 'field' }, h('label', { for: 'password' }, t().password), password),
    problem,
    h('button', { class: 'primary' }, t().signIn),
  );
}
