import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor, SetMetadata } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { map, type Observable } from 'rxjs';
import { isUuid } from '../api/cursor.js';
import type { AccessLog, What } from './access-log.js';
import { principalOf } from './principal.js';

export const LOOKS_AT = Symbol('looks at');

/**
 * This route shows records: who reads it is written down, with the ids that the answer and its `items` name, and those
 * of the address. Every GET that shows something of a family must say so.
 */
export const Looks = (what: What) => SetMetadata(LOOKS_AT, what);

/** Names under which answers carry ids: the record's own, and whose it is. */
const NAMES = ['id', 'number', 'caseId', 'familyId', 'personId', 'subject'];

@Injectable()
export class LooksInterceptor implements NestInterceptor {
  constructor(
    private readonly reflector: Reflector,
    private readonly log: AccessLog,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const what = this.reflector.get<What | undefined>(LOOKS_AT, context.getHandler());
    if (what === undefined) return next.handle();
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    return next.handle().pipe(
      map((answer: unknown) => {
        this.record(what, request, answer);
        return answer;
      }),
    );
  }

  private record(what: What, request: FastifyRequest, answer: unknown): void {
    const by = principalOf(request);
    if (!by) throw new Error('A public route shows records.');
    const items = isObject(answer) && Array.isArray(answer['items']) ? (answer['items'] as unknown[]) : [];
    const asked = Object.values(request.params as Record<string, string>).map(canonicalId);
    const ids = [...new Set([...asked, ...[answer, ...items].flatMap(idsOf)])];
    // A list that shows nothing is no look at anything.
    if (ids.length === 0) return;
    this.log.record({
      organisationId: by.organisationId,
      account: by.account,
      roles: by.roles,
      what,
      ids,
      route: `${request.method} ${request.routeOptions.url ?? ''}`,
    });
  }
}

function idsOf(shown: unknown): string[] {
  if (!isObject(shown)) return [];
  return NAMES.map((name) => shown[name]).filter((id): id is string => typeof id === 'string');
}

/** As it is stored, however it was typed. */
function canonicalId(id: string): string {
  return isUuid(id) ? id.toLowerCase() : id.toUpperCase();
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
