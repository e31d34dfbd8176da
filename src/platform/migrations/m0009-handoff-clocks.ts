import { Migration } from '@mikro-orm/migrations';

/** A partner that waits for papers does not lose time; a message that could not be applied is tried again now and then. */
export class M0009HandoffClocks extends Migration {
  override up(): void {
    this.addSql(`
      alter table qamqor.handoffs add column paused_at timestamptz;
      -- When its time runs out: due_at, later by as long as the partner's clock stood still.
      alter table qamqor.handoffs add column expires_at timestamptz;
      update qamqor.handoffs set expires_at = greatest(due_at, paused_until);
      drop index qamqor.handoffs_due;
      create index handoffs_expiry on qamqor.handoffs (expires_at) where closed_at is null and expiry_told_at is null;

      drop index qamqor.handoffs_partner;
      create index handoffs_newest on qamqor.handoffs (organisation_id, opened_at desc, id desc);
      create index handoffs_partner on qamqor.handoffs (organisation_id, partner, opened_at desc, id desc);

      -- Whoever applies a message sets it first, so that nobody else does at the same time.
      alter table qamqor.handoff_events add column tried_at timestamptz;
      update qamqor.handoff_events set tried_at = received_at;
      alter table qamqor.handoff_events alter column tried_at set not null;
    `);
  }
}
