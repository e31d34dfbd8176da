import { hash, verify } from '@node-rs/argon2';
import { betterAuth } from 'better-auth';
import { PostgresDialect } from 'kysely';
import type { Pool } from 'pg';
import { SCHEMA } from '../platform/database.js';

export interface AuthOptions {
  /** Connections of the role `qamqor_app`. */
  pool: Pool;
  /** Signs the session cookie; the same in every process. */
  secret: string;
  /** Where people reach us; with https the cookie is sent over https only. */
  publicUrl: string;
  /** UUIDv7. */
  id(): string;
}

/** Browsers take a name with this prefix over https only. */
export const sessionCookie = (publicUrl: string): string =>
  `${publicUrl.startsWith('https:') ? '__Secure-' : ''}${COOKIE_PREFIX}.session_token`;

const COOKIE_PREFIX = 'qamqor';

export const AUTH_PATH = '/api/auth';
/** A shift and a little more; a session that is used lives on. */
export const SESSION_S = 12 * 60 * 60;
export const REFRESH_AFTER_S = 15 * 60;
/** OWASP's recommendation for argon2id. */
const ARGON2ID = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

export const hashPassword = (password: string): Promise<string> => hash(password, ARGON2ID);

/** Sign-in with e-mail and password; accounts are made by an administrator, nobody signs up. */
export function createAuth({ pool, secret, publicUrl, id }: AuthOptions) {
  return betterAuth({
    appName: 'Qamqor',
    baseURL: publicUrl,
    basePath: AUTH_PATH,
    secret,
    database: { dialect: new PostgresDialect({ pool }), type: 'postgres', schemaName: SCHEMA, transaction: true },
    user: {
      modelName: 'accounts',
      fields: { emailVerified: 'email_verified', createdAt: 'created_at', updatedAt: 'updated_at' },
    },
    session: {
      modelName: 'account_sessions',
      fields: {
        userId: 'user_id',
        expiresAt: 'expires_at',
        ipAddress: 'ip_address',
        userAgent: 'user_agent',
        createdAt: 'created_at',
        updatedAt: 'updated_at',
      },
      expiresIn: SESSION_S,
      updateAge: REFRESH_AFTER_S,
    },
    account: {
      modelName: 'account_credentials',
      fields: {
        accountId: 'account_id',
        providerId: 'provider_id',
        userId: 'user_id',
        accessToken: 'access_token',
        refreshToken: 'refresh_token',
        idToken: 'id_token',
        accessTokenExpiresAt: 'access_token_expires_at',
        refreshTokenExpiresAt: 'refresh_token_expires_at',
        createdAt: 'created_at',
        updatedAt: 'updated_at',
      },
    },
    verification: {
      modelName: 'account_verifications',
      fields: { expiresAt: 'expires_at', createdAt: 'created_at', updatedAt: 'updated_at' },
    },
    emailAndPassword: {
      enabled: true,
      disableSignUp: true,
      maxPasswordLength: 128,
      password: { hash: hashPassword, verify: ({ hash: stored, password }) => verify(stored, password) },
    },
    // Our own guards do both for every route, this one included.
    rateLimit: { enabled: false },
    advanced: {
      disableCSRFCheck: true,
      disableOriginCheck: true,
      cookiePrefix: COOKIE_PREFIX,
      useSecureCookies: publicUrl.startsWith('https:'),
      defaultCookieAttributes: { sameSite: 'lax', httpOnly: true },
      // Set by us from the connection; a client cannot send it (see auth.controller.ts).
      ipAddress: { ipAddressHeaders: [ADDRESS_HEADER] },
      database: { generateId: () => id() },
    },
    telemetry: { enabled: false },
    // What it logs is told to the client already, and a wrong password is no error of ours.
    logger: { disabled: true },
  });
}

export const ADDRESS_HEADER = 'x-qamqor-address';

export type Auth = ReturnType<typeof createAuth>;
