import { actsBlock, fieldsOf, reasonField } from './acts.js';
import { post } from './api.js';
import { said, t } from './texts.js';

/** What a hand does to a case past its workflow, in the order in which it is offered. */
const BY_HAND = ['suspend', 'resume', 'reopen', 'cancel'];

/** What may be done with a case now by whoever looks: the events of its workflow, and acts by hand; null when there is nothing. */
export function actionsOf(one, path, user) {
  const blocks = [actsBlock(eventsOf(one, path, user)), actsBlock(handActsOf(one, path), 'quiet')].filter(Boolean);
  return blocks.length === 0 ? null : blocks;
}

/** An event without roles is everybody's. */
function eventsOf({ accepts, can }, path, { roles: mine }) {
  if (!can.event) return [];
  const open = accepts.filter(({ roles }) => roles.length === 0 || roles.some((role) => mine.includes(role)));
  return open.map(({ type, title, schema, confirm }) => ({
    title: said(title, type),
    schema,
    confirm: confirm && said(confirm),
    send: (data) => post(`${path}/events`, { type, ...(schema ? { data } : {}) }),
  }));
}

function handActsOf({ can }, path) {
  return BY_HAND.filter((act) => can[act]).map((act) => ({
    ...t().act[act],
    schema: fieldsOf({ reason: reasonField() }),
    submit: t().act[act].title,
    send: ({ reason }) => post(`${path}/acts`, { act, reason }),
  }));
}
