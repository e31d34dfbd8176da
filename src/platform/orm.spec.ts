import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { defineEntity, type MikroORM, p } from '@mikro-orm/postgresql';
import { createDatabase, type TestDatabase } from '../../test/database.js';
import { isConnectionLost } from './database.js';
import { openOrm } from './orm.js';

const Organisation = defineEntity({
  name: 'Organisation',
  tableName: 'organisations',
  properties: { id: p.uuid().primary(), name: p.string(), createdAt: p.datetime() },
});

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
});
afterAll(() => database.close());

const endBackend = (pid: unknown) => database.pool('owner').query('select pg_terminate_backend($1, 5000)', [pid]);
const pidOf = async (em: MikroORM['em']) => {
  const [row] = await em
    .getConnection()
    .execute('select pg_backend_pid() as pid', [], 'all', em.getTransactionContext());
  return (row as { pid: number }).pid;
};

describe('the ORM', () => {
  it('loses no place in its pool to connections that break inside a transaction', async () => {
    const orm = await openOrm(database.url, [Organisation], { max: 1 });
    for (const breakIt of [
      // At a statement, at COMMIT, and when its work fails by itself.
      async (em: MikroORM['em']) => {
        await endBackend(await pidOf(em));
        await em.find(Organisation, {});
      },
      async (em: MikroORM['em']) => void (await endBackend(await pidOf(em))),
      async (em: MikroORM['em']) => {
        await endBackend(await pidOf(em));
        throw new Error('Connection terminated unexpectedly');
      },
    ]) {
      const lost = orm.em.fork().transactional((em) => breakIt(em as MikroORM['em']));
      await expect(lost.catch((error: unknown) => isConnectionLost(error))).resolves.toBe(true);
      expect(await orm.em.fork().find(Organisation, {})).toMatchObject([{ name: 'Qamqor' }]);
    }
    await orm.close();
  });

  it('loses no place to a connection that broke while nobody used it', async () => {
    const orm = await openOrm(database.url, [Organisation], { max: 1 });
    for (let round = 0; round < 3; round += 1) {
      await endBackend(await pidOf(orm.em.fork()));
      // The first that finds it broken may fail; the one after it must not.
      await orm.em
        .fork()
        .transactional((em) => em.find(Organisation, {}))
        .catch((error: unknown) => expect(isConnectionLost(error)).toBe(true));
      const found = orm.em.fork().transactional((em) => em.find(Organisation, {}));
      expect(await found).toMatchObject([{ name: 'Qamqor' }]);
    }
    await orm.close();
  });

  it('keeps its transactions apart: what was lost is not there, and what follows is', async () => {
    const orm = await openOrm(database.url, [Organisation], { role: 'owner', max: 2 });
    const rename = (name: string, then: (em: MikroORM['em']) => Promise<unknown>) =>
      orm.em.fork().transactional(async (em) => {
        await em.nativeUpdate(Organisation, {}, { name });
        await then(em as MikroORM['em']);
      });
    await expect(rename('Lost', async (em) => endBackend(await pidOf(em)))).rejects.toThrow();
    expect(await orm.em.fork().find(Organisation, {})).toMatchObject([{ name: 'Qamqor' }]);
    await rename('Kept', () => Promise.resolve());
    expect(await orm.em.fork().find(Organisation, {})).toMatchObject([{ name: 'Kept' }]);
    await orm.close();
  });
});
