import { Migration } from '@mikro-orm/migrations';

/** Open cases hear of a family's consents that were given or withdrawn: what they were told last of each. */
export class M0025ConsentsTold extends Migration {
  override up(): void {
    // What was said before is what the cases were registered with.
    this.addSql(`
      alter table qamqor.consents add column told_given boolean;
      update qamqor.consents set told_given = withdrawn_at is null;
      create index consents_untold on qamqor.consents (given_at) where told_given is distinct from (withdrawn_at is null);
      grant update (told_given) on qamqor.consents to qamqor_relay;
    `);
  }
}
