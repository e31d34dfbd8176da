import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, jest } from '@jest/globals';
import { Child } from './child.js';

// Whole servers and processes come and go here, on machines that may be busy.
jest.setTimeout(120_000);

describe('a test run', () => {
  it.each<NodeJS.Signals>(['SIGKILL', 'SIGINT'])(
    'leaves neither processes nor files behind after %s',
    async (signal) => {
      const run = new Child('test/global-setup.child.ts', { group: true });
      const [, folder = '', port] = await run.lineLike(/^running (\S+) (\d+)$/);
      expect(existsSync(folder)).toBe(true);
      await run.kill(signal);
      while (existsSync(folder) || (await answers(Number(port)))) await sleep(20);
    },
  );
});

async function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}
