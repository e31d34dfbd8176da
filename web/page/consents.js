import { actsBlock, fieldsOf } from './acts.js';
import { get, put } from './api.js';
import { h } from './dom.js';
import { badge } from './parts.js';
import { said, t } from './texts.js';
import { day } from './times.js';

/** How a family lets the centre know. The API's `form` is left to the tasks that ask for it. */
const WAYS = ['paper', 'in-person', 'phone', 'electronic'];
/** The family whose consents lie open: they stay so when the page is drawn anew. */
let unfolded = null;

/** To which partners a family's data may go, since when and how it said so; who records consents may give and withdraw each. */
export async function consentsOf(family, { may }) {
  if (family === null) return null;
  const path = `/api/families/${family.id}/consents`;
  const [{ items }, { items: partners }] = await Promise.all([get(path), get('/api/partners')]);
  // The newest come first.
  const consents = partners.map(({ key, title }) => ({
    partner: key,
    title: said(title, key),
    consent: items.find(({ partner }) => partner === key),
  }));
  const given = consents.filter(({ consent }) => consent?.inForce).length;
  const send = may.includes('record-consents') && ((change) => put(path, change));
  const toggle = ({ target }) => {
    unfolded = target.open ? family.id : null;
  };
  return h(
    'details',
    { class: 'card consents', open: unfolded === family.id, toggle },
    h('summary', {}, h('strong', {}, t().consents), ' ', badge(t().consentsGiven(given, consents.length), 'quiet')),
    h('ul', { class: 'waits' }, ...consents.map((one) => consentItem(one, send))),
  );
}

function consentItem({ partner, title, consent }, send) {
  return h(
    'li',
    { 'data-partner': partner },
    h('strong', {}, title),
    h('p', { class: 'facts' }, ...standing(consent)),
    send && actsBlock([consent?.inForce ? withdrawalOf(partner, send) : givingOf(partner, send)], 'quiet'),
  );
}

/** Given, withdrawn, or never given; since when, and how the family said so. */
function standing(consent) {
  if (consent === undefined) return [badge(t().consent.none, 'quiet')];
  const { inForce, givenAt, givenHow, withdrawnAt, withdrawnHow } = consent;
  const [at, how] = inForce ? [givenAt, givenHow] : [withdrawnAt, withdrawnHow];
  return [
    badge(inForce ? t().consent.given : t().consent.withdrawn, inForce ? '' : 'alarm'),
    h('time', { class: 'due', datetime: at }, day(at)),
    h('span', { class: 'by' }, t().consentWay[how]),
  ];
}

function givingOf(partner, send) {
  return {
    title: t().giveConsent,
    confirm: t().giveConsentConfirm,
    schema: wayAsked(),
    submit: t().giveConsent,
    send: (answer) => send({ partner, given: true, ...answer }),
  };
}

function withdrawalOf(partner, send) {
  return {
    title: t().withdrawConsent,
    confirm: t().withdrawConsentConfirm,
    schema: wayAsked(),
    submit: t().withdrawConsent,
    send: (answer) => send({ partner, given: false, ...answer }),
  };
}

function wayAsked() {
  const labels = WAYS.map((way) => [way, { en: t().consentWay[way] }]);
  return fieldsOf({ how: { enum: WAYS, 'x-labels': Object.fromEntries(labels), title: t().consentHow } });
}
