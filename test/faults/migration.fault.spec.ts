import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Migration } from '@mikro-orm/migrations';
import { migrate } from '../../src/platform/migrate.js';
import { MIGRATIONS } from '../../src/platform/migrations/index.js';
import { Errands, type Server } from './errands.js';
import { QUEUES, type Queues } from './queues.js';

const full = process.env.QAMQOR_TEST === 'full';
const SIZE = full ? { clients: 30, cases: 300 } : { clients: 8, cases: 16 };
const LONG_MS = full ? 900_000 : 180_000;

class M9001WidensAll extends Migration {
  override up(): void {
    this.addSql(`do $$ declare name text; begin
      for name in select tablename from pg_tables where schemaname = 'qamqor' order by tablename loop
        execute format('alter table qamqor.%I add column wider int', name);
      end loop;
    end $$`);
  }
}

class M9002Indexes extends Migration {
  override up(): void {
    this.addSql('create index journal_wider on qamqor.journal (kind, type)');
  }
}

describe.each(QUEUES)(
  'processes that work while the database is brought to a newer version, with queues in %s',
  (name, create) => {
    let queues: Queues;
    let errands: Errands;
    let servers: Server[];
    beforeAll(async () => {
      queues = await create();
      errands = await Errands.create(undefined, queues.settings);
      servers = [await errands.start('web,worker'), await errands.start('web,worker')];
    }, LONG_MS);
    afterAll(async () => {
      await errands?.close();
      await queues?.close();
    }, 60_000);

    it(
      'F48: answer everybody and go on, messages of partners and to them as well, when every table gets a column and the journal an index',
      async () => {
        const { url } = errands.town.api.database;
        await errands.go(SIZE.clients);
        await errands.more(SIZE.cases);
        const seconds: string[] = [];
        for (const migrations of [[M9001WidensAll], [M9001WidensAll, M9002Indexes]]) {
          const from = performance.now();
          expect(await migrate(url, [...MIGRATIONS, ...migrations])).toEqual([migrations.at(-1)?.name]);
          seconds.push(((performance.now() - from) / 1_000).toFixed(1));
          await errands.more(SIZE.cases);
        }
        await errands.enough();
        await errands.expectExact();
        const { told, broken } = errands.turnedAway;
        process.stdout.write(
          `F48, queues in ${name}: ${errands.ended} cases, migrated in ${seconds.join(' and ')} s, ${told} times 503.\n`,
        );
        expect(broken).toBe(0);
        // Neither does work fail that is tried again by itself.
        for (const { words } of servers) expect(words).not.toContain('cached plan');
      },
      LONG_MS,
    );
  },
);
