import { actsBlock, fieldsOf } from './acts.js';
import { patch } from './api.js';
import { inAll, sending } from './members.js';
import { LANGUAGES, t } from './texts.js';

/** How a family is reached and why it is served, corrected by whoever may. `changed` is called with the warnings. */
export function familyCorrection(family, changed) {
  if (!family.can.correct) return null;
  const { id, phone, language, address, categories, revision } = family;
  const properties = {
    phone: { type: 'string', maxLength: 60, title: t().people.phone },
    language: { enum: Object.keys(LANGUAGES), 'x-labels': inEach(LANGUAGES), title: t().people.language },
    address: { type: 'string', maxLength: 200, title: t().people.address },
    categories: categoriesField(),
  };
  const act = {
    title: t().people.correctFamily,
    schema: fieldsOf(properties, Object.keys(properties)),
    given: { phone, language, address, categories },
    submit: t().people.save,
    // What stands empty in the form is not there any more.
    ...sending((said) => patch(`/api/families/${id}`, { phone: null, address: null, ...said, revision }), changed),
  };
  return actsBlock([act], 'quiet');
}

export function categoriesField() {
  const labels = t().category;
  return {
    type: 'array',
    items: { enum: Object.keys(labels) },
    'x-labels': inEach(labels),
    title: t().people.categories,
  };
}

const inEach = (labels) => Object.fromEntries(Object.entries(labels).map(([key, text]) => [key, inAll(text)]));
