import { Migration } from '@mikro-orm/migrations';

/** A partner that says 410 gets nothing more at that address, until somebody has it sent again or there is another address. */
export class M0026PartnersGone extends Migration {
  override up(): void {
    this.addSql(`
      -- The address that said 410, and when; null where none did, or where a person has had it sent again since.
      alter table qamqor.partner_circuits add column gone_url text;
      alter table qamqor.partner_circuits add column gone_at timestamptz;
      -- When a hand-off last became the incident that tells people of it.
      alter table qamqor.partner_circuits add column gone_told_at timestamptz;
    `);
    // The account of zeros is the engine's: it retries where there is another address, and the old one stays gone.
    this.addSql(`
      create function qamqor.send_to_partner_again() returns trigger language plpgsql security definer set search_path = qamqor, pg_temp as $$
        begin
          update partner_circuits c set gone_url = null, gone_at = null, gone_told_at = null
            from handoffs h where h.id = new.entry_id and c.organisation_id = h.organisation_id and c.partner = h.partner;
          return null;
        end $$;
      create trigger incidents_send_to_partner_again after update on qamqor.incidents for each row
        when (new.rule = 'partner-gone' and old.status = 'open' and new.status = 'retried'
          and new.closed_by is distinct from '00000000-0000-0000-0000-000000000000')
        execute function qamqor.send_to_partner_again();
    `);
  }
}
