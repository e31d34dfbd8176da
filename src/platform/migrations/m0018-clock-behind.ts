import { Migration } from '@mikro-orm/migrations';

/**
 * A demonstration begins in the past and catches up: the clock of an empty database may be set back once, and still never
 * goes back after that.
 */
export class M0018ClockBehind extends Migration {
  override up(): void {
    this.addSql('alter table qamqor.clock_offset drop constraint clock_offset_ahead_check');

    this.addSql(`create function qamqor.qamqor_begin_clock_at(moment timestamptz) returns timestamptz
      language plpgsql security definer set search_path = qamqor, pg_temp
      as $$
      declare
        current clock_offset%rowtype;
      begin
        select * into current from clock_offset for update;
        if current.production then
          raise exception 'the clock of a production database cannot be moved' using errcode = 'QC001';
        end if;
        if current.ahead <> interval '0' or exists (select from cases) or exists (select from families) then
          raise exception 'the clock begins in the past only where nothing has happened yet' using errcode = 'QC003';
        end if;
        update clock_offset set ahead = least(interval '0', make_interval(secs => extract(epoch from moment - clock_timestamp())::float8));
        return qamqor_now();
      end $$`);

    this.addSql(`create function qamqor.qamqor_catch_up_clock() returns timestamptz
      language plpgsql security definer set search_path = qamqor, pg_temp
      as $$
      begin
        update clock_offset set ahead = interval '0' where ahead < interval '0';
        return qamqor_now();
      end $$`);
    for (const name of ['qamqor_begin_clock_at(timestamptz)', 'qamqor_catch_up_clock()']) {
      this.addSql(`revoke execute on function qamqor.${name} from public`);
      this.addSql(`grant execute on function qamqor.${name} to qamqor_app`);
    }
  }
}
