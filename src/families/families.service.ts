import type { EntityManager } from '@mikro-orm/postgresql';
import { sql } from 'kysely';
import { type Ids, systemIds } from '../platform/ids.js';
import { numbersMeantBy } from '../platform/numbers.js';
import { Family } from './family.entity.js';
import { type Author, inOrganisation } from './family-store.js';
import { tidyIin } from './iin.js';
import { familySearchKey } from './merge-family.js';
import { searchKey, tidyName, tidyText } from './names.js';
import { Person } from './person.entity.js';
import { readPhone } from './phone.js';
import type { Language } from './remarks.js';
import type { Category } from './vocabulary.js';

/** Someone who came to the centre: all that is known of the family at first. One of the names may be empty. */
export interface Applicant {
  surname: string | null;
  given: string | null;
  patronymic?: string | null;
  /** As it was said; kept in E.164 where it can be dialled, else as it was said. */
  phone?: string | null;
  language: Language;
  categories: Category[];
  interest?: string | null;
}

export interface Registration extends Author {
  /** The same key registers the same family once, however often it is tried. */
  key?: string;
}

/** One of a family (as `personsOf` gives it) by the number in its list, which begins with 1; the applicant where none is said. */
export function memberOf(persons: Person[], member: number | undefined): Person | undefined {
  return member === undefined ? persons[0] : persons.find(({ place }) => place === member - 1);
}

/** The records of families and the people in them. Each method sees one organisation. */
export class FamiliesService {
  constructor(
    private readonly em: EntityManager,
    private readonly ids: Ids = systemIds,
  ) {}

  async findFamily(organisation: string, id: string): Promise<Family | null> {
    return this.reader(organisation).findOne(Family, { id, organisationId: organisation });
  }

  async familyByNumber(organisation: string, number: string): Promise<Family | null> {
    return this.reader(organisation).findOne(Family, {
      number: tidyText(number).toUpperCase(),
      organisationId: organisation,
    });
  }

  /** Those of these families that there are, by number, each with its people as `personsOf` gives them. */
  async familiesOf(organisation: string, ids: string[]): Promise<{ family: Family; persons: Person[] }[]> {
    const em = this.reader(organisation);
    const families = await em.find(
      Family,
      { id: { $in: ids }, organisationId: organisation },
      { orderBy: { number: 'asc' } },
    );
    const persons = await em.find(
      Person,
      { familyId: { $in: families.map(({ id }) => id) }, organisationId: organisation },
      { orderBy: { place: 'asc' } },
    );
    const of = Map.groupBy(persons, ({ familyId }) => familyId);
    return families.map((family) => ({ family, persons: applicantFirst(of.get(family.id) ?? []) }));
  }

  /** The applicant first, then everyone in the order in which they were named. */
  async personsOf(organisation: string, familyId: string): Promise<Person[]> {
    const persons = await this.reader(organisation).find(
      Person,
      { familyId, organisationId: organisation },
      { orderBy: { place: 'asc' } },
    );
    return applicantFirst(persons);
  }

  /**
   * Families by whatever a visitor says: beginnings of names in any spelling, a family's number, a telephone number or four
   * digits of it, an identity number (unless `byIin` is false). At most `limit`, by number. What says nothing finds nobody.
   */
  async searchFamilies(
    organisation: string,
    query: string,
    { limit = 50, byIin: iinToo = true }: { limit?: number; byIin?: boolean } = {},
  ): Promise<Family[]> {
    const text = tidyText(query).slice(0, 200);
    const words = searchKey(text).split(' ').filter(Boolean);
    if (words.length === 0) return [];
    const phone = readPhone(text);
    const em = this.reader(organisation);
    const iin = tidyIin(text);
    const byIin = iinToo && /^[0-9]{12}$/.test(iin) ? await em.find(Person, { iin, organisationId: organisation }) : [];
    return em.find(
      Family,
      {
        organisationId: organisation,
        $or: [
          ...(mayBeNames(text) ? [{ $and: words.map((word) => ({ searchKey: { $like: `% ${word}%` } })) }] : []),
          { number: { $like: `${text.toUpperCase().replace(/[\\%_]/g, '\\$&')}%` } },
          { number: { $in: numbersMeantBy(text) } },
          ...(phone.ok ? [{ phone: phone.e164 }] : []),
          ...phonePatterns(text).map((pattern) => ({ phone: { $like: pattern } })),
          { id: { $in: byIin.map(({ familyId }) => familyId) } },
        ],
      },
      { orderBy: { number: 'asc' }, limit },
    );
  }

