import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { z } from 'zod';
import { suggestion } from './statechart/suggestion.js';

/** Every setting, once. The only file that reads the environment; an empty value counts as not set. */
export interface Config {
  port: number;
  /** False: a worker alone for which nobody chose a port, so that several run beside each other. */
  listens: boolean;
  host: string;
  /** The address people open, without a slash at its end: links, QR codes and sign-in rely on it. */
  publicUrl: string;
  /** PostgreSQL. Not set: the embedded one is used. */
  databaseUrl: string | undefined;
  /** Redis or Valkey. Not set: queues live in PostgreSQL. */
  redisUrl: string | undefined;
  /** Holds the embedded database and the generated secret. */
  dataDir: string;
  roles: Role[];
  /** Sample families, demonstration accounts and simulated partners. */
  demo: boolean;
  demoPassword: string;
  /** How many sample families have come in the months before the first start. 0: none, the database stays empty. */
  demoFamilies: number;
  /** Key of the partner that has answered nobody in the weeks before the first start. */
  demoSilent: string;
  /** True: the clock cannot be moved by a simulation, nor can a database whose clock was moved be used. */
  production: boolean;
  /** What `integration` sends as `Authorization: Bearer`. Not set: nobody can act as `integration`. */
  apiKey: string | undefined;
  /** Signs sessions. Not set with the embedded database: one is generated and kept in `dataDir`. */
  secret: string | undefined;
  /** By partner key (`otbasy-bank`). */
  partners: Record<string, PartnerConfig>;
  logLevel: LogLevel;
  /** NODE_ENV=production: nobody reads along at a terminal, and what is logged is JSON in any case. */
  unattended: boolean;
  /** Jobs that one worker process carries out at once, per queue. */
  concurrency: number;
  /** Connections that one process keeps to PostgreSQL at most, for each of its roles. */
  databaseConnections: number;
  /**
   * The proxies before us, whose `X-Forwarded-For` is believed: how many there are, or their addresses and networks.
   * False: whoever connects is whoever asks.
   */
  trustProxy: false | number | string[];
  /** Where spans go. Not set: nothing is traced, and nothing of OpenTelemetry's SDK is loaded. */
  tracing: TracingConfig | undefined;
  /** Only for tests of survival: where this process kills itself (platform/crash-points.ts). */
  crashAt: string | undefined;
}

export type Role = 'web' | 'worker';
export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';

export interface PartnerConfig {
  url: string;
  /** Standard Webhooks: `whsec_` and base64 of 24 to 64 bytes. */
  secret: string;
  /** The one before, while the partner changes over: in force beside `secret` `until` a moment (ISO 8601) of the database's clock. */
  oldSecret?: { secret: string; until: string };
}

export interface TracingConfig {
  /** Of a collector that takes OTLP over HTTP, with its path. */
  url: string;
  /** What this process is called in a trace. */
  service: string;
  sampler: SamplerName;
  /** From 0 to 1: which part of the traces is kept, by a sampler that asks for it. */
  ratio: number;
}

export type SamplerName = (typeof SAMPLERS)[number];

/** The settings are wrong; `problems` names each variable and what to do about it. */
export class ConfigError extends Error {
  constructor(readonly problems: { variable: string; message: string }[]) {
    super(
      `The settings cannot be used:\n${problems.map(({ variable, message }) => `  ${variable}: ${message}`).join('\n')}`,
    );
    this.name = 'ConfigError';
  }
}

const url = (protocols: RegExp, example: string) =>
  z.string().refine((text) => URL.canParse(text) && protocols.test(new URL(text).protocol), {
    error: `must be a URL like ${example}`,
    abort: true,
  });

const SWITCH: Record<string, boolean> = {
  on: true,
  true: true,
  '1': true,
  yes: true,
  off: false,
  false: false,
  '0': false,
  no: false,
};
const onOff = z
  .string()
  .refine((text) => Object.hasOwn(SWITCH, text.toLowerCase()), { error: 'must be "on" or "off"' })
  .transform((text) => SWITCH[text.toLowerCase()] === true);

