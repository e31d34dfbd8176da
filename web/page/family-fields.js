import { LANGUAGES, t } from './texts.js';

/** A name is the same in every language. */
const inAll = (text) => ({ kk: text, ru: text, en: text });
/** Labels in the reader's language already, for values of a form. */
export const labelled = (labels) =>
  Object.fromEntries(Object.entries(labels).map(([value, text]) => [value, inAll(text)]));

/** What a person is called, as fields of a form. */
export function personNames() {
  const line = (title) => ({ type: 'string', maxLength: 100, title });
  return {
    surname: line(t().people.surname),
    given: line(t().people.givenName),
    patronymic: line(t().people.patronymic),
  };
}

/** How a family is reached and why it is served, as fields of a form. */
export function contactFields() {
  return {
    phone: { type: 'string', maxLength: 60, title: t().people.phone },
    language: { enum: Object.keys(LANGUAGES), 'x-labels': labelled(LANGUAGES), title: t().people.language },
    address: { type: 'string', maxLength: 300, title: t().people.address },
    categories: {
      type: 'array',
      items: { enum: Object.keys(t().category) },
      'x-labels': labelled(t().category),
      title: t().people.categories,
    },
  };
}
