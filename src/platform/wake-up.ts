/**
 * Tells one loop in this process that there is something to do, so that it need not wait for its next look. A ring while
 * nobody waits is kept: the next wait returns at once.
 */
export class WakeUp {
  #rung = false;
  #answer: (() => void) | null = null;

  ring(): void {
    this.#rung = true;
    this.#answer?.();
  }

  /** Returns at the next ring, after `timeoutMs`, or when `signal` aborts. */
  async wait(timeoutMs: number, signal?: AbortSignal): Promise<void> {
    if (!this.#rung && !signal?.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const answer = () => resolve();
      const timer = setTimeout(answer, timeoutMs);
      signal?.addEventListener('abort', answer);
      this.#answer = answer;
      await promise;
      this.#answer = null;
      signal?.removeEventListener('abort', answer);
      clearTimeout(timer);
    }
    this.#rung = false;
  }
}
