import { Migration } from '@mikro-orm/migrations';

/** Papers that a partner waits for are asked for again, after each third of its pause. */
export class M0027PapersReminded extends Migration {
  override up(): void {
    this.addSql(`
      -- How many thirds of the present pause have been told of.
      alter table qamqor.handoffs add column papers_reminded smallint not null default 0;
      create index handoffs_waiting_for_papers on qamqor.handoffs (paused_until) where status = 'papers';
    `);
  }
}
