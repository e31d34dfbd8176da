import { setTimeout as pause } from 'node:timers/promises';
import type { Place, Running } from './processes.js';

export interface Told {
  status: number;
  replayed: boolean;
  // Specs look into answers freely.
  // biome-ignore lint/suspicious/noExplicitAny: what comes back is for the spec to judge
  body: any;
}

export interface Ask {
  method?: string;
  path: string;
  body?: unknown;
  /** Idempotency-Key. */
  key?: string;
  /** Otherwise the API key is sent, which acts as `integration`. */
  asRegistrar?: boolean;
}

const API_KEY = 'fault-key-0123456789abcdef';
const EMAIL = 'registrar@fault.qamqor';
const PASSWORD = 'correct horse battery';

/** A server process that may die at any moment, and clients who do not give up. */
export class Office {
  /** What the next starts are armed with, the next one first; then the server lives. */
  crashes: string[] = [];
  private server: { running: Running; url: string } | undefined;
  private starting: Promise<string> | undefined;
  private cookie: string | undefined;

  constructor(
    private readonly place: Place,
    /** Settings beside those that every start needs. */
    private readonly settings: Record<string, string> = {},
  ) {}

  /** Address of the server; starts it if it was killed. */
  async url(): Promise<string> {
    if (this.server?.running.isAlive) return this.server.url;
    this.starting ??= this.start(this.crashes.shift()).finally(() => {
      this.starting = undefined;
    });
    return this.starting;
  }

  /** Of the server that answers at `url`. */
  async pid(): Promise<number> {
    await this.url();
    return this.server?.running.pid ?? 0;
  }

  /** Asks once. @throws when the connection breaks */
  async ask({ method = 'POST', path, body, key, asRegistrar }: Ask, url?: string): Promise<Told> {
    const response = await fetch(`${url ?? (await this.url())}${path}`, {
      method,
      headers: {
        ...(asRegistrar ? { cookie: this.cookie ?? '' } : { authorization: `Bearer ${API_KEY}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(key === undefined ? {} : { 'idempotency-key': key }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      replayed: response.headers.get('idempotency-replayed') === 'true',
      body: text === '' ? null : JSON.parse(text),
    };
  }

  /** Asks the same again and again, as a client with a key may, until it is told something. */
  async insist(ask: Ask): Promise<Told> {
    for (;;) {
      if (this.place.isRemoved) throw new Error('The spec has ended: nobody answers any more.');
      const told = await this.ask(ask).catch(() => undefined);
      if (told && told.status < 500) return told;
      await pause(20);
    }
  }

  async signIn(): Promise<void> {
    const response = await fetch(`${await this.url()}/api/auth/sign-in/email`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email: EMAIL, password: PASSWORD }),
    });
    if (response.status !== 200) throw new Error(`The registrar could not sign in: ${await response.text()}`);
    this.cookie = response.headers
      .getSetCookie()
      .map((line) => line.split(';')[0])
      .join('; ');
  }

  /** One more process on the same database, not restarted. */
  async another(): Promise<string> {
    return (await this.begin(undefined)).url;
  }

  /** Until the server that is armed has died of it. */
  async died(): Promise<NodeJS.Signals | null> {
    return (await this.server?.running.ended)?.signal ?? null;
  }

  /** As an operator stops it. */
  async stop(): Promise<void> {
    await this.server?.running.kill('SIGTERM');
  }

  private async start(crashAt: string | undefined): Promise<string> {
    this.server = await this.begin(crashAt);
    return this.server.url;
  }

  private async begin(crashAt: string | undefined): Promise<{ running: Running; url: string }> {
    const running = this.place.start('dist/test/faults/server.child.js', [EMAIL, PASSWORD], {
      QAMQOR_API_KEY: API_KEY,
      QAMQOR_DEMO: 'off',
      PORT: '0',
      ...this.settings,
      ...(crashAt === undefined ? {} : { QAMQOR_TEST_CRASH_AT: crashAt }),
    });
    const [, url = ''] = await running.said(/^Ready: (\S+)$/m);
    return { running, url };
  }
}
