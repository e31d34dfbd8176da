import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

declare global {
  var qamqorTestGuard: ChildProcess | undefined;
}

/**
 * Ends the database and removes its files when the test run is over, however it ended: `cat` returns when the last
 * process that can write to its input is gone, and after kill -9 the system closes that for us.
 */
const GUARD = `
cat > /dev/null
cluster=$(readlink -f "$1/postgres")
pid=$(head -n 1 "$cluster/postmaster.pid" 2> /dev/null)
if [ -n "$pid" ]; then
  kill -QUIT "$pid"
  while kill -0 "$pid" 2> /dev/null && [ -e "$cluster/postmaster.pid" ]; do sleep 0.02; done
fi
rm -rf "$cluster" "$1"
`;

/** One folder for the run's database. The first spec that asks for a database starts it: pure specs pay nothing. */
export default async function setUp(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'qamqor-test-'));
  // Run by root, the server belongs to another user, who must get through.
  await chmod(folder, 0o711);
  process.env.QAMQOR_TEST_CLUSTER = folder;

  const guard = spawn('sh', ['-c', GUARD, 'qamqor-test-guard', folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  guard.unref();
  globalThis.qamqorTestGuard = guard;
}
