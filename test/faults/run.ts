import { spawnSync } from 'node:child_process';
import { numbersInTitles, numbersOfTable, titleWith } from './numbers.js';

/** `npm run test:faults -- F16 F19 [what Jest takes]`: the tests of these numbers, or of all, at full size. */
const given = process.argv.slice(2);
const asked = given.filter((word) => /^[FA]\d+$/.test(word));
const unknown = asked.filter((number) => !numbersOfTable().includes(number));
if (unknown.length > 0) {
  process.stderr.write(`docs/faults.md has no ${unknown.join(', ')}. Ask for numbers of its tables: F16 A65\n`);
  process.exit(2);
}
const numbers = asked.length > 0 ? asked : numbersOfTable();
const files = [...numbersInTitles()].flatMap(([file, found]) => (numbers.some((one) => found.has(one)) ? [file] : []));
const { status } = spawnSync(
  process.execPath,
  [
    ...['--experimental-vm-modules', 'node_modules/jest/bin/jest.js'],
    // One after another, in a worker that is replaced when it has grown: `--runInBand` keeps all of them in one process.
    ...['--maxWorkers=1'],
    ...['--reporters=default', '--reporters=<rootDir>/test/faults/table-reporter.js'],
    ...['--testNamePattern', titleWith(numbers)],
    ...given.filter((word) => !asked.includes(word)),
    ...['--runTestsByPath', ...files],
  ],
  { stdio: 'inherit', env: { ...process.env, QAMQOR_TEST: 'full', QAMQOR_TEST_FAULTS: numbers.join(',') } },
);
process.exitCode = status ?? 1;
