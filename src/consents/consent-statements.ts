/** Lists of equal length, one item each consent: ids, organisations, subjects, partners, who, when, how. What is in force stays. */
export const GIVE = `
  insert into qamqor.consents (id, organisation_id, subject, partner, given_at, given_by, given_how)
  select n.id, n.organisation_id, n.subject, n.partner, n.at, n.by, n.how
  from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::text[])
    as n (id, organisation_id, subject, partner, by, at, how)
  on conflict (organisation_id, subject, partner) where withdrawn_at is null do nothing`;

/** Lists of equal length: organisations, subjects, partners, who, when, how. */
export const WITHDRAW = `
  update qamqor.consents c set withdrawn_at = w.at, withdrawn_by = w.by, withdrawn_how = w.how
  from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::text[])
    as w (organisation_id, subject, partner, by, at, how)
  where c.organisation_id = w.organisation_id and c.subject = w.subject and c.partner = w.partner and c.withdrawn_at is null`;

/**
 * What families say in tasks, in the order in which they say it: of two answers about one partner the last counts. Lists of
 * equal length: ids, organisations, tasks, partners, whether it is given, who, when, how.
 */
export const SAY_IN_TASKS = `
  with said as (
    select distinct on (n.organisation_id, t.subject, n.partner)
      n.id, n.organisation_id, t.subject, n.partner, n.given, n.by, n.at, n.how
    from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::boolean[], $6::text[], $7::timestamptz[], $8::text[]) with ordinality
      as n (id, organisation_id, task_id, partner, given, by, at, how, place) join qamqor.tasks t on t.id = n.task_id
    where t.subject is not null
    order by n.organisation_id, t.subject, n.partner, n.place desc
  ), withdrawn as (
    update qamqor.consents c set withdrawn_at = s.at, withdrawn_by = s.by, withdrawn_how = s.how
    from said s where not s.given
      and c.organisation_id = s.organisation_id and c.subject = s.subject and c.partner = s.partner and c.withdrawn_at is null
  )
  insert into qamqor.consents (id, organisation_id, subject, partner, given_at, given_by, given_how)
  select id, organisation_id, subject, partner, at, by, how from said where given
  on conflict (organisation_id, subject, partner) where withdrawn_at is null do nothing`;
