import type { AddressInfo } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { readConfig } from '../src/config.js';
import { createApp } from '../src/create-app.js';
import type { OutboxRow } from '../src/engine/types.js';
import { AccountsService } from '../src/identity/accounts.service.js';
import { projectPath } from '../src/platform/project-root.js';
import { System } from '../src/system.js';
import { readWorkflow } from '../src/workflows/folder.js';
import type { Usage } from './contestant.js';
import { ORGANISATION, PARTNER, partnerSays } from './journey.js';

/** The application that `HttpContestant` asks, in a process of its own: clients are elsewhere. */
export interface Answers {
  /** The port. Asked again after `stop`, it is opened anew in the same process, whose code is warm by then. */
  start: number;
  settled: true;
  usage: Usage;
  stop: true;
}
export type Question = keyof Answers;
/** `answered`: the case whose partner's answer has just been stored. */
export type Told = { answered: string } | { result: Answers[Question] } | { error: string };

const [url = '', email = '', password = ''] = process.argv.slice(2);
const say = (told: Told) => process.send?.(told);
let opened: { system: System; app: NestFastifyApplication } | undefined;

process.on('message', (question: Question) => {
  answer(question).then(
    (result) => say({ result }),
    (error: unknown) => say({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
});
process.on('disconnect', () => {
  stop().then(
    () => process.exit(0),
    () => process.exit(1),
  );
});

async function start(): Promise<number> {
  const config = readConfig({
    DATABASE_URL: url,
    QAMQOR_SECRET: 'a secret of the bench, 32 letters',
    QAMQOR_LOG: 'silent',
  });
  const warn = (message: string, error: unknown) => say({ error: `${message} ${String(error)}` });
  const system = await System.open(config, { queues: false, warn });
  const app = await createApp(system, false);
  opened = { system, app };
  const { engine, versions } = system.runtime;
  // The partner answers at once, in this process, as it does for every contestant.
  engine.outboxHandlers.set('handOff.open', (row) => Promise.resolve(partnerAnswer(row)));
  await versions.deploy(ORGANISATION, readWorkflow(projectPath('bench', 'workflow')), 'bench');
  const curator = { email, password, name: 'Curator', roles: ['curator'], organisationId: ORGANISATION, by: 'bench' };
  await app.get(AccountsService).save(curator);
  await app.listen(0, '127.0.0.1');
  return (app.getHttpServer().address() as AddressInfo).port;
}

async function stop(): Promise<true> {
  await opened?.app.close();
  await opened?.system.close();
  opened = undefined;
  return true;
}

async function answer(question: Question): Promise<Answers[Question]> {
  if (question === 'start') return start();
  if (question === 'stop') return stop();
  if (!opened) throw new Error('It was not started.');
  const { runtime } = opened.system;
  switch (question) {
    case 'settled':
      while (!runtime.quiet) await turn();
      return true;
    case 'usage': {
      const { user, system } = process.cpuUsage();
      return { cpuMs: (user + system) / 1000, rssBytes: process.memoryUsage.rss() };
    }
  }
}

function partnerAnswer({ id, caseId, entryId }: OutboxRow) {
  return {
    kind: 'answer' as const,
    command: {
      kind: 'answer' as const,
      organisationId: ORGANISATION,
      caseId,
      id: `partner:${id}`,
      keep: false,
      sender: PARTNER,
      lane: 'machines' as const,
      entryId: entryId ?? '',
      output: partnerSays(caseId),
      late: 'journal' as const,
      present: () => {
        say({ answered: caseId });
        return null;
      },
    },
  };
}
