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
    // A case that was closed or suspended, or whose version did not ask, has heard nothing of what was said meanwhile.
    this.addSql(`
      create function qamqor.tell_consents_again() returns trigger language plpgsql security definer set search_path = qamqor, pg_temp as $$
        begin
          update consents set told_given = null where organisation_id = new.organisation_id and subject = new.subject;
          return null;
        end $$;
      create trigger cases_tell_consents after update on qamqor.cases for each row
        when (new.status = 'active' and new.subject is not null
          and (old.status <> 'active' or old.workflow_version <> new.workflow_version))
        execute function qamqor.tell_consents_again();
    `);
  }
}
