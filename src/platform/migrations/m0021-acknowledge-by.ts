import { Migration } from '@mikro-orm/migrations';

/** A partner says soon that it has a hand-off; where it does not, somebody hears of it once. */
export class M0021AcknowledgeBy extends Migration {
  override up(): void {
    this.addSql(`
      -- When the partner should have acknowledged what was sent; null: nobody looks at that (any more).
      alter table qamqor.handoffs add column acknowledge_by timestamptz;
      create index handoffs_acknowledge on qamqor.handoffs (acknowledge_by) where acknowledge_by is not null and status = 'sent';
    `);
  }
}
