import { timingSafeEqual } from 'node:crypto';
import type { EntityManager } from '@mikro-orm/postgresql';
import { sql } from 'kysely';
import type { Pool } from 'pg';
import type { VersionsApi } from '../engine/types.js';
import type { Language } from '../statechart/types.js';
import { Certificate } from './certificate.entity.js';
import { certificateTexts } from './certificate-texts.js';
import { fullName, type PrintedCertificate, renderCertificate } from './pdf.js';

export interface Holder {
  personId: string;
  surname: string | null;
  given: string | null;
  patronymic: string | null;
  language: Language;
}

export interface Prepared {
  /** The entry's: the same entry prepares the same certificate, however often it is tried. */
  id: string;
  organisationId: string;
  caseId: string;
  familyId: string;
  holder: Holder;
  course: string;
  /** In the holder's language. */
  courseTitle: string;
  workflow: { key: string; version: number };
}

/** What anybody may know of a certificate whose number they have; the name only with the code that stands on the paper. */
export interface CertificateCheck {
  number: string;
  status: 'valid' | 'revoked';
  course: string;
  language: Language;
  issuedOn: string;
  /** ISO 8601. */
  revokedAt: string | null;
  holder: PrintedCertificate['holder'] | null;
}

export interface CertificatesDependencies {
  /** Role `qamqor_app`. */
  em: EntityManager;
  versions: Pick<VersionsApi, 'byVersion'>;
  /** Where people reach the centre: begins the address in the QR code. */
  publicUrl: string;
  /** A new secret that nobody can guess, of letters and digits. */
  newCode(): string;
}

const DOCUMENT = 'documents/certificate.yaml';
const NUMBER = /^[0-9]{4}-[0-9]{4,9}$/;

/** The register of certificates. Issuing one is `issueCertificate`. */
export class CertificatesService {
  constructor(private readonly deps: CertificatesDependencies) {}

  /** Writes down what will be printed. Until it has a number, a later try may still correct the name. */
  async prepare({ id, organisationId, caseId, familyId, holder, workflow, ...rest }: Prepared): Promise<void> {
    const { personId, surname, given, patronymic, language } = holder;
    await this.seeing(organisationId).transactional(async (em) => {
      await sql`
        insert into certificates (id, organisation_id, case_id, family_id, person_id, surname, given, patronymic, course,
          course_title, language, workflow_key, workflow_version, check_code, prepared_at)
        values (${id}, ${organisationId}, ${caseId}, ${familyId}, ${personId}, ${surname}, ${given}, ${patronymic},
          ${rest.course}, ${rest.courseTitle}, ${language}, ${workflow.key}, ${workflow.version}, ${this.deps.newCode()},
          qamqor_now())
        on conflict (id) do update set surname = excluded.surname, given = excluded.given, patronymic = excluded.patronymic
        where certificates.serial is null`.execute(em.getKysely<unknown>());
    });
  }

  /** Issued ones only. */
  async byNumber(organisationId: string, number: string): Promise<Certificate | null> {
    if (!NUMBER.test(number)) return null;
    return this.seeing(organisationId).findOne(Certificate, { organisationId, number });
  }

  /** Issued ones, the oldest first: those of the case, and those of its sub-cases. */
  async ofCase(organisationId: string, caseId: string): Promise<Certificate[]> {
    return this.seeing(organisationId).transactional(async (em) => {
      const { rows } = await sql<{ id: string }>`
        with recursive within as (
          select id from cases where id = ${caseId}
          union all select c.id from within join cases c on c.parent_case_id = within.id)
        select id from within`.execute(em.getKysely<unknown>());
      const where = { organisationId, caseId: { $in: rows.map(({ id }) => id) }, number: { $ne: null } };
      return em.find(Certificate, where, { orderBy: { issuedOn: 'asc', number: 'asc' } });
    });
  }

  async check(organisationId: string, number: string, code?: string): Promise<CertificateCheck | null> {
    const found = await this.byNumber(organisationId, number);
    if (!found?.issuedOn) return null;
    const { courseTitle, language, issuedOn, revokedAt } = found;
    return {
      number,
      status: revokedAt ? 'revoked' : 'valid',
      course: courseTitle,
      language,
      issuedOn,
      revokedAt: revokedAt?.toISOString() ?? null,
      holder: code !== undefined && isEqual(code, found.checkCode) ? nameOn(found) : null,
    };
  }

  /** The paper, made anew from the register: the same bytes each time. Null when it was never issued, or the name was erased. */
  async pdf(certificate: Certificate): Promise<Buffer | null> {
    const { organisationId, workflowKey, workflowVersion, number, issuedOn, checkCode, language } = certificate;
    const holder = nameOn(certificate);
    if (!number || !issuedOn || !fullName(holder)) return null;
    const workflow = await this.deps.versions.byVersion(organisationId, workflowKey, workflowVersion);
    return renderCertificate({
      number,
      holder,
      course: certificate.courseTitle,
      issuedOn,
      language,
      verifyUrl: `${this.deps.publicUrl}/certificates/${number}?code=${checkCode}`,
      texts: certificateTexts.parse(workflow.files[DOCUMENT]),
    });
  }

  /** A mistake on the paper: it stays in the register, and whoever checks it learns that it does not hold. False: no such valid one. */
  async revoke(organisationId: string, number: string, by: string, reason: string): Promise<boolean> {
    return this.seeing(organisationId).transactional(async (em) => {
      const { rows } = await sql`
        update certificates set revoked_at = qamqor_now(), revoked_by = ${by}, revoke_reason = ${reason}
        where organisation_id = ${organisationId} and number = ${number} and revoked_at is null
        returning id`.execute(em.getKysely<unknown>());
      return rows.length > 0;
    });
  }

  /** An EntityManager of its own for each look: the rows change past it. */
  private seeing(organisation: string): EntityManager {
    return this.deps.em.fork({ session: { variables: { 'qamqor.organisation': organisation } } });
  }
}

/** What was prepared for a case that went on without it holds a name, and is of no use. `pool`: role `qamqor_relay`. */
export async function forgetUnissued(pool: Pool): Promise<void> {
  await pool.query(
    // A case that stands still keeps its answer, which takes the number when the case goes on.
    `delete from qamqor.certificates c where serial is null and prepared_at < (select qamqor.qamqor_now()) - interval '30 days'
      and not exists (select from qamqor.parked p where p.case_id = c.case_id)`,
  );
}

export function nameOn({ surname, given, patronymic }: Certificate): PrintedCertificate['holder'] {
  return { surname: surname ?? null, given: given ?? null, patronymic: patronymic ?? null };
}

function isEqual(one: string, other: string): boolean {
  const [left, right] = [Buffer.from(one), Buffer.from(other)];
  return left.length === right.length && timingSafeEqual(left, right);
}
