import type { AddressInfo } from 'node:net';
import { readConfig } from '../../src/config.js';
import { createApp } from '../../src/create-app.js';
import { AccountsService } from '../../src/identity/accounts.service.js';
import { ORGANISATION, System } from '../../src/system.js';

/** The server as main.ts boots it, with one account, and without samples or partners that would do things of their own. */
const [, , email = '', password = ''] = process.argv;
const system = await System.open(readConfig(), {
  warn: (message, error) => process.stderr.write(`${message} ${String(error)}\n`),
});
const app = await createApp(system, false);
const accounts = app.get(AccountsService);
if (!(await accounts.principalByEmail(email)))
  await accounts.save({ email, name: email, password, roles: ['registrar'], organisationId: ORGANISATION, by: 'test' });
await system.deployFolder();
await app.listen(0, '127.0.0.1');
await system.work();
process.on('SIGTERM', () => {
  void app
    .close()
    .then(() => system.close())
    .then(() => process.exit(0));
});
process.stdout.write(`Ready: http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}\n`);
