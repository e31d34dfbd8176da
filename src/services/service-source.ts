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
import { RunningServices } from './running-services.js';

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
  /** Aborted about a second after the state that asked for it was left: nobody waits for the answer any more. */
  signal: AbortSignal;
}

/** A service says no for good: the case takes it by `onError`, as `{code, message}`. Nothing is tried again. */
export class ServiceRefusal extends Error {
  constructor(
    /** Kebab-case, for guards. */
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = 'ServiceRefusal';
  }
}

/** A background step of our own: `invoke {src: service, input: {name: …}}`. */
export interface Service {
  name: string;
  /** `at-most-once`: never tried again after a crash; an incident asks a person instead. */
  delivery?: 'at-least-once' | 'at-most-once';
  /** Does the work and gives the answer. May run again with the same `entryId`. Throwing makes it due again, but for a ServiceRefusal. */
  run(call: ServiceCall): Promise<Json>;
  /**
   * In the transaction that stores the answers: what must happen together with them (a number taken). Gives the final
   * answers, one each. Runs again if that transaction fails. An entry is never twice in one call.
   */
  settle?(tx: BatchTransaction, answers: { call: ServiceCall; output: Json; now: string }[]): Promise<Json[]>;
}

/** Runs services on workers and stores what they answered. */
export class ServiceSource implements SourceHandler {
  readonly src = 'service' as const;
  readonly topics = { open: 'service.open' };
  private readonly services = new Map<string, Service>();
  /** `output` as `run` gave it: a transaction that failed has left its own in the command. */
  private readonly calls = new WeakMap<AnswerCommand, { call: ServiceCall; service: Service; output: Json }>();
  private readonly running: RunningServices;

  constructor(private readonly engine: Pick<EngineApi, 'read'>) {
    this.running = new RunningServices(engine);
  }

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
      const found = command.kind === 'answer' ? this.calls.get(command) : undefined;
      return found?.service.settle ? [{ command, ...found }] : [];
    });
    // Of two workers that answer for one entry only the first is taken.
    const first = [...Map.groupBy(known, ({ call }) => call.entryId).values()].flatMap((twins) => twins.slice(0, 1));
    for (const [service, group] of Map.groupBy(first, (answer) => answer.service)) {
      const given = group.map(({ call, output }) => ({ call, output, now }));
      const outputs = (await service.settle?.(tx, given)) ?? [];
      if (outputs.length !== group.length)
        throw new Error(`Service "${service.name}" settled ${outputs.length} of ${group.length} answers.`);
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
    if (service.delivery === 'at-most-once' && row.attempt > 1)
      return {
        kind: 'give-up',
        reason: `"${service.name}" may have been carried out already and must not be repeated. Look, and answer by hand.`,
      };
    const facts = {
      entryId: row.entryId,
      organisationId: record.organisationId,
      caseId: record.id,
      caseNumber: record.number,
      subject: record.subject,
      input,
      attempt: row.attempt,
    };
    return await this.running.during(facts, entry.id, async (signal) => {
      const command = await this.answerOf(row, service, { ...facts, signal });
      return { kind: 'answer', command };
    });
  }

  private async answerOf(row: OutboxRow, service: Service, call: ServiceCall): Promise<AnswerCommand> {
    const base = {
      entryId: call.entryId,
      organisationId: call.organisationId,
      caseId: call.caseId,
      id: `service:${row.id}`,
      keep: false,
      lane: 'machines',
      sender: ENGINE_SENDER,
      late: 'journal',
    } as const;
    try {
      const output = await service.run(call);
      const command: AnswerCommand = { ...base, kind: 'answer', output };
      this.calls.set(command, { call, service, output });
      return command;
    } catch (error) {
      if (!(error instanceof ServiceRefusal)) throw error;
      return { ...base, kind: 'failure', error: { code: error.code, message: error.message } };
    }
  }
}
