import { Body, Controller, Get, Header, Headers, HttpCode, Param, Post, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { Describe } from '../api/contract.js';
import { pickLanguage } from '../api/language.js';
import { moment, uuid } from '../api/schemas.js';
import { AppError } from '../engine/errors.js';
import { Public, Roles } from '../identity/access.js';
import { Looks } from '../identity/looks.js';
import { By, type Principal } from '../identity/principal.js';
import { ORGANISATION } from '../system.js';
import type { Certificate } from './certificate.entity.js';
import { CertificatesService, nameOn } from './certificates.service.js';
import { checkPage } from './check-page.js';

const tag = 'certificates';
const params = { number: 'Number on the paper, like 2026-0042' };
const name = z.string().nullable();
const holder = z.object({ surname: name, given: name, patronymic: name });
const date = z.string().meta({ format: 'date' });
const status = z.enum(['valid', 'revoked']);

const checkQuery = z.strictObject({
  code: z.string().max(64).optional().meta({ description: 'Stands in the QR code; shows whose it is' }),
});
const listQuery = z.strictObject({ caseId: z.uuid() });
const revocation = z.strictObject({ reason: z.string().trim().min(1).max(1000) });

const checkView = z
  .object({
    number: z.string(),
    status,
    course: z.string(),
    language: z.enum(['kk', 'ru', 'en']),
    issuedOn: date,
    revokedAt: moment.nullable(),
    holder: holder.nullable(),
  })
  .meta({ id: 'CertificateCheck' });

const certificateView = z
  .object({
    id: uuid,
    caseId: uuid,
    familyId: uuid,
    personId: uuid,
    number: z.string(),
    status,
    course: z.string().meta({ description: 'Code of the course' }),
    courseTitle: z.string(),
    issuedOn: date,
    revokedAt: moment.nullable(),
    revokeReason: z.string().nullable(),
  })
  .meta({ id: 'Certificate' });
const listedView = certificateView
  .extend({ holder: holder.meta({ description: 'As on the paper; nulls after an erasure' }) })
  .meta({ id: 'CertificateOfCase' });

@Controller()
export class CertificatesController {
  constructor(private readonly certificates: CertificatesService) {}

  /** Where the QR code leads: for people, in their language. */
  @Get('certificates/:number')
  @Public()
  @Header('cache-control', 'no-store')
  @Describe({
    tag,
    summary: 'The page that anybody can check a certificate on',
    params,
    query: checkQuery,
    answers: {
      200: { description: 'What may be known of it', schema: z.string(), contentType: 'text/html' },
      404: { description: 'No certificate has this number', schema: z.string(), contentType: 'text/html' },
    },
  })
  async page(
    @Param('number') number: string,
    @Query() { code }: z.output<typeof checkQuery>,
    @Headers('accept-language') languages: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<string> {
    const check = await this.certificates.check(ORGANISATION, number, code);
    const language = pickLanguage(languages);
    reply.header('content-type', 'text/html; charset=utf-8');
    reply.header('content-language', language);
    reply.status(check ? 200 : 404);
    return checkPage(check, language);
  }

  @Get('api/certificates/:number')
  @Public()
  @Describe({
    tag,
    summary: 'Whether a certificate holds; whose it is only with the code on the paper',
    params,
    query: checkQuery,
    answers: { 200: { description: 'What may be known of it', schema: checkView } },
  })
  async check(@Param('number') number: string, @Query() { code }: z.output<typeof checkQuery>) {
    const check = await this.certificates.check(ORGANISATION, number, code);
    if (!check) throw notFound(number);
    return check;
  }

  @Get('api/certificates')
  @Looks('certificate')
  @Roles('staff', 'integration')
  @Describe({
    tag,
    summary: 'The certificates that a case and its sub-cases have led to',
    query: listQuery,
    answers: {
      200: { description: 'The oldest first', schema: z.object({ items: z.array(listedView), next: z.null() }) },
    },
  })
  async list(@By() by: Principal, @Query() { caseId }: z.output<typeof listQuery>) {
    const certificates = await this.certificates.ofCase(by.organisationId, caseId);
    return { items: certificates.map((one) => ({ ...present(one), holder: nameOn(one) })), next: null };
  }

  @Get('api/certificates/:number/pdf')
  @Looks('certificate')
  @Roles('staff', 'integration')
  @Describe({
    tag,
    summary: 'The paper itself',
    params,
    answers: {
      200: {
        description: 'One A4 page',
        schema: z.string().meta({ format: 'binary' }),
        contentType: 'application/pdf',
      },
    },
  })
  async pdf(@By() by: Principal, @Param('number') number: string, @Res({ passthrough: true }) reply: FastifyReply) {
    const certificate = await this.certificates.byNumber(by.organisationId, number);
    const pdf = certificate && (await this.certificates.pdf(certificate));
    if (!pdf) throw notFound(number);
    reply.header('content-type', 'application/pdf');
    reply.header('content-disposition', `attachment; filename="certificate-${number}.pdf"`);
    return pdf;
  }

  @Post('api/certificates/:number/revoke')
  @HttpCode(200)
  @Roles('director', 'supervisor')
  @Describe({
    tag,
    summary: 'Declare a certificate void; its number stays in the register',
    params,
    body: revocation,
    answers: { 200: { description: 'The certificate as it is now', schema: certificateView } },
  })
  async revoke(@By() by: Principal, @Param('number') number: string, @Body() { reason }: z.output<typeof revocation>) {
    await this.certificates.revoke(by.organisationId, number, by.account, reason);
    const certificate = await this.certificates.byNumber(by.organisationId, number);
    if (!certificate) throw notFound(number);
    return present(certificate);
  }
}

function present(certificate: Certificate) {
  const { id, caseId, familyId, personId, number, course, courseTitle, issuedOn, revokedAt, revokeReason } =
    certificate;
  return {
    id,
    caseId,
    familyId,
    personId,
    number: number ?? '',
    status: revokedAt ? 'revoked' : 'valid',
    course,
    courseTitle,
    issuedOn: issuedOn ?? '',
    revokedAt: revokedAt?.toISOString() ?? null,
    revokeReason: revokeReason ?? null,
  };
}

function notFound(number: string): AppError {
  return new AppError('certificate-not-found', 404, `There is no certificate ${number.slice(0, 40)}.`);
}
