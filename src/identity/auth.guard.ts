import { createHash, timingSafeEqual } from 'node:crypto';
import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { AppError } from '../engine/errors.js';
import { KEY_SUFFICES, PUBLIC, ROLES } from './access.js';
import type { AccountsService } from './accounts.service.js';
import { hasRole, isStaff, partnersOf } from './identity.policy.js';
import { INTEGRATION_ACCOUNT, isKeyed, type Principal, setKeyed, setPrincipal } from './principal.js';
import type { SessionsService } from './sessions.service.js';

/** Everything is closed: a route is public only where it says so, and open to the roles that it names. */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly sessions: SessionsService,
    private readonly accounts: AccountsService,
    /** QAMQOR_API_KEY; without it nobody acts as `integration`. */
    private readonly apiKey: string | undefined,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const targets = [context.getHandler(), context.getClass()];
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const { authorization } = request.headers;
    if (authorization !== undefined && this.isApiKey(authorization)) setKeyed(request);
    if (this.reflector.getAllAndOverride<boolean | undefined>(PUBLIC, targets)) return true;
    const keySuffices = this.reflector.getAllAndOverride<boolean | undefined>(KEY_SUFFICES, targets) === true;
    if (keySuffices && isKeyed(request)) return true;
    const principal = await this.whoAsks(request);
    if (!principal)
      throw new AppError(
        'no-session',
        401,
        'You are not signed in, or the session has ended: POST /api/auth/sign-in/email.',
      );
    const roles = this.reflector.getAllAndOverride<readonly string[] | undefined>(ROLES, targets);
    if (roles && !isAmong(principal, roles)) {
      const spelt = this.accounts.roles.spelt(roles);
      throw new AppError('no-right', 403, `This belongs to: ${spelt.join(', ')}.`, { roles: spelt });
    }
    setPrincipal(request, principal);
    return true;
  }

  private async whoAsks(request: FastifyRequest): Promise<Principal | null> {
    if (request.headers.authorization !== undefined)
      return isKeyed(request) ? this.accounts.principal(INTEGRATION_ACCOUNT) : null;
    return (await this.sessions.of(request))?.principal ?? null;
  }

  /** Digests are compared, so that neither length nor beginning of the key shows in the time it takes. */
  private isApiKey(authorization: string): boolean {
    const [, given] = /^Bearer (\S{1,512})$/i.exec(authorization) ?? [];
    if (given === undefined || this.apiKey === undefined) return false;
    const digest = (text: string) => createHash('sha256').update(text).digest();
    return timingSafeEqual(digest(given), digest(this.apiKey));
  }
}

/** `staff` stands for every role of the centre, `partner` for every `partner-<key>`. */
function isAmong(principal: Principal, roles: readonly string[]): boolean {
  if (hasRole(principal, ...roles)) return true;
  return (
    (roles.includes('staff') && isStaff(principal)) || (roles.includes('partner') && partnersOf(principal).length > 0)
  );
}
