import { Migration } from '@mikro-orm/migrations';

/** Consents of families, partners that do not answer, papers that were supplied, and what is erased when a hand-off is long over. */
export class M0013WholeHandoffs extends Migration {
  override up(): void {
    this.addSql(CONSENTS);
    this.addSql(CIRCUITS);
    this.addSql(HANDOFFS);
    this.addSql(SUPPLIES);
  }
}

const CONSENTS = `
  create table qamqor.consents (
    id uuid primary key,
    organisation_id uuid not null references qamqor.organisations,
    -- What cases are about: the id of a family.
    subject text not null,
    partner text not null,
    given_at timestamptz not null,
    given_by text not null,
    given_how text not null check (given_how in ('form', 'paper', 'in-person', 'phone', 'electronic')),
    withdrawn_at timestamptz,
    withdrawn_by text,
    withdrawn_how text check (withdrawn_how in ('form', 'paper', 'in-person', 'phone', 'electronic')),
    -- When everything that was sent under it had been recalled.
    recalled_at timestamptz
  );
  create unique index consents_in_force on qamqor.consents (organisation_id, subject, partner) where withdrawn_at is null;
  create index consents_subject on qamqor.consents (organisation_id, subject, given_at);
  create index consents_withdrawn on qamqor.consents (withdrawn_at) where withdrawn_at is not null and recalled_at is null;

  alter table qamqor.consents enable row level security;
  create policy consents_app on qamqor.consents to qamqor_app
    using (organisation_id = (select qamqor.organisation())) with check (organisation_id = (select qamqor.organisation()));
  -- The command path: families whose cases are in its batch.
  create policy consents_engine on qamqor.consents to qamqor_engine
    using (exists (select from qamqor.cases c where c.subject = consents.subject and c.organisation_id = consents.organisation_id))
    with check (exists (select from qamqor.cases c where c.subject = consents.subject and c.organisation_id = consents.organisation_id));
  create policy consents_relay on qamqor.consents to qamqor_relay using (true) with check (true);
  grant select, insert, update on qamqor.consents to qamqor_app, qamqor_engine;
  grant select, update (recalled_at) on qamqor.consents to qamqor_relay;
`;

const CIRCUITS = `
  -- One row per partner that ever failed; none means that it answers.
  create table qamqor.partner_circuits (
    organisation_id uuid not null references qamqor.organisations,
    partner text not null,
    state text not null check (state in ('closed', 'open', 'half-open')),
    -- Failures in a row.
    failures integer not null,
    -- Since when it answers, or does not.
    since timestamptz not null,
    -- When the state changed last: what set out before that decides nothing any more.
    changed_at timestamptz not null,
    open_until timestamptz,
    -- One goes first and has so long.
    probe_until timestamptz,
    primary key (organisation_id, partner)
  );
  alter table qamqor.partner_circuits enable row level security;
  create policy partner_circuits_app on qamqor.partner_circuits for select to qamqor_app using (organisation_id = (select qamqor.organisation()));
  create policy partner_circuits_relay on qamqor.partner_circuits to qamqor_relay using (true) with check (true);
  grant select on qamqor.partner_circuits to qamqor_app;
  grant select, insert, update on qamqor.partner_circuits to qamqor_relay;
`;

const SUPPLIES = `
  -- Papers that a partner asked for and was given. A row of its own: the note is somebody's words about a family.
  create table qamqor.handoff_supplies (
    id uuid primary key,
    organisation_id uuid not null references qamqor.organisations,
    case_id uuid not null,
    handoff_id uuid not null references qamqor.handoffs,
    documents text,
    note text,
    supplied_at timestamptz not null,
    supplied_by text not null
  );
  create index handoff_supplies_handoff on qamqor.handoff_supplies (handoff_id);
  alter table qamqor.handoff_supplies enable row level security;
  create policy handoff_supplies_app on qamqor.handoff_supplies to qamqor_app
    using (organisation_id = (select qamqor.organisation())) with check (organisation_id = (select qamqor.organisation()));
  create policy handoff_supplies_relay on qamqor.handoff_supplies to qamqor_relay using (true) with check (true);
  grant select, insert on qamqor.handoff_supplies to qamqor_app;
  grant select, update on qamqor.handoff_supplies to qamqor_relay;
  create policy handoffs_app_supply on qamqor.handoffs for update to qamqor_app using (organisation_id = (select qamqor.organisation()));
  grant update (status, expires_at, paused_until, supplied_at, revision) on qamqor.handoffs to qamqor_app;
  -- What people do to a hand-off goes out like everything else.
  create policy outbox_app_supply on qamqor.outbox for insert to qamqor_app
    with check (organisation_id = (select qamqor.organisation()) and topic = 'handOff.supply');
  grant insert on qamqor.outbox to qamqor_app;
  grant insert on qamqor.outbox to qamqor_relay;
`;

const HANDOFFS = `
  alter table qamqor.handoffs add column consent_id uuid references qamqor.consents;
  -- Why a draft has not gone out yet.
  alter table qamqor.handoffs add column waiting_reason text;
  alter table qamqor.handoffs add column supplied_at timestamptz;
  -- Why a person recalled it, in that person's words.
  alter table qamqor.handoffs add column recall_reason text;
  -- What is left of the body when that is erased: sha256, hex.
  alter table qamqor.handoffs add column body_digest text;
  update qamqor.handoffs set body_digest = encode(sha256(convert_to(body, 'UTF8')), 'hex') where body is not null;
  alter table qamqor.handoffs add column erased_at timestamptz;
  create index handoffs_consent on qamqor.handoffs (consent_id) where closed_at is null and consent_id is not null;
  create index handoffs_erase on qamqor.handoffs (closed_at) where closed_at is not null and erased_at is null;
  create index handoffs_subject on qamqor.handoffs (organisation_id, subject);
  alter table qamqor.handoff_events alter column data drop not null;
  alter table qamqor.handoff_events add column data_digest text;
`;
