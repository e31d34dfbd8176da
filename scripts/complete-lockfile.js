/**
 * Adds to package-lock.json the optional packages of other platforms that npm left out when the lockfile was written:
 * `npm ci` would refuse it there. Run it after `npm install`; where nothing is missing it changes nothing.
 */
import { readFileSync, writeFileSync } from 'node:fs';

const SYSTEMS = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32'];
const PROCESSORS = ['arm', 'arm64', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64'];

const path = new URL('../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(path, 'utf8'));
const added = [];
for (const [owner, { optionalDependencies = {}, dev }] of Object.entries(lock.packages)) {
  if (owner === '') continue;
  for (const [name, range] of Object.entries(optionalDependencies)) {
    const platform = platformOf(name);
    const place = `node_modules/${name}`;
    const version = range.replace(/^[\^~]/, '');
    if (!platform || lock.packages[`${owner}/${place}`] || lock.packages[place]) continue;
    lock.packages[place] = { version, ...platform, ...(dev ? { dev } : {}), optional: true };
    added.push(name);
  }
}
if (added.length > 0) {
  const { '': root, ...others } = lock.packages;
  const sorted = Object.fromEntries(Object.entries(others).sort(([one], [other]) => (one < other ? -1 : 1)));
  writeFileSync(path, `${JSON.stringify({ ...lock, packages: { '': root, ...sorted } }, null, 2)}\n`);
}
process.stdout.write(`${added.length} packages of other platforms added.\n`);

/** What `os`, `cpu` and `libc` say in the manifests of such packages, read off their names; undefined for other packages. */
function platformOf(name) {
  const words = name.split(/[/-]/);
  const cpu = PROCESSORS.find((word) => words.includes(word));
  const os = SYSTEMS.find((word) => words.includes(word));
  if (!cpu || (!os && cpu !== 'wasm32')) return undefined;
  const libc = words.some((word) => word.startsWith('musl'))
    ? 'musl'
    : words.some((word) => word.startsWith('gnu'))
      ? 'glibc'
      : undefined;
  return { cpu: [cpu], ...(os ? { os: [os] } : {}), ...(libc && os === 'linux' ? { libc: [libc] } : {}) };
}
