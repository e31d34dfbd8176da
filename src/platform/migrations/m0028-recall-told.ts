import { Migration } from '@mikro-orm/migrations';

/** A partner whose hand-off cannot be closed yet hears of the withdrawn consent at once, and once. */
export class M0028RecallTold extends Migration {
  override up(): void {
    this.addSql('alter table qamqor.handoffs add column recall_told_at timestamptz;');
  }
}
