import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { AppError } from '../engine/errors.js';
import type { CommandBase } from '../engine/types.js';
import { type Principal, senderOf } from '../identity/principal.js';
import type { Json } from '../statechart/types.js';

/** What comes with a write beside its body. */
export interface Write {
  /** `Idempotency-Key`, if the sender gave one. */
  key?: string;
  /** What makes two tries the same write: method, address and body, as a keyed digest. */
  digestOf?: Json;
  /** `If-Match`, or the body's `revision`. */
  revision?: number;
}

const KEY = /^[\x21-\x7e]{1,128}$/;

/** @throws AppError `bad-header` (400) */
export function idempotencyKey(request: Pick<FastifyRequest, 'headers'>): string | undefined {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key === 'string' && KEY.test(key)) return key;
  throw new AppError('bad-header', 400, 'Idempotency-Key must be 1 to 128 visible ASCII characters.', {
    header: 'Idempotency-Key',
  });
}

/** @throws AppError `bad-header` (400) */
export function ifMatch(request: Pick<FastifyRequest, 'headers'>): number | undefined {
  const header = request.headers['if-match'];
  if (header === undefined || header === '*') return undefined;
  const [, revision] = /^"(\d{1,9})"$/.exec(header) ?? [];
  if (revision === undefined)
    throw new AppError('bad-header', 400, 'If-Match must be the revision that you read, in quotes: "7".', {
      header: 'If-Match',
    });
  return Number(revision);
}

const digests = new WeakMap<FastifyRequest['raw'], string>();

/** For `With`: what makes another request the same write as this one. */
export function setDigest(request: FastifyRequest, digest: string): void {
  digests.set(request.raw, digest);
}

/** The write's key, digest and revision, as a parameter of a handler. */
export const With = createParamDecorator((_data: unknown, context: ExecutionContext): Write => {
  const request = context.switchToHttp().getRequest<FastifyRequest>();
  const key = idempotencyKey(request);
  const digestOf = digests.get(request.raw);
  const revision = revisionIn(request);
  return {
    ...(key === undefined ? {} : { key }),
    ...(digestOf === undefined ? {} : { digestOf }),
    ...(revision === undefined ? {} : { revision }),
  };
});

/**
 * The revision that a record had when whoever changes it read it: nobody overwrites what they have not seen. A parameter
 * of a handler whose contract says `ifMatch: 'required'`. @throws AppError `schema` (422), `bad-header` (400)
 */
export const Revision = createParamDecorator((_data: unknown, context: ExecutionContext): number => {
  const revision = revisionIn(context.switchToHttp().getRequest<FastifyRequest>());
  if (revision !== undefined) return revision;
  const missing = { missingProperty: 'revision' };
  throw new AppError('schema', 422, 'Say which revision you have read: as `revision`, or as If-Match.', {}, [
    { path: '/revision', message: 'is required', rule: 'required', facts: missing },
  ]);
});

function revisionIn(request: FastifyRequest): number | undefined {
  const inBody = (request.body as { revision?: unknown } | undefined)?.revision;
  return ifMatch(request) ?? (typeof inBody === 'number' ? inBody : undefined);
}

/** What every command of a person has in common. Without a key of the sender's the id is new and need not be kept. */
export function commandOf(by: Principal, write: Write, id: () => string): Omit<CommandBase, 'caseId'> {
  return {
    organisationId: by.organisationId,
    id: write.key ?? id(),
    keep: write.key !== undefined,
    ...(write.digestOf === undefined ? {} : { digestOf: write.digestOf }),
    sender: senderOf(by),
    lane: 'people',
    ...(write.revision === undefined ? {} : { revision: write.revision }),
  };
}
