import { Migration } from '@mikro-orm/migrations';

/** What the sweeper asks every second is found without reading what waits. */
export class M0010Sweeps extends Migration {
  override up(): void {
    this.addSql(`
      create index tasks_held on qamqor.tasks (held_until) where status = 'held';
      -- A hand-off whose answer is an open incident is not expired over it.
      create index incidents_entry on qamqor.incidents (entry_id) where status = 'open' and entry_id is not null;
      create policy incidents_relay on qamqor.incidents for select to qamqor_relay using (true);
      grant select on qamqor.incidents to qamqor_relay;
    `);
  }
}
