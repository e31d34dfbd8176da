import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { until } from './engine.js';
import { violations } from './faults/invariants.js';
import { done, HandoffTown, referral } from './handoffs.js';
import { Partner, pass } from './partner.js';
import { hasRealPostgres, RealPostgres, realPostgres } from './real-postgres.js';

const LONG_MS = 180_000;
/** What may be lost with the disk. */
const RPO_S = 300;
/** … where the log is archived every second, and a generous while. */
const LOST_S = 60;
const FILES = 4;
const WORKFLOWS = [
  referral('advice', 'otbasy-bank', 'housing-advice'),
  referral('aid', 'civil-office', 'free-legal-aid'),
];

/** Settings of the server that docker-compose.yml starts. */
function composed(): Record<string, string> {
  const { services } = parse(readFileSync('docker-compose.yml', 'utf8'), { merge: true });
  const flags = (services.postgres.command as string[]).filter((flag) => flag.includes('='));
  return Object.fromEntries(flags.map((flag) => [flag.slice(0, flag.indexOf('=')), flag.slice(flag.indexOf('=') + 1)]));
}

(hasRealPostgres ? describe : describe.skip)(`a restore to a moment, with ${realPostgres}`, () => {
  let postgres: RealPostgres;
  let partners: [bank: Partner, office: Partner];
  let town: HandoffTown | undefined;
  /** Just before the last family, and how many cases there were. */
  let moment: string;
  /** One after another, with when that was. */
  const accepted: { id: string; at: number }[] = [];
  let known: { before: string[]; waiting: string; after: string; lost: string };

  /** Processes are stopped before a restore and started after it; partners live on. */
  const open = async () => HandoffTown.create(WORKFLOWS, { through: async () => postgres.url, partners });
  /** A server that replays needs as many as the one that wrote. */
  const archiving = (home: string) => ({
    ...composed(),
    archive_command:
      composed()
        ['archive_command']?.replace('/ops/', `${resolve('ops')}/`)
        .replace('/archive/', `${home}/archive/`) ?? '',
    // A second instead of a minute, so that nobody has to wait for it.
    archive_timeout: '1',
  });
  const connections = () => ({ max_connections: composed()['max_connections'] ?? '' });
  const restore = (base: string, folder: string, ...more: string[]) =>
    postgres.run(resolve('ops/postgres/restore.sh'), [
      postgres.folder(base),
      postgres.folder('archive'),
      postgres.folder(folder),
      ...more,
    ]);
  /** The file of the log with which a backup begins. */
  const startOf = (backup: string) =>
    /\(file ([0-9A-F]{24})\)/.exec(readFileSync(join(postgres.folder(backup), 'backup_label'), 'utf8'))?.[1] ?? '';
  const ids = () => partners.flatMap(({ received }) => received.map(({ headers }) => String(headers['webhook-id'])));

  /** What has been accepted until now is in the archive. */
  async function archived(): Promise<void> {
    const [{ file: last } = {}] = await postgres.sql('select pg_walfile_name(pg_switch_wal()) as file');
    for (;;) {
      const [{ file } = {}] = await postgres.sql('select last_archived_wal as file from pg_stat_archiver');
      if (typeof file === 'string' && file >= String(last)) return;
      await pause(50);
    }
  }

  /** Cases are opened one after another while some of the log is archived, until the disk is gone. */
  async function work(): Promise<void> {
    const files = async () =>
      Number((await postgres.sql('select archived_count as files from pg_stat_archiver'))[0]?.['files']);
    const enough = (await files()) + FILES;
    while ((await files()) < enough) {
      const { id } = (await town?.open('advice')) ?? {};
      accepted.push({ id: String(id), at: performance.now() });
    }
  }

  beforeAll(async () => {
    partners = [await Partner.start(), await Partner.start()];
    postgres = await RealPostgres.create(archiving);
    postgres.run('/bin/touch', [join(postgres.makeFolder('archive'), '.qamqor-archive')]);
    town = await open();
    postgres.run(resolve('ops/postgres/base-backup.sh'), [postgres.folder('base')]);

    const before = [await town.sent('advice'), await town.sent('advice')].map(({ id }) => id);
    // Its partner has no time: at the moment it waits to be sent again.
    partners[1].replies.push({ status: 503, headers: { 'retry-after': '30' } });
    const waiting = (await town.sent('aid')).id;
    moment = String((await postgres.sql('select clock_timestamp()::text as now'))[0]?.['now']);
    const { id: after, handoff: lost } = await town.sent('advice');
    await pass(town.api.system, { minutes: 1 });
    expect(await town.handoffOf(waiting)).toMatchObject({ status: 'sent' });
    known = { before, waiting, after, lost };
    await archived();
    await work();
    await town.api.close();
    await postgres.lose('data');
  }, LONG_MS);

  afterAll(async () => {
    await town?.api.close().catch(() => undefined);
    for (const partner of partners) await partner.close();
    await postgres?.close();
  }, LONG_MS);

  it(
    'F52, F53: knows what was accepted until then, and repeats nothing at a partner: what was not settled goes out under the id it had',
    async () => {
      const told = ids();
      const began = performance.now();
      restore('base', 'moment', moment);
      await postgres.start('moment', archiving(postgres.home));
      town = await open();
      await pass(town.api.system, { minutes: 1 });

      process.stdout.write(`At the moment again, and working, after ${Math.round(performance.now() - began)} ms.\n`);

      for (const id of known.before) expect(await town.handoffOf(id)).toMatchObject({ status: 'sent' });
      expect(await town.handoffOf(known.waiting)).toMatchObject({ status: 'sent' });
      expect((await town.api.get('integration', `/api/cases/${known.after}`)).status).toBe(404);
      // What its partner has of it is nobody's now: the answer is refused, and becomes no business of another case.
      expect(await town.tell(known.lost, done())).toMatchObject({ status: 404, body: { code: 'handoff-not-found' } });
      expect(town.api.warnings).toContain(
        `otbasy-bank signed a message about hand-off ${known.lost}, which is not known here. It was refused.`,
      );
      const since = ids().filter((id) => !told.includes(id));
      expect(since).toEqual([]);
      expect(ids().length).toBe(told.length + 1);
      await town.expectSound();
      expect(await violations(postgres.url)).toEqual([]);
      await archived();
      await town.api.close();
      town = undefined;
      await postgres.kill();
    },
    LONG_MS,
  );

  it(
    'F52: follows what an earlier restore began, unless the timeline of the backup is asked for',
    async () => {
      restore('base', 'newest');
      await postgres.start('newest', connections());
      town = await open();
      expect(await town.handoffOf(known.waiting)).toMatchObject({ status: 'sent' });
      expect((await town.api.get('integration', `/api/cases/${known.after}`)).status).toBe(404);
      await town.api.close();
      town = undefined;
      await postgres.kill();
    },
    LONG_MS,
  );

  it(
    'F52: does not take a damaged file for the end of the log',
    async () => {
      postgres.run('/bin/cp', ['-a', postgres.folder('archive'), postgres.folder('damaged')]);
      postgres.run('/usr/bin/truncate', ['--size=100', postgres.folder(`damaged/${startOf('base')}.gz`)]);
      restore('base', 'not-whole', '', 'current');
      const settings = postgres.folder('not-whole/postgresql.auto.conf');
      postgres.run('/bin/sed', ['-i', 's#/archive/#/damaged/#g', settings]);
      await expect(postgres.start('not-whole', connections())).rejects.toThrow('ended');
    },
    LONG_MS,
  );

  it(
    'F52: without a moment loses what was not archived yet: five minutes at the most, one as docker-compose.yml sets it',
    async () => {
      // A backup that was taken after a restore to a moment has that moment in its settings: it does not end there again.
      postgres.run('/bin/cp', ['-a', postgres.folder('base'), postgres.folder('base-after')]);
      const settings = join(postgres.folder('base-after'), 'postgresql.auto.conf');
      postgres.run('/bin/sh', ['-c', `echo "recovery_target_time = '${moment}'" >> "${settings}"`]);
      // Nor does it follow the restores before it.
      restore('base-after', 'latest', '', 'current');
      await postgres.start('latest', connections());
      town = await open();
      for (const id of [...known.before, known.waiting, known.after])
        expect(await town.handoffOf(id)).toMatchObject({ status: 'sent' });
      expect(Number(composed()['archive_timeout'])).toBeLessThanOrEqual(RPO_S);
      expect(composed()['archive_mode']).toBe('on');

      const isThere = new Set<string>();
      for (const { id } of accepted)
        if ((await town.api.get('integration', `/api/cases/${id}`)).status === 200) isThere.add(id);
      const kept = accepted.filter(({ id }) => isThere.has(id));
      const lost = accepted.filter(({ id }) => !isThere.has(id));
      expect(kept.length).toBeGreaterThan(0);
      // Without holes: what is lost is the end.
      expect(accepted.slice(0, kept.length)).toEqual(kept);
      const lostS = ((accepted.at(-1)?.at ?? 0) - (kept.at(-1)?.at ?? accepted[0]?.at ?? 0)) / 1_000;
      process.stdout.write(
        `F52: of ${accepted.length} cases the last ${lost.length} are lost with the disk, ${lostS.toFixed(1)} s; the log is archived every second here, every ${composed()['archive_timeout']} s by docker-compose.yml.\n`,
      );
      expect(lostS).toBeLessThan(LOST_S);
      await town.expectSound();
      expect(await violations(postgres.url)).toEqual([]);
    },
    LONG_MS,
  );

  it(
    'is watched: an archive that takes nothing is told at once, and when it takes again',
    async () => {
      const figure = async (name: string) => {
        const { body } = (await town?.api.get('integration', '/metrics')) ?? { body: '' };
        return Number(new RegExp(`^qamqor_wal_${name} (\\d+)$`, 'm').exec(body)?.[1]);
      };
      const failing = async () => (await figure('archive_failing')) === 1;
      const write = () => postgres.sql('insert into admins_own values (1)', 'select pg_switch_wal()');
      const hang = postgres.folder('hang');
      await postgres.kill();
      const settings = {
        ...connections(),
        archive_mode: 'on',
        archive_command: `while [ -e ${hang} ]; do sleep 0.1; done; cp %p ${postgres.folder('no-archive')}/%f`,
      };
      await postgres.start('latest', settings);
      await until(async () => (await postgres.sql('select 1')).length === 1);
      await postgres.sql('create table admins_own (x int)');
      await write();
      await until(failing, 60_000);
      postgres.makeFolder('no-archive');
      // After some failures it waits for more, or for a minute.
      await write();
      await until(async () => !(await failing()) && (await figure('unarchived_files')) <= 1, 120_000);

      // One that hangs has neither done nor failed.
      postgres.makeFolder('hang');
      for (let file = 0; file < 4; file += 1) await write();
      expect([await figure('unarchived_files'), await failing()]).toEqual([expect.any(Number), false]);
      expect(await figure('unarchived_files')).toBeGreaterThanOrEqual(3);
      postgres.run('/bin/rmdir', [hang]);
      await until(async () => (await figure('unarchived_files')) <= 1, 120_000);
    },
    LONG_MS,
  );

  it(
    'is made possible every night: the newest backups stay, those made by hand too, and only the log that they need',
    async () => {
      const nightly = () => postgres.run(resolve('ops/postgres/nightly.sh'), [postgres.folder('archive'), '2']);
      const backups = () => readdirSync(postgres.folder('archive')).filter((name) => /^base-.*Z$/.test(name));
      // Without the timeline, which each restore begins anew.
      const log = () =>
        readdirSync(postgres.folder('archive')).flatMap(
          (name) => /^[0-9A-F]{8}([0-9A-F]{16})\.gz$/.exec(name)?.[1] ?? [],
        );
      /** They are named by the second. */
      const nextSecond = () =>
        until(() => !backups().includes(`base-${new Date().toISOString().slice(0, 19).replaceAll(':', '')}Z`));
      const made: string[] = [];
      const before = log();
      const byHand = join(postgres.folder('archive'), 'base-by-hand');
      postgres.run('/bin/cp', ['-a', postgres.folder('base'), byHand]);
      for (let night = 0; night < 3; night += 1) {
        await nextSecond();
        nightly();
        made.push(...backups().filter((name) => !made.includes(name)));
      }
      expect(made).toHaveLength(3);
      expect(backups()).toEqual(made.slice(1));
      const neededBy = (backup: string) => startOf(backup).slice(8);
      expect(log()).toEqual(before.filter((file) => file >= neededBy('base')));
      expect(log().length).toBeGreaterThan(0);
      // What says nothing of the log that it needs, and keeping none, stop it before anything of the log is deleted.
      expect(() => postgres.run(resolve('ops/postgres/nightly.sh'), [postgres.folder('archive'), '0'])).toThrow();
      expect(backups()).toEqual(made.slice(1));
      // Nor is anything written where the disk of the archive is not mounted.
      const [mark, away] = [postgres.folder('archive/.qamqor-archive'), postgres.folder('mark')];
      postgres.run('/bin/mv', [mark, away]);
      await nextSecond();
      expect(nightly).toThrow();
      expect(backups()).toEqual(made.slice(1));
      postgres.run('/bin/mv', [away, mark]);
      postgres.run('/bin/rm', ['-r', byHand]);
      const unknown = postgres.makeFolder('archive/base-unknown');
      await nextSecond();
      expect(nightly).toThrow();
      expect(log()).toEqual(before.filter((file) => file >= neededBy('base')));
      postgres.run('/bin/rmdir', [unknown]);
      await nextSecond();
      nightly();
      const [oldest = ''] = backups();
      expect(log()).toEqual(before.filter((file) => file >= neededBy(`archive/${oldest}`)));
      expect(log().length).toBeLessThan(before.length);
    },
    LONG_MS,
  );

  it('F52: is put over no data that is there', () => {
    expect(() => restore('base', 'latest')).toThrow();
    expect(() => postgres.run(resolve('ops/postgres/base-backup.sh'), [postgres.folder('base')])).toThrow();
  });
});