const wholeNumber = (from: number, to: number) => {
  const error = `must be a whole number from ${from} to ${to}`;
  return z.coerce.number({ error }).int({ error }).min(from, { error }).max(to, { error });
};

const roleList = z
  .string()
  .transform((text) => [
    ...new Set(
      text
        .split(',')
        .map((role) => role.trim())
        .filter(Boolean),
    ),
  ])
  .pipe(
    z
      .array(z.enum(['web', 'worker'], { error: 'must be "web", "worker" or "web,worker"' }))
      .min(1, { error: 'must name "web", "worker" or both' }),
  );

const proxies = z
  .string()
  .transform((text) => {
    if (Object.hasOwn(SWITCH, text.toLowerCase())) return SWITCH[text.toLowerCase()] === true ? 1 : false;
    return /^\d$/.test(text) ? Number(text) : text.split(',').map((part) => part.trim());
  })
  .refine((given) => !Array.isArray(given) || given.every(isNetwork), {
    error:
      'must be "off", the number of proxies before this process (1 to 9), or their addresses: 10.0.0.5, 10.1.0.0/16',
  });

/** An address, alone or with the length of its network. */
function isNetwork(text: string): boolean {
  const [address = '', length, ...more] = text.split('/');
  const bits = { 4: 32, 6: 128, 0: -1 }[isIP(address)] ?? -1;
  return (
    bits > 0 && more.length === 0 && (length === undefined || (/^\d{1,3}$/.test(length) && Number(length) <= bits))
  );
}

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

const variables = z.object({
  /** TCP port; 0 takes a free one. 3000 for the web role; a worker alone answers /health and /metrics there if one is set. */
  PORT: wholeNumber(0, 65_535).optional(),
  /** Address to listen on; 0.0.0.0 inside a container. */
  HOST: z.string().default('127.0.0.1'),
  /** Where people reach the web role from outside. */
  QAMQOR_URL: url(/^https?:$/, 'https://qamqor.example.kz').optional(),
  /** PostgreSQL 15 or newer; the login owns the database and may create roles. */
  DATABASE_URL: url(/^postgres(ql)?:$/, 'postgres://user:password@host:5432/qamqor')
    .refine((text) => new URL(text).pathname.length > 1, {
      error: 'must name a database behind the server, as in …:5432/qamqor',
    })
    .optional(),
  /** Redis 7 or Valkey 8 with maxmemory-policy noeviction and AOF on. */
  REDIS_URL: url(/^rediss?:$/, 'redis://host:6379').optional(),
  /** Folder for the embedded database and the generated secret; made if it is not there. */
  QAMQOR_DATA: z.string().default('.data'),
  /** What this process does. */
  QAMQOR_ROLES: roleList.default(['web', 'worker']),
  /** Sample families and simulated partners. On by itself with the embedded database, impossible with another. */
  QAMQOR_DEMO: onOff.optional(),
  /** Password of the demonstration accounts. */
  QAMQOR_DEMO_PASSWORD: z.string().min(8, { error: 'must have 8 characters or more' }).default('qamqor-demo'),
  /** Sample families that a first start leads through the last months; 0 leaves the database empty. */
  QAMQOR_DEMO_FAMILIES: wholeNumber(0, 400).default(60),
  /** The partner (by key) whose silence in the last weeks the demonstration shows. */
  QAMQOR_DEMO_SILENT: z.string().default('atameken'),
  /** Forbids to move the clock. On by itself with DATABASE_URL; off for simulations on a database of their own. */
  QAMQOR_PRODUCTION: onOff.optional(),
  /** Key of the account `integration`. */
  QAMQOR_API_KEY: z
    .string()
    .min(16, { error: 'must have 16 characters or more: "openssl rand -hex 32" makes one' })
    .optional(),
  /** Signs sessions; the same in every process, kept over restarts. */
  QAMQOR_SECRET: z
    .string()
    .min(32, { error: 'must have 32 characters or more: "openssl rand -hex 32" makes one' })
    .optional(),
  /** `production` where nobody sits at the terminal. */
  NODE_ENV: z.string().default(''),
  /** How much is logged. */
  QAMQOR_LOG: z.enum(LOG_LEVELS, { error: `must be one of ${LOG_LEVELS.join(', ')}` }).default('info'),
  /** Jobs at once, per queue. */
  QAMQOR_CONCURRENCY: wholeNumber(1, 1000).default(8),
  /** `off`, the number of proxies before us (`on` is 1), or their addresses: `10.0.0.5, 10.1.0.0/16`. */
  QAMQOR_TRUST_PROXY: proxies.default(false),
  /** Connections of each of two pools, `app` and `orm`; a process has up to 29 more and, where queues are in PostgreSQL, 20 besides (docs/scaling.md). */
  QAMQOR_DATABASE_CONNECTIONS: wholeNumber(2, 500).default(10),
});

