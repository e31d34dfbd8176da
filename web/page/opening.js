import { actsBlock, fieldsOf } from './acts.js';
import { get, post } from './api.js';
import { contactFields, personNames } from './family-fields.js';
import { said, t } from './texts.js';

/** Workflows that a hand may open for a family: they ask for nothing but whose case it is. Others are opened by a case. */
async function openable() {
  const { items } = await get('/api/workflows');
  const workflows = await Promise.all(items.map(({ key }) => get(`/api/workflows/${encodeURIComponent(key)}`)));
  const asksForFamilyAlone = ({ properties = {}, required = [] }) =>
    'familyId' in properties && required.every((name) => name === 'familyId');
  return workflows.filter(({ inputSchema }) => asksForFamilyAlone(inputSchema ?? {}));
}

/** For a family that is recorded; null where the account may not, or nothing can be opened beside what is open. */
export async function openingsOf(family, { may }) {
  if (!may.includes('open-cases')) return null;
  const workflows = await openable();
  // A family has one open case of a workflow at most.
  if (family.openCase !== null && workflows.length === 1) return null;
  const acts = workflows.map((workflow) => ({
    title: titled(t().openCase, workflow),
    confirm: t().openConfirm,
    submit: t().openCase,
    ...opening(() => ({ workflow: workflow.key, input: { familyId: family.id } })),
  }));
  return actsBlock(acts);
}

/** For somebody who comes for the first time; `null` as above. */
export async function newcomerOpenings({ may }) {
  if (!may.includes('open-cases')) return null;
  const acts = (await openable()).map((workflow) => ({
    title: titled(t().newFamily, workflow),
    confirm: t().newFamilyConfirm,
    schema: newcomer(),
    given: { language: 'kk' },
    submit: t().openCase,
    ...opening(({ applicant, ...family }) => ({
      workflow: workflow.key,
      input: { applicant: { surname: null, given: null, ...applicant }, ...family },
    })),
  }));
  return actsBlock(acts);
}

const titled = (what, { title, key }) => `${what}: ${said(title, key)}`;

/** Whoever opened a case sees it next. */
function opening(bodyOf) {
  let opened;
  return {
    send: async (given) => {
      opened = await post('/api/cases', bodyOf(given));
    },
    done: () => {
      location.hash = `#/cases/${encodeURIComponent(opened.number)}`;
    },
  };
}

function newcomer() {
  const names = personNames();
  const { phone, language, categories } = contactFields();
  const applicant = { ...fieldsOf(names, Object.keys(names)), title: t().people.applicant };
  return fieldsOf({ applicant, phone, language, categories }, ['applicant', 'phone', 'categories']);
}
