import { Migration } from '@mikro-orm/migrations';

/** What people are told, and what a case has reached. */
export class M0008Notices extends Migration {
  override up(): void {
    this.addSql(`
      -- id is the outbox row's: told once, however often it is delivered.
      create table qamqor.notifications (
        id uuid primary key,
        organisation_id uuid not null references qamqor.organisations,
        case_id uuid not null,
        template text not null,
        recipient text not null,
        channels text[] not null,
        -- {kk, ru, en}, filled in as it was then.
        text text not null,
        created_at timestamptz not null
      );
      create index notifications_case on qamqor.notifications (case_id, created_at);

      create table qamqor.milestones (
        id uuid primary key,
        organisation_id uuid not null references qamqor.organisations,
        case_id uuid not null,
        name text not null,
        at timestamptz not null
      );
      create index milestones_case on qamqor.milestones (case_id, at);
    `);
    for (const table of ['notifications', 'milestones']) {
      this.addSql(`
        alter table qamqor.${table} enable row level security;
        create policy ${table}_app on qamqor.${table} for select to qamqor_app using (organisation_id = (select qamqor.organisation()));
        create policy ${table}_relay on qamqor.${table} to qamqor_relay using (true) with check (true);
        grant select on qamqor.${table} to qamqor_app;
        grant select, insert on qamqor.${table} to qamqor_relay;
      `);
    }
  }
}
