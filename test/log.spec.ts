import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readConfig } from '../src/config.js';
import { createApp } from '../src/create-app.js';
import { Log } from '../src/platform/log.js';
import { System } from '../src/system.js';
import { createDatabase, type TestDatabase } from './database.js';
import { settled } from './partner.js';

/** What a family says of itself: none of it may be read in a log. */
const CANARIES = [
  'Қанарейкина',
  'Kanareykina',
  'Сарыала',
  '77019998877',
  '900101300123',
  'canary@nest.kz',
  'Клеточная',
];
const API_KEY = 'log-key-0123456789abcdef';

describe('the log of a whole application, at its most talkative', () => {
  let database: TestDatabase;
  let system: System;
  let app: Awaited<ReturnType<typeof createApp>>;
  let text = '';

  beforeAll(async () => {
    database = await createDatabase();
    const config = {
      ...readConfig({ QAMQOR_LOG: 'trace' }),
      databaseUrl: database.url,
      secret: 'a secret for tests only 0123456789abcdef',
      apiKey: API_KEY,
      demo: false,
    };
    const stream = new PassThrough().on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    const logger = new Log(config, stream);
    system = await System.open(config, { queues: false, logger });
    app = await createApp(system, logger);
    await system.deployFolder();
  });
  afterAll(async () => {
    await app.close();
    await system.close();
    await database.close();
  });

  const ask = async (method: 'GET' | 'POST', url: string, body?: object, key = 'canary-key') => {
    const response = await app.inject({
      method,
      url,
      headers: { authorization: `Bearer ${API_KEY}`, 'idempotency-key': key, 'accept-language': 'en' },
      ...(body ? { payload: body } : {}),
    });
    return { status: response.statusCode, body: response.json() };
  };
  const intake = (surname: string) => ({
    workflow: 'family-support',
    input: {
      applicant: { surname, given: 'Сарыала' },
      categories: ['large'],
      interest: 'sewing',
      phone: '+77019998877',
      language: 'kk',
    },
  });

  it('names the case and the command of what was answered', async () => {
    const { status, body } = await ask('POST', '/api/cases', intake('Қанарейкина'), 'first-visit');
    expect({ status, body }).toMatchObject({ status: 201 });
    await settled(system);
    const lines = text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toContainEqual(
      expect.objectContaining({ msg: 'command accepted', case: body.id, command: expect.any(String), kind: 'open' }),
    );
  });

  it('holds nothing of a family, whatever fails about it', async () => {
    await ask('POST', '/api/cases', { ...intake('Kanareykina'), workflow: 'Қанарейкина' }, 'no-workflow');
    await ask('POST', '/api/cases', intake('Kanareykina \\u0000'), 'with-nul');
    await ask(
      'GET',
      '/api/cases?q=%D2%9A%D0%B0%D0%BD%D0%B0%D1%80%D0%B5%D0%B9%D0%BA%D0%B8%D0%BD%D0%B0&x=canary@nest.kz',
    );
    await ask('POST', '/api/families/search', { q: 'Қанарейкина', x: 'canary@nest.kz' });
    const owner = database.pool('owner');
    // The database refuses the record itself, and its driver quotes the statement with all that is in it.
    await owner.query('alter table qamqor.persons add constraint canary check (surname is null) not valid');
    const { status, body } = await ask('POST', '/api/cases', intake('Kanareykina'), 'refused-by-constraint');
    expect(status).toBe(500);
    await owner.query('alter table qamqor.persons drop constraint canary');
    expect(text).toContain(body.reference);
    expect(text).toContain('refused-by-constraint');
    for (const canary of CANARIES) expect(text).not.toContain(canary);
  });
});
