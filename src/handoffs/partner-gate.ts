/** So many failures in a row, and the partner counts as down. */
const FAILURES = 5;
const FIRST_SHUT_MS = 30_000;
const LONGEST_SHUT_MS = 10 * 60_000;

export interface PartnerGateOptions {
  /** Messages on their way at once. */
  atOnce: number;
}

/**
 * Keeps a partner that is slow or down from holding up everybody else: a few messages at once, and for a while none when it
 * has not answered several times. Then one goes first; only when that arrives do the others follow. Of this process.
 */
export class PartnerGate {
  private inside = 0;
  private failures = 0;
  private shutUntil = 0;
  private waiting: (() => void)[] = [];

  constructor(private readonly options: PartnerGateOptions) {}

  /** Lets in at a moment (ISO 8601), to be followed by `leave`; or says for how long it is shut. */
  async enter(now: () => Promise<string>): Promise<{ at: string } | { shutMs: number }> {
    for (;;) {
      const at = await now();
      const shutMs = this.shutUntil - Date.parse(at);
      if (shutMs > 0) return { shutMs };
      if (this.inside < this.room) {
        this.inside += 1;
        return { at };
      }
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }

  /** `at`: when it went in. */
  leave(at: string, arrived: boolean): void {
    this.inside -= 1;
    this.failures = arrived ? 0 : this.failures + 1;
    const isDown = this.failures >= FAILURES;
    if (isDown)
      this.shutUntil = Date.parse(at) + Math.min(FIRST_SHUT_MS * 2 ** (this.failures - FAILURES), LONGEST_SHUT_MS);
    // Nobody waits before a shut gate; otherwise as many look again as there is room for.
    for (const look of this.waiting.splice(0, isDown ? this.waiting.length : this.room - this.inside)) look();
  }

  /** After it was shut one goes first. */
  private get room(): number {
    return this.failures >= FAILURES ? 1 : this.options.atOnce;
  }
}
