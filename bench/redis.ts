import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';

const BINARY = '/usr/bin/redis-server';

/** A Redis of its own with AOF and noeviction, as production wants it; `undefined` where this machine has none. */
export async function withRedis<T>(work: (url: string | undefined) => Promise<T>): Promise<T> {
  if (!existsSync(BINARY)) {
    process.stderr.write(
      'There is no redis-server here (Debian: apt-get install redis-server): raw BullMQ is left out.\n',
    );
    return work(undefined);
  }
  const folder = await mkdtemp(join(tmpdir(), 'qamqor-bench-redis-'));
  const port = await freePort();
  const place = ['--bind', '127.0.0.1', '--port', String(port), '--dir', folder, '--save', ''];
  const safe = ['--appendonly', 'yes', '--appendfsync', 'everysec', '--maxmemory-policy', 'noeviction'];
  const server = spawn(BINARY, [...place, ...safe], { stdio: 'ignore' });
  const url = `redis://127.0.0.1:${port}`;
  try {
    const client = new Redis(url, { retryStrategy: () => 50 });
    client.on('error', () => undefined);
    await client.ping();
    client.disconnect();
    return await work(url);
  } finally {
    const ended = once(server, 'exit');
    server.kill('SIGTERM');
    await ended;
    await rm(folder, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
