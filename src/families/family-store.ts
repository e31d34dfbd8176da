import type { EntityManager } from '@mikro-orm/postgresql';
import type pg from 'pg';
import type { KeptFamily, KeptPerson } from './merge-family.js';

export interface Author {
  organisation: string;
  /** Account id, for the record of who wrote it. */
  actor: string;
}

/** An EntityManager that sees and writes the rows of one organisation, and no others. */
export function inOrganisation(em: EntityManager, organisation: string): EntityManager {
  return em.fork({ session: { variables: { 'qamqor.organisation': organisation } } });
}

/** What is kept already: families by number with everyone in them, and whoever has one of these identity numbers. */
export interface KeptRecords {
  families: Map<string, KeptFamily>;
  personsOf: Map<string, KeptPerson[]>;
  /** Number of the family in which an identity number is kept. */
  numberOfIin: Map<string, string>;
}

/** The set-based path of an import: one statement a table, whatever the number of rows. Lives inside one transaction. */
export class FamilyStore {
  constructor(
    private readonly client: pg.ClientBase,
    private readonly author: Author,
  ) {}

  /** Opens the organisation's rows, and holds back its other imports: two of them must not both add a family. */
  async begin(): Promise<void> {
    const { organisation } = this.author;
    await this.client.query("select set_config('qamqor.organisation', $1, true)", [organisation]);
    await this.client.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [`import ${organisation}`]);
  }

  async load(numbers: string[], iins: string[]): Promise<KeptRecords> {
    const families = await this.rows<KeptFamily>(FAMILIES_BY_NUMBER, [numbers]);
    const persons = await this.rows<KeptPerson>(PERSONS_OF_FAMILIES, [families.map(({ id }) => id)]);
    const owners = await this.rows<{ iin: string; number: string }>(FAMILIES_BY_IIN, [iins]);
    return {
      families: new Map(families.map((family) => [family.number, family])),
      personsOf: Map.groupBy(persons, ({ familyId }) => familyId),
      numberOfIin: new Map(owners.map(({ iin, number }) => [iin, number])),
    };
  }

  /** Of the people of one family, by id. */
  async revisionsOf(familyId: string): Promise<Map<string, number>> {
    const persons = await this.rows<{ id: string; revision: number }>(REVISIONS, [familyId]);
    return new Map(persons.map(({ id, revision }) => [id, revision]));
  }

  async revisionOf(familyId: string): Promise<number> {
    const [family] = await this.rows<{ revision: number }>(REVISION, [familyId]);
    if (!family) throw new Error(`The family ${familyId} was there and is gone.`);
    return family.revision;
  }

  /** The day it is at the centre; the whole country has one time. */
  async today(): Promise<string> {
    const { rows } = await this.client.query<{ today: string }>(TODAY);
    return rows[0]?.today ?? '';
  }

  async addFamilies(families: KeptFamily[]): Promise<void> {
    await this.write(ADD_FAMILIES, families);
  }

  async changeFamilies(families: KeptFamily[]): Promise<void> {
    await this.write(CHANGE_FAMILIES, families);
  }

  async addPersons(persons: KeptPerson[]): Promise<void> {
    await this.write(ADD_PERSONS, persons);
  }

  async changePersons(persons: KeptPerson[]): Promise<void> {
    await this.write(CHANGE_PERSONS, persons);
  }

  /** $1 is the rows, $2 the organisation, $3 who writes. */
  private async write(text: string, rows: object[]): Promise<void> {
    if (rows.length === 0) return;
    await this.client.query(text, [JSON.stringify(rows), this.author.organisation, this.author.actor]);
  }

  /** As JSON made by the database, so that dates stay days. $2 is the organisation. */
  private async rows<Row>(query: string, values: unknown[]): Promise<Row[]> {
    const text = `select to_jsonb(found) as row from (${query}) found`;
    const { rows } = await this.client.query<{ row: Row }>(text, [...values, this.author.organisation]);
    return rows.map(({ row }) => row);
  }
}

const FAMILIES_BY_NUMBER = `
  select id, number, categories, interest, language, phone, address, kato, registered_on as "registeredOn", note,
    search_key as "searchKey"
  from families where organisation_id = $2 and number = any($1)`;

const PERSONS_OF_FAMILIES = `
  select id, family_id as "familyId", place, relation, surname, given, patronymic, iin, birth_date as "birthDate", sex,
    phone, note
  from persons where organisation_id = $2 and family_id = any($1) order by family_id, place`;

const TODAY = "select (qamqor_now() at time zone 'Asia/Almaty')::date::text as today";

const REVISION = 'select revision from families where organisation_id = $2 and id = $1';

const REVISIONS = 'select id, revision from persons where organisation_id = $2 and family_id = $1';

const FAMILIES_BY_IIN = `
  select person.iin, family.number from persons person join families family on family.id = person.family_id
  where person.organisation_id = $2 and person.iin = any($1)`;

const FAMILY_ROWS = `jsonb_to_recordset($1::jsonb) as said(id uuid, number text, categories text[], interest text,
  language text, phone text, address text, kato text, "registeredOn" date, note text, "searchKey" text)`;

const PERSON_ROWS = `jsonb_to_recordset($1::jsonb) as said(id uuid, "familyId" uuid, place integer, relation text,
  surname text, given text, patronymic text, iin text, "birthDate" date, sex text, phone text, note text)`;

const ADD_FAMILIES = `
  insert into families (id, organisation_id, number, categories, interest, language, phone, address, kato, registered_on,
    note, search_key, created_at, created_by, updated_at, updated_by)
  select id, $2, number, categories, interest, language, phone, address, kato, "registeredOn",
    note, "searchKey", now, $3, now, $3
  from ${FAMILY_ROWS}, qamqor_now() now`;

const CHANGE_FAMILIES = `
  update families kept set categories = said.categories, interest = said.interest, language = said.language,
    phone = said.phone, address = said.address, kato = said.kato, registered_on = said."registeredOn", note = said.note,
    search_key = said."searchKey", revision = kept.revision + 1, updated_at = now, updated_by = $3
  from ${FAMILY_ROWS}, qamqor_now() now where kept.id = said.id and kept.organisation_id = $2`;

const ADD_PERSONS = `
  insert into persons (id, organisation_id, family_id, place, relation, surname, given, patronymic, iin, birth_date, sex,
    phone, note, created_at, created_by, updated_at, updated_by)
  select id, $2, "familyId", place, relation, surname, given, patronymic, iin, "birthDate", sex,
    phone, note, now, $3, now, $3
  from ${PERSON_ROWS}, qamqor_now() now`;

const CHANGE_PERSONS = `
  update persons kept set relation = said.relation, surname = said.surname, given = said.given,
    patronymic = said.patronymic, iin = said.iin, birth_date = said."birthDate", sex = said.sex, phone = said.phone,
    note = said.note, revision = kept.revision + 1, updated_at = now, updated_by = $3
  from ${PERSON_ROWS}, qamqor_now() now where kept.id = said.id and kept.organisation_id = $2`;
