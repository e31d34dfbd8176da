import { Runtime } from '../../src/engine/runtime.js';
import { systemIds } from '../../src/platform/ids.js';

/** A worker on a database that is there, whose handler ends the whole process as soon as it meets one case. */
const [, , url = '', poisoned = ''] = process.argv;
const runtime = new Runtime({
  url,
  id: () => systemIds.next(),
  calendar: () => ({ zone: 'Asia/Almaty', week: [1, 2, 3, 4, 5], hours: [{ from: '09:00', to: '18:00' }], days: {} }),
  warn: (message, error) => process.stderr.write(`${message} ${String(error)}\n`),
});
runtime.engine.registerSource({
  src: 'handOff',
  topics: { open: 'handOff.open' },
  open: () => Promise.resolve(),
  close: () => Promise.resolve(),
});
runtime.engine.registerOutbox('handOff.open', ({ caseId }) => {
  if (caseId === poisoned) process.exit(7);
  return Promise.resolve({ kind: 'done' });
});
runtime.sweeper.start();
process.on('SIGTERM', () => void runtime.stop().then(() => process.exit(0)));
process.stdout.write('Working.\n');
