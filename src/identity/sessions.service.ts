import { Injectable } from '@nestjs/common';
import { fromNodeHeaders } from 'better-auth/node';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Pool } from 'pg';
import { AppError } from '../engine/errors.js';
import type { AccountsService } from './accounts.service.js';
import { ADDRESS_HEADER, AUTH_PATH, type Auth } from './auth.js';
import type { Principal } from './principal.js';
import { tokenReader } from './session-cookie.js';
import type { SignInLimit } from './sign-in-limit.js';

const SWEEP_EVERY_MS = 60 * 60 * 1_000;

/** Sign-in, sign-out and who a cookie belongs to: better-auth behind our own limits and refusals. */
@Injectable()
export class SessionsService {
  private sweptAt = Number.NEGATIVE_INFINITY;

  private readonly tokenIn: (header: string) => string | null;

  constructor(
    private readonly auth: Auth,
    private readonly accounts: AccountsService,
    private readonly limit: SignInLimit,
    /** Connections of the role `qamqor_app`. */
    private readonly pool: Pool,
    secret: string,
    cookieName: string,
    /** Monotonic milliseconds. */
    private readonly elapsed: () => number,
  ) {
    this.tokenIn = tokenReader(cookieName, secret);
  }

  /** @throws AppError `wrong-credentials` (401), `limited` (429) */
  async signIn(
    request: FastifyRequest,
    reply: FastifyReply,
    credentials: { email: string; password: string },
  ): Promise<Principal> {
    const { email } = credentials;
    await this.limit.take(email, request.ip);
    const response = await this.handle(request, 'sign-in/email', credentials);
    const answer = response.ok ? ((await response.json()) as { user: { id: string } }) : null;
    const principal = answer && (await this.accounts.principal(answer.user.id));
    if (!principal) throw wrongCredentials();
    await this.limit.succeeded(email, request.ip);
    passCookies(response, reply);
    return principal;
  }

  async signOut(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    passCookies(await this.handle(request, 'sign-out', {}), reply);
  }

  /** Ends every other session of the account. @throws AppError `no-session`, `wrong-credentials`, `limited` */
  async changePassword(
    request: FastifyRequest,
    reply: FastifyReply,
    passwords: { currentPassword: string; newPassword: string },
  ): Promise<void> {
    const session = await this.of(request);
    if (!session) throw new AppError('no-session', 401, 'You are not signed in.');
    const { email } = session.principal;
    await this.limit.take(email, request.ip);
    const response = await this.handle(request, 'change-password', { ...passwords, revokeOtherSessions: true });
    if (!response.ok) throw wrongCredentials();
    await this.limit.succeeded(email, request.ip);
    passCookies(response, reply);
  }

  /** Whose cookie it is, as of now: ended sessions and disabled accounts are nobody's. */
  async of(request: Pick<FastifyRequest, 'headers'>): Promise<{ principal: Principal; expiresAt: Date } | null> {
    const { cookie } = request.headers;
    const token = cookie === undefined ? null : this.tokenIn(cookie);
    const found = token === null ? null : await this.accounts.ofSession(token);
    if (!found) return null;
    const prolonged = found.ageing ? await this.prolong(request) : null;
    return { principal: found.principal, expiresAt: prolonged ?? found.expiresAt };
  }

  /** Sessions that are over are nobody's, and go within the hour. */
  async sweep(): Promise<void> {
    if (this.elapsed() - this.sweptAt < SWEEP_EVERY_MS) return;
    this.sweptAt = this.elapsed();
    await this.pool.query('delete from qamqor.account_sessions where expires_at < clock_timestamp()');
  }

  /** better-auth prolongs what it is asked for. */
  private async prolong(request: Pick<FastifyRequest, 'headers'>): Promise<Date | null> {
    try {
      const found = await this.auth.api.getSession({ headers: fromNodeHeaders(request.headers) });
      return found && new Date(found.session.expiresAt);
    } catch (error) {
      return this.failed(error);
    }
  }

  /** Hands the request to better-auth, with the address of the connection in place of whatever the client claims. */
  private async handle(request: FastifyRequest, path: string, body: object): Promise<Response> {
    const headers = fromNodeHeaders(request.headers);
    for (const name of ['content-length', 'transfer-encoding', 'connection']) headers.delete(name);
    headers.set(ADDRESS_HEADER, request.ip);
    headers.set('content-type', 'application/json');
    const url = `http://localhost${AUTH_PATH}/${path}`;
    const response = await this.auth.handler(new Request(url, { method: 'POST', headers, body: JSON.stringify(body) }));
    return response.status >= 500
      ? this.failed(new Error(`better-auth answered ${response.status} to ${path}.`))
      : response;
  }

  /** better-auth hides what went wrong. If the database is away, this throws its own error, which is told as 503. */
  private async failed(error: unknown): Promise<never> {
    await this.pool.query('select 1');
    throw error;
  }
}

/** One answer for an unknown account and a wrong password. */
const wrongCredentials = () => new AppError('wrong-credentials', 401, 'The e-mail or the password is wrong.');

function passCookies(response: Response, reply: FastifyReply): void {
  for (const cookie of response.headers.getSetCookie()) void reply.header('set-cookie', cookie);
}
