import { parentPort, workerData } from 'node:worker_threads';
import { type Inspection, inspect } from './inspect.js';

/** Begun by `inspectBeside`. */
parentPort?.postMessage(inspect(workerData as Inspection) ?? 'fine');
