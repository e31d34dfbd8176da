import { get, postUnkept } from './api.js';
import { casesList } from './cases.js';
import { consentsOf } from './consents.js';
import { h } from './dom.js';
import { familyBox, nameOf, phoneOf } from './family.js';
import { newcomerOpenings, openingsOf } from './opening.js';
import { lookedFor, searchForm } from './parts.js';
import { t } from './texts.js';

/** Families that somebody looks for, and the way in for those who come for the first time. */
export async function familiesView(query, user) {
  const asked = lookedFor(query);
  const [found, openings] = await Promise.all([
    asked === '' ? null : postUnkept('/api/families/search', { q: asked }),
    newcomerOpenings(user),
  ]);
  return h(
    'div',
    {},
    h('h1', {}, t().families),
    searchForm('#/families', asked, t().findFamily),
    found === null && h('p', { class: 'none' }, t().askForFamily),
    found?.items.length === 0 && h('p', { class: 'none' }, t().nothingFound),
    found && h('ul', { class: 'cards' }, ...found.items.map(card)),
    openings && h('section', { class: 'card openings' }, openings),
  );
}

function card(family) {
  const { number, phone } = family;
  return h(
    'li',
    { class: 'card' },
    h('h3', {}, h('a', { href: `#/families/${encodeURIComponent(number)}` }, nameOf(family))),
    h('p', { class: 'facts' }, h('span', {}, `${t().family} ${number}`), phone && phoneOf(phone)),
  );
}

/** One family: who they are, to whom their data may go, their cases, and what may be opened for them. */
export async function familyView(id, user) {
  const family = await get(`/api/families/${encodeURIComponent(id)}`);
  const [consents, cases, openings] = await Promise.all([
    consentsOf(family, user),
    casesList(new URLSearchParams({ subject: family.id })),
    openingsOf(family, user),
  ]);
  return h(
    'div',
    {},
    h('h1', {}, `${t().family} ${family.number}`),
    familyBox(family, {}),
    consents,
    h('h2', {}, t().casesOfFamily),
    cases ?? h('p', { class: 'none' }, t().noCases),
    openings && h('section', { class: 'card openings' }, openings),
  );
}
