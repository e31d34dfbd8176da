import { Migration } from '@mikro-orm/migrations';

/** What is due and who is told of it, where a case has stood since when, and what changed lately. */
export class M0016Supervision extends Migration {
  override up(): void {
    this.dues();
    this.escalations();
    this.stages();
    this.changes();
  }

  private dues(): void {
    this.addSql(`
      -- One row per open entry that has a due time. A ladder is climbed step by step: look_at is when to look at it next.
      create table qamqor.dues (
        entry_id uuid primary key,
        organisation_id uuid not null references qamqor.organisations,
        case_id uuid not null,
        what text not null check (what in ('task', 'handOff', 'service', 'case', 'state')),
        name text not null,
        opened_at timestamptz not null,
        due_at timestamptz not null,
        -- Its clock stands still until then: the partner waits for papers.
        paused_until timestamptz,
        -- Working time that was given at the opening, for steps at a share of it.
        given_ms bigint not null default 0,
        ladder text,
        step integer not null default 0,
        look_at timestamptz not null default 'infinity'
      ) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
      create index dues_look on qamqor.dues (look_at) where look_at < 'infinity';
      create index dues_case on qamqor.dues (case_id);

      insert into qamqor.dues (entry_id, organisation_id, case_id, what, name, opened_at, due_at, ladder, look_at)
        select id, organisation_id, case_id, 'task', invocation, opened_at, due_at, 'task', due_at from qamqor.tasks
         where status in ('open', 'claimed', 'held') and due_at is not null
        union all
        select id, organisation_id, case_id, 'handOff', invocation, opened_at, coalesce(expires_at, due_at), 'hand-off', coalesce(expires_at, due_at)
          from qamqor.handoffs where closed_at is null and due_at is not null
        union all
        select id, organisation_id, case_id, 'state', node, due_at, due_at, name, due_at from qamqor.timers where kind = 'deadline' and name <> '';

      alter table qamqor.dues enable row level security;
      create policy dues_engine on qamqor.dues to qamqor_engine
        using (case_id = any ((select qamqor.batch_cases())::uuid[])) with check (case_id = any ((select qamqor.batch_cases())::uuid[]));
      create policy dues_app on qamqor.dues for select to qamqor_app using (organisation_id = (select qamqor.organisation()));
      create policy dues_relay on qamqor.dues to qamqor_relay using (true) with check (true);
      grant select, insert, update, delete on qamqor.dues to qamqor_engine;
      grant select on qamqor.dues to qamqor_app;
      grant select, update on qamqor.dues to qamqor_relay;

      -- Whoever moves the clock of a hand-off moves its ladder.
      create function qamqor.move_due() returns trigger language plpgsql security definer set search_path = qamqor, pg_temp as $$
        begin
          update dues set due_at = coalesce(new.expires_at, new.due_at, due_at), look_at = case when ladder is null then look_at else qamqor_now() end,
            paused_until = case when new.status = 'papers' then new.paused_until end
          where entry_id = new.id;
          return null;
        end $$;
      create trigger handoffs_move_due after update on qamqor.handoffs for each row
        when (new.closed_at is null and (old.expires_at is distinct from new.expires_at or old.due_at is distinct from new.due_at
          or old.status is distinct from new.status and 'papers' in (old.status, new.status)))
        execute function qamqor.move_due();
    `);
  }

  private escalations(): void {
    this.addSql(`
      -- id is the outbox row's: told once, however often it is delivered. Who was told what: notifications about it.
      create table qamqor.escalations (
        id uuid primary key,
        organisation_id uuid not null references qamqor.organisations,
        case_id uuid not null,
        case_number text not null,
        entry_id uuid not null,
        what text not null,
        name text not null,
        title text not null,
        ladder text not null,
        step integer not null,
        due_at timestamptz not null,
        at timestamptz not null,
        unique (entry_id, step)
      );
      create index escalations_newest on qamqor.escalations (organisation_id, at desc, id desc);
      create index escalations_case on qamqor.escalations (case_id, at desc, id desc);
      alter table qamqor.notifications add column about uuid;
      create index notifications_about on qamqor.notifications (about) where about is not null;

      alter table qamqor.escalations enable row level security;
      create policy escalations_app on qamqor.escalations for select to qamqor_app using (organisation_id = (select qamqor.organisation()));
      create policy escalations_relay on qamqor.escalations to qamqor_relay using (true) with check (true);
      grant select on qamqor.escalations to qamqor_app;
      grant select, insert on qamqor.escalations to qamqor_relay;
    `);
  }

  private stages(): void {
    this.addSql(`
      -- Since when the case has stood at its stage; null: since it was opened.
      alter table qamqor.cases add column stage_at timestamptz;
      create function qamqor.note_stage() returns trigger language plpgsql as $$
        begin
          new.stage_at := new.updated_at;
          return new;
        end $$;
      create trigger cases_note_stage before update on qamqor.cases for each row
        when (old.stage is distinct from new.stage) execute function qamqor.note_stage();
    `);
  }

  private changes(): void {
    this.addSql(`
      -- What changed lately is found without reading the rest. What the command path writes is in the journal; only what
      -- people and partners change beside it carries a moment of its own.
      create index journal_at on qamqor.journal (at);
      alter table qamqor.tasks add column changed_at timestamptz;
      alter table qamqor.handoffs add column changed_at timestamptz;
      create function qamqor.note_change() returns trigger language plpgsql security definer set search_path = qamqor, pg_temp as $$
        begin
          new.changed_at := qamqor_now();
          return new;
        end $$;
      create index incidents_changed on qamqor.incidents ((coalesce(closed_at, opened_at)));
    `);
    for (const table of ['tasks', 'handoffs'])
      this.addSql(`
        create index ${table}_changed on qamqor.${table} (changed_at) where changed_at is not null;
        create trigger ${table}_note_change before update on qamqor.${table} for each row
          when (new.closed_at is null) execute function qamqor.note_change();
      `);
    // Whoever looks for cases that nothing can move reads what cases wait for.
    this.addSql(`
      create policy journal_relay on qamqor.journal for select to qamqor_relay using (true);
      grant select on qamqor.journal to qamqor_relay;
    `);
  }
}
