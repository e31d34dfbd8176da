import { Migration } from '@mikro-orm/migrations';

/** The centre's records: families, and the people in them. */
export class M0003Families extends Migration {
  override up(): void {
    this.addSql(`
      create table qamqor.families (
        id uuid primary key,
        organisation_id uuid not null references qamqor.organisations,
        number text not null check (number <> ''),
        categories text[] not null default '{}'
          check (categories <@ array['large', 'single-parent', 'low-income', 'special-needs-child']),
        interest text,
        language text not null check (language in ('kk', 'ru', 'en')),
        phone text,
        address text,
        kato text check (kato ~ '^[0-9]{9}$'),
        registered_on date,
        note text,
        -- Words of everybody's names, folded so that one spelling finds the others; each has a space before it.
        search_key text not null,
        -- What registered it, so that the same command registers it once.
        registration_key text,
        revision integer not null default 1,
        created_at timestamptz not null,
        created_by text not null,
        updated_at timestamptz not null,
        updated_by text not null,
        unique (organisation_id, number),
        unique (organisation_id, registration_key)
      );
      create index families_phone on qamqor.families (organisation_id, phone) where phone is not null;

      create table qamqor.persons (
        id uuid primary key,
        organisation_id uuid not null references qamqor.organisations,
        -- Not together with the organisation: PostgreSQL keeps the plan of a check from when the table was empty, and
        -- would go through the whole organisation for each person of a first import.
        family_id uuid not null references qamqor.families,
        -- Order within the family, as it was told to us.
        place integer not null,
        relation text not null,
        surname text,
        given text,
        patronymic text,
        iin text check (iin ~ '^[0-9]{12}$'),
        birth_date date,
        sex text check (sex in ('m', 'f')),
        phone text,
        note text,
        revision integer not null default 1,
        created_at timestamptz not null,
        created_by text not null,
        updated_at timestamptz not null,
        updated_by text not null,
        check (surname is not null or given is not null),
        -- Looked at when a statement ends, so that one statement may correct two numbers that were exchanged.
        constraint persons_iin unique (organisation_id, iin) deferrable initially immediate,
        constraint persons_one_applicant exclude using btree (family_id with =) where (relation = 'applicant')
          deferrable initially immediate
      );
      create index persons_family on qamqor.persons (family_id, place);

      create sequence qamqor.family_numbers;
      grant usage on sequence qamqor.family_numbers to qamqor_app;
    `);
    for (const table of ['families', 'persons']) {
      this.addSql(`
        grant select, insert, update on qamqor.${table} to qamqor_app;
        alter table qamqor.${table} enable row level security;
        create policy ${table}_app on qamqor.${table} to qamqor_app
          using (organisation_id = (select qamqor.organisation()))
          with check (organisation_id = (select qamqor.organisation()));
      `);
    }
  }
}
