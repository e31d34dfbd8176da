import { setImmediate as turn } from 'node:timers/promises';
import { presentCase } from '../src/api/case.presenter.js';
import { entryUuid } from '../src/engine/entry-uuid.js';
import type { Runtime } from '../src/engine/runtime.js';
import type { Accepted, Command, CommandBase, OutboxRow } from '../src/engine/types.js';
import { type VerifyReport, verify } from '../src/engine/verify.js';
import { HandoffSource } from '../src/handoffs/handoff-source.js';
import { handoffWork } from '../src/handoffs/handoff-work.js';
import { PartnerTerms } from '../src/handoffs/partner-terms.js';
import { systemIds } from '../src/platform/ids.js';
import { projectPath } from '../src/platform/project-root.js';
import { TaskSource } from '../src/tasks/task-source.js';
import { taskWork } from '../src/tasks/task-work.js';
import { readWorkflow } from '../src/workflows/folder.js';
import type { Contestant } from './contestant.js';
import { CURATOR, type Journey, ORGANISATION, type OwnStep, PARTNER } from './journey.js';
import { benchRuntime, CALENDAR } from './runtime.js';

const WORKFLOW = 'bench-journey';

/** The engine as production runs it, but for the wake-ups by BullMQ: kept command ids, the chain, payload rows, roles with row-level security. */
export class EngineContestant implements Contestant {
  private readonly runtime: Runtime;
  private readonly journeys = new Map<string, Journey>();
  /** Open task of a case. */
  private readonly tasks = new Map<string, string>();

  constructor(url: string, concurrency: number) {
    this.runtime = benchRuntime(url, { concurrency });
    const { engine } = this.runtime;
    engine.registerSource(new TaskSource(() => systemIds.next(), CALENDAR));
    engine.registerSource(
      new HandoffSource(() => systemIds.next(), new PartnerTerms({ find: () => undefined }, CALENDAR)),
    );
    engine.registerOutbox('handOff.open', (row) =>
      Promise.resolve({ kind: 'answer', command: this.partnerAnswer(row) }),
    );
  }

  async start(): Promise<void> {
    await this.runtime.versions.deploy(ORGANISATION, readWorkflow(projectPath('bench', 'workflow')), 'bench');
  }

  async take(step: OwnStep, journey: Journey): Promise<void> {
    if (step === 'open') this.journeys.set(journey.caseId, journey);
    await this.runtime.engine.submit(this.command(step, journey));
  }

  async settled(): Promise<void> {
    while (!this.runtime.quiet) await turn();
  }

  async stop(): Promise<void> {
    await this.runtime.stop();
  }

  verify(): Promise<VerifyReport> {
    return verify(this.runtime, ORGANISATION, { task: taskWork, handOff: handoffWork });
  }

  private command(step: OwnStep, journey: Journey): Command {
    const said = journey.said[step];
    const base = { ...this.base(journey), id: `${step}:${journey.caseId}`, keep: true };
    switch (step) {
      case 'open':
        return { ...base, kind: 'open', workflow: WORKFLOW, input: said, subject: said['householdId'] as string };
      case 'plan':
        return { ...base, kind: 'event', type: 'PLAN_AGREED', data: said };
      case 'enrol':
        return { ...base, kind: 'event', type: 'ENROLLED', data: said };
      case 'attend':
        return { ...base, kind: 'event', type: 'ATTENDED', data: said };
      case 'screen':
      case 'assess':
        return { ...base, kind: 'answer', entryId: this.tasks.get(journey.caseId) ?? '', output: said, late: 'refuse' };
    }
  }

  private base(journey: Journey): Omit<CommandBase, 'id' | 'keep'> {
    return {
      organisationId: ORGANISATION,
      caseId: journey.caseId,
      sender: CURATOR,
      lane: 'people',
      present: (accepted) => this.present(accepted),
    };
  }

  /** What the API answers. A person would see the task in a list; here it is noted. */
  private present({ case: record }: Accepted) {
    const task = record.chart.entries.find((entry) => entry.kind === 'invocation' && entry.src === 'task');
    if (task) this.tasks.set(record.id, entryUuid(record.id, task.id, task.seq));
    else this.tasks.delete(record.id);
    return presentCase(record, CURATOR, record.updatedAt);
  }

  /** The partner answers at once, in this process: what is measured is the way there and back. */
  private partnerAnswer(row: OutboxRow): Command {
    const journey = this.journeys.get(row.caseId);
    if (!journey) throw new Error(`Nobody leads case ${row.caseId}.`);
    return {
      ...this.base(journey),
      kind: 'answer',
      id: `partner:${row.id}`,
      keep: false,
      sender: PARTNER,
      lane: 'machines',
      entryId: row.entryId ?? '',
      output: journey.said.partner,
      late: 'journal',
      present: () => {
        journey.answer();
        this.journeys.delete(row.caseId);
        return null;
      },
    };
  }
}
