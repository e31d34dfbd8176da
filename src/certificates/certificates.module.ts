import { randomInt } from 'node:crypto';
import { Module } from '@nestjs/common';
import { FamiliesService, memberOf } from '../families/families.service.js';
import { ServiceSource } from '../services/service-source.js';
import { ServicesModule } from '../services/services.module.js';
import { System } from '../system.js';
import { CertificatesController } from './certificates.controller.js';
import { CertificatesService, forgetUnissued, type Holder } from './certificates.service.js';
import { issueCertificate } from './issue-certificate.js';

@Module({
  imports: [ServicesModule],
  controllers: [CertificatesController],
  providers: [{ provide: CertificatesService, inject: [System, ServiceSource], useFactory: certificates }],
  exports: [CertificatesService],
})
export class CertificatesModule {}

function certificates(system: System, services: ServiceSource): CertificatesService {
  const { config, orm, ids, runtime, calendar, relayPool } = system;
  const { engine, versions } = runtime;
  const service = new CertificatesService({ em: orm.em, versions, publicUrl: config.publicUrl, newCode });
  const families = new FamiliesService(orm.em, ids);
  services.register(
    issueCertificate({
      certificates: service,
      readCase: (organisationId, caseId) => engine.read(organisationId, caseId),
      holderOf: (organisationId, familyId, member) => holderOf(families, organisationId, familyId, member),
      zone: calendar.zone,
    }),
  );
  engine.registerSweep('certificates that were never issued', () => forgetUnissued(relayPool));
  return service;
}

async function holderOf(
  families: FamiliesService,
  organisationId: string,
  familyId: string,
  member: number | undefined,
): Promise<Holder | null> {
  const [family, persons] = await Promise.all([
    families.findFamily(organisationId, familyId),
    families.personsOf(organisationId, familyId),
  ]);
  const person = memberOf(persons, member);
  if (!family || !person) return null;
  const { id, surname, given, patronymic } = person;
  return {
    personId: id,
    surname: surname ?? null,
    given: given ?? null,
    patronymic: patronymic ?? null,
    language: family.language,
  };
}

/** Without letters and digits that look alike: it may have to be typed from paper. */
const CODE_LETTERS = '23456789abcdefghjkmnpqrstuvwxyz';
const CODE_LENGTH = 12;

function newCode(): string {
  return Array.from({ length: CODE_LENGTH }, () => CODE_LETTERS[randomInt(CODE_LETTERS.length)]).join('');
}