  /** Records a family that came without papers: the applicant alone, under a new number. */
  async registerApplicant(
    applicant: Applicant,
    registration: Registration,
  ): Promise<{ familyId: string; personId: string }> {
    const { organisation, key } = registration;
    return inOrganisation(this.em, organisation).transactional(async (em) => {
      // Two tries of one command at once: the second waits, and finds what the first wrote.
      if (key) {
        const lock = `registration ${organisation} ${key}`;
        await sql`select pg_advisory_xact_lock(hashtextextended(${lock}, 0))`.execute(em.getKysely<unknown>());
        const before = await em.findOne(Family, { organisationId: organisation, registrationKey: key });
        if (before) return { familyId: before.id, personId: await applicantOf(em, before.id) };
      }
      return this.register(em, applicant, registration);
    });
  }

  private async register(em: EntityManager, applicant: Applicant, { organisation, actor, key }: Registration) {
    const name = (text: string | null | undefined) => (text && tidyName(text)) || null;
    const person = {
      surname: name(applicant.surname),
      given: name(applicant.given),
      patronymic: name(applicant.patronymic),
    };
    const { now, today } = await moment(em);
    const written = { createdAt: now, createdBy: actor, updatedAt: now, updatedBy: actor, revision: 1 };
    const family = em.create(Family, {
      id: this.ids.next(),
      organisationId: organisation,
      number: await nextNumber(em, organisation),
      categories: applicant.categories,
      interest: applicant.interest ?? null,
      language: applicant.language,
      phone: applicant.phone ? dialled(applicant.phone) : null,
      registeredOn: today,
      searchKey: familySearchKey([person]),
      registrationKey: key ?? null,
      ...written,
    });
    // By itself: no relation tells the ORM that a family comes before its people.
    await em.flush();
    const member = em.create(Person, {
      id: this.ids.next(),
      organisationId: organisation,
      familyId: family.id,
      place: 0,
      relation: 'applicant',
      ...person,
      ...written,
    });
    await em.flush();
    return { familyId: family.id, personId: member.id };
  }

  private reader(organisation: string): EntityManager {
    return inOrganisation(this.em, organisation);
  }
}

function applicantFirst(persons: Person[]): Person[] {
  const isApplicant = (person: Person) => Number(person.relation === 'applicant');
  return persons.sort((one, other) => isApplicant(other) - isApplicant(one));
}

/** Nobody's name repeats one letter three times or is nothing but one; folded, such a word would be the beginning of many. */
function mayBeNames(text: string): boolean {
  return !/(\p{L})\1\1|(?<!\p{L})(\p{L})\2(?!\p{L})/iu.test(text);
}

/** Of at least four digits in a row, as they may stand inside a number in E.164. An 8 in front may stand for +7. */
function phonePatterns(text: string): string[] {
  const digits = text.replace(/[\s()+.-]/g, '');
  if (!/^[0-9]{4,15}$/.test(digits)) return [];
  return [`%${digits}%`, ...(digits.startsWith('8') ? [`+7${digits.slice(1)}%`] : [])];
}

async function applicantOf(em: EntityManager, familyId: string): Promise<string> {
  const { id } = await em.findOneOrFail(Person, { familyId, relation: 'applicant' });
  return id;
}

/** Numbers from a spreadsheet may look like ours: those in use are passed over. */
async function nextNumber(em: EntityManager, organisation: string): Promise<string> {
  for (;;) {
    const query = sql<{ number: string }>`select 'F-' || lpad(nextval('family_numbers')::text, 6, '0') as number`;
    const { rows } = await query.execute(em.getKysely<unknown>());
    const number = rows[0]?.number ?? '';
    const taken = await em.count(Family, { organisationId: organisation, number });
    if (taken === 0) return number;
  }
}

async function moment(em: EntityManager): Promise<{ now: Date; today: string }> {
  const query = sql<{ now: string; today: string }>`
    select to_json(now)#>>'{}' as now, (now at time zone 'Asia/Almaty')::date::text as today
    from (select qamqor_now() as now) clock`;
  const { rows } = await query.execute(em.getKysely<unknown>());
  const { now = '', today = '' } = rows[0] ?? {};
  return { now: new Date(now), today };
}

function dialled(phone: string): string {
  const reading = readPhone(phone);
  return reading.ok ? reading.e164 : tidyText(phone).slice(0, 60);
}
