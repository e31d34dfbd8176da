import { spawn } from 'node:child_process';
import { once as event } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import * as restate from '@restatedev/restate-sdk';
import { Meetings } from './meetings.js';

/** One node with its production profile: its log reaches the disk before anything is answered. */
export const SETTINGS = { profile: '--production', waitsBy: 'awakeables' };
const PATIENCE_MS = 60_000;

/** A journey is a workflow: it hands out an awakeable for each thing that comes from outside, and runs what must be done. */
export class Peer {
  #journeys = new Map();
  #offers = new Meetings();
  #applied = new Meetings();
  #ends = [];

  async start() {
    this.folder = await mkdtemp(join(tmpdir(), 'qamqor-restate-'));
    const [node, ingress, admin, endpoint] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
    this.ingress = `http://127.0.0.1:${ingress}`;
    const binary = fileURLToPath(import.meta.resolve('@restatedev/restate-server/package.json'));
    this.server = spawn(join(binary, '..', '..', '..', '.bin', 'restate-server'), [SETTINGS.profile, '--no-logo'], {
      stdio: 'ignore',
      env: {
        PATH: process.env.PATH,
        RESTATE_LISTEN_MODE: 'tcp',
        RESTATE_BASE_DIR: this.folder,
        RESTATE_BIND_IP: '127.0.0.1',
        RESTATE_BIND_PORT: String(node),
        RESTATE_AUTO_PROVISION: 'true',
        RESTATE_INGRESS__BIND_PORT: String(ingress),
        RESTATE_ADMIN__BIND_PORT: String(admin),
        RESTATE_DISABLE_TELEMETRY: 'true',
      },
    });
    const journey = restate.workflow({ name: 'journey', handlers: { run: (ctx, input) => this.#lead(ctx, input) } });
    const straight = restate.workflow({ name: 'straight', handlers: { run: addFive } });
    const service = restate
      .endpoint()
      .bind(journey)
      .bind(straight)
      .setLogger(() => undefined);
    this.endpoint = await listen(service.http2Handler(), endpoint);
    const until = performance.now() + PATIENCE_MS;
    for (;;) {
      const told = await post(`http://127.0.0.1:${admin}/deployments`, { uri: `http://127.0.0.1:${endpoint}` }).catch(
        () => null,
      );
      if (told?.ok) return;
      if (performance.now() > until) throw new Error('Restate did not take the deployment.');
      await pause(200);
    }
  }

  async take(step, journey) {
    const { caseId, said } = journey;
    if (step === 'open') {
      this.#journeys.set(caseId, journey);
      const end = Promise.withResolvers();
      this.#ends.push(end.promise);
      journey.ended = end.resolve;
      await sent(post(`${this.ingress}/journey/${caseId}/run/send`, said.open));
      await this.#applied.hear(`${caseId}:open`);
      return;
    }
    const awakeable = await this.#offers.hear(`${caseId}:${step}`);
    await sent(post(`${this.ingress}/restate/awakeables/${awakeable}/resolve`, said[step]));
    // Ours is applied when its sender is answered: so it is here.
    await this.#applied.hear(`${caseId}:${step}`);
  }

  /** Five background steps, from the call to their result. */
  async straight(id, from) {
    const response = await post(`${this.ingress}/straight/${id}/run`, { from });
    return Number(await textOf(response));
  }

  async settled() {
    await Promise.all(this.#ends.splice(0));
  }

  async stop() {
    const ended = event(this.server, 'exit');
    this.server.kill('SIGTERM');
    await ended;
    await new Promise((resolve) => this.endpoint.close(resolve));
    await rm(this.folder, { recursive: true, force: true });
  }

  async #lead(ctx, input) {
    const id = ctx.key;
    const journey = this.#journeys.get(id);
    const context = { ...input };
    const hear = async (step) => {
      const { id: awakeable, promise } = ctx.awakeable();
      await ctx.run(`offer ${step}`, () => this.#offers.tell(`${id}:${step}`, awakeable));
      Object.assign(context, await promise);
      this.#applied.tell(`${id}:${step}`);
    };
    this.#applied.tell(`${id}:open`);
    await hear('screen');
    await hear('plan');
    // The partner answers at once, in this process, as it does for every contestant.
    Object.assign(context, await ctx.run('partner', () => journey.said.partner));
    journey.answer();
    await hear('enrol');
    await hear('attend');
    await hear('assess');
    journey.ended();
    this.#journeys.delete(id);
    return context;
  }
}

function post(url, body) {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

async function sent(asking) {
  await textOf(await asking);
}

async function textOf(response) {
  const text = await response.text();
  if (!response.ok) throw new Error(`Restate answered ${response.status}: ${text}`);
  return text;
}

async function addFive(ctx, { from }) {
  let sum = 0;
  for (let step = 1; step <= 5; step++) sum = await ctx.run(`step${step}`, () => sum + from);
  return sum;
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await event(server, 'listening');
  const { port } = server.address();
  server.close();
  return port;
}

async function listen(handler, port) {
  const { createServer: createHttp2 } = await import('node:http2');
  const server = createHttp2(handler).listen(port, '127.0.0.1');
  await event(server, 'listening');
  return server;
}
