import { actsBlock, fieldsOf, reasonField } from './acts.js';
import { get, post } from './api.js';
import { h } from './dom.js';
import { t } from './texts.js';
import { moment } from './times.js';

/** The others see how many there are. */
export const seesIncidents = ({ may, roles }) => may.includes('oversee') || roles.includes('auditor');

/** What a case could not do by itself and nobody has dealt with yet. */
export async function openIncidents(caseId) {
  const { items } = await get(`/api/incidents?caseId=${caseId}&limit=200`);
  return items;
}

/** What happened, since when, and what may be done; what only the administrator needs is folded. */
export function incidentItem({ id, text, message, openedAt, can }) {
  const act = (name, title) => ({
    title,
    schema: fieldsOf({ reason: reasonField() }),
    submit: title,
    send: (given) => post(`/api/incidents/${id}/${name}`, given),
  });
  return h(
    'li',
    { class: 'over incident', 'data-incident': id },
    h(
      'div',
      {},
      h('p', {}, h('strong', {}, t().incident), ` · ${text} `),
      h('p', { class: 'due' }, `${t().since}: `, h('time', { datetime: openedAt }, moment(openedAt))),
      h('details', {}, h('summary', {}, t().technical), h('p', { lang: 'en' }, message)),
      actsBlock([can.retry && act('retry', t().retry), can.resolve && act('resolve', t().resolve)], 'quiet'),
    ),
  );
}
