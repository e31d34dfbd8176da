import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';

/** What the container runs on, and who tests it. */
const OURS = { os: 'linux', cpu: 'x64', libc: 'glibc' } as const;

interface Locked {
  version: string;
  resolved?: string;
  integrity?: string;
  hasInstallScript?: boolean;
  dev?: boolean;
  optional?: boolean;
  peer?: boolean;
  link?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
}

type Packages = Record<string, Locked>;

const read = <Content>(path: string) => JSON.parse(readFileSync(path, 'utf8')) as Content;
const project = read<{ dependencies: Record<string, string>; allowScripts: Record<string, boolean> }>('package.json');
const packagesOf = (file: string) => read<{ packages: Packages }>(file).packages;
/** What a lock file names. The project itself is the one without a path. */
function lockedBy(packages: Packages) {
  return Object.entries(packages)
    .filter(([path]) => path !== '')
    .map(([path, each]) => ({
      ...each,
      path,
      name: path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
    }));
}
const locked = lockedBy(packagesOf('package-lock.json'));
const named = (found: { name: string; version: string }[]) => found.map(({ name, version }) => `${name}@${version}`);

/** Such a package is passed over where we run. */
function isElsewhere({ optional, ...given }: Locked): boolean {
  const excludes = (field: keyof typeof OURS) => given[field] !== undefined && !given[field].includes(OURS[field]);
  return optional === true && (['os', 'cpu', 'libc'] as const).some(excludes);
}

/** What is not pinned to its content where we run, and what does not come from the registry that npm asks by itself. */
function strangersIn(packages: Packages): string[] {
  const isPinned = (each: Locked) =>
    each.integrity === undefined ? isElsewhere(each) : each.integrity.startsWith('sha512-');
  return lockedBy(packages).flatMap((each) => [
    ...(isPinned(each) ? [] : [`${each.path} is not pinned to its content`]),
    // Only what comes from elsewhere has to say where it comes from.
    ...(each.resolved === undefined ? [] : [`${each.path} comes from ${each.resolved}`]),
    ...(each.link ? [`${each.path} is a folder`] : []),
  ]);
}

