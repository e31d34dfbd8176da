import { defineEntity, type InferEntity, p } from '@mikro-orm/core';
import type { Sex } from './iin.js';
import type { Relation } from './vocabulary.js';

/** One member of a family, named as in the identity document. Some people have only one name. */
export const Person = defineEntity({
  name: 'Person',
  tableName: 'persons',
  properties: {
    id: p.uuid().primary(),
    organisationId: p.uuid().hidden(),
    familyId: p.uuid(),
    place: p.integer(),
    relation: p.string().$type<Relation>(),
    surname: p.string().nullable(),
    given: p.string().nullable(),
    patronymic: p.string().nullable(),
    iin: p.string().nullable(),
    birthDate: p.date().nullable(),
    sex: p.string().$type<Sex>().nullable(),
    /** Their own, where it is not the family's. */
    phone: p.string().nullable(),
    note: p.string().nullable(),
    revision: p.integer(),
    createdAt: p.datetime(),
    createdBy: p.string(),
    updatedAt: p.datetime(),
    updatedBy: p.string(),
  },
});
export type Person = InferEntity<typeof Person>;
