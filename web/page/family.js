import { get, Problem } from './api.js';
import { h } from './dom.js';
import { badge, caseLink } from './parts.js';
import { t } from './texts.js';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const AT_ONCE = 100;

/** Id → name, of the families that these cases or tasks are about. */
export async function familyNames(items) {
  const ids = [...new Set(items.map(({ subject }) => subject))].filter((id) => UUID.test(id ?? ''));
  const pages = [];
  for (let from = 0; from < ids.length; from += AT_ONCE)
    pages.push(get(`/api/families?ids=${ids.slice(from, from + AT_ONCE).join(',')}`));
  const found = (await Promise.all(pages)).flatMap((page) => page.items);
  return new Map(found.map((family) => [family.id, nameOf(family)]));
}

/** The family that something is about; null where it is about none. */
export async function familyOf(subject) {
  if (!UUID.test(subject ?? '')) return null;
  try {
    return await get(`/api/families/${subject}`);
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return null;
    throw error;
  }
}

/** Whom to speak to, on which number, in which language. `caseId`: the case that the page shows already. */
export function familyBox(family, caseId) {
  if (family === null) return null;
  const { number, phone, language, categories, openCase } = family;
  return h(
    'p',
    { class: 'card facts family' },
    h('strong', {}, nameOf(family)),
    phone && phoneOf(phone),
    h('span', {}, t().speaks[language]),
    h('span', {}, `${t().family} ${number}`),
    categories.map((category) => badge(t().category[category], 'quiet')),
    openCase && openCase.id !== caseId && h('span', {}, `${t().familyCase} `, caseLink(openCase.number, openCase.id)),
  );
}

/** Who a family is called by: its applicant. */
export function nameOf({ applicant: { surname, given, patronymic } }) {
  return [surname, given, patronymic].filter(Boolean).join(' ');
}

/** Some were written down as they were said and cannot be dialled. */
function phoneOf(phone) {
  if (!/^\+\d+$/.test(phone)) return h('span', {}, phone);
  const shown = phone.replace(/^(\+7)(\d{3})(\d{3})(\d\d)(\d\d)$/, '$1 $2 $3 $4 $5');
  return h('a', { href: `tel:${phone}` }, shown);
}
