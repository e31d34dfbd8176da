import type { Worker } from 'node:worker_threads';

/**
 * Work that would keep the process busy, in a thread of its own: one piece after another, each with so much patience. Says null
 * for a piece that takes longer, or more memory than its thread may have.
 */
export class Beside {
  private last: Promise<unknown> = Promise.resolve();

  /** `begin` starts a thread whose one message is its answer, as data that can be cloned. */
  run<Answer>(begin: () => Worker, patienceMs: number): Promise<Answer | null> {
    const mine = this.last.then(() => answerOf<Answer>(begin(), patienceMs));
    this.last = mine.catch(() => undefined);
    return mine;
  }
}

function answerOf<Answer>(worker: Worker, patienceMs: number): Promise<Answer | null> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer | null>();
  const late = setTimeout(() => resolve(null), patienceMs);
  worker.once('message', resolve);
  worker.once('error', (error: NodeJS.ErrnoException) =>
    error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? resolve(null) : reject(error),
  );
  worker.once('exit', (code) => reject(new Error(`A thread ended with code ${code} and without an answer.`)));
  return promise.finally(() => {
    clearTimeout(late);
    void worker.terminate();
  });
}
