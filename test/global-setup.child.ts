import { PostgresCluster } from '../src/platform/postgres-cluster.js';
import setUp from './global-setup.js';

/** For the spec: does what a test run does, says where its database is, and waits to be killed. */
await setUp();
const dataDir = process.env.QAMQOR_TEST_CLUSTER ?? '';
const cluster = new PostgresCluster({ dataDir, settings: { fsync: 'off' } });
const { port } = await cluster.locked(() => cluster.ensureRunning());
console.log(`running ${dataDir} ${port}`);
setInterval(() => undefined, 1_000);
