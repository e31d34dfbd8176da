import type { CaseRecord } from '../engine/types.js';
import type { Service } from '../services/service-source.js';
import type { JsonObject, Language, Workflow } from '../statechart/types.js';
import { takeNumbers } from './certificate-numbers.js';
import type { CertificatesService, Holder } from './certificates.service.js';

export interface IssueDependencies {
  certificates: Pick<CertificatesService, 'prepare' | 'revoke'>;
  readCase(organisationId: string, caseId: string): Promise<CaseRecord | null>;
  /**
   * Who of the family it is for, as the identity document names them, and in which language.
   * @param member number in the family list, from 1; the applicant where it is not said
   */
  holderOf(organisationId: string, familyId: string, member?: number): Promise<Holder | null>;
  /** IANA name of the zone in which a day begins. */
  zone: string;
}

/**
 * `invoke {src: service, input: {name: issueCertificate, familyId, course, member?, replaces?}}`. The worker writes down what
 * will be printed, and revokes the one with a mistake that it `replaces`; the number is taken in the transaction that stores the answer, so that none is lost. The answer holds no name.
 */
export function issueCertificate({ certificates, readCase, holderOf, zone }: IssueDependencies): Service {
  return {
    name: 'issueCertificate',
    async run(call) {
      const { organisationId, caseId, entryId, input } = call;
      const familyId = textIn(input, 'familyId') ?? call.subject ?? '';
      const course = textIn(input, 'course');
      if (!course) throw new Error('No course was named: the certificate would not say what was passed.');
      const member = typeof input['member'] === 'number' ? input['member'] : undefined;
      const holder = await holderOf(organisationId, familyId, member);
      if (!holder)
        throw new Error(`The family ${familyId} has nobody with a name for whom a certificate could be made.`);
      const found = await readCase(organisationId, caseId);
      if (!found) throw new Error(`The case ${caseId} is gone.`);
      await certificates.prepare({
        id: entryId,
        organisationId,
        caseId,
        familyId,
        holder,
        course,
        courseTitle: courseTitle(found.workflow, course, holder.language),
        workflow: { key: found.workflow.key, version: found.workflowVersion },
      });
      const replaces = textIn(input, 'replaces');
      if (replaces) await certificates.revoke(organisationId, replaces, caseId, 'replaced');
      return { certificateId: entryId };
    },
    async settle(tx, answers) {
      const [first] = answers;
      if (!first) return [];
      const ids = answers.map(({ call }) => call.entryId);
      const issued = await takeNumbers(tx, ids, first.now, zone);
      return ids.map((certificateId) => ({ certificateId, ...issued.get(certificateId) }));
    },
  };
}

/** What the forms of the workflow call the course. */
function courseTitle(workflow: Workflow, course: string, language: Language): string {
  for (const { schema } of Object.values(workflow.forms)) {
    const labels = within(within(within(schema, 'properties'), 'course'), 'x-labels');
    const title = textIn(within(labels, course), language);
    if (title) return title;
  }
  throw new Error(
    `No form of the workflow "${workflow.key}" says in "${language}" what the course "${course}" is called.`,
  );
}

function within(value: JsonObject, name: string): JsonObject {
  const inner = Object.hasOwn(value, name) ? value[name] : undefined;
  return typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? inner : {};
}

function textIn(value: JsonObject, name: string): string | null {
  const text = Object.hasOwn(value, name) ? value[name] : undefined;
  return typeof text === 'string' && text !== '' ? text : null;
}
