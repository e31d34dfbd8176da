import { defineEntity, type InferEntity, p } from '@mikro-orm/core';
import type { Language } from './remarks.js';
import type { Category } from './vocabulary.js';

/** A family as the centre keeps it. `search_key` and `registration_key` are of no use outside this folder. */
export const Family = defineEntity({
  name: 'Family',
  tableName: 'families',
  properties: {
    id: p.uuid().primary(),
    organisationId: p.uuid().hidden(),
    /** For people: `Q-00001`. */
    number: p.string(),
    categories: p.array().$type<Category[]>(),
    interest: p.string().nullable(),
    /** The language in which they are written and spoken to. */
    language: p.string().$type<Language>(),
    /** E.164. Whole families share one: it tells nobody apart. */
    phone: p.string().nullable(),
    address: p.string().nullable(),
    kato: p.string().nullable(),
    registeredOn: p.date().nullable(),
    note: p.string().nullable(),
    searchKey: p.string().hidden(),
    registrationKey: p.string().nullable().hidden(),
    revision: p.integer(),
    createdAt: p.datetime(),
    createdBy: p.string(),
    updatedAt: p.datetime(),
    updatedBy: p.string(),
  },
});
export type Family = InferEntity<typeof Family>;
