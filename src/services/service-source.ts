import { ENGINE_SENDER } from '../engine/outbox.js';
import type {
  AnswerCommand,
  BatchTransaction,
  Delivery,
  EngineApi,
  OutboxRow,
  SourceHandler,
} from '../engine/types.js';
import type { Json, JsonObject } from '../statechart/types.js';

/** What a service is told about the step it makes. */
export interface ServiceCall {
  /** UUID of the entry: the stable key under which everything outside is done. */
  entryId: string;
  organisationId: string;
  caseId: string;
  caseNumber: string;
  subject: string | null;
  /** Everything the workflow gave but `name`. */
  input: JsonObject;
  /** 1 at the first try. */
  attempt: number;
}

/** A background step of our own: `invoke {src: service, input: {name: …}}`. */
export interface Service {
  name: string;
  /** `at-most-once`: never tried again after a crash; an incident asks a person instead. */
  delivery?: 'at-least-once' | 'at-most-once';
  /** Does the work and gives the answer. May run again with the same `entryId`. Throwing makes it due again. */
  run(call: ServiceCall): Promise<Json>;
  /** In the transaction that stores the answers: what must happen together with them (a number taken). Gives the final answers. */
  settle?(tx: BatchTransaction, answers: { call: ServiceCall; output: Json; now: string }[]): Promise<Json[]>;
}

/** Runs services on workers and stores what they answered. */
export class ServiceSource implements SourceHandler {
  readonly src = 'service' as const;
  readonly topics = { open: 'service.open' };
  private readonly services = new Map<string, Service>();
  private readonly calls = new WeakMap<AnswerCommand, { call: ServiceCall; service: Service }>();

  constructor(private readonly engine: EngineApi) {}

  register(service: Service): void {
    if (this.services.has(service.name)) throw new Error(`Two services are called "${service.name}".`);
    this.services.set(service.name, service);
  }

  get names(): string[] {
    return [...this.services.keys()];
  }

  // The case keeps the entry and the outbox keeps the work: there is nothing else to write.
  open(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async settle(tx: BatchTransaction, answers: AnswerCommand[], now: string): Promise<Map<AnswerCommand, Json>> {
    const settled = new Map<AnswerCommand, Json>();
    const known = answers.flatMap((command) => {
      const found = this.calls.get(command);
      return found?.service.settle && command.kind === 'answer' ? [{ command, ...found }] : [];
    });
    for (const [service, group] of Map.groupBy(known, ({ service }) => service)) {
      const given = group.map(({ command, call }) => ({
        call,
        output: command.kind === 'answer' ? command.output : null,
        now,
      }));
      const outputs = (await service.settle?.(tx, given)) ?? [];
      for (const [index, { command }] of group.entries()) settled.set(command, outputs[index] ?? null);
    }
    return settled;
  }

  /** Topic `service.open`. */
  async run(row: OutboxRow): Promise<Delivery> {
    const record = await this.engine.read(row.organisationId, row.caseId);
    const entry = record?.chart.entries.find((open) => open.id === row.payload['entry']);
    // Its state was left, or another worker's answer was first.
    if (!record || entry?.kind !== 'invocation' || !row.entryId) return { kind: 'done' };
    const { name, ...input } = entry.input;
    const service = this.services.get(String(name));
    if (!service)
      return {
        kind: 'give-up',
        reason: `No service is called "${String(name)}". There are: ${this.names.join(', ') || 'none'}.`,
      };
    if (service.delivery === 'at-most-once' && row.attempt > 1) {
      return {
        kind: 'give-up',
        reason: `"${service.name}" may have been carried out already and must not be repeated. Look, and answer by hand.`,
      };
    }
    const { id: caseId, organisationId, number: caseNumber, subject } = record;
    const call: ServiceCall = {
      entryId: row.entryId,
      organisationId,
      caseId,
      caseNumber,
      subject,
      input,
      attempt: row.attempt,
    };
    const command: AnswerCommand = {
      kind: 'answer',
      entryId: row.entryId,
      output: await service.run(call),
      organisationId,
      caseId,
      id: `service:${row.id}`,
      keep: false,
      lane: 'machines',
      sender: ENGINE_SENDER,
      late: 'journal',
    };
    this.calls.set(command, { call, service });
    return { kind: 'answer', command };
  }
}
