import { Migration } from '@mikro-orm/migrations';

const ROLES = ['qamqor_app', 'qamqor_engine', 'qamqor_relay'];

/** Roles, the one organisation, the one clock. */
export class M0001Platform extends Migration {
  override up(): void {
    this.addSql('create schema if not exists qamqor');
    for (const role of ROLES) this.addSql(ensureRole(role));
    this.addSql(`grant usage on schema qamqor to ${ROLES.join(', ')}`);

    this.addSql(`create table qamqor.organisations (
      id uuid primary key,
      name text not null,
      created_at timestamptz not null default clock_timestamp()
    )`);
    this.addSql(`insert into qamqor.organisations (id, name)
      values ('00000000-0000-7000-8000-000000000001', 'Qamqor')`);
    this.addSql(`grant select on qamqor.organisations to ${ROLES.join(', ')}`);

    this.clock();
  }

  private clock(): void {
    this.addSql(`create table qamqor.clock_offset (
      -- One row: the constraint leaves room for no other.
      single boolean primary key default true check (single),
      ahead interval not null default interval '0' check (ahead >= interval '0'),
      production boolean not null default false,
      check (not production or ahead = interval '0')
    )`);
    this.addSql('insert into qamqor.clock_offset default values');
    this.addSql(`grant select on qamqor.clock_offset to ${ROLES.join(', ')}`);

    // STABLE lets an index serve "due_at <= qamqor_now()"; unlike now() it moves on within a transaction.
    // Whole milliseconds, because that is what the journal and JavaScript keep.
    this.addSql(`create function qamqor.qamqor_now() returns timestamptz
      language sql stable parallel safe
      as $$ select date_trunc('milliseconds', clock_timestamp() + ahead) from qamqor.clock_offset $$`);

    // Runs as its owner, so that the roles can move the clock this way only: forward, and never in production.
    this.addSql(`create function qamqor.qamqor_advance_clock(moment timestamptz) returns timestamptz
      language plpgsql security definer set search_path = qamqor, pg_temp
      as $$
      declare
        current clock_offset%rowtype;
      begin
        select * into current from clock_offset for update;
        if current.production then
          raise exception 'the clock of a production database cannot be moved' using errcode = 'QC001';
        end if;
        update clock_offset set ahead = greatest(ahead, make_interval(secs => extract(epoch from moment - clock_timestamp())::float8));
        return qamqor_now();
      end $$`);

    this.addSql(`create function qamqor.qamqor_declare_production() returns void
      language plpgsql security definer set search_path = qamqor, pg_temp
      as $$
      begin
        if exists (select from clock_offset where ahead <> interval '0') then
          raise exception 'the clock of this database was moved by a simulation' using errcode = 'QC002';
        end if;
        update clock_offset set production = true where not production;
      end $$`);
    for (const name of ['qamqor_advance_clock(timestamptz)', 'qamqor_declare_production()']) {
      this.addSql(`revoke execute on function qamqor.${name} from public`);
      this.addSql(`grant execute on function qamqor.${name} to qamqor_app, qamqor_engine`);
    }
  }
}

/**
 * Roles belong to the whole server: another database of it, or its administrator, may have made them already. The login
 * that migrates must be able to take them.
 */
function ensureRole(role: string): string {
  return `do $$
    begin
      if not exists (select from pg_roles where rolname = '${role}') then
        begin
          create role ${role} nologin;
        exception when duplicate_object or unique_violation then null;
        end;
      end if;
      if not pg_has_role(current_user, '${role}', case when current_setting('server_version_num')::int < 160000 then 'member' else 'set' end) then
        begin
          grant ${role} to current_user;
        exception when insufficient_privilege then
          raise exception 'the login % may not take the role ${role}', current_user
            using hint = format('As administrator run: grant ${role} to %I;', current_user);
        end;
      end if;
    exception when insufficient_privilege then
      raise exception 'the login % may not create the role ${role}', current_user
        using hint = format('As administrator run: create role ${role} nologin; grant ${role} to %I;', current_user);
    end $$`;
}
