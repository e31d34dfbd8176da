import { Migration } from '@mikro-orm/migrations';

/** What partners were asked, what they answered, and what came in from them. */
export class M0007Handoffs extends Migration {
  override up(): void {
    this.addSql(`
      -- id is the entry's: one hand-off per opening of an invocation, and the key under which the partner knows it.
      create table qamqor.handoffs (
        id uuid primary key,
        organisation_id uuid not null references qamqor.organisations,
        case_id uuid not null,
        case_number text not null,
        subject text,
        partner text not null,
        service text not null,
        invocation text not null,
        request text not null,
        status text not null check (status in ('draft', 'sent', 'acknowledged', 'papers', 'done', 'rejected', 'expired', 'recalled')),
        -- Frozen at the first attempt: every later one sends these very bytes. Holds personal data.
        body text,
        opened_at timestamptz not null,
        sent_at timestamptz,
        acknowledged_at timestamptz,
        due_at timestamptz,
        -- The partner asked for papers: its clock stands still until then.
        paused_until timestamptz,
        closed_at timestamptz,
        partner_ref text,
        reason_code text,
        result text,
        -- Set when its time ran out and the case would not take that.
        expiry_told_at timestamptz,
        revision integer not null default 1
      ) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
      create index handoffs_case on qamqor.handoffs (case_id);
      create index handoffs_partner on qamqor.handoffs (organisation_id, partner, id);
      create index handoffs_due on qamqor.handoffs (due_at) where closed_at is null and expiry_told_at is null;

      -- Every message of a partner once, whatever became of it: a repeated one is known by its id.
      create table qamqor.handoff_events (
        handoff_id uuid not null references qamqor.handoffs,
        event_id text not null,
        organisation_id uuid not null references qamqor.organisations,
        case_id uuid not null,
        type text not null,
        at timestamptz not null,
        received_at timestamptz not null,
        data text not null,
        status text not null check (status in ('received', 'parked', 'applied', 'ignored')),
        reason text,
        primary key (handoff_id, event_id)
      );
      create index handoff_events_waiting on qamqor.handoff_events (received_at) where status in ('received', 'parked');

      grant select, insert, update on qamqor.handoffs to qamqor_engine;
      grant select, update on qamqor.handoffs to qamqor_relay;
      grant select, insert, update on qamqor.handoff_events to qamqor_relay;
      grant select on qamqor.handoffs, qamqor.handoff_events to qamqor_app;
    `);
    for (const table of ['handoffs', 'handoff_events']) {
      this.addSql(`
        alter table qamqor.${table} enable row level security;
        create policy ${table}_engine on qamqor.${table} to qamqor_engine
          using (case_id = any ((select qamqor.batch_cases())::uuid[])) with check (case_id = any ((select qamqor.batch_cases())::uuid[]));
        create policy ${table}_app on qamqor.${table} for select to qamqor_app using (organisation_id = (select qamqor.organisation()));
        create policy ${table}_relay on qamqor.${table} to qamqor_relay using (true) with check (true);
      `);
    }
  }
}
