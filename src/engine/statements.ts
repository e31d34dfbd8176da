import { CASE_DUE } from './overdue.js';

/**
 * The SQL of the command path: one set-based statement per table, prepared once per connection by its name.
 * Arrays are unnested side by side; every row of a batch travels in the same statement.
 */

export const lockCases = {
  name: 'lock-cases',
  text: `select id, organisation_id, number, workflow_key, workflow_version, subject, parent_case_id, parent_entry_id, status, state,
      stage, stages, chart, revision, head, opened_at, updated_at, closed_at, due_at, incidents, modified
    from qamqor.cases where id = any ($1::uuid[]) order by id for update skip locked`,
};

/** For a command that travels alone: waits for the lock, as long as lock_timeout allows. */
export const lockCasesWaiting = { name: 'lock-cases-waiting', text: lockCases.text.replace(' skip locked', '') };

/** Whoever only reads sees the time until which a pause moved what is due. */
const withoutLock = (condition: string) =>
  lockCases.text
    .replace('where id = any ($1::uuid[]) order by id for update skip locked', `where ${condition}`)
    .replace(' due_at,', ` ${CASE_DUE('cases')} as due_at,`);

/** Without a lock, for reading; `key` is what they were asked by. The organisation is the one in sight. */
export const readCasesById = {
  name: 'read-cases-by-id',
  text: withoutLock('id = any ($1::uuid[])').replace('select', 'select id as key,'),
};
export const readCasesByNumber = {
  name: 'read-cases-by-number',
  text: withoutLock('organisation_id = qamqor.organisation() and number = any ($1::text[])').replace(
    'select',
    'select number as key,',
  ),
};

export const existingCases = {
  name: 'existing-cases',
  text: 'select id from qamqor.cases where id = any ($1::uuid[])',
};

export const findCommands = {
  name: 'find-commands',
  text: `select c.organisation_id, c.account, c.id, c.digest, c.case_id, c.seq, c.answer
    from unnest($1::uuid[], $2::text[], $3::text[]) as k (organisation_id, account, id)
    join qamqor.commands c on c.organisation_id = k.organisation_id and c.account = k.account and c.id = k.id`,
};

export const openSubjects = {
  name: 'open-subjects',
  text: 'select * from qamqor.open_subjects($1::uuid[], $2::text[], $3::text[])',
};

export const takeNumbers = {
  name: 'take-numbers',
  text: `select nextval('qamqor.case_numbers') as n from generate_series(1, $1::int)`,
};

export const findIncidents = {
  name: 'find-incidents',
  text: `select id, organisation_id, case_id, seq, entry_id, outbox_id, rule, state, message, command, opened_at
    from qamqor.incidents where id = any ($1::uuid[]) and status = 'open'`,
};

export const findIncidentsOf = {
  name: 'find-incidents-of',
  text: `select id, organisation_id, case_id, seq, entry_id, outbox_id, rule, state, message, command, opened_at
    from qamqor.incidents where case_id = any ($1::uuid[]) and status = 'open'`,
};

export const findSuspensions = {
  name: 'find-suspensions',
  text: `select distinct on (case_id) case_id, at, body::json->>'by' as by from qamqor.journal
    where case_id = any ($1::uuid[]) and kind = 'act' and type = 'suspend' order by case_id, seq desc`,
};

export const insertCases = {
  name: 'insert-cases',
  text: `insert into qamqor.cases (id, organisation_id, number, workflow_key, workflow_version, subject, parent_case_id, parent_entry_id,
      status, state, stage, stages, chart, revision, head, opened_at, updated_at, closed_at, due_at, incidents, modified)
    select id, organisation_id, number, workflow_key, workflow_version, subject, parent_case_id, parent_entry_id,
      status, state, stage, stages::text[], chart, revision, head, opened_at, updated_at, closed_at, due_at, incidents, modified
    from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::int[], $6::text[], $7::uuid[], $8::uuid[], $9::text[], $10::text[],
      $11::text[], $12::text[], $13::text[], $14::int[], $15::bytea[], $16::timestamptz[], $17::timestamptz[], $18::timestamptz[],
      $19::timestamptz[], $20::int[], $21::boolean[]) as n (id, organisation_id, number, workflow_key, workflow_version, subject,
      parent_case_id, parent_entry_id, status, state, stage, stages, chart, revision, head, opened_at, updated_at, closed_at, due_at, incidents, modified)`,
};

export const updateCases = {
  name: 'update-cases',
  text: `update qamqor.cases c set status = n.status, state = n.state, stage = n.stage, stages = n.stages::text[], chart = n.chart,
      revision = n.revision, head = n.head, updated_at = n.updated_at, closed_at = n.closed_at, due_at = n.due_at,
      incidents = n.incidents, modified = n.modified, workflow_version = n.workflow_version
    from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int[], $8::bytea[], $9::timestamptz[],
      $10::timestamptz[], $11::timestamptz[], $12::int[], $13::boolean[], $14::int[])
      as n (id, status, state, stage, stages, chart, revision, head, updated_at, closed_at, due_at, incidents, modified, workflow_version)
    where c.id = n.id`,
};

export const insertJournal = {
  name: 'insert-journal',
  text: `insert into qamqor.journal (case_id, seq, organisation_id, at, kind, type, body, hash)
    select * from unnest($1::uuid[], $2::int[], $3::uuid[], $4::timestamptz[], $5::text[], $6::text[], $7::text[], $8::bytea[])`,
};

