import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Answer, PartnerSimulator, type SimulatorOptions } from './simulator.js';

const MAX_BODY_BYTES = 256 * 1024;
const HAND_OFFS = /^\/([a-z-]+)\/handoffs$/;
const SILENT = /^\/([a-z-]+)\/silent$/;
const RECALL = /^\/([a-z-]+)\/handoffs\/([^/]+)\/recall$/;
const PAPERS = /^\/([a-z-]+)\/handoffs\/([^/]+)\/papers$/;

/** The simulated partners on a port of this machine. `urlOf(key)` is what the centre is told as a partner's address. */
export class PartnerServer {
  private constructor(
    readonly simulator: PartnerSimulator,
    private readonly server: Server,
  ) {}

  /** @param port 0 takes a free one */
  static async start(options: SimulatorOptions & { port?: number }): Promise<PartnerServer> {
    const simulator = new PartnerSimulator(options);
    const server = createServer((request, response) => {
      respond(simulator, request).then(
        (answer) => write(response, answer),
        // The centre sees a partner that fails, and sends again.
        (error: unknown) => write(response, { status: 500, body: { message: String(error) } }),
      );
    });
    server.listen(options.port ?? 0, '127.0.0.1');
    await once(server, 'listening');
    simulator.resume();
    return new PartnerServer(simulator, server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  urlOf(partner: string): string {
    return `${this.url}/${partner}`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
    this.simulator.close();
  }
}

async function respond(simulator: PartnerSimulator, request: IncomingMessage): Promise<Answer> {
  const path = request.url ?? '';
  if (request.method === 'GET' && path === '/') return { status: 200, body: { partners: simulator.states } };
  if (request.method === 'GET' && path === '/counts') return { status: 200, body: { partners: simulator.counts() } };
  const [, switched] = SILENT.exec(path) ?? [];
  if (switched) return switchSilence(simulator, switched, request.method);
  if (request.method !== 'POST') return nothingHere(simulator);
  const [, partner] = HAND_OFFS.exec(path) ?? [];
  const [, recalling, id] = RECALL.exec(path) ?? [];
  const [, supplied, asking] = PAPERS.exec(path) ?? [];
  const rawBody = await readBody(request);
  if (!rawBody) return { status: 413 };
  const { headers } = request;
  if (partner) return simulator.receive({ partner, headers, rawBody });
  if (supplied && asking)
    return simulator.takePapers(decodeURIComponent(asking), { partner: supplied, headers, rawBody });
  if (recalling && id) return simulator.recall(decodeURIComponent(id), { partner: recalling, headers, rawBody });
  return nothingHere(simulator);
}

function nothingHere({ states }: PartnerSimulator): Answer {
  const message = `There is nothing here. The partners are ${Object.keys(states).join(', ')}: PUT /<partner>/silent makes one silent, DELETE lets it answer again, GET / lists them.`;
  return { status: 404, body: { message } };
}

/** PUT: the partner answers nobody from now on. DELETE: it does again, and answers all that it owes. */
function switchSilence(simulator: PartnerSimulator, partner: string, method: string | undefined): Answer {
  if (method !== 'GET' && method !== 'PUT' && method !== 'DELETE') return { status: 405 };
  if (!Object.hasOwn(simulator.states, partner)) return nothingHere(simulator);
  if (method === 'PUT') simulator.keepSilent(partner, true);
  if (method === 'DELETE') simulator.speakAgain(partner);
  return { status: 200, body: { partner, ...simulator.states[partner] } };
}

async function readBody(request: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function write(response: ServerResponse, { status, headers, body }: Answer): void {
  if (status === 0) {
    response.destroy();
    return;
  }
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body ?? {}));
}