const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;
const httpProtocol = z.enum(['http/json', 'http/protobuf'], {
  error: 'must be "http/json" or "http/protobuf", which every collector takes at the same address (usually port 4318)',
});
const collector = url(/^https?:$/, 'http://collector:4318');
const share = 'must be a number from 0 to 1';

/** OpenTelemetry's own names and meanings. Headers, time limit, compression and certificates are read by its exporter. */
const tracingVariables = z.object({
  /** Of all signals: `/v1/traces` is added. */
  OTEL_EXPORTER_OTLP_ENDPOINT: collector.optional(),
  /** Of traces alone, and as it is. */
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: collector.optional(),
  OTEL_EXPORTER_OTLP_PROTOCOL: httpProtocol.optional(),
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: httpProtocol.optional(),
  OTEL_SERVICE_NAME: z.string().default('qamqor'),
  OTEL_TRACES_SAMPLER: z
    .enum(SAMPLERS, { error: `must be one of ${SAMPLERS.join(', ')}` })
    .default('parentbased_always_on'),
  OTEL_TRACES_SAMPLER_ARG: z.coerce
    .number({ error: share })
    .min(0, { error: share })
    .max(1, { error: share })
    .default(1),
});

type Problem = ConfigError['problems'][number];
type Environment = Record<string, string | undefined>;

export interface ReadOptions {
  /** `false`: the process takes no requests and signs nothing, so that it needs no secret. */
  serves?: boolean;
}

/** Asked for by an address, and only looked at then: a platform may set the other variables for everybody. */
function readTracing(given: Environment): { found?: TracingConfig; problems: Problem[] } {
  const isAsked = 'OTEL_EXPORTER_OTLP_ENDPOINT' in given || 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT' in given;
  const isOff = given['OTEL_SDK_DISABLED']?.toLowerCase() === 'true' || given['OTEL_TRACES_EXPORTER'] === 'none';
  if (!isAsked || isOff) return { problems: [] };
  const read = tracingVariables.safeParse(given);
  if (!read.success) return { problems: read.error.issues.map(toProblem) };
  const v = read.data;
  return {
    found: {
      url: v.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? `${v.OTEL_EXPORTER_OTLP_ENDPOINT?.replace(/\/+$/, '')}/v1/traces`,
      service: v.OTEL_SERVICE_NAME,
      sampler: v.OTEL_TRACES_SAMPLER,
      ratio: v.OTEL_TRACES_SAMPLER_ARG,
    },
    problems: [],
  };
}

/** Nobody reads along at a terminal. Known also where the other settings are wrong. */
export function isUnattended(environment: Environment = process.env): boolean {
  return environment['NODE_ENV'] === 'production';
}

