import type pg from 'pg';
import { openPool } from '../../src/platform/database.js';
import type { Contestant } from '../contestant.js';
import type { Journey, OwnStep, Step } from '../journey.js';
import { outboxId, type PlainCase } from './decide.js';
import { LEASE } from './tables.js';

export interface LoopSettings {
  /** Connections, each with one transaction at a time. */
  connections: number;
  /** Sends statements that need no answer of the one before in one go. */
  pipeline: boolean;
}

/** Outbox rows that one statement leases. */
const ROWS_PER_LEASE = 50;

/** What both hand-written loops have in common: connections, and the worker that carries out the outbox. */
export abstract class PlainLoop implements Contestant {
  protected readonly pool: pg.Pool;
  private readonly relay: pg.Pool;
  private readonly journeys = new Map<string, Journey>();
  private undelivered: string[] = [];
  private leasing = false;
  private under = 0;
  private waiting: (() => void)[] = [];

  constructor(url: string, { connections, pipeline }: LoopSettings) {
    this.pool = openPool(url, 'owner', { max: connections, pipeline, name: 'loop' });
    this.relay = openPool(url, 'owner', { max: 1, name: 'loop relay' });
  }

  async start(): Promise<void> {
    await this.pool.query('select 1');
  }

  async take(step: OwnStep, journey: Journey): Promise<void> {
    if (step === 'plan') this.journeys.set(journey.caseId, journey);
    await this.counted(this.carryOut(step, journey));
    if (step === 'plan') this.deliver(journey.caseId);
  }

  async settled(): Promise<void> {
    if (this.under > 0) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  async stop(): Promise<void> {
    await Promise.all([this.pool.end(), this.relay.end()]);
  }

  /** Resolves after COMMIT. */
  protected abstract carryOut(step: Step, journey: Journey): Promise<void>;

  private deliver(caseId: string): void {
    this.undelivered.push(caseId);
    if (!this.leasing) void this.counted(this.lease());
  }

  /** Rows that come while others are leased wait for the next statement. */
  private async lease(): Promise<void> {
    this.leasing = true;
    while (this.undelivered.length > 0) {
      const cases = this.undelivered.splice(0, ROWS_PER_LEASE);
      const { rows } = await this.relay.query<{ case_id: string }>({ ...LEASE, values: [cases.map(outboxId)] });
      for (const row of rows) void this.counted(this.ask(row.case_id));
    }
    this.leasing = false;
  }

  /** The partner answers at once, in this process. */
  private async ask(caseId: string): Promise<void> {
    const journey = this.journeys.get(caseId);
    if (!journey) throw new Error(`Nobody leads case ${caseId}.`);
    this.journeys.delete(caseId);
    await this.carryOut('partner', journey);
    journey.answer();
  }

  private async counted(work: Promise<void>): Promise<void> {
    this.under += 1;
    try {
      await work;
    } finally {
      this.under -= 1;
      if (this.under === 0) for (const resolve of this.waiting.splice(0)) resolve();
    }
  }
}

export interface CaseColumns {
  id: string;
  number: string;
  subject: string;
  revision: number;
  chart: string;
  opened_at: Date;
}

export function plainCase(row: CaseColumns): PlainCase {
  return {
    id: row.id,
    number: row.number,
    subject: row.subject,
    revision: row.revision,
    chart: JSON.parse(row.chart) as PlainCase['chart'],
    openedAt: row.opened_at.toISOString(),
  };
}
