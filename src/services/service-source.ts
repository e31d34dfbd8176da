import { unknownHere } from '../engine/outbox.js';
import { ENGINE_SENDER } from '../engine/sender.js';
import type {
  AnswerCommand,
  BatchTransaction,
  CaseRecord,
  Command,
  Delivery,
  EngineApi,
  LeasedRow,
  OpenAnswer,
  SourceHandler,
} from '../engine/types.js';
import type { InvocationEntry, Json, JsonObject } from '../statechart/types.js';
import { RunningServices } from './running-services.js';

/** What a service is asked for. */
export interface ServiceRequest {
  /** UUID of the entry: the stable key under which everything outside is done. */
  entryId: string;
  organisationId: string;
  caseId: string;
  caseNumber: string;
  subject: string | null;
  /** Everything the workflow gave but `name`. */
  input: JsonObject;
}

/** What a service is told about the step it makes. */
export interface ServiceCall extends ServiceRequest {
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

/** The rule of an incident about a step that must not happen twice, and of which nobody knows whether it happened. */
export const PERHAPS_DONE = 'perhaps-done';

/** A background step of our own: `invoke {src: service, input: {name: …}}`. */
export interface Service {
  name: string;
  /** `at-most-once`: never tried again after a crash; an incident asks a person instead. */
  delivery?: 'at-least-once' | 'at-most-once';
  /** Does the work and gives the answer. May run again with the same `entryId`. Throwing makes it due again, but for a ServiceRefusal. */
  run(call: ServiceCall): Promise<Json>;
  /**
   * In the transaction that stores the answers: what must happen together with them (a number taken). Gives the final
   * answers, one each. Only for answers that their cases still wait for; one that came while its case was suspended is
   * settled when the case goes on. Runs again if that transaction fails, and for a later answer of an entry whose first one
   * nothing in the workflow took. An entry is never twice in one call.
   */
  settle?(tx: BatchTransaction, answers: { call: ServiceRequest; output: Json; now: string }[]): Promise<Json[]>;
}

/** Runs services on workers and stores what they answered. */
export class ServiceSource implements SourceHandler {
  readonly src = 'service' as const;
  readonly topics = { open: 'service.open' };
  private readonly services = new Map<string, Service>();
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

  /** By the names that stand in the entries: who gave the answer may be another process, or one that is gone. */
  async settle(tx: BatchTransaction, answers: OpenAnswer[], now: string): Promise<Map<Command, Json>> {
    const settled = new Map<Command, Json>();
    for (const [name, group] of Map.groupBy(answers, ({ entry }) => nameOf(entry))) {
      const service = this.services.get(name);
      if (!service) throw new Error(`${this.unknown(name)} What it answered cannot be stored.`);
      if (!service.settle) continue;
      const given = group.map(({ command, entry, record }) => ({
        call: requestOf(record, entry, command.entryId),
        output: command.output,
        now,
      }));
      const outputs = await service.settle(tx, given);
      if (outputs.length !== group.length)
        throw new Error(`Service "${name}" settled ${outputs.length} of ${group.length} answers.`);
      for (const [index, { command }] of group.entries()) settled.set(command, outputs[index] ?? null);
    }
    return settled;
  }

  /** Topic `service.open`. */
  async run(row: LeasedRow): Promise<Delivery> {
    const record = await this.engine.read(row.organisationId, row.caseId);
    const entry = record?.chart.entries.find((open) => open.id === row.payload['entry']);
    // Its state was left, or another worker's answer was first.
    if (!record || entry?.kind !== 'invocation' || !row.entryId) return { kind: 'done' };
    const name = nameOf(entry);
    const service = this.services.get(name);
    if (!service) return unknownHere(this.unknown(name));
    if (service.delivery === 'at-most-once' && row.tries > 1)
      return {
        kind: 'give-up',
        rule: PERHAPS_DONE,
        reason: `"${service.name}" may have been carried out already and must not be repeated unseen. Look whether it was. If not, retry; if so, put the case where it goes on (modify) and resolve the incident.`,
      };
    const facts = { ...requestOf(record, entry, row.entryId), attempt: row.tries };
    return await this.running.during(facts, entry.id, async (signal) => {
      const command = await this.answerOf(row, service, { ...facts, signal });
      return { kind: 'answer', command };
    });
  }

  private unknown(name: string): string {
    return `No service is called "${name}". There are: ${this.names.join(', ') || 'none'}.`;
  }

  private async answerOf(row: LeasedRow, service: Service, call: ServiceCall): Promise<AnswerCommand> {
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
      return { ...base, kind: 'answer', output: await service.run(call) };
    } catch (error) {
      if (!(error instanceof ServiceRefusal)) throw error;
      return { ...base, kind: 'failure', error: { code: error.code, message: error.message } };
    }
  }
}

function nameOf(entry: InvocationEntry): string {
  return String(entry.input['name']);
}

function requestOf(record: CaseRecord, entry: InvocationEntry, entryId: string): ServiceRequest {
  const { name: _name, ...input } = entry.input;
  return {
    entryId,
    organisationId: record.organisationId,
    caseId: record.id,
    caseNumber: record.number,
    subject: record.subject,
    input,
  };
}
