import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ConfigError, misspeltSettings, readConfig } from './config.js';

const SECRET = 'x'.repeat(32);
const PARTNER_SECRET = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;

function problemsOf(environment: Record<string, string>): Record<string, string> {
  try {
    readConfig(environment);
  } catch (error) {
    if (error instanceof ConfigError) return Object.fromEntries(error.problems.map((p) => [p.variable, p.message]));
    throw error;
  }
  return {};
}

const COLLECTOR = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318/' };

describe('readConfig', () => {
  it('needs nothing: the defaults are the embedded demonstration', () => {
    expect(readConfig({})).toMatchObject({
      port: 3000,
      host: '127.0.0.1',
      publicUrl: 'http://localhost:3000',
      dataDir: '.data',
      roles: ['web', 'worker'],
      demo: true,
      production: false,
      demoPassword: 'qamqor-demo',
      partners: {},
    });
  });

  it('takes an empty value as not set', () => {
    expect(readConfig({ PORT: '', DATABASE_URL: ' ', QAMQOR_ROLES: '' })).toMatchObject({
      port: 3000,
      databaseUrl: undefined,
    });
  });

  it.each([
    [undefined, false],
    ['off', false],
    ['0', false],
    ['on', 1],
    ['2', 2],
    ['10.0.0.5, fd00::/8', ['10.0.0.5', 'fd00::/8']],
  ])('believes X-Forwarded-For with QAMQOR_TRUST_PROXY=%s from %j', (given, trustProxy) => {
    expect(readConfig(given === undefined ? {} : { QAMQOR_TRUST_PROXY: given })).toMatchObject({ trustProxy });
  });

  it.each(['everybody', '10.0.0.5/64', '10.0.0', '10.0.0.5;10.0.0.6', '-1'])(
    'takes no QAMQOR_TRUST_PROXY=%s',
    (given) => {
      expect(problemsOf({ QAMQOR_TRUST_PROXY: given })).toEqual({
        QAMQOR_TRUST_PROXY: expect.stringContaining('the number of proxies'),
      });
    },
  );

  it('names every bad variable at once, and what to do', () => {
    const problems = problemsOf({
      PORT: 'web',
      DATABASE_URL: 'mysql://x',
      REDIS_URL: 'here',
      QAMQOR_ROLES: 'web,cook',
      QAMQOR_DEMO: 'maybe',
      QAMQOR_LOG: 'loud',
    });
    expect(problems).toEqual({
      PORT: 'must be a whole number from 0 to 65535',
      DATABASE_URL: 'must be a URL like postgres://user:password@host:5432/qamqor',
      REDIS_URL: 'must be a URL like redis://host:6379',
      QAMQOR_ROLES: 'must be "web", "worker" or "web,worker"',
      QAMQOR_DEMO: 'must be "on" or "off"',
      QAMQOR_LOG: expect.stringMatching(/^must be one of fatal, error/),
    });
  });

  it.each(['postgres://u:geheim@h:5432', 'postgres://u:geheim@h:5432/'])(
    'wants the name of a database, which %s does not have',
    (databaseUrl) => {
      expect(problemsOf({ DATABASE_URL: databaseUrl, QAMQOR_SECRET: SECRET })).toEqual({
        DATABASE_URL: 'must name a database behind the server, as in …:5432/qamqor',
      });
    },
  );

  it('never shows a secret in its error', () => {
    expect(() => readConfig({ QAMQOR_SECRET: 'hunter2', DATABASE_URL: 'mysql://u:hunter2@h/d' })).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('hunter2') }),
    );
  });

  it('refuses demonstration accounts in a database of somebody else', () => {
    const environment = { DATABASE_URL: 'postgres://h/d', QAMQOR_SECRET: SECRET };
    expect(problemsOf({ ...environment, QAMQOR_DEMO: 'on' })).toHaveProperty('QAMQOR_DEMO');
    expect(readConfig(environment)).toMatchObject({ demo: false, production: true });
  });

  it('needs a secret of its own for the web role beside DATABASE_URL', () => {
    expect(problemsOf({ DATABASE_URL: 'postgres://h/d' })).toHaveProperty('QAMQOR_SECRET');
    expect(problemsOf({ DATABASE_URL: 'postgres://h/d', QAMQOR_ROLES: 'worker' })).toEqual({});
    expect(readConfig({ DATABASE_URL: 'postgres://h/d' }, { serves: false }).secret).toBeUndefined();
  });

  it.each<[string, Record<string, string>, object | undefined]>([
    ['nothing without an address', { OTEL_SERVICE_NAME: 'centre', OTEL_TRACES_SAMPLER: 'xray' }, undefined],
    ['an address of all signals', COLLECTOR, { url: 'http://collector:4318/v1/traces', service: 'qamqor', ratio: 1 }],
    [
      'an address of traces, as it is',
      { ...COLLECTOR, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://traces.kz/in' },
      { url: 'https://traces.kz/in', sampler: 'parentbased_always_on' },
    ],
    [
      'name and sampler',
      {
        ...COLLECTOR,
        OTEL_SERVICE_NAME: 'centre',
        OTEL_TRACES_SAMPLER: 'traceidratio',
        OTEL_TRACES_SAMPLER_ARG: '0.25',
      },
      { service: 'centre', sampler: 'traceidratio', ratio: 0.25 },
    ],
    ['that it is switched off', { ...COLLECTOR, OTEL_SDK_DISABLED: 'True' }, undefined],
    ['that traces go nowhere', { ...COLLECTOR, OTEL_TRACES_EXPORTER: 'none' }, undefined],
  ])("reads OpenTelemetry's variables: %s", (_what, more, tracing) => {
    const read = readConfig(more).tracing;
    if (tracing) expect(read).toMatchObject(tracing);
    else expect(read).toBeUndefined();
  });

  it('refuses a collector that it cannot speak to, and a sampler that it does not have', () => {
    expect(
      problemsOf({
        OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4317',
        OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
        OTEL_TRACES_SAMPLER: 'xray',
        OTEL_TRACES_SAMPLER_ARG: '2',
      }),
    ).toEqual({
      OTEL_EXPORTER_OTLP_ENDPOINT: 'must be a URL like http://collector:4318',
      OTEL_EXPORTER_OTLP_PROTOCOL: expect.stringContaining('must be "http/json" or "http/protobuf"'),
      OTEL_TRACES_SAMPLER: expect.stringMatching(/^must be one of always_on, always_off/),
      OTEL_TRACES_SAMPLER_ARG: 'must be a number from 0 to 1',
    });
  });

  it('reads partners by key', () => {
    const { partners } = readConfig({
      QAMQOR_PARTNER_OTBASY_BANK_URL: 'https://bank.kz/hooks',
      QAMQOR_PARTNER_OTBASY_BANK_SECRET: PARTNER_SECRET,
    });
    expect(partners).toEqual({ 'otbasy-bank': { url: 'https://bank.kz/hooks', secret: PARTNER_SECRET } });
  });

  it('refuses half a partner and a short secret', () => {
    expect(problemsOf({ QAMQOR_PARTNER_ATAMEKEN_URL: 'https://a.kz' })).toHaveProperty(
      'QAMQOR_PARTNER_ATAMEKEN_SECRET',
    );
    expect(problemsOf({ QAMQOR_PARTNER_ATAMEKEN_SECRET: PARTNER_SECRET })).toHaveProperty(
      'QAMQOR_PARTNER_ATAMEKEN_URL',
    );
    expect(problemsOf({ QAMQOR_PARTNER_A_URL: 'https://a.kz', QAMQOR_PARTNER_A_SECRET: 'whsec_MQ==' })).toHaveProperty(
      'QAMQOR_PARTNER_A_SECRET',
    );
  });

  const bank = {
    QAMQOR_PARTNER_OTBASY_BANK_URL: 'https://bank.kz/hooks',
    QAMQOR_PARTNER_OTBASY_BANK_SECRET: PARTNER_SECRET,
  };
  const OLD = `whsec_${Buffer.alloc(24, 8).toString('base64')}`;
  const until = '2026-12-01T09:00:00+05:00';

  it('reads the secret before, and until when it is in force', () => {
    const { partners } = readConfig({
      ...bank,
      QAMQOR_PARTNER_OTBASY_BANK_SECRET_OLD: OLD,
      QAMQOR_PARTNER_OTBASY_BANK_SECRET_OLD_UNTIL: until,
    });
    expect(partners['otbasy-bank']).toMatchObject({ secret: PARTNER_SECRET, oldSecret: { secret: OLD, until } });
  });

  it.each([
    ['without an end', OLD, undefined, 'SECRET_OLD_UNTIL'],
    ['with an end in no offset', OLD, '2026-12-01T09:00:00', 'SECRET_OLD_UNTIL'],
    ['with an end that is no moment', OLD, 'soon', 'SECRET_OLD_UNTIL'],
    ['with an end and no secret', undefined, until, 'SECRET_OLD'],
    ['that is too short', 'whsec_MQ==', until, 'SECRET_OLD'],
    ['that is the new one', PARTNER_SECRET, until, 'SECRET_OLD'],
  ])('refuses an old secret %s', (_what, secret, end, wrong) => {
    const problems = problemsOf({
      ...bank,
      ...(secret === undefined ? {} : { QAMQOR_PARTNER_OTBASY_BANK_SECRET_OLD: secret }),
      ...(end === undefined ? {} : { QAMQOR_PARTNER_OTBASY_BANK_SECRET_OLD_UNTIL: end }),
    });
    expect(Object.keys(problems)).toEqual([`QAMQOR_PARTNER_OTBASY_BANK_${wrong}`]);
    expect(JSON.stringify(problems)).not.toContain(secret ?? OLD);
  });

  it('tells of misspelt settings of a partner', () => {
    expect(misspeltSettings({ ...bank, QAMQOR_PARTNER_OTBASY_BANK_SECRET_ODL: OLD }).join()).toContain(
      'Did you mean "QAMQOR_PARTNER_OTBASY_BANK_SECRET_OLD"?',
    );
  });

  it('tells of misspelt names', () => {
    expect(misspeltSettings({ QAMQOR_ROLE: 'web', QAMQOR_DEMO: 'on', QAMQOR_TEST: '1', PATH: '/bin' })).toEqual([
      'The setting QAMQOR_ROLE means nothing and is passed over. Did you mean "QAMQOR_ROLES"?',
    ]);
    expect(misspeltSettings({ QAMQOR_DEMOO: '1' }).join()).toContain('"QAMQOR_DEMO"');
  });
});