export const insertPayloads = {
  name: 'insert-payloads',
  text: `insert into qamqor.payloads (case_id, seq, organisation_id, salt, data)
    select * from unnest($1::uuid[], $2::int[], $3::uuid[], $4::bytea[], $5::text[])`,
};

export const insertCommands = {
  name: 'insert-commands',
  text: `insert into qamqor.commands (organisation_id, account, id, digest, case_id, seq, answer, at)
    select * from unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[], $5::uuid[], $6::int[], $7::text[], $8::timestamptz[])`,
};

export const insertTimers = {
  name: 'insert-timers',
  text: `insert into qamqor.timers (id, organisation_id, case_id, kind, name, node, due_at)
    select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::timestamptz[])`,
};
/** Its row is gone, or says that it has passed. */
export const restoreTimers = {
  name: 'restore-timers',
  text: `insert into qamqor.timers (id, organisation_id, case_id, kind, name, node, due_at, paused)
    select n.id, n.organisation_id, n.case_id, 'timer', n.name, n.node, n.due_at, n.paused
    from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::timestamptz[], $7::boolean[])
      as n (id, organisation_id, case_id, name, node, due_at, paused)
    on conflict (id) do update set due_at = excluded.due_at, paused = excluded.paused, passed_at = null`,
};
export const deleteTimers = { name: 'delete-timers', text: 'delete from qamqor.timers where id = any ($1::uuid[])' };
export const passTimers = {
  name: 'pass-timers',
  text: 'update qamqor.timers set passed_at = qamqor.qamqor_now() where id = any ($1::uuid[])',
};
export const pauseTimers = {
  name: 'pause-timers',
  text: 'update qamqor.timers set paused = true where case_id = any ($1::uuid[])',
};
export const moveTimers = {
  name: 'move-timers',
  text: `update qamqor.timers t set due_at = n.due_at, paused = false from unnest($1::uuid[], $2::timestamptz[]) as n (id, due_at) where t.id = n.id`,
};

/** The wake-up in the queue has five seconds before the sweeper sends the row again. */
export const insertOutbox = {
  name: 'insert-outbox',
  text: `insert into qamqor.outbox (id, organisation_id, case_id, seq, topic, entry_id, payload, created_at, next_at, trace)
    select id, organisation_id, case_id, seq, topic, entry_id, payload, at, at + make_interval(secs => 5), trace
    from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::int[], $5::text[], $6::uuid[], $7::text[], $8::timestamptz[], $9::text[])
      as n (id, organisation_id, case_id, seq, topic, entry_id, payload, at, trace)`,
};

/** Only the attempt that carried it out may settle a row. */
export const settleOutbox = {
  name: 'settle-outbox',
  text: `delete from qamqor.outbox o using unnest($1::uuid[], $2::int[]) as n (id, attempt) where o.id = n.id and o.attempt = n.attempt`,
};
export const findLeases = {
  name: 'find-leases',
  text: `select o.id, o.attempt from unnest($1::uuid[], $2::int[]) as n (id, attempt)
    join qamqor.outbox o on o.id = n.id and o.attempt = n.attempt and not o.parked`,
};
export const parkOutbox = {
  name: 'park-outbox',
  text: 'update qamqor.outbox set parked = true, leased_until = null where id = any ($1::uuid[])',
};
/** As new, but for the attempt: whoever held it before must stay fenced off. */
export const rearmOutbox = {
  name: 'rearm-outbox',
  text: `update qamqor.outbox set parked = false, attempt = attempt + 1, tries = 0, failures = 0, leased_until = null, next_at = qamqor.qamqor_now()
    where id = any ($1::uuid[]) and parked`,
};
export const dropOutbox = {
  name: 'drop-outbox',
  text: 'delete from qamqor.outbox where id = any ($1::uuid[]) and parked',
};

export const insertIncidents = {
  name: 'insert-incidents',
  text: `insert into qamqor.incidents (id, organisation_id, case_id, seq, entry_id, outbox_id, rule, state, message, command, opened_at)
    select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::int[], $5::uuid[], $6::uuid[], $7::text[], $8::text[], $9::text[], $10::text[], $11::timestamptz[])
    on conflict (id) do update set status = 'open', closed_at = null, closed_by = null`,
};
export const closeIncidents = {
  name: 'close-incidents',
  text: `update qamqor.incidents i set status = n.status, closed_by = n.closed_by, closed_at = qamqor.qamqor_now()
    from unnest($1::uuid[], $2::text[], $3::text[]) as n (id, status, closed_by) where i.id = n.id`,
};
export const countIncidents = {
  name: 'count-incidents',
  text: `update qamqor.cases c set incidents = (select count(*) from qamqor.incidents i where i.case_id = c.id and i.status = 'open') where c.id = any ($1::uuid[])`,
};

export const insertParked = {
  name: 'insert-parked',
  text: `insert into qamqor.parked (case_id, seq, organisation_id, command) select * from unnest($1::uuid[], $2::int[], $3::uuid[], $4::text[])`,
};
/** A case that was cancelled while it stood still takes none of them any more; its journal keeps them. */
export const dropParked = { name: 'drop-parked', text: 'delete from qamqor.parked where case_id = any ($1::uuid[])' };
export const findRow = {
  name: 'find-row',
  text: 'select 1 from qamqor.journal where case_id = $1 and seq = $2 and hash = $3',
};
/** A backend holds this lock from BEGIN to the end of its transaction. */
export const findTransaction = {
  name: 'find-transaction',
  text: `select 1 from pg_locks where locktype = 'virtualxid' and pid = $1 and mode = 'ExclusiveLock' and granted`,
};
