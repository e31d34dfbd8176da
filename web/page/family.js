import { get, Problem } from './api.js';
import { h } from './dom.js';
import { familyCorrection } from './family-correction.js';
import { fullName, membersBlock, warningsOf } from './members.js';
import { badge, caseLink } from './parts.js';
import { t } from './texts.js';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const AT_ONCE = 100;

/** Who these cases or tasks are about, by name: a function of one of them, null where it is about no family. */
export async function namesOf(items) {
  const ids = [...new Set(items.map(({ subject }) => subject))].filter((id) => UUID.test(id ?? ''));
  const pages = [];
  for (let from = 0; from < ids.length; from += AT_ONCE)
    pages.push(get(`/api/families?ids=${ids.slice(from, from + AT_ONCE).join(',')}`));
  const found = (await Promise.all(pages)).flatMap((page) => page.items);
  const families = new Map(found.map((family) => [family.id, family]));
  return ({ subject, member }) => families.has(subject) && nameOf(families.get(subject), member);
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

/**
 * Whom to speak to, on which number, in which language, and who is in the family. `about`: the id of the case that the
 * page shows already, and its member of the family. `changed` is called with the family as it is after it was
 * corrected, or somebody of it entered or corrected.
 */
export function familyBox(family, about, changed = () => undefined) {
  if (family === null) return null;
  const box = h('section', { class: 'card family' });
  const draw = (now, warnings = []) => {
    const written = async (found) => {
      const fresh = await get(`/api/families/${now.id}`);
      draw(fresh, found);
      changed(fresh);
    };
    const parts = [factsOf(now, about), familyCorrection(now, written), ...membersBlock(now, written)];
    box.replaceChildren(...[...parts, warningsOf(warnings)].filter(Boolean));
  };
  draw(family);
  return box;
}

function factsOf(family, { caseId, member }) {
  const { number, phone, language, address, categories, openCase } = family;
  return h(
    'p',
    { class: 'facts' },
    h('strong', {}, nameOf(family, member)),
    phone && phoneOf(phone),
    h('span', {}, t().speaks[language]),
    address && h('span', {}, address),
    h('a', { href: `#/families/${encodeURIComponent(number)}` }, `${t().family} ${number}`),
    categories.map((category) => badge(t().category[category], 'quiet')),
    openCase && openCase.id !== caseId && h('span', {}, `${t().familyCase} `, caseLink(openCase.number, openCase.id)),
  );
}

/** Whom of a family something is about, by the number in its list; it is called by its applicant. */
export function nameOf({ applicant, members }, number = null) {
  const member = members.find((one) => one.number === number);
  const name = fullName(applicant);
  return member && fullName(member) !== name ? `${fullName(member)} (${name})` : name;
}

/** Some were written down as they were said and cannot be dialled. */
export function phoneOf(phone) {
  if (!/^\+\d+$/.test(phone)) return h('span', {}, phone);
  const shown = phone.replace(/^(\+7)(\d{3})(\d{3})(\d\d)(\d\d)$/, '$1 $2 $3 $4 $5');
  return h('a', { href: `tel:${phone}` }, shown);
}
