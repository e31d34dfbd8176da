import { Migration } from '@mikro-orm/migrations';

/** What counts towards giving up stands apart from the fencing number; parked answers go when they were given. */
export class M0012OutboxFailures extends Migration {
  override up(): void {
    this.addSql(`
      alter table qamqor.outbox add column tries integer not null default 0, add column failures integer not null default 0;
      -- Whether an older attempt failed or waited patiently was not written down: nobody is given up too early.
      update qamqor.outbox set tries = attempt;

      create policy parked_relay on qamqor.parked to qamqor_relay using (true);
      grant select, delete on qamqor.parked to qamqor_relay;
      delete from qamqor.parked p using qamqor.cases c where c.id = p.case_id and c.status <> 'suspended'
        and not exists (select from qamqor.outbox o where o.case_id = p.case_id and o.topic = 'case.unpark');
    `);
  }
}
