import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { sign } from '../../src/handoffs/webhook.js';
import type { Ask, Office, Told } from '../faults/office.js';

export const PARTNER = 'otbasy-bank';
const text = (en: string) => ({ kk: en, ru: en, en });

/** A family comes, is listened to, is sent to the bank and helped. */
export const ERRAND = {
  'workflow.yaml': JSON.stringify({
    id: 'errand',
    title: text('Errand'),
    context: {},
    events: {},
    initial: 'listening',
    states: {
      listening: {
        meta: { title: text('Listening') },
        invoke: {
          id: 'listen',
          src: 'task',
          input: { form: 'word', role: 'registrar', deadline: '2 days', escalation: 'task' },
          onDone: 'asking',
        },
      },
      asking: {
        meta: { title: text('Asking') },
        invoke: {
          id: 'ask',
          src: 'handOff',
          input: {
            partner: PARTNER,
            service: 'housing-advice',
            deadline: '10 days',
            escalation: 'hand-off',
            role: 'curator',
            request: {},
          },
          onDone: 'over',
          onError: 'over',
        },
      },
      over: { type: 'final', meta: { title: text('Over') } },
    },
  }),
  'input.yaml': JSON.stringify({
    type: 'object',
    additionalProperties: false,
    required: ['familyId'],
    properties: { familyId: { type: 'string' } },
  }),
  'forms/word.yaml': JSON.stringify({
    'x-version': 1,
    'x-title': text('Word'),
    type: 'object',
    properties: { word: { type: 'string', 'x-title': text('Word') } },
  }),
};

/** The bank: takes every hand-off and answers it a moment later. */
export class Bank {
  readonly secret = `whsec_${randomBytes(32).toString('base64')}`;
  answered = 0;
  private readonly server: Server;

  private constructor(private readonly centre: () => Promise<string>) {
    this.server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { id } = JSON.parse(Buffer.concat(chunks).toString()) as { id: string };
        response.writeHead(202, { 'content-type': 'application/json' }).end(`{"partnerRef":"B-${id}"}`);
        void this.answer(id);
      });
    });
  }

  static async open(centre: () => Promise<string>): Promise<Bank> {
    const bank = new Bank(centre);
    bank.server.listen(0, '127.0.0.1');
    await once(bank.server, 'listening');
    return bank;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  private async answer(handoff: string): Promise<void> {
    const at = new Date().toISOString();
    const body = JSON.stringify({ eventId: `done-${handoff}`, type: 'done', at, result: { kind: 'advice' } });
    const headers = { ...sign({ id: `msg_${handoff}`, at, body, secrets: [this.secret] }) };
    for (;;) {
      const response = await fetch(`${await this.centre()}/api/handoffs/${handoff}/events`, {
        method: 'POST',
        body,
        headers: { ...headers, 'content-type': 'application/json' },
      }).catch(() => undefined);
      await response?.arrayBuffer();
      if (response?.status === 200) break;
      await pause(100);
    }
    this.answered += 1;
  }
}

const PATIENCE_MS = 60_000;

/** A process under load may say 503 for a moment, not for a minute. */
async function patiently(office: Office, ask: Ask): Promise<Told> {
  const began = performance.now();
  for (;;) {
    const told = await office.ask(ask);
    if (told.status < 500 || performance.now() - began > PATIENCE_MS) return told;
    await pause(100);
  }
}

/** One family's visit, until it has been sent to the bank. */
export async function visit(office: Office, n: number): Promise<void> {
  const act = async (ask: Ask, status: number) => {
    const told = await patiently(office, { asRegistrar: true, ...ask });
    if (told.status !== status)
      throw new Error(`${ask.method ?? 'POST'} ${ask.path} was answered ${told.status}: ${JSON.stringify(told.body)}`);
    return told.body;
  };
  const applicant = { surname: `Отбасы${n}`, given: 'Айгүл' };
  const input = { applicant, categories: ['large'], interest: 'sewing', phone: null, language: 'kk' };
  const opened = await act({ path: '/api/cases', body: { workflow: 'errand', input }, key: `open-${n}` }, 201);
  const consent = { partner: PARTNER, given: true, how: 'paper' };
  await act({ method: 'PUT', path: `/api/families/${opened.subject}/consents`, body: consent, key: `yes-${n}` }, 200);
  const { items } = await act({ method: 'GET', path: `/api/tasks?view=available&caseId=${opened.id}` }, 200);
  await act({ path: `/api/tasks/${items[0].id}/claim`, key: `claim-${n}` }, 200);
  await act({ path: `/api/tasks/${items[0].id}/complete`, body: { output: { word: 'ok' } }, key: `done-${n}` }, 200);
  await act({ method: 'GET', path: `/api/cases/${opened.id}` }, 200);
}
