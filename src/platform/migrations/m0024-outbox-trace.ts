import { Migration } from '@mikro-orm/migrations';

/** The trace of the command that wrote a row goes on where the row is carried out: through the queue, a restart, retries. */
export class M0024OutboxTrace extends Migration {
  override up(): void {
    this.addSql(`
      -- The span of that command as a W3C traceparent; null where nothing was traced, as older processes write it.
      alter table qamqor.outbox add column trace text;
    `);
  }
}
