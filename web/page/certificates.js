import { get, Problem } from './api.js';
import { h } from './dom.js';
import { fullName } from './members.js';
import { badge } from './parts.js';
import { t } from './texts.js';
import { day } from './times.js';

/** The reason of one with a mistake, in whose place another was issued. */
const REPLACED = 'replaced';

/** The certificates that a case has led to; none for who may not see them. */
export async function certificatesOf(caseId) {
  try {
    return (await get(`/api/certificates?caseId=${caseId}`)).items;
  } catch (error) {
    if (error instanceof Problem && error.status === 403) return [];
    throw error;
  }
}

/** Each with its paper; one that was revoked says so, and why. */
export function certificatesBlock(certificates) {
  if (certificates.length === 0) return null;
  return h(
    'section',
    { class: 'card certificates' },
    h('h2', {}, t().certificates),
    h('ul', { class: 'waits' }, ...certificates.map(certificateItem)),
  );
}

function certificateItem({ number, status, holder, courseTitle, issuedOn, revokeReason }) {
  return h(
    'li',
    { 'data-certificate': number },
    h('a', { href: `/api/certificates/${encodeURIComponent(number)}/pdf` }, `№ ${number} (PDF)`),
    h(
      'p',
      { class: 'facts' },
      badge(t().certificate[status], status === 'valid' ? '' : 'alarm'),
      holder && h('span', {}, fullName(holder)),
      h('span', {}, courseTitle),
      h('time', { class: 'due', datetime: issuedOn }, `${t().issued}: ${day(issuedOn)}`),
    ),
    revokeReason && h('p', { class: 'by' }, `${t().why}: ${revokeReason === REPLACED ? t().replaced : revokeReason}`),
  );
}
