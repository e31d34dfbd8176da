import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { AppError } from '../engine/errors.js';
import { CONTRACT, type Contract } from './contract.js';
import { zodViolations } from './violations.js';

/** Checks every request against the contract of its route, and gives the handler what the contract made of it. */
@Injectable()
export class ContractGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const contract = this.reflector.get<Contract | undefined>(CONTRACT, context.getHandler());
    if (!contract) return true;
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    refuseBadText(request);
    request.query = checkQuery(contract.query, request.query as Record<string, unknown>);
    if (contract.signed) return true;
    if (contract.body) request.body = checkBody(contract, request.body);
    else if (request.body !== undefined && request.body !== null && !isEmptyObject(request.body))
      throw unknownFields(Object.keys(request.body as object));
    return true;
  }
}

/** A path or query may carry what PostgreSQL cannot store. */
function refuseBadText(request: FastifyRequest): void {
  const values = [
    ...Object.values((request.params ?? {}) as object),
    ...Object.values((request.query ?? {}) as object),
  ].flat();
  for (const value of values) {
    if (typeof value !== 'string') continue;
    if (value.includes('\0') || !value.isWellFormed())
      throw new AppError(
        'bad-text',
        400,
        'The address holds a character that cannot be stored (NUL or a lone surrogate).',
      );
  }
}

function checkQuery(schema: z.ZodObject | undefined, query: Record<string, unknown>): Record<string, unknown> {
  const unknown = Object.keys(query).filter((name) => !schema || !Object.hasOwn(schema.shape, name));
  if (unknown.length > 0) throw unknownFields(unknown);
  if (!schema) return query;
  const checked = schema.safeParse(query);
  if (!checked.success)
    throw new AppError(
      'bad-query',
      400,
      'A query value is not possible here; errors says which.',
      {},
      zodViolations(checked.error, query),
    );
  return checked.data;
}

function checkBody(contract: Contract, body: unknown): unknown {
  if (body === undefined || body === null) {
    if (contract.bodyOptional) return {};
    throw new AppError('malformed', 400, 'A JSON body is missing.');
  }
  if (typeof body !== 'object' || Array.isArray(body))
    throw new AppError('malformed', 400, 'The body must be a JSON object.', {}, [
      { path: '', message: 'must be an object', rule: 'type', facts: { type: 'object' } },
    ]);
  const checked = contract.body?.safeParse(body);
  if (!checked || checked.success) return checked?.data;
  const unknown = checked.error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key].join('.')) : [],
  );
  if (unknown.length > 0) throw unknownFields(unknown);
  throw new AppError(
    'schema',
    422,
    'What was sent does not fit; errors says where.',
    {},
    zodViolations(checked.error, body),
  );
}

function unknownFields(names: string[]): AppError {
  const shown = names.slice(0, 10).map((name) => name.slice(0, 100));
  return new AppError(
    'unknown-field',
    400,
    `There is no field or query name ${shown.map((name) => `"${name}"`).join(', ')} here. Remove it.`,
    { names: shown },
  );
}

function isEmptyObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}
