import { defineEntity, type InferEntity, p } from '@mikro-orm/core';
import type { Language } from '../statechart/types.js';

/**
 * What was printed, or is about to be. Number and day are given by the engine's transaction, past MikroORM: read it with an
 * EntityManager of its own each time, and write it by SQL.
 */
export const Certificate = defineEntity({
  name: 'Certificate',
  tableName: 'certificates',
  properties: {
    /** That of the entry which asked for it. */
    id: p.uuid().primary(),
    organisationId: p.uuid().hidden(),
    caseId: p.uuid(),
    familyId: p.uuid(),
    personId: p.uuid(),
    /** As printed; null after an erasure. */
    surname: p.string().nullable(),
    given: p.string().nullable(),
    patronymic: p.string().nullable(),
    course: p.string(),
    courseTitle: p.string(),
    language: p.string().$type<Language>(),
    workflowKey: p.string(),
    workflowVersion: p.integer(),
    checkCode: p.string().hidden(),
    preparedAt: p.datetime(),
    /** `2026-0042`; null until it is issued. */
    number: p.string().nullable(),
    /** `2026-11-22`. */
    issuedOn: p.date().nullable(),
    revokedAt: p.datetime().nullable(),
    revokedBy: p.string().nullable(),
    revokeReason: p.string().nullable(),
  },
});
export type Certificate = InferEntity<typeof Certificate>;
