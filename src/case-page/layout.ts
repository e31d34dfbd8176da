import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import type { ElkNode } from 'elkjs';
import { AppError } from '../engine/errors.js';
import { Beside } from '../platform/beside.js';

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

const beside = new Beside();

/** Lays a graph out beside the process's own work. @throws AppError `drawing-too-large` for what takes too long */
export async function layOut(graph: ElkNode, patienceMs = PATIENCE_MS): Promise<ElkNode> {
  const options = {
    eval: true,
    workerData: { elk: ELK, graph },
    resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB },
  };
  const laid = await beside.run<string>(() => new Worker(DRAW, options), patienceMs);
  if (laid === null) throw new AppError('drawing-too-large', 422, 'This pipeline is too large to be drawn as a whole.');
  return JSON.parse(laid) as ElkNode;
}
