import { Migration } from '@mikro-orm/migrations';

/** A hand-off that is due is overdue first, which its ladder tells; nobody waits for it any longer only some days after that. */
export class M0017HandoffGrace extends Migration {
  override up(): void {
    this.addSql(`
      -- When the partner should have answered: due_at, later by as long as its clock stood still.
      alter table qamqor.handoffs rename column expires_at to answer_by;
      -- When nobody waits any longer: moves with answer_by.
      alter table qamqor.handoffs add column gives_up_at timestamptz;
      update qamqor.handoffs set gives_up_at = answer_by + interval '8 days';
      drop index qamqor.handoffs_expiry;
      create index handoffs_give_up on qamqor.handoffs (gives_up_at) where closed_at is null and expiry_told_at is null;
      grant update (gives_up_at) on qamqor.handoffs to qamqor_app;

      create or replace function qamqor.move_due() returns trigger language plpgsql security definer set search_path = qamqor, pg_temp as $$
        begin
          update dues set due_at = coalesce(new.answer_by, new.due_at, due_at), look_at = case when ladder is null then look_at else qamqor_now() end,
            paused_until = case when new.status = 'papers' then new.paused_until end
          where entry_id = new.id;
          return null;
        end $$;
    `);
  }
}
