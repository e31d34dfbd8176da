import { existsSync } from 'node:fs';

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
};
