import { createHmac } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor, SetMetadata } from '@nestjs/common';
import type { Reflector } from '@nestjs/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Pool } from 'pg';
import { from, lastValueFrom, type Observable } from 'rxjs';
import { asOrganisation } from '../engine/cases.js';
import { AppError } from '../engine/errors.js';
import { type Principal, principalOf } from '../identity/principal.js';
import { crashPoint } from '../platform/crash-points.js';
import { canonicalJson } from '../statechart/canonical.js';
import type { Json } from '../statechart/types.js';
import { CONTRACT, type Contract } from './contract.js';
import { idempotencyKey, setDigest } from './write.js';

const REPLAYED = 'Idempotency-Replayed';
const WRITES = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);
const KEPT = '30 days';
/** Whoever has not kept an answer for so long is taken for dead: far longer than any write takes. */
const LEASE = '15 seconds';
const LOOK_AGAIN_MS = 50;

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

interface KeptAnswer {
  digest: Buffer;
  status: number | null;
  answer: string | null;
  /** The write is this request's to carry out. */
  mine: boolean;
}

/**
 * A write that comes twice with the same Idempotency-Key is carried out once: its first answer is kept, for 30 days or
 * (`KeptByEngine`) for the life of its case. Only accepted writes are; a refused one may be corrected and sent again with
 * its key. A twin that comes meanwhile, to whichever process, waits for the same answer. What a process that dies between
 * a write and keeping its answer leaves behind changes nothing when repeated.
 */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  constructor(
    /** Connections of the role `qamqor_app`. */
    private readonly pool: Pool,
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
    const kept = await this.turn(by, key, digest);
    if (kept.answer !== null) {
      void reply.status(kept.status ?? 200).header(REPLAYED, 'true');
      return JSON.parse(kept.answer);
    }
    try {
      const answer = await work();
      crashPoint('keep.before');
      await this.keep(by, key, reply.statusCode, answer);
      return answer;
    } catch (error) {
      // Where the database is away as well, the lease ends by itself.
      await this.free(by, key, error instanceof AppError && error.status < 500).catch(() => undefined);
      throw error;
    }
  }

  /** Waits while a twin is at it; one that was refused leaves the key free. @throws key-reused */
  private async turn(by: Principal, key: string, digest: Buffer): Promise<KeptAnswer> {
    for (;;) {
      const kept = await this.reserve(by, key, digest);
      if (!kept.digest.equals(digest))
        throw new AppError(
          'key-reused',
          422,
          `The key "${key}" was used before with another request. Use a new key for a new request.`,
        );
      if (kept.mine || kept.answer !== null) return kept;
      await sleep(LOOK_AGAIN_MS);
    }
  }

  private async reserve(by: Principal, key: string, digest: Buffer): Promise<KeptAnswer> {
    return asOrganisation(this.pool, by.organisationId, async (run) => {
      const whose = [by.organisationId, by.account, key];
      const [mine] = await run<KeptAnswer>(
        `insert into qamqor.idempotency_keys as k (organisation_id, account, key, digest, at) values ($1, $2, $3, $4, clock_timestamp())
         on conflict (organisation_id, account, key) do update set at = clock_timestamp()
           where k.answer is null and k.digest = $4 and k.at < clock_timestamp() - interval '${LEASE}'
         returning digest, status, answer, true as mine`,
        [...whose, digest],
      );
      const [theirs] = mine
        ? [mine]
        : await run<KeptAnswer>(
            `select digest, status, answer, false as mine from qamqor.idempotency_keys
              where organisation_id = $1 and account = $2 and key = $3`,
            whose,
          );
      // Freed between the two: looked at again.
      return theirs ?? { digest, status: null, answer: null, mine: false };
    });
  }

  private async keep(by: Principal, key: string, status: number, answer: unknown): Promise<void> {
    await asOrganisation(this.pool, by.organisationId, (run) =>
      run('update qamqor.idempotency_keys set status = $3, answer = $4 where account = $1 and key = $2', [
        by.account,
        key,
        status,
        JSON.stringify(answer ?? null),
      ]),
    );
  }

  /** Forgotten when it was refused; of any other failure nobody knows what it has done: only the same request may try again, at once. */
  private async free(by: Principal, key: string, refused: boolean): Promise<void> {
    const what = refused
      ? 'delete from qamqor.idempotency_keys'
      : `update qamqor.idempotency_keys set at = clock_timestamp() - 2 * interval '${LEASE}'`;
    await asOrganisation(this.pool, by.organisationId, (run) =>
      run(`${what} where account = $1 and key = $2 and answer is null`, [by.account, key]),
    );
  }

  /** Keyed: a body may hold personal data, and a plain digest of little is easily guessed. */
  private digest(request: FastifyRequest): Buffer {
    const what = { method: request.method, url: request.url, body: (request.body ?? null) as Json };
    return createHmac('sha256', this.secret).update(canonicalJson(what)).digest();
  }
}

/** For the sweeper, as `qamqor_relay`. */
export async function forgetOldKeys(relay: Pool): Promise<void> {
  await relay.query(`delete from qamqor.idempotency_keys where at < clock_timestamp() - interval '${KEPT}'`);
}
