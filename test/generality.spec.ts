import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse, stringify } from 'yaml';
import { readConfig } from '../src/config.js';
import { projectPath } from '../src/platform/project-root.js';
import { check } from '../src/statechart/check.js';
import { loadWorkflow } from '../src/statechart/load.js';
import { ORGANISATION } from '../src/system.js';
import { verifySystem } from '../src/verify-system.js';
import { catalogueOf } from '../src/workflows/catalogue.js';
import { readWorkflowsFolder } from '../src/workflows/folder.js';
import { ApiFixture } from './api.js';
import { Partner, pass, say, settled } from './partner.js';

const ADDED = projectPath('test/generality');
/** Words that only the added data knows. */
const OURS = ['school-department', 'storekeeper', 'lending', 'item-loan', 'schoolNeed'];

let folder: string;
let school: Partner;
let api: ApiFixture;
beforeAll(async () => {
  folder = await withAdditions();
  school = await Partner.start();
  const { partners } = readConfig({
    QAMQOR_PARTNER_SCHOOL_DEPARTMENT_URL: school.url,
    QAMQOR_PARTNER_SCHOOL_DEPARTMENT_SECRET: school.secret,
  });
  api = await ApiFixture.create({ partners }, undefined, folder);
  await api.system.deployFolder();
  for (const name of ['storekeeper', 'lending-head', 'registrar', 'partner-school-department']) await api.account(name);
  // Monday morning in Almaty, whenever this runs.
  await api.system.clock.beginAt('2026-02-02T04:00:00.000Z');
});
afterAll(async () => {
  await api.close();
  await school.close();
  await rm(folder, { recursive: true });
});

/** A copy of the workflows with a partner, two roles, a ladder, a stage and two workflows more. */
async function withAdditions(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'qamqor-generality-'));
  await cp(projectPath('workflows'), path, { recursive: true });
  await cp(ADDED, path, { recursive: true, filter: (from) => !from.startsWith(join(ADDED, 'added')) });
  for (const file of await readdir(join(ADDED, 'added'))) {
    const [there, more] = await Promise.all([join(path, file), join(ADDED, 'added', file)].map(text));
    await writeFile(join(path, file), `${there}\n${more}`);
  }
  const family = join(path, 'family-support');
  const workflow = parse(await text(join(family, 'workflow.yaml')));
  const { support } = workflow.states;
  const stage = parse((await text(join(family, 'stage.yaml'))).replaceAll('BEGINNING', support.initial));
  const longer = {
    ...workflow,
    stages: { ...stage.stage, ...workflow.stages },
    states: {
      ...workflow.states,
      support: { ...support, initial: Object.keys(stage.states)[0], states: { ...stage.states, ...support.states } },
    },
  };
  await writeFile(join(family, 'workflow.yaml'), stringify(longer, { aliasDuplicateObjects: false }));
  await rm(join(family, 'stage.yaml'));
  return path;
}

const text = (path: string) => readFile(path, 'utf8');
const kk = { 'accept-language': 'kk' };
const opened = async (as: string, workflow: string, input: object) => {
  const { status, body } = await api.post(as, '/api/cases', { workflow, input });
  expect({ status, body }).toMatchObject({ status: 201 });
  return body;
};
const caseOf = async (id: string) => (await api.get('storekeeper', `/api/cases/${id}`)).body;
const page = async (id: string, name: string) => (await api.get('storekeeper', `/api/cases/${id}/${name}`, kk)).body;
const titles = (items: { title: string }[]) => items.map(({ title }) => title);
/** Column key → number of cases, of those columns that have some; and the Kazakh titles of all. */
async function board(workflow: string) {
  const { stages } = (await api.get('storekeeper', `/api/board?workflow=${workflow}`)).body;
  const counts = stages.filter(({ count }: { count: number }) => count > 0);
  return {
    counts: Object.fromEntries(counts.map(({ key, count }: { key: string; count: number }) => [key, count])),
    titles: stages.map(({ title }: { title: { kk: string } }) => title.kk),
  };
}
/** Claims the one task of this case and answers it. */
async function complete(as: string, caseId: string, output: object) {
  const { items } = (await api.get(as, `/api/tasks?view=available&caseId=${caseId}`)).body;
  expect(items).toHaveLength(1);
  const claimed = await api.post(as, `/api/tasks/${items[0].id}/claim`, {});
  expect(claimed).toMatchObject({ status: 200, body: { status: 'claimed' } });
  const done = await api.post(as, `/api/tasks/${items[0].id}/complete`, { output });
  expect({ status: done.status, body: done.body }).toMatchObject({ status: 200 });
  await settled(api.system);
  return items[0];
}

