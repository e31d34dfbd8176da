import { Migration } from '@mikro-orm/migrations';

/** Who may sign in, with which roles; the tables that better-auth keeps; keys of writes that were answered. */
export class M0004Identity extends Migration {
  override up(): void {
    this.addSql(`
      create table qamqor.accounts (
        id uuid primary key,
        organisation_id uuid not null default '00000000-0000-7000-8000-000000000001' references qamqor.organisations,
        name text not null,
        email text not null check (email = lower(email)),
        email_verified boolean not null default false,
        image text,
        -- Made by the demonstration; such accounts are removed when it is off.
        demonstration boolean not null default false,
        disabled_at timestamptz,
        created_at timestamptz not null default clock_timestamp(),
        updated_at timestamptz not null default clock_timestamp()
      );
      -- One name space over all organisations: people sign in before we know where they belong.
      create unique index accounts_email on qamqor.accounts (email);

      create table qamqor.account_roles (
        account_id uuid not null references qamqor.accounts on delete cascade,
        role text not null check (role ~ '^[a-z][a-z-]{0,63}$'),
        organisation_id uuid not null references qamqor.organisations,
        granted_at timestamptz not null default clock_timestamp(),
        granted_by text not null,
        primary key (account_id, role)
      );

      create table qamqor.account_sessions (
        id uuid primary key,
        user_id uuid not null references qamqor.accounts on delete cascade,
        token text not null unique,
        expires_at timestamptz not null,
        ip_address text,
        user_agent text,
        created_at timestamptz not null,
        updated_at timestamptz not null
      );
      create index account_sessions_user on qamqor.account_sessions (user_id);
      create index account_sessions_expiry on qamqor.account_sessions (expires_at);

      create table qamqor.account_credentials (
        id uuid primary key,
        user_id uuid not null references qamqor.accounts on delete cascade,
        account_id text not null,
        provider_id text not null,
        access_token text,
        refresh_token text,
        id_token text,
        access_token_expires_at timestamptz,
        refresh_token_expires_at timestamptz,
        scope text,
        password text,
        created_at timestamptz not null default clock_timestamp(),
        updated_at timestamptz not null default clock_timestamp(),
        unique (provider_id, account_id)
      );
      create index account_credentials_user on qamqor.account_credentials (user_id);

      create table qamqor.account_verifications (
        id uuid primary key,
        identifier text not null,
        value text not null,
        expires_at timestamptz not null,
        created_at timestamptz not null,
        updated_at timestamptz not null
      );
      create index account_verifications_identifier on qamqor.account_verifications (identifier);

      -- Wrong passwords, by account and address: slows guessing down without locking anybody out for good.
      create table qamqor.sign_in_failures (
        key text primary key,
        failures integer not null,
        since timestamptz not null
      );

      -- Writes that came with an Idempotency-Key. The answer is there once the write was accepted.
      create table qamqor.idempotency_keys (
        organisation_id uuid not null,
        account text not null,
        key text not null,
        digest bytea not null,
        status integer,
        answer text,
        at timestamptz not null,
        primary key (organisation_id, account, key)
      );
      create index idempotency_keys_age on qamqor.idempotency_keys (at);

      -- A program signs in with its own key (QAMQOR_API_KEY) and has no password.
      insert into qamqor.accounts (id, name, email)
        values ('00000000-0000-7000-8000-0000000000aa', 'Integration', 'integration@qamqor.invalid');
      insert into qamqor.account_roles (account_id, role, organisation_id, granted_by)
        values ('00000000-0000-7000-8000-0000000000aa', 'integration', '00000000-0000-7000-8000-000000000001', 'migration');

      grant select, insert, update, delete on qamqor.accounts, qamqor.account_roles, qamqor.account_sessions,
        qamqor.account_credentials, qamqor.account_verifications, qamqor.sign_in_failures, qamqor.idempotency_keys to qamqor_app;

      -- Stored answers are the organisation's own.
      alter table qamqor.idempotency_keys enable row level security;
      create policy idempotency_keys_app on qamqor.idempotency_keys to qamqor_app
        using (organisation_id = (select qamqor.organisation())) with check (organisation_id = (select qamqor.organisation()));
      create policy idempotency_keys_relay on qamqor.idempotency_keys to qamqor_relay using (true);
      grant select, delete on qamqor.idempotency_keys to qamqor_relay;
    `);
  }
}
