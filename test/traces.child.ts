import { registerHooks } from 'node:module';
import { readConfig } from '../src/config.js';

/** Starts and stops the application as the environment says, and tells which of OpenTelemetry's packages that loaded. */
const loaded = new Set<string>();
registerHooks({
  load(url, context, next) {
    const [, name] = /\/node_modules\/@opentelemetry\/([^/]+)\//.exec(url) ?? [];
    if (name) loaded.add(name);
    return next(url, context);
  },
});
const { System } = await import('../src/system.js');
const { createApp } = await import('../src/create-app.js');
const system = await System.open(readConfig(), { queues: false });
const app = await createApp(system, false);
await app.inject({ method: 'GET', url: '/api/cases' });
await app.close();
await system.close();
process.stdout.write(`Loaded: ${JSON.stringify([...loaded])}\n`);
