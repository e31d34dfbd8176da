import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { freePort } from './redis.js';

const BINARY = '/usr/bin/redis-server';
const START_MS = 20_000;

/** Whether tests with a real Redis may run. With QAMQOR_CI=1 they run, and fail where it is absent. */
export const hasRealRedis = existsSync(BINARY) || process.env.QAMQOR_CI === '1';
/** For titles of tests that are skipped without it. */
export const realRedis = hasRealRedis ? 'real Redis' : 'real Redis, absent here: apt-get install redis-server';

/** Debian's redis-server with a folder of its own, AOF and noeviction. It may be killed, and started again on the same port. */
export class RealRedis {
  /** For what an operator would do: FLUSHALL, CONFIG SET. Finds its server again after a start. */
  readonly admin: Redis;
  private server: ChildProcess | null = null;

  private constructor(
    private readonly folder: string,
    readonly port: number,
    private readonly args: string[],
  ) {
    this.admin = new Redis(this.url, { lazyConnect: true, retryStrategy: () => 100 });
    // It is away whenever a test wants it to be.
    this.admin.on('error', () => undefined);
  }

  /** `args`: for redis-server, after ours and so instead of them. */
  static async create(args: string[] = []): Promise<RealRedis> {
    if (!existsSync(BINARY)) throw new Error(`${BINARY} is absent. Install it: apt-get install redis-server`);
    const redis = new RealRedis(await mkdtemp(join(tmpdir(), 'qamqor-redis-')), await freePort(), args);
    await redis.start();
    return redis;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** `empty`: without what it had kept. */
  async start({ empty = false } = {}): Promise<void> {
    if (this.server) return;
    if (empty) await rm(join(this.folder, 'appendonlydir'), { recursive: true, force: true });
    const base = ['--bind', '127.0.0.1', '--port', String(this.port), '--dir', this.folder, '--save', ''];
    const safe = ['--appendonly', 'yes', '--maxmemory-policy', 'noeviction'];
    const server = spawn(BINARY, [...base, ...safe, ...this.args], { stdio: 'ignore' });
    this.server = server;
    const until = performance.now() + START_MS;
    while ((await this.admin.ping().catch(() => null)) !== 'PONG') {
      if (server.exitCode !== null) throw new Error(`redis-server ended with ${server.exitCode}.`);
      if (performance.now() > until) throw new Error(`redis-server did not answer within ${START_MS} ms.`);
      await pause(20);
    }
  }

  /** SIGTERM lets it finish writing, SIGKILL does not. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const { server } = this;
    if (!server) return;
    this.server = null;
    if (server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, 'exit');
    server.kill(signal);
    await ended;
  }

  async close(): Promise<void> {
    this.admin.disconnect();
    await this.stop('SIGKILL');
    await rm(this.folder, { recursive: true, force: true });
  }
}
