import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import parse from 'parse-prometheus-text-format';
import { ApiFixture } from '../../test/api.js';
import { TWO_STEPS } from '../../test/two-steps.js';

describe('the figures for Prometheus', () => {
  let api: ApiFixture;
  beforeAll(async () => {
    api = await ApiFixture.create();
    await api.deploy(TWO_STEPS.workflow, TWO_STEPS.files);
  });
  afterAll(() => api.close());

  async function figures() {
    const { status, body: text } = await api.get('integration', '/metrics');
    expect(status).toBe(200);
    const parsed = new Map(parse(text).map((metric) => [metric.name, metric.metrics]));
    return {
      names: [...parsed.keys()],
      of: (name: string, labels: Record<string, string> = {}) => {
        const found = (parsed.get(name) ?? []).find((one) =>
          Object.entries(labels).every(([label, value]) => one.labels?.[label] === value),
        );
        return Number(found?.value ?? found?.count ?? Number.NaN);
      },
    };
  }

  it('parse, and name commands, batches, what waits, jobs, connections and the process', async () => {
    const { names, of } = await figures();
    expect(names).toEqual(
      expect.arrayContaining([
        'qamqor_commands_total',
        'qamqor_command_seconds',
        'qamqor_batch_commands',
        'qamqor_batch_seconds',
        'qamqor_outbox_rows',
        'qamqor_outbox_late_seconds',
        'qamqor_timers_overdue',
        'qamqor_timers_late_seconds',
        'qamqor_incidents_open',
        'qamqor_wal_archive_failing',
        'qamqor_wal_unarchived_files',
        'qamqor_data_free_ratio',
        'qamqor_database_connections',
        'process_resident_memory_bytes',
        'nodejs_eventloop_lag_seconds',
      ]),
    );
    expect(of('qamqor_figures_complete')).toBe(1);
  });

  it('count what was accepted and what was refused', async () => {
    const count = async (outcome: string, kind: string) =>
      (await figures()).of('qamqor_commands_total', { outcome, kind }) || 0;
    const [opened, refused] = [await count('accepted', 'open'), await count('refused', 'event')];
    const { body } = await api.post('registrar', '/api/cases', { workflow: 'two-steps', input: {} });
    await api.post('registrar', `/api/cases/${body.id}/events`, { type: 'STOP' });
    expect((await api.post('registrar', `/api/cases/${body.id}/events`, { type: 'STOP' })).status).toBe(409);
    expect(await count('accepted', 'open')).toBe(opened + 1);
    expect(await count('refused', 'event')).toBe(refused + 1);
  });

  it('tell what is due and was not done', async () => {
    const { body } = await api.post('registrar', '/api/cases', { workflow: 'two-steps', input: {} });
    const owner = api.database.pool('owner');
    const before = (await figures()).of('qamqor_timers_overdue');
    const late = `update qamqor.timers set due_at = qamqor.qamqor_now() - interval '90 seconds' where case_id = $1`;
    const { rowCount } = await owner.query(late, [body.id]);
    const { of } = await figures();
    expect(of('qamqor_timers_overdue')).toBe(before + (rowCount ?? 0));
    expect(of('qamqor_timers_late_seconds')).toBeGreaterThanOrEqual(90);
  });

  it('tell of every pool of connections, the records’ own too', async () => {
    const { of } = await figures();
    for (const pool of ['app', 'relay', 'orm'])
      expect(of('qamqor_database_connections', { pool, state: 'idle' })).toBeGreaterThanOrEqual(0);
  });

  it('tell that the log of PostgreSQL is not archived only where somebody wants that', async () => {
    const { of } = await figures();
    expect([of('qamqor_wal_archive_failing'), of('qamqor_wal_unarchived_files')]).toEqual([0, 0]);
  });

  it('hold nothing about anybody', async () => {
    const { names } = await figures();
    expect(names.length).toBeGreaterThan(20);
    const { body: text } = await api.get('integration', '/metrics');
    expect(text).not.toMatch(/[А-Яа-яӘәҒғҚқҢңӨөҰұҮүҺһІі]|[0-9a-f]{8}-[0-9a-f]{4}/);
  });
});
