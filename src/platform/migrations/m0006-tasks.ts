import { Migration } from '@mikro-orm/migrations';

/** What people are asked to do, what they have begun to answer, and the personal part of what they answered. */
export class M0006Tasks extends Migration {
  override up(): void {
    this.addSql(`
      -- id is the entry's: one task per opening of an invocation.
      create table qamqor.tasks (
        id uuid primary key,
        organisation_id uuid not null references qamqor.organisations,
        case_id uuid not null,
        case_number text not null,
        subject text,
        workflow_key text not null,
        -- Its form belongs to the version that opened it, also when the case moves to another.
        workflow_hash text not null,
        invocation text not null,
        item text,
        form text not null,
        form_version integer not null,
        title text not null,
        role text not null,
        status text not null check (status in ('open', 'claimed', 'held', 'done', 'cancelled')),
        assignee uuid,
        priority integer not null default 0,
        due_at timestamptz,
        held_until timestamptz,
        hold_reason text,
        revision integer not null default 1,
        opened_at timestamptz not null,
        closed_at timestamptz,
        closed_by text
      ) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
      create index tasks_queue on qamqor.tasks (organisation_id, role, (-priority), (coalesce(due_at, 'infinity')), id)
        where status = 'open';
      create index tasks_mine on qamqor.tasks (assignee) where status in ('open', 'claimed', 'held');
      create index tasks_case on qamqor.tasks (case_id);

      -- Begun answers may hold personal data: rows of their own, removed 30 days after the task ended.
      create table qamqor.task_drafts (
        task_id uuid primary key references qamqor.tasks on delete cascade,
        organisation_id uuid not null references qamqor.organisations,
        case_id uuid not null,
        data text not null,
        saved_by uuid not null,
        saved_at timestamptz not null,
        -- Set when the task ends.
        erase_at timestamptz
      );
      create index task_drafts_erase on qamqor.task_drafts (erase_at) where erase_at is not null;

      -- The fields that a form marks x-personal: the statechart sees {"$personal": id} in their place.
      create table qamqor.personal_values (
        id uuid primary key,
        organisation_id uuid not null references qamqor.organisations,
        case_id uuid not null,
        subject text,
        task_id uuid not null,
        path text not null,
        value text not null,
        recorded_by text not null,
        recorded_at timestamptz not null
      );
      create index personal_values_subject on qamqor.personal_values (organisation_id, subject);
      create index personal_values_case on qamqor.personal_values (case_id);
    `);
    for (const table of ['tasks', 'task_drafts', 'personal_values']) {
      this.addSql(`
        alter table qamqor.${table} enable row level security;
        create policy ${table}_engine on qamqor.${table} to qamqor_engine
          using (case_id = any ((select qamqor.batch_cases())::uuid[])) with check (case_id = any ((select qamqor.batch_cases())::uuid[]));
        create policy ${table}_app on qamqor.${table} to qamqor_app
          using (organisation_id = (select qamqor.organisation())) with check (organisation_id = (select qamqor.organisation()));
        grant select, insert, update on qamqor.${table} to qamqor_engine;
      `);
    }
    this.addSql(`
      grant select, update on qamqor.tasks to qamqor_app;
      grant select, insert, update, delete on qamqor.task_drafts to qamqor_app;
      grant select, delete on qamqor.personal_values to qamqor_app;
      create policy task_drafts_relay on qamqor.task_drafts to qamqor_relay using (true);
      create policy tasks_relay on qamqor.tasks to qamqor_relay using (true);
      grant select, delete on qamqor.task_drafts to qamqor_relay;
      grant select, update on qamqor.tasks to qamqor_relay;
    `);
  }
}
