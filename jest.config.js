import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** Every spec runs on Node 24 as ES modules; `npm test` sets the flag that Jest needs for that. */
export default {
  testEnvironment: 'node',
  roots: ['src', 'test', 'demo', 'bench'].filter((folder) => existsSync(folder)),
  testMatch: ['**/*.spec.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': ['@swc/jest'] },
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  globalSetup: '<rootDir>/test/global-setup.ts',
  globalTeardown: '<rootDir>/test/global-teardown.ts',
  testTimeout: 30_000,
  // Specs mostly wait for databases and child processes: even two cores carry three at once.
  maxWorkers: Math.max(3, availableParallelism() - 1),
  // ES modules of a spec that has ended are not given back; a worker that has grown is replaced.
  workerIdleMemoryLimit: '1GB',
};
