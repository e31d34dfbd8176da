import { Migration } from '@mikro-orm/migrations';

/** What is looked up often enough that it must not read every row: what partners have open, and all cases of a family. */
export class M0019LookedUp extends Migration {
  override up(): void {
    this.addSql(`
      create index handoffs_open on qamqor.handoffs (organisation_id, partner) where closed_at is null;
      create index cases_subject on qamqor.cases (organisation_id, subject) where subject is not null;
    `);
  }
}
