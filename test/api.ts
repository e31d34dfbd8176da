import type { LoggerService } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { openApiDocument } from '../src/api/openapi.js';
import { type Config, readConfig } from '../src/config.js';
import { createApp } from '../src/create-app.js';
import { AccountsService } from '../src/identity/accounts.service.js';
import type { Principal } from '../src/identity/principal.js';
import type { Log } from '../src/platform/log.js';
import { ORGANISATION, System } from '../src/system.js';
import { createDatabase, type TestDatabase } from './database.js';
import { AnswerCheck, type Document } from './openapi.js';

export const API_KEY = 'test-key-0123456789abcdef';
export const PASSWORD = 'correct horse battery';

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  // Specs look into answers freely.
  // biome-ignore lint/suspicious/noExplicitAny: what comes back is for the spec to judge
  body: any;
}

export interface Ask {
  body?: unknown;
  headers?: Record<string, string>;
  /** Sent as it is. */
  raw?: string | Buffer;
}

/** The whole application on a database of its own; requests go through Fastify as from the network. */
export class ApiFixture {
  readonly errors: string[] = [];
  /** Every answer is compared with the document that the application serves. */
  readonly contract: AnswerCheck;
  private readonly cookies = new Map<string, Promise<string>>();
  private readonly known = new Map<string, Promise<Principal>>();

  private constructor(
    readonly database: TestDatabase,
    readonly system: System,
    readonly app: NestFastifyApplication,
    errors: string[],
    /** What whoever runs it was warned of. */
    readonly warnings: readonly string[],
  ) {
    this.errors = errors;
    this.contract = new AnswerCheck(JSON.parse(JSON.stringify(openApiDocument(app))) as Document);
  }

  /**
   * `through`: the address at which the application finds its database, if not directly. `workflows`: the folder that it
   * reads, if not the project's.
   */
  static async create(
    more: Partial<Config> = {},
    through?: (url: string) => Promise<string>,
    workflows?: string,
    /** Without queues the process carries out its own outbox. */
    { queues = false, logger, database: given }: { queues?: boolean; logger?: Log; database?: TestDatabase } = {},
  ): Promise<ApiFixture> {
    const database = given ?? (await createDatabase());
    const config: Config = {
      ...readConfig({}),
      databaseUrl: through ? await through(database.url) : database.url,
      secret: 'a secret for tests only 0123456789abcdef',
      apiKey: API_KEY,
      production: false,
      demo: false,
      databaseConnections: 10,
      ...more,
    };
    const errors: string[] = [];
    const system = await System.open(config, {
      queues,
      ...(workflows === undefined ? {} : { workflows }),
      ...(logger ? { logger } : {}),
      warn: (message, error) => errors.push(`${message} ${String(error)}`),
    });
    const warnings: string[] = [];
    const app = await createApp(system, keepingLogger(errors, warnings));
    return new ApiFixture(database, system, app, errors, warnings);
  }

  async close(): Promise<void> {
    await this.app.close();
    await this.system.close();
    await this.database.close();
  }

  /** An account with these roles, signed in on first use. Named by its first role unless told otherwise. */
  account(name: string, roles: string[] = [name]): Promise<Principal> {
    return once(this.known, name, () => this.makeAccount(name, roles));
  }

  private async makeAccount(name: string, roles: string[]): Promise<Principal> {
    const accounts = this.app.get(AccountsService);
    const email = `${name}@test.qamqor`;
    await accounts.save({ email, name, password: PASSWORD, roles, organisationId: ORGANISATION, by: 'test' });
    const principal = await accounts.principalByEmail(email);
    if (!principal) throw new Error(`${email} was not made.`);
    return principal;
  }

  /** Sends a request as an account (see `account`), with the API key (`integration`), or as nobody (null). */
  async ask(as: string | null, method: string, url: string, { body, headers = {}, raw }: Ask = {}): Promise<Answer> {
    const response = await this.app.inject({
      method: method as 'GET',
      url,
      headers: {
        ...(body !== undefined || raw !== undefined ? { 'content-type': 'application/json' } : {}),
        'accept-language': 'en',
        ...(await this.credentials(as)),
        ...headers,
      },
      ...(raw !== undefined ? { payload: raw } : body !== undefined ? { payload: JSON.stringify(body) } : {}),
    });
    const isJson = String(response.headers['content-type']).includes('json');
    const answer = {
      status: response.statusCode,
      headers: response.headers as Answer['headers'],
      body: isJson && response.payload ? JSON.parse(response.payload) : response.payload,
    };
    const mismatch = this.contract.problemOf(method, url, answer);
    if (mismatch !== null)
      throw new Error(
        `The answer to ${method} ${url} is not what /api/openapi.json says. ${mismatch}\n${response.payload.slice(0, 300)}`,
      );
    return answer;
  }

  get(as: string | null, url: string, headers?: Record<string, string>): Promise<Answer> {
    return this.ask(as, 'GET', url, headers ? { headers } : {});
  }

  post(as: string | null, url: string, body?: unknown, headers?: Record<string, string>): Promise<Answer> {
    return this.ask(as, 'POST', url, { body, ...(headers ? { headers } : {}) });
  }

  async deploy(workflow: object, files: Record<string, object> = {}): Promise<void> {
    const texts = Object.fromEntries(
      Object.entries({ 'workflow.yaml': workflow, ...files }).map(([path, content]) => [path, JSON.stringify(content)]),
    );
    await this.system.runtime.versions.deploy(ORGANISATION, texts, 'test');
  }

  /** Of the session of an account, which is signed in on first use. */
  cookieOf(as: string): Promise<string> {
    return once(this.cookies, as, () => this.signIn(as));
  }

  private async signIn(as: string): Promise<string> {
    const { email } = await this.account(as);
    const response = await this.app.inject({
      method: 'POST',
      url: '/api/auth/sign-in/email',
      payload: { email, password: PASSWORD },
    });
    if (response.statusCode !== 200) throw new Error(`${as} could not sign in: ${response.payload}`);
    return [response.headers['set-cookie']]
      .flat()
      .map((line) => String(line).split(';')[0])
      .join('; ');
  }

  private async credentials(as: string | null): Promise<Record<string, string>> {
    if (as === null) return {};
    if (as === 'integration') return { authorization: `Bearer ${API_KEY}` };
    return { cookie: await this.cookieOf(as) };
  }
}

function keepingLogger(errors: string[], warnings: string[]): LoggerService {
  const note = (...told: unknown[]) => {
    errors.push(told.map((one) => (one as Error | undefined)?.stack ?? JSON.stringify(one)).join(' '));
  };
  return { log: () => undefined, warn: (told: unknown) => warnings.push(String(told)), error: note, fatal: note };
}

/** Also where several ask at once: an account that is saved again loses its sessions. What failed is tried again. */
function once<Value>(made: Map<string, Promise<Value>>, name: string, make: () => Promise<Value>): Promise<Value> {
  const before = made.get(name);
  if (before !== undefined) return before;
  const value = make();
  made.set(name, value);
  value.catch(() => made.delete(name));
  return value;
}
