import { Migration } from '@mikro-orm/migrations';

/** Certificates, and the counters from which their numbers come without gaps. */
export class M0005Certificates extends Migration {
  override up(): void {
    this.addSql(`
      -- Prepared under the id of the entry that asked for it; issued when it has a number.
      create table qamqor.certificates (
        id uuid primary key,
        organisation_id uuid not null references qamqor.organisations,
        case_id uuid not null,
        family_id uuid not null,
        person_id uuid not null,
        -- As printed: whoever changes their name later holds the paper with this one. Null after an erasure.
        surname text,
        given text,
        patronymic text,
        course text not null,
        course_title text not null,
        language text not null check (language in ('kk', 'ru', 'en')),
        workflow_key text not null,
        workflow_version integer not null,
        -- Stands in the QR code: the name is shown only to whoever holds the paper.
        check_code text not null check (check_code <> ''),
        prepared_at timestamptz not null,
        year integer,
        serial integer check (serial > 0),
        number text generated always as (year::text || '-' || case when serial < 10000 then lpad(serial::text, 4, '0') else serial::text end) stored,
        issued_on date,
        revoked_at timestamptz,
        revoked_by text,
        revoke_reason text,
        unique (organisation_id, year, serial),
        check (num_nulls(year, serial, issued_on) in (0, 3)),
        check (revoked_at is null or issued_on is not null),
        check (num_nulls(revoked_at, revoked_by, revoke_reason) in (0, 3))
      );
      create unique index certificates_number on qamqor.certificates (organisation_id, number) where number is not null;
      create index certificates_unissued on qamqor.certificates (prepared_at) where serial is null;
      create index certificates_case on qamqor.certificates (case_id);
      create index certificates_family on qamqor.certificates (organisation_id, family_id);

      create table qamqor.certificate_counters (
        organisation_id uuid not null references qamqor.organisations,
        year integer not null,
        last integer not null check (last > 0),
        primary key (organisation_id, year)
      );

      alter table qamqor.certificates enable row level security;
      create policy certificates_engine on qamqor.certificates to qamqor_engine
        using (case_id = any ((select qamqor.batch_cases())::uuid[])) with check (case_id = any ((select qamqor.batch_cases())::uuid[]));
      create policy certificates_app on qamqor.certificates to qamqor_app
        using (organisation_id = (select qamqor.organisation())) with check (organisation_id = (select qamqor.organisation()));
      grant select on qamqor.certificates to qamqor_engine;
      grant update (year, serial, issued_on) on qamqor.certificates to qamqor_engine;
      grant select on qamqor.certificates to qamqor_app;
      grant insert (id, organisation_id, case_id, family_id, person_id, surname, given, patronymic, course, course_title, language,
        workflow_key, workflow_version, check_code, prepared_at) on qamqor.certificates to qamqor_app;
      -- A number, once given, is never taken back or moved: only what is said about it changes.
      grant update (surname, given, patronymic, revoked_at, revoked_by, revoke_reason) on qamqor.certificates to qamqor_app;
      grant select, insert, update on qamqor.certificate_counters to qamqor_engine;
      -- Only what never became a certificate may go.
      create policy certificates_relay on qamqor.certificates to qamqor_relay using (serial is null);
      grant select, delete on qamqor.certificates to qamqor_relay;
    `);
  }
}
