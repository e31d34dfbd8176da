import type { EntityManager } from '@mikro-orm/postgresql';
import { type Kysely, sql } from 'kysely';
import type { KeptFamily, KeptPerson } from './merge-family.js';

/** An EntityManager that sees and writes the rows of one organisation, and no others. */
export function inOrganisation(em: EntityManager, organisation: string): EntityManager {
  return em.fork({ session: { variables: { 'qamqor.organisation': organisation } } });
}

export interface Author {
  organisation: string;
  /** Account id, for the record of who wrote it. */
  actor: string;
}

/** Who is kept already: the families of these numbers with everyone in them, and whoever has one of these identity numbers. */
export interface KeptRecords {
  families: Map<string, KeptFamily>;
  personsOf: Map<string, KeptPerson[]>;
  /** Number of the family in which an identity number is kept. */
  numberOfIin: Map<string, string>;
}

/**
 * The set-based path of an import: one statement a table, whatever the number of rows. Here, and in the entity, are the
 * only places that touch the column `iin`. Must run inside a transaction of the organisation.
 */
export class FamilyStore {
  private readonly db: Kysely<unknown>;

  constructor(
    em: EntityManager,
    private readonly author: Author,
  ) {
    this.db = em.getKysely<unknown>();
  }

  /** Holds back other imports of this organisation until the transaction ends: two of them must not both add a family. */
  async waitForTurn(): Promise<void> {
    await sql`select pg_advisory_xact_lock(hashtextextended(${`import ${this.author.organisation}`}, 0))`.execute(
      this.db,
    );
  }

  async load(numbers: string[], iins: string[]): Promise<KeptRecords> {
    const { organisation } = this.author;
    const families = await this.rows<KeptFamily>(sql`
      select id, number, categories, interest, language, phone, address, kato, registered_on as "registeredOn", note,
        search_key as "searchKey"
      from families where organisation_id = ${organisation} and number = any(${numbers}::text[])`);
    const ids = families.map(({ id }) => id);
    const persons = await this.rows<KeptPerson>(sql`
      select id, family_id as "familyId", place, relation, surname, given, patronymic, iin, birth_date as "birthDate", sex,
        phone, note
      from persons where family_id = any(${ids}::uuid[]) order by family_id, place`);
    const owners = await this.rows<{ iin: string; number: string }>(sql`
      select person.iin, family.number from persons person join families family on family.id = person.family_id
      where person.organisation_id = ${organisation} and person.iin = any(${iins}::text[])`);
    return {
      families: new Map(families.map((family) => [family.number, family])),
      personsOf: Map.groupBy(persons, ({ familyId }) => familyId),
      numberOfIin: new Map(owners.map(({ iin, number }) => [iin, number])),
    };
  }

  async addFamilies(families: KeptFamily[]): Promise<void> {
    if (families.length === 0) return;
    const { organisation, actor } = this.author;
    await sql`
      insert into families (id, organisation_id, number, categories, interest, language, phone, address, kato,
        registered_on, note, search_key, created_at, created_by, updated_at, updated_by)
      select id, ${organisation}::uuid, number, categories, interest, language, phone, address, kato,
        "registeredOn", note, "searchKey", qamqor_now(), ${actor}::text, qamqor_now(), ${actor}::text
      from ${familyRows(families)}`.execute(this.db);
  }

  async changeFamilies(families: KeptFamily[]): Promise<void> {
    if (families.length === 0) return;
    await sql`
      update families kept set categories = said.categories, interest = said.interest, language = said.language,
        phone = said.phone, address = said.address, kato = said.kato, registered_on = said."registeredOn",
        note = said.note, search_key = said."searchKey",
        revision = kept.revision + 1, updated_at = qamqor_now(), updated_by = ${this.author.actor}::text
      from ${familyRows(families)} where kept.id = said.id`.execute(this.db);
  }

  async addPersons(persons: KeptPerson[]): Promise<void> {
    if (persons.length === 0) return;
    const { organisation, actor } = this.author;
    await sql`
      insert into persons (id, organisation_id, family_id, place, relation, surname, given, patronymic, iin, birth_date,
        sex, phone, note, created_at, created_by, updated_at, updated_by)
      select id, ${organisation}::uuid, "familyId", place, relation, surname, given, patronymic, iin, "birthDate",
        sex, phone, note, qamqor_now(), ${actor}::text, qamqor_now(), ${actor}::text
      from ${personRows(persons)}`.execute(this.db);
  }

  async changePersons(persons: KeptPerson[]): Promise<void> {
    if (persons.length === 0) return;
    await sql`
      update persons kept set relation = said.relation, surname = said.surname, given = said.given,
        patronymic = said.patronymic, iin = said.iin, birth_date = said."birthDate", sex = said.sex, phone = said.phone,
        note = said.note, revision = kept.revision + 1, updated_at = qamqor_now(), updated_by = ${this.author.actor}::text
      from ${personRows(persons)} where kept.id = said.id`.execute(this.db);
  }

  /** Families in which someone has this identity number. */
  async familiesOfIin(iin: string): Promise<string[]> {
    const rows = await this.rows<{ id: string }>(sql`
      select family_id as id from persons where organisation_id = ${this.author.organisation} and iin = ${iin}`);
    return rows.map(({ id }) => id);
  }

  /** As JSON made by the database, so that dates stay days and lists stay lists. */
  private async rows<Row>(query: ReturnType<typeof sql>): Promise<Row[]> {
    const { rows } = await sql<{ row: string }>`select to_jsonb(found)::text as row from (${query}) found`.execute(
      this.db,
    );
    return rows.map(({ row }) => JSON.parse(row) as Row);
  }
}

function familyRows(families: KeptFamily[]) {
  return sql`jsonb_to_recordset(${JSON.stringify(families)}::text::jsonb) as said(id uuid, number text, categories text[],
    interest text, language text, phone text, address text, kato text, "registeredOn" date, note text, "searchKey" text)`;
}

function personRows(persons: KeptPerson[]) {
  return sql`jsonb_to_recordset(${JSON.stringify(persons)}::text::jsonb) as said(id uuid, "familyId" uuid, place integer,
    relation text, surname text, given text, patronymic text, iin text, "birthDate" date, sex text, phone text, note text)`;
}
