import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import type { ElkNode } from 'elkjs';
import { AppError } from '../engine/errors.js';

/** A pipeline of hundreds of states would take longer than anybody waits. */
const PATIENCE_MS = 10_000;
const MEMORY_MB = 256;

const ELK = createRequire(import.meta.url).resolve('elkjs/lib/elk.bundled.js');
const DRAW = `
  const { parentPort, workerData } = require('node:worker_threads');
  const ELK = require(workerData.elk);
  new ELK().layout(workerData.graph).then(
    (laid) => parentPort.postMessage(JSON.stringify(laid)),
    (error) => { throw error; },
  );
`;

let last: Promise<unknown> = Promise.resolve();

/**
 * Lays a graph out beside the process's own work, one after another. @throws AppError `drawing-too-large` for what takes too long
 */
export function layOut(graph: ElkNode, patienceMs = PATIENCE_MS): Promise<ElkNode> {
  const mine = last.then(() => inWorker(graph, patienceMs));
  last = mine.catch(() => undefined);
  return mine;
}

function inWorker(graph: ElkNode, patienceMs: number): Promise<ElkNode> {
  const worker = new Worker(DRAW, {
    eval: true,
    workerData: { elk: ELK, graph },
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB },
  });
  const { promise, resolve, reject } = Promise.withResolvers<ElkNode>();
  const late = setTimeout(() => reject(tooLarge()), patienceMs);
  worker.once('message', (laid: string) => resolve(JSON.parse(laid) as ElkNode));
  worker.once('error', (error: NodeJS.ErrnoException) =>
    reject(error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? tooLarge() : error),
  );
  return promise.finally(() => {
    clearTimeout(late);
    void worker.terminate();
  });
}

function tooLarge(): AppError {
  return new AppError('drawing-too-large', 422, 'This pipeline is too large to be drawn as a whole.');
}
