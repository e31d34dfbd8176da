import { Migration } from '@mikro-orm/migrations';

/** Who looked at whose records; versions of workflows are the organisation's own. */
export class M0014AccessLog extends Migration {
  override up(): void {
    this.accessLog();
    this.addSql(`
      alter table qamqor.workflow_versions enable row level security;
      create policy workflow_versions_app on qamqor.workflow_versions to qamqor_app
        using (organisation_id = (select qamqor.organisation())) with check (organisation_id = (select qamqor.organisation()));
      revoke update, delete on qamqor.workflow_versions from qamqor_app;
      -- The command path takes its workflows from memory, which is filled as qamqor_app.
      revoke all on qamqor.workflow_versions from qamqor_engine;
    `);
  }

  private accessLog(): void {
    this.addSql(`
      -- A chain of its own for each process that writes and each day (UTC): nobody waits for anybody.
      create table qamqor.access_log (
        organisation_id uuid not null references qamqor.organisations,
        writer uuid not null,
        day date not null,
        seq integer not null,
        at timestamptz not null,
        account uuid not null,
        roles text[] not null,
        what text not null,
        ids text[] not null,
        route text not null,
        -- SHA-256 over the hash before it in this chain and the canonical JSON of all columns above.
        hash bytea not null,
        primary key (organisation_id, writer, day, seq)
      );
      create index access_log_newest on qamqor.access_log (organisation_id, at desc, writer desc, seq desc);
      create index access_log_account on qamqor.access_log (organisation_id, account, at desc);
      create index access_log_ids on qamqor.access_log using gin (ids);

      -- Where each chain ends, so that its last row cannot go unnoticed.
      create table qamqor.access_log_heads (
        organisation_id uuid not null references qamqor.organisations,
        writer uuid not null,
        day date not null,
        seq integer not null,
        hash bytea not null,
        primary key (organisation_id, writer, day)
      );

      -- Runs as its owner: whoever writes the log cannot set a head back.
      create function qamqor.access_log_advance() returns trigger
        language plpgsql security definer set search_path = qamqor, pg_temp as $$
        begin
          insert into access_log_heads as h (organisation_id, writer, day, seq, hash)
            select distinct on (organisation_id, writer, day) organisation_id, writer, day, seq, hash
              from added order by organisation_id, writer, day, seq desc
            on conflict (organisation_id, writer, day) do update set seq = excluded.seq, hash = excluded.hash
              where h.seq < excluded.seq;
          return null;
        end $$;
      revoke execute on function qamqor.access_log_advance() from public;
      create trigger access_log_advance after insert on qamqor.access_log
        referencing new table as added for each statement execute function qamqor.access_log_advance();
    `);
    for (const table of ['access_log', 'access_log_heads']) {
      this.addSql(`
        alter table qamqor.${table} enable row level security;
        create policy ${table}_app on qamqor.${table} to qamqor_app
          using (organisation_id = (select qamqor.organisation())) with check (organisation_id = (select qamqor.organisation()));
      `);
    }
    this.addSql(
      'grant select, insert on qamqor.access_log to qamqor_app; grant select on qamqor.access_log_heads to qamqor_app',
    );
  }
}
