/** Longer than this under way, and whoever wants in is not kept waiting: a worker has other partners too. */
const PATIENCE_MS = 250;
const COME_BACK_MS = { least: 500, most: 2_000 };

export interface PartnerGateOptions {
  /** Messages on their way at once. */
  atOnce: number;
  /** Monotonic, in ms. */
  elapsed(): number;
  /** From 0 to 1, so that those who were turned away do not all come back at once. */
  random(): number;
}

export interface Ticket {
  leave(): void;
}

/**
 * A few messages to one partner at once. While it answers quickly the next ones wait for their turn; when it is slow they
 * are turned away, so that nobody who could do something else stands in line. Of this process.
 */
export class PartnerGate {
  /** When each message that is on its way went in. */
  private readonly inside = new Set<{ since: number }>();
  private waiting: ((ticket: Ticket | undefined) => void)[] = [];
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: PartnerGateOptions) {}

  /** Lets in, to be followed by `leave`; or says after how long to come again. */
  async enter(): Promise<Ticket | { busyMs: number }> {
    if (this.inside.size < this.options.atOnce) return this.admit();
    const patience = this.patienceLeft;
    if (patience <= 0) return { busyMs: this.comeBackMs };
    this.timer ??= setTimeout(() => this.turnAway(), patience);
    const ticket = await new Promise<Ticket | undefined>((resolve) => this.waiting.push(resolve));
    return ticket ?? { busyMs: this.comeBackMs };
  }

  private admit(): Ticket {
    const message = { since: this.options.elapsed() };
    this.inside.add(message);
    return { leave: () => this.leave(message) };
  }

  private leave(message: { since: number }): void {
    if (!this.inside.delete(message)) return;
    // Let in here and now: a newcomer must not slip in between.
    if (this.waiting.length > 0) this.waiting.shift()?.(this.admit());
    if (this.waiting.length === 0) this.stopTimer();
  }

  private turnAway(): void {
    this.stopTimer();
    const patience = this.patienceLeft;
    if (patience > 0) this.timer = setTimeout(() => this.turnAway(), patience);
    else for (const turnedAway of this.waiting.splice(0)) turnedAway(undefined);
  }

  /** Of the one that has been on its way longest. */
  private get patienceLeft(): number {
    const [oldest] = this.inside;
    return oldest ? PATIENCE_MS - (this.options.elapsed() - oldest.since) : PATIENCE_MS;
  }

  private get comeBackMs(): number {
    return COME_BACK_MS.least + this.options.random() * (COME_BACK_MS.most - COME_BACK_MS.least);
  }

  private stopTimer(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }
}
