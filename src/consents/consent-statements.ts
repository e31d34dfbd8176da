/** What `about` holds: the subject itself, or the task whose case is about it. */
type About = { subject: string; join: string };
const itself: About = { subject: 'n.about', join: '' };
const task: About = { subject: 't.subject', join: 'join qamqor.tasks t on t.id = n.about::uuid' };

const give = ({ subject, join }: About) => `
  insert into qamqor.consents (id, organisation_id, subject, partner, given_at, given_by, given_how)
  select n.id, n.organisation_id, ${subject}, n.partner, n.at, n.by, n.how
  from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::text[])
    as n (id, organisation_id, about, partner, by, at, how) ${join}
  where ${subject} is not null
  on conflict (organisation_id, subject, partner) where withdrawn_at is null do nothing`;

const withdraw = ({ subject, join }: About) => `
  update qamqor.consents c set withdrawn_at = w.at, withdrawn_by = w.by, withdrawn_how = w.how
  from (select n.organisation_id, ${subject} as subject, n.partner, n.by, n.at, n.how
    from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::text[])
      as n (organisation_id, about, partner, by, at, how) ${join}) w
  where c.organisation_id = w.organisation_id and c.subject = w.subject and c.partner = w.partner and c.withdrawn_at is null`;

/** Lists of equal length, one item each consent: ids, organisations, subjects, partners, who, when, how. What is in force stays. */
export const GIVE = give(itself);
export const GIVE_IN_TASK = give(task);
/** Lists of equal length: organisations, subjects, partners, who, when, how. */
export const WITHDRAW = withdraw(itself);
export const WITHDRAW_IN_TASK = withdraw(task);
