import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
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

const read = <Content>(path: string) => JSON.parse(readFileSync(path, 'utf8')) as Content;
const project = read<{ dependencies: Record<string, string>; allowScripts: Record<string, boolean> }>('package.json');
/** What a lock file names. The project itself is the one without a path. */
function lockedBy(file: string) {
  const { packages } = read<{ packages: Record<string, Locked> }>(file);
  return Object.entries(packages)
    .filter(([path]) => path !== '')
    .map(([path, each]) => ({
      ...each,
      path,
      name: path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
    }));
}
const locked = lockedBy('package-lock.json');
const named = (found: { name: string; version: string }[]) => found.map(({ name, version }) => `${name}@${version}`);

/** Such a package is passed over where we run. */
function isElsewhere({ optional, ...given }: Locked): boolean {
  const excludes = (field: keyof typeof OURS) => given[field] !== undefined && !given[field].includes(OURS[field]);
  return optional === true && (['os', 'cpu', 'libc'] as const).some(excludes);
}

describe.each(['package-lock.json', 'bench/peers/package-lock.json'])(
  'A67: what comes from outside, by %s,',
  (file) => {
    const locked = lockedBy(file);

    it('is pinned to its content, all that is installed where we run', () => {
      expect(named(locked.filter((each) => !each.integrity && !isElsewhere(each)))).toEqual([]);
      expect(named(locked.filter(({ integrity }) => integrity !== undefined && !/^sha512-/.test(integrity)))).toEqual(
        [],
      );
    });

    it('comes from one registry: nothing from an address or a folder of its own', () => {
      const hosts = locked.flatMap(({ resolved }) => (resolved === undefined ? [] : [new URL(resolved).host]));
      expect(new Set(hosts).size).toBeLessThanOrEqual(1);
      expect(named(locked.filter(({ link }) => link))).toEqual([]);
    });
  },
);

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
