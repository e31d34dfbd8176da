import type { EngineApi } from '../engine/types.js';

/** How often to look whether somebody still waits for what is running. Most is done before the first look. */
const LOOK_EVERY_MS = 1_000;

interface Awaited {
  organisationId: string;
  caseId: string;
}

/** Tells what runs here that its state was left, wherever that happened. */
export class RunningServices {
  private readonly running = new Map<AbortController, Awaited & { entry: string }>();
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly engine: Pick<EngineApi, 'read'>) {}

  /** `entry`: the id inside the statechart. */
  async during<Result>(of: Awaited, entry: string, work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    const controller = new AbortController();
    this.running.set(controller, { ...of, entry });
    this.timer ??= setInterval(() => void this.look(), LOOK_EVERY_MS).unref();
    try {
      return await work(controller.signal);
    } finally {
      this.running.delete(controller);
      if (this.running.size === 0) {
        clearInterval(this.timer);
        this.timer = undefined;
      }
    }
  }

  private async look(): Promise<void> {
    await Promise.all(
      [...this.running].map(async ([controller, { organisationId, caseId, entry }]) => {
        // Not being able to look is no reason to stop anything.
        const record = await this.engine.read(organisationId, caseId).catch(() => undefined);
        if (record && !record.chart.entries.some((open) => open.id === entry)) controller.abort();
      }),
    );
  }
}
