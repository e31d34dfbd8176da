import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiFixture } from '../../test/api.js';
import { settled } from '../../test/partner.js';
import { TWO_STEPS } from '../../test/two-steps.js';

describe('a task whose state is left before it was answered', () => {
  let api: ApiFixture;
  beforeAll(async () => {
    api = await ApiFixture.create();
    await api.deploy(TWO_STEPS.workflow, TWO_STEPS.files);
    for (const name of ['registrar', 'supervisor']) await api.account(name);
    await api.account('anna', ['registrar']);
  });
  afterAll(() => api.close());

  /** Opens a case, lets somebody take its task, stops the case, and gives what was told of it and to whom. */
  async function stoppedBy(stopper: string, claimer?: string) {
    const { body } = await api.post('supervisor', '/api/cases', { workflow: 'two-steps', input: {} });
    const { body: tasks } = await api.get('supervisor', `/api/tasks?view=all&caseId=${body.id}`);
    if (claimer) await api.post(claimer, `/api/tasks/${tasks.items[0].id}/claim`, {});
    await api.post(stopper, `/api/cases/${body.id}/events`, { type: 'STOP' });
    await settled(api.system);
    const told = `select a.name, n.text::jsonb as text from qamqor.notifications n join qamqor.accounts a on n.recipient = 'account:' || a.id
      where n.case_id = $1 and n.template = 'task-cancelled'`;
    const { rows } = await api.database
      .pool('owner')
      .query<{ name: string; text: Record<string, string> }>(told, [body.id]);
    return { number: body.number as string, told: rows };
  }

  it('is told to whoever had it, in three languages, once', async () => {
    const { number, told } = await stoppedBy('registrar', 'anna');
    expect(told.map(({ name }) => name)).toEqual(['anna']);
    const text = told[0]?.text;
    expect(text?.['kk']).toContain(`${number} ісі: «Қағаз»`);
    expect(text?.['ru']).toContain('больше не нужна');
    expect(text?.['en']).toContain('no longer needed');
  });

  it('is told to nobody where nobody had it, or where they ended it themselves', async () => {
    expect((await stoppedBy('registrar')).told).toEqual([]);
    expect((await stoppedBy('anna', 'anna')).told).toEqual([]);
  });
});
