import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Sender } from '../engine/types.js';

/** Who is asking, as of this request: roles are read anew each time. */
export interface Principal {
  /** Account id. */
  account: string;
  organisationId: string;
  name: string;
  email: string;
  roles: string[];
  /** What these roles give beyond themselves, by `roles.yaml`: `open-cases`, `oversee`, … */
  may: string[];
}

/** The account of QAMQOR_API_KEY, made by the migration. */
export const INTEGRATION_ACCOUNT = '00000000-0000-7000-8000-0000000000aa';

const principals = new WeakMap<FastifyRequest['raw'], Principal>();

/** Kept beside the request, not on it: nothing that a client sends can look like it. */
export function setPrincipal(request: FastifyRequest, principal: Principal): void {
  principals.set(request.raw, principal);
}

export function principalOf(request: FastifyRequest): Principal | undefined {
  return principals.get(request.raw);
}

const keyed = new WeakSet<FastifyRequest['raw']>();

/** It came with the API key: known without asking the database, which may be away. */
export function setKeyed(request: FastifyRequest): void {
  keyed.add(request.raw);
}

export function isKeyed(request: FastifyRequest): boolean {
  return keyed.has(request.raw);
}

/** The signed-in account, as a parameter of a handler that is not public. */
export const By = createParamDecorator((_data: unknown, context: ExecutionContext): Principal => {
  const principal = principalOf(context.switchToHttp().getRequest<FastifyRequest>());
  if (!principal) throw new Error('A public handler asks who is signed in.');
  return principal;
});

export function senderOf(principal: Principal): Sender {
  return { account: principal.account, roles: principal.roles };
}
