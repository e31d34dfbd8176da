import { type ChildProcess, execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { entryUuid } from '../src/engine/entry-uuid.js';
import { type VerifyReport, verify } from '../src/engine/verify.js';
import { handoffWork } from '../src/handoffs/handoff-work.js';
import { projectPath } from '../src/platform/project-root.js';
import { taskWork } from '../src/tasks/task-work.js';
import type { Contestant, Usage } from './contestant.js';
import type { Answers, Question, Told } from './http-server.child.js';
import { type Journey, ORGANISATION, type OwnStep } from './journey.js';
import { benchRuntime } from './runtime.js';

const ACCOUNT = { email: 'curator@bench.qamqor', password: 'a password of the bench' };
const WORKFLOW = 'bench-journey';
/** The seq at which each task of the workflow opens. */
const TASKS = { screen: 1, assess: 6 } as const;
const EVENTS = { plan: 'PLAN_AGREED', enrol: 'ENROLLED', attend: 'ATTENDED' } as const;

/** A process in which the application is opened and closed, as often as it is measured. */
class Server {
  private static readonly running = new Map<string, Server>();
  private readonly replies: ((told: Told) => void)[] = [];
  private readonly process: ChildProcess;
  /** Told of the case whose partner has answered. */
  answered: (caseId: string) => void = () => {};

  private constructor(url: string) {
    execFileSync(process.execPath, [projectPath('scripts', 'build-once.js')]);
    const program = projectPath('dist', 'bench', 'http-server.child.js');
    this.process = fork(program, [url, ACCOUNT.email, ACCOUNT.password]);
    this.process.on('message', (told: Told) => {
      if ('answered' in told) this.answered(told.answered);
      else this.replies.shift()?.(told);
    });
    this.process.once('exit', (code) => {
      for (const reply of this.replies.splice(0)) reply({ error: `It ended with ${code}.` });
    });
    // It ends with whoever started it, and keeps nobody from ending.
    this.process.unref();
    this.process.channel?.unref();
  }

  /** The same one for the same database: what a process has to warm up is not measured. */
  static on(url: string): Server {
    const server = Server.running.get(url) ?? new Server(url);
    Server.running.set(url, server);
    return server;
  }

  async ask<Asked extends Question>(asked: Asked): Promise<Answers[Asked]> {
    const reply = new Promise<Told>((resolve) => this.replies.push(resolve));
    this.process.channel?.ref();
    this.process.send(asked);
    const told = await reply;
    this.process.channel?.unref();
    if ('result' in told) return told.result as Answers[Asked];
    throw new Error(`The application did not answer "${asked}": ${JSON.stringify(told)}`);
  }
}

/** The whole application in a process of its own, asked over HTTP by a curator who has signed in. */
export class HttpContestant implements Contestant {
  private readonly server: Server;
  private port = 0;
  private cookie = '';
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 256 });
  /** Ids that the API gave, by those of the journeys, and the other way round while the partner has not answered. */
  private readonly cases = new Map<string, string>();
  private readonly journeys = new Map<string, Journey>();

  constructor(private readonly url: string) {
    this.server = Server.on(url);
    this.server.answered = (caseId) => {
      this.journeys.get(caseId)?.answer();
      this.journeys.delete(caseId);
    };
  }

  async start(): Promise<void> {
    this.port = await this.server.ask('start');
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
    await this.server.ask('settled');
  }

  usage(): Promise<Usage> {
    return this.server.ask('usage');
  }

  /** By a process of its own, as an operator does it: what that costs is not the server's. */
  async verify(): Promise<VerifyReport> {
    const runtime = benchRuntime(this.url);
    try {
      return await verify(runtime, ORGANISATION, { task: taskWork, handOff: handoffWork });
    } finally {
      await runtime.stop();
    }
  }

  async stop(): Promise<void> {
    this.agent.destroy();
    await this.server.ask('stop');
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
