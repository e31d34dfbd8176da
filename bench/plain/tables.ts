/** The statements of the hand-written loops: each for one row, and for many with arrays side by side. */
export interface Statement {
  one: { name: string; text: string };
  many: { name: string; text: string };
}

/** Column → type. The order is that of the parameters. */
type Columns = Record<string, string>;

function insert(table: string, columns: Columns): Statement {
  const names = Object.keys(columns);
  const into = `insert into qamqor.${table} (${names.join(', ')})`;
  // An array cannot be unnested beside other columns: it travels as text.
  const picked = Object.entries(columns).map(([name, type]) => (type.endsWith('[]') ? `${name}::${type}` : name));
  return {
    one: { name: `one-${table}`, text: `${into} values (${names.map((_, index) => `$${index + 1}`).join(', ')})` },
    many: { name: `many-${table}`, text: `${into} select ${picked.join(', ')} from ${unnest(columns)}` },
  };
}

/** The first column says which row. */
function update(name: string, table: string, columns: Columns): Statement {
  const [key = '', ...others] = Object.keys(columns);
  const set = (value: (column: string, index: number) => string) =>
    others.map((column, index) => `${column} = ${value(column, index)}`).join(', ');
  const cast = (column: string) =>
    columns[column]?.endsWith('[]') ? `n.${column}::${columns[column]}` : `n.${column}`;
  return {
    one: {
      name: `one-${name}`,
      text: `update qamqor.${table} set ${set((_, index) => `$${index + 2}`)} where ${key} = $1`,
    },
    many: {
      name: `many-${name}`,
      text: `update qamqor.${table} t set ${set(cast)} from ${unnest(columns)} where t.${key} = n.${key}`,
    },
  };
}

function remove(name: string, table: string): Statement {
  return {
    one: { name: `one-${name}`, text: `delete from qamqor.${table} where id = $1` },
    many: { name: `many-${name}`, text: `delete from qamqor.${table} where id = any ($1::uuid[])` },
  };
}

function unnest(columns: Columns): string {
  const parameters = Object.values(columns).map((type, index) => `$${index + 1}::${type.replace('[]', '')}[]`);
  return `unnest(${parameters.join(', ')}) as n (${Object.keys(columns).join(', ')})`;
}

const CASE_STATE = {
  status: 'text',
  state: 'text',
  stage: 'text',
  stages: 'text[]',
  chart: 'text',
  revision: 'int',
  head: 'bytea',
  updated_at: 'timestamptz',
  closed_at: 'timestamptz',
  due_at: 'timestamptz',
} as const;

/** In the order in which they are sent. */
export const STATEMENTS = {
  newCase: insert('cases', {
    id: 'uuid',
    organisation_id: 'uuid',
    number: 'text',
    workflow_key: 'text',
    workflow_version: 'int',
    subject: 'text',
    opened_at: 'timestamptz',
    ...CASE_STATE,
  }),
  caseState: update('case-state', 'cases', { id: 'uuid', ...CASE_STATE }),
  journal: insert('journal', {
    case_id: 'uuid',
    seq: 'int',
    organisation_id: 'uuid',
    at: 'timestamptz',
    kind: 'text',
    type: 'text',
    body: 'text',
    hash: 'bytea',
  }),
  payload: insert('payloads', { case_id: 'uuid', seq: 'int', organisation_id: 'uuid', salt: 'bytea', data: 'text' }),
  /** A command that was carried out before violates the key, and the transaction with it. */
  command: insert('commands', {
    organisation_id: 'uuid',
    account: 'text',
    id: 'text',
    digest: 'bytea',
    case_id: 'uuid',
    seq: 'int',
    answer: 'text',
    at: 'timestamptz',
  }),
  newTimer: insert('timers', {
    id: 'uuid',
    organisation_id: 'uuid',
    case_id: 'uuid',
    kind: 'text',
    name: 'text',
    node: 'text',
    due_at: 'timestamptz',
  }),
  timerGone: remove('timer-gone', 'timers'),
  newTask: insert('tasks', {
    id: 'uuid',
    organisation_id: 'uuid',
    case_id: 'uuid',
    case_number: 'text',
    subject: 'text',
    workflow_key: 'text',
    workflow_hash: 'text',
    invocation: 'text',
    form: 'text',
    form_version: 'int',
    title: 'text',
    role: 'text',
    status: 'text',
    due_at: 'timestamptz',
    opened_at: 'timestamptz',
  }),
  taskDone: update('task-done', 'tasks', {
    id: 'uuid',
    status: 'text',
    closed_at: 'timestamptz',
    closed_by: 'text',
    assignee: 'uuid',
    revision: 'int',
  }),
  newHandoff: insert('handoffs', {
    id: 'uuid',
    organisation_id: 'uuid',
    case_id: 'uuid',
    case_number: 'text',
    subject: 'text',
    partner: 'text',
    service: 'text',
    invocation: 'text',
    request: 'text',
    status: 'text',
    opened_at: 'timestamptz',
    due_at: 'timestamptz',
    answer_by: 'timestamptz',
    gives_up_at: 'timestamptz',
  }),
  handoffDone: update('handoff-done', 'handoffs', {
    id: 'uuid',
    status: 'text',
    closed_at: 'timestamptz',
    result: 'text',
    revision: 'int',
  }),
  newOutbox: insert('outbox', {
    id: 'uuid',
    organisation_id: 'uuid',
    case_id: 'uuid',
    seq: 'int',
    topic: 'text',
    entry_id: 'uuid',
    payload: 'text',
    created_at: 'timestamptz',
    next_at: 'timestamptz',
  }),
  outboxDone: remove('outbox-done', 'outbox'),
} satisfies Record<string, Statement>;

export type Table = keyof typeof STATEMENTS;

/** What one event writes: rows of parameters per statement. */
export type Change = Partial<Record<Table, unknown[][]>>;

/** Takes rows to deliver, so that of two workers one does it. */
export const LEASE = {
  name: 'lease',
  text: `update qamqor.outbox set attempt = attempt + 1, leased_until = clock_timestamp() + interval '10 seconds',
      next_at = clock_timestamp() + interval '10 seconds'
    where id = any ($1::uuid[]) and (leased_until is null or leased_until < clock_timestamp()) returning case_id`,
};

export const LOCK = {
  name: 'lock',
  text: 'select id, number, subject, revision, chart, opened_at from qamqor.cases where id = any ($1::uuid[]) for update',
};

export const NUMBERS = {
  name: 'numbers',
  text: `select 'Q-' || lpad(nextval('qamqor.case_numbers')::text, 6, '0') as number from generate_series(1, $1::int)`,
};
