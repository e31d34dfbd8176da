import { createHmac } from 'node:crypto';
import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor, SetMetadata } from '@nestjs/common';
import type { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { from, lastValueFrom, type Observable } from 'rxjs';
import { AppError } from '../engine/errors.js';
import { type Principal, principalOf } from '../identity/principal.js';
import { crashPoint } from '../platform/crash-points.js';
import { canonicalJson } from '../statechart/canonical.js';
import type { Json } from '../statechart/types.js';
import { CONTRACT, type Contract } from './contract.js';
import type { IdempotencyKeys } from './idempotency-keys.js';
import { idempotencyKey, setDigest } from './write.js';

const REPLAYED = 'Idempotency-Replayed';
const WRITES = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);
const KEPT_BY_ENGINE = Symbol('kept by engine');

/**
 * The write is one command of the engine, which keeps its key and its answer in the transaction of the command itself: a
 * second store would cost every request two commits more. The handler gives its `Write` to the command.
 */
export const KeptByEngine = () => SetMetadata(KEPT_BY_ENGINE, true);

/** The answer of a command, marked if it is the one that was given the first time. */
export function replayed(reply: FastifyReply, { answer, replayed: again }: { answer: Json; replayed: boolean }): Json {
  if (again) void reply.header(REPLAYED, 'true');
  return answer;
}

/**
 * A write that comes twice with the same Idempotency-Key is carried out once: its first answer is kept, for 30 days or
 * (`KeptByEngine`) for the life of its case. Only accepted writes are; a refused one may be corrected and sent again with
 * its key. A twin that comes meanwhile, to whichever process, waits for the same answer. What a process that dies between
 * a write and keeping its answer leaves behind is not done again: the repetition is answered as done, or refused as known.
 */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  /** Writes under way in this process: a twin waits for the same answer, and asks nobody meanwhile. */
  private readonly underWay = new Map<string, Promise<unknown>>();

  constructor(
    private readonly keys: IdempotencyKeys,
    private readonly secret: string,
    private readonly reflector: Reflector,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> | Promise<Observable<unknown>> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const by = principalOf(request);
    const key = WRITES.has(request.method) ? idempotencyKey(request) : undefined;
    if (!by || key === undefined) return next.handle();
    if (this.reflector.get<Contract | undefined>(CONTRACT, context.getHandler())?.writes === false)
      return next.handle();
    if (this.reflector.get<boolean | undefined>(KEPT_BY_ENGINE, context.getHandler())) {
      setDigest(request, this.digest(request).toString('base64'));
      return next.handle();
    }
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    return from(this.once(by, key, this.digest(request), reply, () => lastValueFrom(next.handle())));
  }

  private async once(
    by: Principal,
    key: string,
    digest: Buffer,
    reply: FastifyReply,
    work: () => Promise<unknown>,
  ): Promise<unknown> {
    const id = `${by.organisationId}:${by.account}:${key}`;
    // A twin that was refused leaves the key free: then it is this one's turn. One that waited in vain did so for both.
    for (let twin = this.underWay.get(id); twin; twin = this.underWay.get(id)) await twin.catch(passOn503);
    const turn = this.answer(by, key, digest, reply, work);
    this.underWay.set(id, turn);
    try {
      return await turn;
    } finally {
      if (this.underWay.get(id) === turn) this.underWay.delete(id);
    }
  }

  private async answer(
    by: Principal,
    key: string,
    digest: Buffer,
    reply: FastifyReply,
    work: () => Promise<unknown>,
  ): Promise<unknown> {
    const found = await this.keys.take(by, key, digest);
    if ('answer' in found) {
      void reply.status(found.status).header(REPLAYED, 'true');
      return JSON.parse(found.answer);
    }
    try {
      const answer = await work();
      crashPoint('keep.before');
      await found.keep({ status: reply.statusCode, answer: JSON.stringify(answer ?? null) });
      return answer;
    } catch (error) {
      const isRefused = error instanceof AppError && error.status < 500;
      // Where the database is away as well, the lease ends by itself.
      await found.release(isRefused ? 'refused' : 'failed').catch(() => undefined);
      throw error;
    }
  }

  /** Keyed: a body may hold personal data, and a plain digest of little is easily guessed. */
  private digest(request: FastifyRequest): Buffer {
    const what = { method: request.method, url: request.url, body: (request.body ?? null) as Json };
    return createHmac('sha256', this.secret).update(canonicalJson(what)).digest();
  }
}

function passOn503(error: unknown): void {
  if (error instanceof AppError && error.status === 503) throw error;
}
