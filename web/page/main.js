import { get, Problem, postUnkept } from './api.js';
import { boardView } from './board.js';
import { casesView, caseView } from './cases.js';
import { h } from './dom.js';
import { familiesView, familyView } from './families.js';
import { handoffsView, isPartner } from './handoffs.js';
import { listen } from './live.js';
import { noticesView } from './notices.js';
import { passwordView } from './password.js';
import { queueView, taskView } from './queue.js';
import { signInView } from './sign-in.js';
import { stalledView } from './stalled.js';
import { LANGUAGES, language, speak, t } from './texts.js';

/** Address after `#` → the view that shows it. A view gives its element, or a promise of it. */
const VIEWS = [
  [/^#\/queue$/, queueView],
  [/^#\/tasks\/([^/]+)$/, taskView],
  [/^#\/handoffs$/, handoffsView],
  [/^#\/notices$/, noticesView],
  [/^#\/board$/, boardView],
  [/^#\/stalled(?:\?(.*))?$/, stalledView],
  [/^#\/cases(?:\?(.*))?$/, casesView],
  [/^#\/cases\/([^/?]+)$/, caseView],
  [/^#\/families(?:\?(.*))?$/, familiesView],
  [/^#\/families\/([^/?]+)$/, familyView],
  [/^#\/password$/, passwordView],
];
/** Who looks after the whole sees the board first; everybody else their queue. */
const looksAfterTheWhole = ({ roles, may }) => may.includes('oversee') || roles.includes('auditor');

const app = document.getElementById('app');
const main = h('main', { id: 'content', tabindex: -1 });
let user = null;
let stopListening = () => {};
let shown = 0;

await start();

async function start() {
  speak(language());
  window.addEventListener('hashchange', () => show({ afresh: true }));
  await enter();
}

async function enter() {
  stopListening();
  ({ user } = await get('/api/auth/get-session').catch(() => ({ user: null })));
  frame();
  if (user !== null) stopListening = listen(() => show({ afresh: false }));
  await show({ afresh: true });
}

function frame() {
  document.title = `${t().name} · ${t().tagline}`;
  app.replaceChildren(
    h('a', { class: 'skip', href: '#content', click: skip }, t().skip),
    h(
      'header',
      {},
      h('a', { class: 'brand', href: '#/' }, h('img', { src: '/page/icon.svg', alt: '' }), h('strong', {}, t().name)),
      user && h('nav', {}, ...viewsOf(user).map(linkTo)),
      h('div', { class: 'tools' }, languagePicker(), user && account()),
    ),
    main,
  );
}

/** The address after # names the view, so the jump is made by hand. */
function skip(event) {
  event.preventDefault();
  main.focus();
}

function viewsOf(somebody) {
  return isPartner(somebody) ? ['handoffs', 'notices'] : ['queue', 'notices', 'board', 'stalled', 'cases', 'families'];
}

function linkTo(view) {
  return h('a', { href: `#/${view}`, 'data-view': view }, t()[view]);
}

function languagePicker() {
  const pick = async (event) => {
    speak(event.target.value);
    frame();
    await show({ afresh: true });
  };
  const options = Object.entries(LANGUAGES).map(([key, name]) =>
    h('option', { value: key, selected: key === language() }, name),
  );
  return h('select', { class: 'language', 'aria-label': 'Тіл / Язык / Language', change: pick }, ...options);
}

function account() {
  const leave = async () => {
    await postUnkept('/api/auth/sign-out').catch(() => undefined);
    // Without an event: the page of whoever left is not drawn again beside the form.
    history.replaceState(null, '', '#/');
    await enter();
  };
  return [
    h('a', { class: 'who', href: '#/password', title: `${user.email} · ${t().changePassword}` }, user.name),
    h('button', { class: 'quiet', click: leave }, t().signOut),
  ];
}

/** `afresh`: another page; otherwise the same one with newer figures, which never takes a begun form, an unread notice, words to look for or further pages of a list away. */
async function show({ afresh }) {
  if (user === null) {
    main.replaceChildren(signInView(enter));
    return;
  }
  const typed = () => [...main.querySelectorAll('.search input')].some((one) => one.value !== one.defaultValue);
  const kept = () => !afresh && (main.querySelector('form.answer, .unread, .further') !== null || typed());
  if (kept()) return;
  const address = location.hash.length > 2 ? location.hash : home();
  for (const link of app.querySelectorAll('nav a'))
    link.classList.toggle('here', address.startsWith(link.getAttribute('href')));
  const turn = ++shown;
  if (afresh) main.replaceChildren(h('p', { class: 'loading' }, t().loading));
  const element = await render(address);
  // Whoever clicked on meanwhile sees the later page.
  if (turn !== shown || kept()) return;
  main.replaceChildren(element);
  if (afresh) window.scrollTo(0, 0);
}

function home() {
  if (isPartner(user)) return '#/handoffs';
  return looksAfterTheWhole(user) ? '#/board' : '#/queue';
}

async function render(address) {
  for (const [pattern, view] of VIEWS) {
    const found = pattern.exec(address);
    if (!found) continue;
    try {
      return await view(found[1] === undefined ? undefined : decodeURIComponent(found[1]), user);
    } catch (error) {
      return failed(error);
    }
  }
  return h('p', {}, t().missing);
}

function failed(error) {
  if (error instanceof Problem && error.status === 401) {
    user = null;
    frame();
    return signInView(enter);
  }
  if (error instanceof Problem)
    return h('p', { class: 'notice wrong', role: 'alert' }, error.status === 403 ? t().notForYou : error.message);
  const again = () => show({ afresh: true });
  return h(
    'div',
    { class: 'notice wrong', role: 'alert' },
    h('p', {}, t().offline),
    h('button', { click: again }, t().retry),
  );
}