describe('a setting in a file', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'qamqor-config-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  const file = (name: string, content: string) => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };

  it('counts as if it were set, without the line break at its end', () => {
    const config = readConfig({
      DATABASE_URL_FILE: file('database-url', 'postgres://u:p@h/d\n'),
      REDIS_URL_FILE: file('redis-url', 'redis://h:6379\n'),
      QAMQOR_SECRET_FILE: file('secret', `${SECRET}\n`),
      QAMQOR_API_KEY_FILE: file('api-key', '0123456789abcdef'),
      QAMQOR_PARTNER_ATAMEKEN_URL: 'https://a.kz',
      QAMQOR_PARTNER_ATAMEKEN_SECRET_FILE: file('atameken', PARTNER_SECRET),
    });
    expect(config).toMatchObject({
      databaseUrl: 'postgres://u:p@h/d',
      redisUrl: 'redis://h:6379',
      secret: SECRET,
      apiKey: '0123456789abcdef',
      partners: { atameken: { url: 'https://a.kz', secret: PARTNER_SECRET } },
    });
  });

  it('that is not there, is empty or is set twice is named, before anything else is complained of', () => {
    expect(
      problemsOf({
        DATABASE_URL: 'postgres://h/d',
        QAMQOR_SECRET_FILE: join(folder, 'nowhere'),
        QAMQOR_API_KEY_FILE: file('empty', '\n'),
        DATABASE_URL_FILE: file('url', 'postgres://h/other'),
        REDIS_URL_FILE: folder,
      }),
    ).toEqual({
      QAMQOR_SECRET_FILE: `the file ${join(folder, 'nowhere')} is not there; it should hold the value of QAMQOR_SECRET`,
      QAMQOR_API_KEY_FILE: expect.stringContaining('is empty'),
      DATABASE_URL_FILE: expect.stringContaining('only one of the two'),
      REDIS_URL_FILE: expect.stringContaining('cannot be read (EISDIR)'),
    });
  });

  it('is no misspelt one; a file of a setting that does not exist is', () => {
    expect(misspeltSettings({ QAMQOR_SECRET_FILE: '/x', QAMQOR_PARTNER_ATAMEKEN_SECRET_FILE: '/x' })).toEqual([]);
    expect(misspeltSettings({ QAMQOR_SECRETS_FILE: '/x' })).toHaveLength(1);
  });
});

describe('the port', () => {
  it('is 3000 for the web role; a worker alone listens only where one is set', () => {
    expect(readConfig({})).toMatchObject({ port: 3000, listens: true });
    expect(readConfig({ QAMQOR_ROLES: 'worker' })).toMatchObject({ listens: false });
    expect(readConfig({ QAMQOR_ROLES: 'worker', PORT: '9100' })).toMatchObject({ port: 9100, listens: true });
  });
});
