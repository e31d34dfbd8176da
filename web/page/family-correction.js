import { actsBlock, fieldsOf } from './acts.js';
import { patch } from './api.js';
import { contactFields } from './family-fields.js';
import { sending } from './members.js';
import { t } from './texts.js';

/** How a family is reached and why it is served, corrected by whoever may. `changed` is called with the warnings. */
export function familyCorrection(family, changed) {
  if (!family.can.correct) return null;
  const { id, phone, language, address, categories, revision } = family;
  const properties = contactFields();
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
