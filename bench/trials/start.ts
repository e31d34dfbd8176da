import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { projectPath } from '../../src/platform/project-root.js';
import { NODE_OPTIONS } from '../settings.js';

const AT_REST_MS = 20_000;
/** What a process does right after its start is not rest. */
const CALM_MS = 5_000;
/** Linux counts processor time in these (`getconf CLK_TCK`). */
const TICK_MS = 10;

export interface StartFigures {
  /** From starting the process to its first answer, on a database that has the schema. */
  firstAnswerMs: number;
  /** Of one core, by the whole application that has nothing to do. */
  restCpuPercent: number;
  residentMb: number;
}

/** The whole application as production starts it, web and worker in one process. */
export async function start(url: string, redisUrl: string | undefined): Promise<StartFigures> {
  // The first start deploys the workflows; what is measured is the second.
  await stopped(await started(url, redisUrl));
  const { child, ms } = await started(url, redisUrl);
  try {
    await sleep(CALM_MS);
    const before = await cpuMs(child);
    await sleep(AT_REST_MS);
    const restCpuPercent = ((await cpuMs(child)) - before) / (AT_REST_MS / 100);
    return { firstAnswerMs: ms, restCpuPercent, residentMb: await residentMb(child) };
  } finally {
    await stopped({ child });
  }
}

async function started(url: string, redisUrl: string | undefined): Promise<{ child: ChildProcess; ms: number }> {
  const port = await freePort();
  const began = performance.now();
  const child = spawn(process.execPath, [...NODE_OPTIONS, projectPath('dist', 'src', 'main.js')], {
    cwd: projectPath(),
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      PATH: process.env['PATH'],
      NODE_ENV: 'production',
      DATABASE_URL: url,
      ...(redisUrl === undefined ? {} : { REDIS_URL: redisUrl }),
      QAMQOR_SECRET: 'a secret of the bench, 32 letters',
      HOST: '127.0.0.1',
      PORT: String(port),
      QAMQOR_LOG: 'error',
    },
  });
  for (;;) {
    const answered = await fetch(`http://127.0.0.1:${port}/health/live`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (answered) return { child, ms: performance.now() - began };
    if (child.exitCode !== null) throw new Error(`The application ended with ${child.exitCode}.`);
    await sleep(5);
  }
}

async function stopped({ child }: { child: ChildProcess }): Promise<void> {
  if (child.exitCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  await gone;
}

/** `/proc/<pid>/stat`, proc(5): utime and stime are the 14th and 15th fields. */
async function cpuMs(child: ChildProcess): Promise<number> {
  const stat = await readFile(`/proc/${child.pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

async function residentMb(child: ChildProcess): Promise<number> {
  const status = await readFile(`/proc/${child.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
