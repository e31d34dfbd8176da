import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { readConfig } from '../src/config.js';
import { createApp } from '../src/create-app.js';
import { entryUuid } from '../src/engine/entry-uuid.js';
import type { OutboxRow } from '../src/engine/types.js';
import { type VerifyReport, verify } from '../src/engine/verify.js';
import { handoffWork } from '../src/handoffs/handoff-work.js';
import { AccountsService } from '../src/identity/accounts.service.js';
import { projectPath } from '../src/platform/project-root.js';
import { System } from '../src/system.js';
import { taskWork } from '../src/tasks/task-work.js';
import { readWorkflow } from '../src/workflows/folder.js';
import type { Contestant } from './contestant.js';
import { type Journey, ORGANISATION, type OwnStep, PARTNER } from './journey.js';

const ACCOUNT = { email: 'curator@bench.qamqor', password: 'a password of the bench' };
const WORKFLOW = 'bench-journey';
/** The seq at which each task of the workflow opens. */
const TASKS = { screen: 1, assess: 6 } as const;
const EVENTS = { plan: 'PLAN_AGREED', enrol: 'ENROLLED', attend: 'ATTENDED' } as const;

/** The whole application, asked over HTTP by a curator who has signed in. Client and server share the process. */
export class HttpContestant implements Contestant {
  private system: System | undefined;
  private app: NestFastifyApplication | undefined;
  private port = 0;
  private cookie = '';
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 256 });
  /** Ids that the API gave, by those of the journeys; and who is asked for by the hand-off of a case. */
  private readonly cases = new Map<string, string>();
  private readonly journeys = new Map<string, Journey>();

  constructor(private readonly url: string) {}

  async start(): Promise<void> {
    const config = readConfig({
      DATABASE_URL: this.url,
      QAMQOR_SECRET: 'a secret of the bench, 32 letters',
      QAMQOR_LOG: 'silent',
    });
    this.system = await System.open(config, {
      queues: false,
      warn: (message, error) => {
        throw new Error(message, { cause: error });
      },
    });
    this.app = await createApp(this.system, false);
    const { engine, versions } = this.system.runtime;
    // The partner answers at once, in this process, as it does for every contestant.
    engine.outboxHandlers.set('handOff.open', (row) => Promise.resolve(this.partnerAnswer(row)));
    await versions.deploy(ORGANISATION, readWorkflow(projectPath('bench', 'workflow')), 'bench');
    const accounts = this.app.get(AccountsService);
    await accounts.save({ ...ACCOUNT, name: 'Curator', roles: ['curator'], organisationId: ORGANISATION, by: 'bench' });
    await this.app.listen(0, '127.0.0.1');
    this.port = (this.app.getHttpServer().address() as AddressInfo).port;
    const { response } = await this.ask('/api/auth/sign-in/email', ACCOUNT);
    this.cookie = (response.headers['set-cookie'] ?? []).map((line) => line.split(';')[0]).join('; ');
  }

  async take(step: OwnStep, journey: Journey): Promise<void> {
    const said = journey.said[step];
    const key = `${step}-${journey.caseId}`;
    if (step === 'open') {
      const { body } = await this.ask('/api/cases', { workflow: WORKFLOW, input: said }, key);
      const { id } = JSON.parse(body) as { id: string };
      this.cases.set(journey.caseId, id);
      this.journeys.set(id, journey);
      return;
    }
    const id = this.cases.get(journey.caseId) ?? '';
    if (step === 'screen' || step === 'assess') {
      const task = entryUuid(id, `${step}:${TASKS[step]}`, TASKS[step]);
      await this.ask(`/api/tasks/${task}/complete`, { output: said }, key);
    } else await this.ask(`/api/cases/${id}/events`, { type: EVENTS[step], data: said }, key);
    if (step === 'assess') this.cases.delete(journey.caseId);
  }

  async settled(): Promise<void> {
    while (this.system && !this.system.runtime.quiet) await turn();
  }

  async stop(): Promise<void> {
    this.agent.destroy();
    await this.app?.close();
    await this.system?.close();
  }

  async verify(): Promise<VerifyReport> {
    if (!this.system) throw new Error('It was not started.');
    const { readPool, versions } = this.system.runtime;
    return verify(readPool, versions, ORGANISATION, { task: taskWork, handOff: handoffWork });
  }

  private partnerAnswer(row: OutboxRow) {
    const journey = this.journeys.get(row.caseId);
    if (!journey) throw new Error(`Nobody leads case ${row.caseId}.`);
    this.journeys.delete(row.caseId);
    return {
      kind: 'answer' as const,
      command: {
        kind: 'answer' as const,
        organisationId: ORGANISATION,
        caseId: row.caseId,
        id: `partner:${row.id}`,
        keep: false,
        sender: PARTNER,
        lane: 'machines' as const,
        entryId: row.entryId ?? '',
        output: journey.said.partner,
        late: 'journal' as const,
        present: () => {
          journey.answer();
          return null;
        },
      },
    };
  }

  private async ask(path: string, body: object, key?: string): Promise<{ response: IncomingMessage; body: string }> {
    const text = JSON.stringify(body);
    const asking = request({
      host: '127.0.0.1',
      port: this.port,
      path,
      method: 'POST',
      agent: this.agent,
      headers: {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(text),
        cookie: this.cookie,
        ...(key === undefined ? {} : { 'idempotency-key': key }),
      },
    });
    asking.end(text);
    const [response] = (await once(asking, 'response')) as [IncomingMessage];
    let answer = '';
    response.setEncoding('utf8');
    for await (const part of response) answer += part;
    if ((response.statusCode ?? 500) >= 300) throw new Error(`${path}: ${response.statusCode} ${answer}`);
    return { response, body: answer };
  }
}
