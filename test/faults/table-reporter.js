/**
 * At the end of a run, one line for each test that has the number of a fault, and the numbers that no test has tried. With
 * QAMQOR_CI=1 there may be none.
 */
export default class FaultTable {
  untried = [];

  onRunComplete(_contexts, { testResults }) {
    const wanted = new Set((process.env.QAMQOR_TEST_FAULTS ?? '').split(','));
    const rows = testResults.flatMap(({ testResults: tests }) => tests.flatMap((test) => rowOf(test, wanted)));
    const byNumber = (one, other) => one.number.localeCompare(other.number, 'en', { numeric: true });
    process.stdout.write(`\n${table(rows.toSorted(byNumber))}\n`);
    const tried = new Set(
      rows.filter(({ result }) => result !== 'skipped').flatMap(({ number }) => number.split(', ')),
    );
    this.untried = [...wanted].filter((number) => !tried.has(number));
    if (this.untried.length > 0) process.stdout.write(`\nNot tried on this machine: ${this.untried.join(', ')}\n`);
  }

  getLastError() {
    if (process.env.QAMQOR_CI === '1' && this.untried.length > 0)
      return new Error(`No test has tried ${this.untried.join(', ')}.`);
  }
}

function rowOf({ fullName, status, duration }, wanted) {
  const [, numbers = ''] = /\b((?:[FA]\d+, )*[FA]\d+): /.exec(fullName) ?? [];
  if (!numbers.split(', ').some((number) => wanted.has(number))) return [];
  const [, seed = ''] = /\bseed (\w+)/.exec(fullName) ?? [];
  const title = fullName.replace(`${numbers}: `, '');
  const seconds = ((duration ?? 0) / 1000).toFixed(1);
  return [
    { number: numbers, title: shortened(title), result: status === 'pending' ? 'skipped' : status, seconds, seed },
  ];
}

function shortened(title) {
  return title.length > 100 ? `${title.slice(0, 99)}…` : title;
}

function table(rows) {
  const columns = ['number', 'result', 'seconds', 'seed', 'title'];
  const lines = [Object.fromEntries(columns.map((name) => [name, name])), ...rows];
  const widthOf = (column) => Math.max(...lines.map((line) => line[column].length));
  return lines
    .map((line) =>
      columns
        .map((column) => line[column].padEnd(widthOf(column)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