describe('as data alone', () => {
  it('the additions pass every check of a workflow, in three languages', () => {
    const { workflows, catalogue } = readWorkflowsFolder(folder);
    const loaded = workflows.map(({ files }) => loadWorkflow(files));
    const files = Object.fromEntries(workflows.map((one, index) => [loaded[index]?.key ?? '', one.files]));
    const known = catalogueOf(catalogue, files, '2026-11-22T00:00:00Z');
    for (const workflow of loaded) expect({ [workflow.key]: check(workflow, known) }).toEqual({ [workflow.key]: [] });
    expect(api.system.folderProblems).toEqual([]);
  });

  it('a new stage is the first on the board, its task belongs to a new role, and a sixth partner answers it', async () => {
    const family = await opened('storekeeper', 'family-support', {
      applicant: { surname: 'Қасымова', given: 'Әсел' },
      language: 'kk',
    });
    expect(family.stages).toEqual(['school']);
    const { titles: columns, counts } = await board('family-support');
    expect(columns[0]).toBe('Мектеп');
    expect(counts).toEqual({ school: 1 });
    expect((await page(family.id, 'waits')).items).toMatchObject([
      { kind: 'task', title: 'Балалардың мектебі', who: 'Қоймашы', status: 'open' },
    ]);
    const task = await complete('storekeeper', family.id, { need: 'place', child: 'Нұрлан' });
    expect(task.form).toMatchObject({ name: 'school-need' });

    // Nothing goes out before the family allows it, to this partner as to any other.
    expect(school.received).toEqual([]);
    const consent = { partner: 'school-department', given: true, how: 'paper' };
    const allowed = await api.ask('storekeeper', 'PUT', `/api/families/${family.subject}/consents`, { body: consent });
    expect(allowed.status).toBe(200);
    await pass(api.system, { minutes: 20 });
    const [handOff] = (await api.get('partner-school-department', '/api/handoffs')).body.items;
    expect(handOff).toMatchObject({ partner: 'school-department', service: 'school-place', status: 'sent' });
    const [delivery] = school.about(handOff.id);
    expect(delivery && school.trusts(delivery, await api.system.clock.now())).toBe(true);
    const sent = JSON.parse(delivery?.body ?? '{}');
    expect(sent).toMatchObject({ service: 'school-place', request: { class: 3 }, person: { surname: 'Қасымова' } });
    expect(Object.keys(sent.person)).toEqual(['surname', 'given', 'language']);
    expect((await page(family.id, 'waits')).items).toMatchObject([
      { kind: 'handOff', title: 'Мектептен орын беру', who: 'Білім бөлімі', status: 'sent' },
    ]);
    const { nodes } = await page(family.id, 'drawing');
    expect(nodes).toContainEqual(expect.objectContaining({ path: 'support.waitingForSchool', active: true }));

    const at = await api.system.clock.now();
    const tell = async (event: object) => (await say(api, school, handOff.id, { at, ...event })).body;
    expect(await tell({ eventId: '1', type: 'acknowledged' })).toMatchObject({ status: 'applied' });
    expect(await tell({ eventId: 'p', type: 'papers_requested', missing: ['birth-certificate'] })).toMatchObject({
      status: 'applied',
    });
    const supplied = await api.post('storekeeper', `/api/handoffs/${handOff.id}/supply`, {});
    expect({ status: supplied.status, body: supplied.body }).toMatchObject({
      status: 200,
      body: { status: 'acknowledged' },
    });
    const result = { school: 17, from: '2027-02-08', teacher: 'Айгүл' };
    expect(await tell({ eventId: '2', type: 'done', result })).toMatchObject({ status: 'applied' });
    await settled(api.system);

    // On it goes as it did before anybody thought of a school.
    const further = await caseOf(family.id);
    expect(further.stages).not.toContain('school');
    expect(further).toMatchObject({ status: 'active', incidents: 0 });
    const { items: history } = await page(family.id, 'history');
    expect(titles(history).toReversed().slice(0, 2)).toEqual(['Іс ашылды', 'Орындалды: Мектеп туралы сұрау']);
    expect(JSON.stringify((await api.get('auditor', `/api/cases/${family.id}/journal`)).body)).not.toMatch(
      /Айгүл|Нұрлан/,
    );
    const told = await api.database
      .pool('owner')
      .query(`select text::jsonb ->> 'kk' as kk from qamqor.notifications where template = 'school-asked'`);
    expect(told.rows).toEqual([{ kk: `${family.number} ісі бойынша білім бөлімінен орын сұралды.` }]);
  });

  it('another pipeline is played from its first task to its end, by roles and a ladder of its own', async () => {
    const loan = await opened('storekeeper', 'equipment-lending', {});
    expect(await board('equipment-lending')).toEqual({
      counts: { request: 1 },
      titles: ['Өтінім', 'Тексеру', 'Пайдалануда', 'Қайтару'],
    });
    const refused = await api.post('storekeeper', `/api/cases/${loan.id}/acts`, { act: 'suspend', reason: 'why not' });
    expect(refused.body).toMatchObject({ code: 'no-right', roles: expect.arrayContaining(['lending-head']) });
    await complete('registrar', loan.id, { items: ['sewing-machine', 'oven'] });

    // Nobody looks into the store: its ladder tells whom it names, once each, in Kazakh too.
    await pass(api.system, { days: 8 });
    expect(
      (await api.get('storekeeper', `/api/cases?workflow=equipment-lending&overdue=true`)).body.items,
    ).toHaveLength(1);
    const { items: steps } = (await api.get('lending-head', `/api/escalations?case=${loan.number}`)).body;
    const told = steps.toReversed().map(({ ladder, told: to }: { ladder: string; told: { role: string }[] }) => ({
      ladder,
      to: to.map(({ role }) => role),
    }));
    expect(told).toEqual([
      { ladder: 'lending', to: ['storekeeper'] },
      { ladder: 'lending', to: ['director', 'lending-head'] },
    ]);
    // Who oversees is told as one who does.
    expect(steps[0].told.map(({ text }: { text: { kk: string } }) => text.kk)).toEqual([
      expect.stringContaining('Орындаушыны тағайындаңыз'),
      expect.stringContaining('Орындаушыны тағайындаңыз'),
    ]);
    expect(steps[1].told[0].text.kk).toContain('Қазір аяқтаңыз');

    // So the head of lending gives the task to somebody.
    const [late] = (await api.get('lending-head', `/api/tasks?view=all&caseId=${loan.id}`)).body.items;
    const { account: assignee } = await api.account('storekeeper');
    const assigned = await api.post('lending-head', `/api/tasks/${late.id}/assign`, { assignee });
    expect(assigned).toMatchObject({ status: 200, body: { assignee } });
    const output = { decision: 'lend' };
    expect((await api.post('storekeeper', `/api/tasks/${late.id}/complete`, { output })).status).toBe(200);
    await settled(api.system);

    // One sub-case for each item, whose answers come back in order.
    expect((await board('equipment-lending')).counts).toEqual({ lending: 1 });
    const { items: waits } = await page(loan.id, 'waits');
    const loans = waits.filter(({ kind }: { kind: string }) => kind === 'case');
    expect(titles(loans)).toEqual(['Жабдық пайдалануда', 'Жабдық пайдалануда']);
    for (const [index, { id }] of loans.entries())
      await complete('storekeeper', id, { condition: index === 0 ? 'good' : 'worn' });
    expect((await caseOf(loan.id)).stage).toBe('return');
    await complete('storekeeper', loan.id, { complete: true });

    const ended = await caseOf(loan.id);
    expect(ended).toMatchObject({ status: 'done', incidents: 0, accepts: [] });
    const { items: history } = await page(loan.id, 'history');
    expect(titles(history)).toContain('Орындалды: Қоймада бар-жоғын тексеру');
    const { nodes } = await page(loan.id, 'drawing');
    expect(nodes.map(({ lines }: { lines: string[] }) => lines.join(' '))).toContain('Қайтарылды');
    const record = await api.system.runtime.engine.read(ORGANISATION, loan.id);
    expect(record?.chart.snapshot.context).toMatchObject({
      outcome: 'returned',
      returned: [{ item: 'sewing-machine' }, { item: 'oven' }],
    });
  });

  it('a role gives what its file says: no more, and nothing once it is gone from there', async () => {
    await expect(api.account('head-of-nothing')).rejects.toThrow('There is no role "head-of-nothing"');
    // The head of lending oversees and opens nothing.
    expect(
      (await api.post('lending-head', '/api/cases', { workflow: 'equipment-lending', input: {} })).body,
    ).toMatchObject({
      code: 'no-right',
      roles: expect.arrayContaining(['registrar', 'storekeeper', 'integration']),
    });
    expect((await api.get('storekeeper', '/api/tasks?view=all')).status).toBe(403);
    await api.database
      .pool('owner')
      .query(`update qamqor.account_roles set role = 'doorkeeper' where role = 'lending-head'`);
    expect((await api.get('lending-head', '/api/cases')).status).toBe(403);
  });

  it('everything can be proved from its journal, nothing was an error, and no source knows these names', async () => {
    expect((await verifySystem(api.system)).problems).toEqual([]);
    expect(api.errors).toEqual([]);
    const sources = (await readdir(projectPath('src'), { recursive: true })).filter((name) =>
      /(?<!\.spec)\.ts$/.test(name),
    );
    for (const name of sources) {
      const source = await text(projectPath(join('src', name)));
      expect([name, OURS.filter((word) => source.includes(word))]).toEqual([name, []]);
    }
  });
});
