import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createDatabase, type TestDatabase } from '../../test/database.js';
import { EngineFixture } from '../../test/engine.js';
import { keptTerminal } from '../../test/terminal.js';
import { deployWorkflow, verifyCases } from './database-commands.js';
import { EXIT } from './terminal.js';

const T = '{ kk: Тапсырма, ru: Поручение, en: Errand }';
const errand = (target: string) => `
id: errand
title: ${T}
initial: going
delays: { month: 30 days }
states:
  going: { meta: { title: ${T} }, after: { month: ${target} } }
  over: { type: final, meta: { title: ${T} } }
`;
const round = `
id: round
title: ${T}
initial: going
states:
  going:
    meta: { title: ${T} }
    invoke: { id: leg, src: case, input: { workflow: leg, deadline: 3 days, escalation: stage }, onDone: over, onError: over }
  over: { type: final, meta: { title: ${T} } }
`;

let database: TestDatabase;
let folder: string;
let before: string | undefined;
beforeAll(async () => {
  database = await createDatabase();
  folder = mkdtempSync(join(tmpdir(), 'cli-'));
  before = process.env.DATABASE_URL;
  process.env.DATABASE_URL = database.url;
}, 60_000);
afterAll(async () => {
  if (before === undefined) delete process.env.DATABASE_URL;
  else process.env.DATABASE_URL = before;
  rmSync(folder, { recursive: true, force: true });
  await database.close();
});

function written(name: string, text: string): string {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 'workflow.yaml'), text);
  return path;
}

const versions = async () =>
  (
    await database
      .pool('owner')
      .query<{ key: string; version: number }>('select key, version from qamqor.workflow_versions order by 1, 2')
  ).rows;

describe('workflow deploy', () => {
  it('makes a workflow current, once', async () => {
    const path = written('errand', errand('over'));
    const first = keptTerminal();
    expect(await deployWorkflow(path, first.terminal)).toBe(EXIT.ok);
    expect(first.answer()).toMatchObject({ deployed: true, key: 'errand', version: 1, created: true, findings: [] });
    const again = keptTerminal();
    expect(await deployWorkflow(path, again.terminal)).toBe(EXIT.ok);
    expect(again.answer()).toMatchObject({ deployed: true, version: 1, created: false });
    expect(again.stderr.text).toContain('was known already; nothing changed');
  });

  it('refuses what would harm families, says why, and changes nothing', async () => {
    const known = await versions();
    const at = keptTerminal();
    const path = written('errand-that-stays', errand('{ target: going, reenter: true }'));
    expect(await deployWorkflow(path, at.terminal)).toBe(EXIT.found);
    expect(at.answer()).toMatchObject({ deployed: false });
    expect((at.answer().findings as { rule: string }[]).map(({ rule }) => rule)).toContain('waits-for-ever');
    expect(at.stderr.text).toContain('Not deployed');
    expect(await versions()).toEqual(known);
  });

  it('wants the workflows first whose cases it opens, also where they lie beside it', async () => {
    const [path, leg] = [written('round', round), written('leg', errand('over').replace('id: errand', 'id: leg'))];
    const at = keptTerminal();
    expect(await deployWorkflow(path, at.terminal)).toBe(EXIT.found);
    expect(at.stderr.text).toContain('"leg"');
    expect(await deployWorkflow(leg, keptTerminal().terminal)).toBe(EXIT.ok);
    expect(await deployWorkflow(path, keptTerminal().terminal)).toBe(EXIT.ok);
  });
});

describe('verify', () => {
  it('ends with 1 where something was changed by hand, and names case and row', async () => {
    const fixture = EngineFixture.on(database);
    const { id } = await fixture.open('errand');
    await fixture.close();
    const clean = keptTerminal();
    expect(await verifyCases(clean.terminal)).toBe(EXIT.ok);
    expect(clean.answer()).toEqual({ ok: true, cases: 1, rows: 1, problems: [] });

    await database.pool('owner').query(`update qamqor.cases set stage = 'other' where id = $1`, [id]);
    const at = keptTerminal();
    expect(await verifyCases(at.terminal)).toBe(EXIT.found);
    expect(at.answer()).toMatchObject({ ok: false, problems: [{ case: id, seq: 1, rule: 'case-changed' }] });
    expect(at.stderr.text).toContain(`case ${id}, row 1: case-changed`);
  });
});
