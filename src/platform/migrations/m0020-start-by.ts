import { Migration } from '@mikro-orm/migrations';

/** When the work on a task should have begun: what nobody has begun stands in the queue by that. */
export class M0020StartBy extends Migration {
  override up(): void {
    this.addSql(`
      alter table qamqor.tasks add column start_by timestamptz;
      -- Its place in the queue, among those of its priority.
      alter table qamqor.tasks add column queue_at timestamptz not null
        generated always as (coalesce(case when status = 'open' then least(start_by, due_at) else due_at end, 'infinity')) stored;
      drop index qamqor.tasks_queue;
      create index tasks_queue on qamqor.tasks (organisation_id, role, (-priority), queue_at, id) where status = 'open';
    `);
  }
}