/** @throws ConfigError naming every bad variable at once */
export function readConfig(environment: Environment = process.env, { serves = true }: ReadOptions = {}): Config {
  const given = withFiles(
    Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== undefined && value.trim() !== '')),
  );
  const read = variables.safeParse(given);
  const partners = readPartners(given);
  const tracing = readTracing(given);
  const problems = [...partners.problems, ...tracing.problems, ...(read.error?.issues ?? []).map(toProblem)];
  if (!read.success) throw new ConfigError(problems);

  const v = read.data;
  const embedded = v.DATABASE_URL === undefined;
  problems.push(...contradictions(v, serves));
  if (problems.length > 0) throw new ConfigError(problems);
  const port = v.PORT ?? 3000;
  return {
    port,
    listens: v.PORT !== undefined || v.QAMQOR_ROLES.includes('web'),
    host: v.HOST,
    publicUrl: (v.QAMQOR_URL ?? `http://localhost:${port}`).replace(/\/+$/, ''),
    databaseUrl: v.DATABASE_URL,
    redisUrl: v.REDIS_URL,
    dataDir: v.QAMQOR_DATA,
    roles: v.QAMQOR_ROLES,
    demo: v.QAMQOR_DEMO ?? embedded,
    demoPassword: v.QAMQOR_DEMO_PASSWORD,
    demoFamilies: v.QAMQOR_DEMO_FAMILIES,
    demoSilent: v.QAMQOR_DEMO_SILENT,
    production: v.QAMQOR_PRODUCTION ?? !embedded,
    apiKey: v.QAMQOR_API_KEY,
    secret: v.QAMQOR_SECRET,
    partners: partners.found,
    logLevel: v.QAMQOR_LOG,
    unattended: isUnattended(given),
    concurrency: v.QAMQOR_CONCURRENCY,
    databaseConnections: v.QAMQOR_DATABASE_CONNECTIONS,
    trustProxy: v.QAMQOR_TRUST_PROXY,
    tracing: tracing.found,
    crashAt: given['QAMQOR_TEST_CRASH_AT'],
  };
}

/**
 * What stands in the file that `<SETTING>_FILE` names, as if it had been set: that is how secrets come into a container.
 * @throws ConfigError naming every file that cannot be read
 */
