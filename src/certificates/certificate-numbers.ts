import { DateTime } from 'luxon';
import type { BatchTransaction } from '../engine/types.js';

export interface Issued {
  number: string;
  /** `2026-11-22`, in the centre's zone. */
  issuedOn: string;
}

/**
 * Gives each prepared certificate its number, in the order of `ids`: one statement for all of them, without gaps within an
 * organisation and year, because the counter moves in the transaction that stores the answer. Whoever has a number keeps it.
 * @param now ISO 8601
 * @throws when one of them was never prepared
 */
export async function takeNumbers(
  tx: BatchTransaction,
  ids: string[],
  now: string,
  zone: string,
): Promise<Map<string, Issued>> {
  const today = DateTime.fromISO(now, { zone });
  const { rows } = await tx.query<{ id: string; number: string; issued_on: string }>('take-certificate-numbers', TAKE, [
    ids,
    today.year,
    today.toISODate(),
  ]);
  const issued = new Map(rows.map((row) => [row.id, { number: row.number, issuedOn: row.issued_on }]));
  const missing = ids.find((id) => !issued.has(id));
  if (missing) throw new Error(`The certificate ${missing} was not prepared: it has no name to be printed.`);
  return issued;
}

// Locked first: of two transactions that issue the same certificate, the second must see the first one's number.
const TAKE = `with asked as (
    select id, place from unnest($1::uuid[]) with ordinality as a (id, place)
  ), locked as (
    select c.id, c.organisation_id, c.serial, c.number, c.issued_on
    from qamqor.certificates c where c.id = any ($1::uuid[]) order by c.id for update
  ), waiting as (
    select l.id, l.organisation_id, row_number() over turn as turn, count(*) over (partition by l.organisation_id) as size
    from locked l join asked a on a.id = l.id where l.serial is null
    window turn as (partition by l.organisation_id order by a.place)
  ), taken as (
    insert into qamqor.certificate_counters as counter (organisation_id, year, last)
    select organisation_id, $2::integer, count(*) from waiting group by organisation_id order by organisation_id
    on conflict (organisation_id, year) do update set last = counter.last + excluded.last
    returning organisation_id, last
  ), issued as (
    update qamqor.certificates c set year = $2::integer, serial = taken.last - waiting.size + waiting.turn, issued_on = $3::date
    from waiting join taken on taken.organisation_id = waiting.organisation_id where c.id = waiting.id
    returning c.id, c.number, c.issued_on
  )
  select id, number, issued_on::text from issued
  union all select id, number, issued_on::text from locked where serial is not null`;
