import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Child } from '../test/child.js';

let folder: string;
let app: Child;
let url: string;
const settings = () => ({ QAMQOR_DATA: folder, QAMQOR_LOG: 'error', QAMQOR_DEMO_FAMILIES: '0' });
const get = (path: string, headers: Record<string, string> = {}) => fetch(`${url}${path}`, { headers });
const post = (path: string, body: object, headers: Record<string, string> = {}) =>
  fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });

/** A start that ends by itself: its lines, without what Node says of itself. */
async function startedAgain(more: Record<string, string>): Promise<{ code: number; stderr: string }> {
  const again = spawn(process.execPath, ['--import', resolve('test/typescript.js'), resolve('src/main.ts')], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...settings(), PORT: '0', ...more },
  });
  let said = '';
  again.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const [code] = (await once(again, 'exit')) as [number];
  const lines = said.split('\n').filter((line) => line && !/warning|node --trace/i.test(line));
  return { code, stderr: lines.join('\n') };
}

describe('npm start, in an empty folder', () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'qamqor-start-'));
    app = new Child('src/main.ts', { env: { ...settings(), PORT: '0' } });
    [, url = ''] = await app.lineLike(/ready: (http:\S+)/);
  }, 120_000);
  afterAll(async () => {
    await app.kill('SIGTERM');
    await rm(folder, { recursive: true, force: true });
  });

  it('answers at the address that it prints', async () => {
    expect((await get('/health/live')).status).toBe(200);
    expect(await (await get('/health/ready')).json()).toMatchObject({
      status: 'ok',
      checks: { database: { status: 'ok' }, queues: { status: 'ok' } },
    });
  });

  it('lets in whoever has the password of the demonstration, and stays empty where no families were asked for', async () => {
    const signedIn = await post('/api/auth/sign-in/email', {
      email: 'supervisor@demo.qamqor',
      password: 'qamqor-demo',
    });
    expect(signedIn.status).toBe(200);
    const cookie = signedIn.headers
      .getSetCookie()
      .map((line) => line.split(';')[0])
      .join('; ');
    const { items } = (await (await get('/api/tasks?view=all', { cookie })).json()) as { items: unknown[] };
    expect(items).toEqual([]);
  });

  it('keeps the secret of sessions for itself', async () => {
    expect(await readdir(folder)).toContain('secret');
  });

  it('started a second time at the same port, says what to do instead of how it failed', async () => {
    expect(await startedAgain({ PORT: new URL(url).port })).toEqual({
      code: 2,
      stderr: expect.stringMatching(/^Port \d+ is taken .*PORT=\d+ npm start$/),
    });
    // The first one goes on.
    expect((await get('/health/ready')).status).toBe(200);
  });

  it('told to stop, finishes and leaves nothing running', async () => {
    await app.kill('SIGTERM');
    expect(await app.ended()).toBe(0);
    expect(await readdir(join(folder, 'postgres'))).not.toContain('postmaster.pid');
  });

  it('never makes a demonstration of a database that real families are in', async () => {
    const env = { ...settings(), PORT: '0', QAMQOR_DEMO: 'off', QAMQOR_PRODUCTION: 'on' };
    const real = new Child('src/main.ts', { env });
    await real.lineLike(/ready: (http:\S+)/);
    await real.kill('SIGTERM');
    expect(await real.ended()).toBe(0);
    for (const [forgotten, words] of [
      [{}, /^This database is of real families/],
      [{ QAMQOR_PRODUCTION: 'on' }, /QAMQOR_DEMO: is on by itself/],
    ] as const) {
      const { code, stderr } = await startedAgain(forgotten);
      expect({ code, said: stderr }).toEqual({ code: 2, said: expect.stringMatching(words) });
    }
  }, 120_000);
});