describe('A67: what comes from outside', () => {
  it.each(['package-lock.json', 'bench/peers/package-lock.json'])(
    'by %s is pinned to its content, all that is installed where we run, and comes from no address or folder of its own',
    (file) => {
      expect(lockedBy(packagesOf(file)).length).toBeGreaterThan(0);
      expect(strangersIn(packagesOf(file))).toEqual([]);
    },
  );

  it.each<[string, Partial<Locked>, string]>([
    ['another host', { resolved: 'https://packages.example/pg.tgz' }, 'comes from https://packages.example/pg.tgz'],
    ['a repository', { resolved: 'git+ssh://git@code.example/pg.git' }, 'comes from git+ssh://git@code.example/pg.git'],
    ['a folder', { link: true }, 'is a folder'],
    ['no content', { integrity: '' }, 'is not pinned to its content'],
    ['a weak digest', { integrity: 'sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=' }, 'is not pinned to its content'],
  ])('is refused with %s', (_what, change, problem) => {
    const packages = packagesOf('package-lock.json');
    const path = 'node_modules/pg';
    expect(strangersIn({ ...packages, [path]: { ...packages[path]!, ...change } })).toEqual([`${path} ${problem}`]);
  });

  it('comes from the registry that npm asks by itself: no .npmrc names another', () => {
    for (const file of ['.npmrc', 'bench/peers/.npmrc'])
      expect(existsSync(file) ? readFileSync(file, 'utf8') : '').not.toMatch(/registry *=|_auth|:\/\//);
  });
});

describe('A67: what comes into the project from outside', () => {
  it('is asked for in one version only', () => {
    for (const [name, range] of Object.entries(project.dependencies))
      expect({ name, range }).toEqual({ name, range: expect.stringMatching(/^\d+\.\d+\.\d+(-[\w.]+)?$/) });
  });

  it('runs no script while it is installed about which nobody has decided', () => {
    const withScripts = new Set(locked.filter(({ hasInstallScript }) => hasInstallScript).map(({ name }) => name));
    expect(Object.keys(project.allowScripts).sort()).toEqual([...withScripts].sort());
  });

  it('is in the bill of materials, every package that runs in production, in the version that is locked', () => {
    // Without `--omit=dev`: with it npm leaves out what development needs as well. Vulnerabilities are looked up elsewhere: that
    // needs the registry.
    const told = execFileSync('npm', ['sbom', '--sbom-format=cyclonedx', '--package-lock-only'], {
      encoding: 'utf8',
      env: { ...process.env, npm_config_offline: 'true' },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const { components } = JSON.parse(told) as { components: { name: string; version: string }[] };
    const listed = new Set(named(components));
    const inProduction = locked.filter(({ dev, optional, peer }) => !dev && !optional && !peer);
    expect(inProduction.length).toBeGreaterThan(Object.keys(project.dependencies).length);
    expect(named(inProduction).filter((each) => !listed.has(each))).toEqual([]);
    const direct = Object.entries(project.dependencies).map(([name, version]) => `${name}@${version}`);
    expect(direct.filter((each) => !listed.has(each))).toEqual([]);
  }, 60_000);
});

/** What nobody may find in a file of ours. */
const SECRETS: Record<string, RegExp> = {
  'a private key': /-----BEGIN [A-Z ]*PRIVATE KEY-----/g,
  'a webhook secret': /whsec_[\w+/]{32,}={0,2}/g,
  'a key of a cloud': /\b(?:AKIA|ASIA)[A-Z\d]{16}\b|\bAIza[\w-]{35}/g,
  'a token of a service': /\b(?:gh[pousr]_|npm_)[A-Za-z\d]{36}|\bxox[abprs]-[\w-]{10,}|\bsk-[\w-]{20,}/g,
  'a signed token': /\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}/g,
  'a login in an address': /:\/\/[^\s:@/]*:[^\s:@/'"`$<{]{12,}@/g,
  'a value of a setting':
    /(?:secret|password|api_?key|token)\w*['"]?\s*[=:]\s*['"]?(?=[\w+/=-]*\d)[\w+=-][\w+/=-]{19,}/gi,
};
/** Nobody takes these for a secret: digits in their order, the same in base64, and the example of Standard Webhooks. */
const EXAMPLES = /0123456789|MDEyMzQ1Njc4OT|MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw/;

const secretsIn = (text: string) =>
  Object.entries(SECRETS).flatMap(([what, pattern]) =>
    (text.match(pattern) ?? []).filter((found) => !EXAMPLES.test(found)).map(() => what),
  );

describe('A67: what we ship', () => {
  (existsSync('.git') ? it : it.skip)('holds no secret, in no file that is kept', () => {
    const files = execFileSync('git', ['ls-files', '-z'], { encoding: 'utf8' }).split('\0').filter(existsSync);
    expect(files.length).toBeGreaterThan(100);
    // Which file and what it is, and never the secret.
    const found = files.flatMap((file) => secretsIn(readFileSync(file, 'utf8')).map((what) => `${file}: ${what}`));
    expect(found).toEqual([]);
  });

  const random = 'q7Zk2Xw9Lm4Rt8Vb3Nc6Hd1Jf5Gs0Pa';
  it.each<[string, string]>([
    ['a private key', `-----BEGIN EC ${'PRIVATE'} KEY-----`],
    ['a webhook secret', `partner: whsec_${random}Y=`],
    ['a key of a cloud', `AKIA${random.toUpperCase().slice(0, 16)}`],
    ['a token of a service', `ghp_${random}A1B2C`],
    ['a signed token', `eyJ${random}.eyJ${random}.${random}`],
    ['a login in an address', `postgres://qamqor:${random}@db.example/qamqor`],
    ['a value of a setting', `QAMQOR_SECRET=${random}`],
    ['a value of a setting', `{ apiKey: '${random}' }`],
  ])('would be told of %s', (what, text) => {
    expect(secretsIn(text)).toEqual([what]);
  });
});