function withFiles(given: Environment): Environment {
  const problems: Problem[] = [];
  const settings = { ...given };
  for (const [variable, path = ''] of Object.entries(given)) {
    const setting = settingInFile(variable);
    if (setting === undefined) continue;
    if (given[setting] !== undefined) {
      problems.push({
        variable,
        message: `${setting} is set as well, and only one of the two can count; unset the other`,
      });
      continue;
    }
    try {
      // Editors and `echo` end a file with a line break that is no part of the secret.
      settings[setting] = readFileSync(path, 'utf8').trim();
      if (settings[setting] === '') problems.push({ variable, message: `the file ${path} is empty` });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const why = code === 'ENOENT' ? 'is not there' : `cannot be read (${code})`;
      problems.push({ variable, message: `the file ${path} ${why}; it should hold the value of ${setting}` });
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return settings;
}

function settingInFile(variable: string): string | undefined {
  const [, setting = ''] = /^(.+)_FILE$/.exec(variable) ?? [];
  return isKnown(setting) ? setting : undefined;
}

/** A sentence for each name that begins with QAMQOR_ and means nothing: a misspelt setting must not pass in silence. */
export function misspeltSettings(environment: Environment = process.env): string[] {
  const known = knownNames(environment);
  return Object.keys(environment)
    .filter((name) => name.startsWith('QAMQOR_') && !isKnown(name) && settingInFile(name) === undefined)
    .map((name) => `The setting ${name} means nothing and is passed over.${suggestion(name, known)}`);
}

function contradictions(v: z.infer<typeof variables>, serves: boolean): Problem[] {
  const problems: Problem[] = [];
  const embedded = v.DATABASE_URL === undefined;
  if (v.QAMQOR_DEMO && !embedded) {
    problems.push({
      variable: 'QAMQOR_DEMO',
      message:
        'demonstration accounts have a known password and never enter a database given by DATABASE_URL; unset one of the two',
    });
  }
  if (embedded && v.QAMQOR_PRODUCTION === true && v.QAMQOR_DEMO !== false) {
    problems.push({
      variable: 'QAMQOR_DEMO',
      message:
        'is on by itself with the embedded database, and its accounts have a known password; set it to off beside QAMQOR_PRODUCTION=on',
    });
  }
  if (serves && !embedded && v.QAMQOR_SECRET === undefined && v.QAMQOR_ROLES.includes('web')) {
    problems.push({
      variable: 'QAMQOR_SECRET',
      message: 'is needed with DATABASE_URL, the same in every process: "openssl rand -hex 32" makes one',
    });
  }
  return problems;
}

function toProblem(issue: z.core.$ZodIssue): Problem {
  return { variable: String(issue.path[0] ?? 'environment'), message: issue.message };
}

const PARTNER = /^QAMQOR_PARTNER_([A-Z0-9_]+?)_(URL|SECRET|SECRET_OLD|SECRET_OLD_UNTIL)$/;
const partnerUrl = url(/^https?:$/, 'https://partner.example.kz/qamqor');
const instant = z.iso.datetime({ offset: true });
const SECRET_WANTED =
  'must be "whsec_" and base64 of 24 to 64 bytes, as agreed with the partner: `echo whsec_$(openssl rand -base64 32)` makes one';

/** `QAMQOR_PARTNER_OTBASY_BANK_URL` belongs to the partner `otbasy-bank`. */
function readPartners(given: Environment): { found: Record<string, PartnerConfig>; problems: Problem[] } {
  const problems: Problem[] = [];
  const found: Record<string, PartnerConfig> = {};
  for (const prefix of partnerPrefixes(given)) {
    const variable = partnerVariables(prefix);
    const partner = { url: given[variable.url] ?? '', secret: given[variable.secret] ?? '' };
    if (!partnerUrl.safeParse(partner.url).success) {
      problems.push({
        variable: variable.url,
        message: `must be a URL like https://partner.example.kz/qamqor (other settings of ${variable.prefix} are set)`,
      });
    }
    if (!isWebhookSecret(partner.secret)) problems.push({ variable: variable.secret, message: SECRET_WANTED });
    const old = readOldSecret(given, variable);
    problems.push(...old.problems);
    found[prefix.toLowerCase().replaceAll('_', '-')] = old.found ? { ...partner, oldSecret: old.found } : partner;
  }
  return { found, problems };
}

/** A secret that is being replaced has an end: without one it would be in force for ever. */
function readOldSecret(
  given: Environment,
  variable: ReturnType<typeof partnerVariables>,
): { found?: { secret: string; until: string }; problems: Problem[] } {
  const [secret, until] = [given[variable.secretOld], given[variable.secretOldUntil]];
  if (secret === undefined && until === undefined) return { problems: [] };
  const problems: Problem[] = [];
  if (!isWebhookSecret(secret ?? '')) problems.push({ variable: variable.secretOld, message: SECRET_WANTED });
  else if (secret === given[variable.secret])
    problems.push({
      variable: variable.secretOld,
      message: `is the same as ${variable.secret}: the new one goes there`,
    });
  if (!instant.safeParse(until).success) {
    problems.push({
      variable: variable.secretOldUntil,
      message: `must be the moment until which ${variable.secretOld} is in force, like 2026-12-01T09:00:00+05:00`,
    });
  }
  return problems.length > 0 ? { problems } : { found: { secret: secret ?? '', until: until ?? '' }, problems };
}

function partnerPrefixes(given: Environment): string[] {
  return [...new Set(Object.keys(given).flatMap((name) => PARTNER.exec(name)?.[1] ?? []))];
}

function partnerVariables(key: string) {
  const prefix = `QAMQOR_PARTNER_${key}_`;
  return {
    prefix,
    url: `${prefix}URL`,
    secret: `${prefix}SECRET`,
    secretOld: `${prefix}SECRET_OLD`,
    secretOldUntil: `${prefix}SECRET_OLD_UNTIL`,
  };
}

function isWebhookSecret(text: string): boolean {
  const [, base64] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(text) ?? [];
  if (base64 === undefined) return false;
  const { length } = Buffer.from(base64, 'base64');
  return length >= 24 && length <= 64;
}

/** Of partners those that any setting names: for `…_SECRET_ODL` there is `…_SECRET_OLD`. */
function knownNames(given: Environment): string[] {
  const partners = partnerPrefixes(given).flatMap((key) => {
    const { url, secret, secretOld, secretOldUntil } = partnerVariables(key);
    return [url, secret, secretOld, secretOldUntil];
  });
  return [...Object.keys(variables.shape).filter((name) => name.startsWith('QAMQOR_')), ...partners];
}

/** `QAMQOR_TEST…` belongs to the test runner. */
function isKnown(name: string): boolean {
  return Object.hasOwn(variables.shape, name) || PARTNER.test(name) || name.startsWith('QAMQOR_TEST');
}
