import { Migration } from '@mikro-orm/migrations';

/** What a case is, what happened to it, what it waits for and what must go out: the engine's own tables. */
export class M0002Engine extends Migration {
  override up(): void {
    this.addSql(`
      -- The cases that the engine's running transaction may touch; none unless it said so.
      create function qamqor.batch_cases() returns uuid[] language sql stable parallel safe
        as $$ select nullif(current_setting('qamqor.cases', true), '')::uuid[] $$;
      -- The organisation whose rows the user of this transaction may see.
      create function qamqor.organisation() returns uuid language sql stable parallel safe
        as $$ select nullif(current_setting('qamqor.organisation', true), '')::uuid $$;

      create table qamqor.workflow_versions (
        organisation_id uuid not null references qamqor.organisations,
        key text not null,
        version integer not null,
        hash text not null,
        files text not null,
        created_at timestamptz not null,
        created_by text not null,
        primary key (organisation_id, key, version),
        unique (organisation_id, key, hash)
      );

      create sequence qamqor.case_numbers;

      -- chart, state and payloads are text: exactly what was hashed and compared, never rewritten by the database.
      create table qamqor.cases (
        id uuid primary key,
        organisation_id uuid not null references qamqor.organisations,
        number text not null,
        workflow_key text not null,
        workflow_version integer not null,
        subject text,
        parent_case_id uuid,
        parent_entry_id uuid,
        status text not null check (status in ('active', 'suspended', 'done', 'cancelled')),
        state text not null,
        stage text,
        stages text[] not null,
        chart text not null,
        revision integer not null,
        head bytea not null,
        opened_at timestamptz not null,
        updated_at timestamptz not null,
        closed_at timestamptz,
        due_at timestamptz,
        incidents integer not null default 0,
        modified boolean not null default false
      ) with (fillfactor = 70, toast_tuple_target = 8160, autovacuum_vacuum_scale_factor = 0.05);
      create unique index cases_number on qamqor.cases (organisation_id, number);
      create unique index cases_open_subject on qamqor.cases (organisation_id, workflow_key, subject)
        where status in ('active', 'suspended') and parent_case_id is null and subject is not null;
      -- Which of these subjects have an open case: the engine may ask that of cases its batch does not name.
      create function qamqor.open_subjects(organisation_ids uuid[], workflow_keys text[], subjects text[])
        returns table (id uuid, number text, organisation_id uuid, workflow_key text, subject text)
        language sql stable security definer set search_path = qamqor, pg_temp as $$
          select c.id, c.number, c.organisation_id, c.workflow_key, c.subject
          from unnest(organisation_ids, workflow_keys, subjects) as k (organisation_id, workflow_key, subject)
          join cases c on c.organisation_id = k.organisation_id and c.workflow_key = k.workflow_key and c.subject = k.subject
            and c.status in ('active', 'suspended') and c.parent_case_id is null
        $$;
      revoke execute on function qamqor.open_subjects(uuid[], text[], text[]) from public;
      grant execute on function qamqor.open_subjects(uuid[], text[], text[]) to qamqor_engine;
      create index cases_board on qamqor.cases (organisation_id, workflow_key, stage) where status in ('active', 'suspended');
      create index cases_parent on qamqor.cases (parent_case_id) where parent_case_id is not null;

      create table qamqor.journal (
        case_id uuid not null,
        seq integer not null,
        organisation_id uuid not null,
        at timestamptz not null,
        kind text not null check (kind in ('event', 'answer', 'ignored', 'timer', 'act', 'migration')),
        type text not null,
        body text not null,
        hash bytea not null,
        primary key (case_id, seq)
      );

      -- Apart from the journal, so that erasing one breaks neither the chain nor replay.
      create table qamqor.payloads (
        case_id uuid not null,
        seq integer not null,
        organisation_id uuid not null,
        salt bytea not null,
        data text not null,
        primary key (case_id, seq)
      );

      create table qamqor.commands (
        organisation_id uuid not null,
        account text not null,
        id text not null,
        digest bytea not null,
        case_id uuid not null,
        seq integer not null,
        answer text not null,
        at timestamptz not null,
        primary key (organisation_id, account, id)
      );
      create index commands_case on qamqor.commands (case_id);

      create table qamqor.timers (
        id uuid primary key,
        organisation_id uuid not null,
        case_id uuid not null,
        kind text not null check (kind in ('timer', 'deadline')),
        name text not null,
        node text not null,
        due_at timestamptz not null,
        paused boolean not null default false,
        passed_at timestamptz
      ) with (autovacuum_vacuum_scale_factor = 0.02);
      create index timers_due on qamqor.timers (due_at) where not paused and passed_at is null;
      create index timers_case on qamqor.timers (case_id);

      create table qamqor.outbox (
        id uuid primary key,
        organisation_id uuid not null,
        case_id uuid not null,
        seq integer not null,
        topic text not null,
        entry_id uuid,
        payload text not null,
        created_at timestamptz not null,
        next_at timestamptz not null,
        attempt integer not null default 0,
        leased_until timestamptz,
        last_error text,
        parked boolean not null default false
      ) with (autovacuum_vacuum_scale_factor = 0.02);
      create index outbox_due on qamqor.outbox (next_at) where not parked;
      create index outbox_case on qamqor.outbox (case_id);

      create table qamqor.incidents (
        id uuid primary key,
        organisation_id uuid not null,
        case_id uuid not null,
        seq integer not null,
        entry_id uuid,
        outbox_id uuid,
        rule text not null,
        state text not null,
        message text not null,
        command text not null,
        status text not null default 'open' check (status in ('open', 'retried', 'resolved')),
        opened_at timestamptz not null,
        closed_at timestamptz,
        closed_by text
      );
      create index incidents_open on qamqor.incidents (organisation_id, opened_at) where status = 'open';
      create index incidents_case on qamqor.incidents (case_id);

      -- Answers that came while a case was suspended: given again, in order, when it goes on.
      create table qamqor.parked (
        case_id uuid not null,
        seq integer not null,
        organisation_id uuid not null,
        command text not null,
        primary key (case_id, seq)
      );
    `);
    for (const table of ['journal', 'payloads', 'timers', 'outbox', 'incidents', 'parked'])
      this.addSql(caseTable(table));
    this.addSql(`
      alter table qamqor.cases enable row level security;
      create policy cases_engine on qamqor.cases to qamqor_engine
        using (id = any ((select qamqor.batch_cases())::uuid[])) with check (id = any ((select qamqor.batch_cases())::uuid[]));
      create policy cases_app on qamqor.cases for select to qamqor_app using (organisation_id = (select qamqor.organisation()));
      create policy cases_relay on qamqor.cases for select to qamqor_relay using (true);
      alter table qamqor.commands enable row level security;
      create policy commands_engine_read on qamqor.commands for select to qamqor_engine using (true);
      create policy commands_engine on qamqor.commands for insert to qamqor_engine with check (case_id = any ((select qamqor.batch_cases())::uuid[]));
      create policy commands_app on qamqor.commands for select to qamqor_app using (organisation_id = (select qamqor.organisation()));
      grant select, insert, update on qamqor.cases to qamqor_engine;
      grant select, insert on qamqor.commands to qamqor_engine;
      grant select on qamqor.cases, qamqor.commands to qamqor_app;
      grant select on qamqor.cases to qamqor_relay;
      grant usage on sequence qamqor.case_numbers to qamqor_engine;
      grant select, insert on qamqor.workflow_versions to qamqor_app, qamqor_engine;
      grant select, update, delete on qamqor.outbox, qamqor.timers to qamqor_relay;
      create policy outbox_relay on qamqor.outbox to qamqor_relay using (true);
      create policy timers_relay on qamqor.timers to qamqor_relay using (true);
    `);
  }
}

/** Row-level security of a table whose rows belong to a case. */
function caseTable(table: string): string {
  return `
    alter table qamqor.${table} enable row level security;
    create policy ${table}_engine on qamqor.${table} to qamqor_engine
      using (case_id = any ((select qamqor.batch_cases())::uuid[])) with check (case_id = any ((select qamqor.batch_cases())::uuid[]));
    create policy ${table}_app on qamqor.${table} for select to qamqor_app using (organisation_id = (select qamqor.organisation()));
    grant select on qamqor.${table} to qamqor_app;
    grant select, insert${['journal', 'payloads'].includes(table) ? '' : ', update, delete'} on qamqor.${table} to qamqor_engine;
  `;
}
