import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import pg from 'pg';
import type { Line } from '../../demo/partners/records.js';

/** One thing that must never be so. `rule` is the invariant's number. */
export interface Violation {
  rule: 'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I6' | 'I11';
  where: string;
  message: string;
}

export interface Checked {
  /** What the partners have written down, if there were any. */
  ledger?: string;
  /** Every case has come to its end: nothing may be left over. */
  ended?: boolean;
  /** How late a timer may fire, by the database's clock. */
  latestMs?: number;
}

interface Entry {
  id: string;
  uuid: string;
  src?: string;
  due?: string;
}

/** The text that a journal row's hash covers. */
interface Body {
  seq: number;
  kind: string;
  type: string;
  at: string;
  by: string;
  commandId: string;
  opened: Entry[];
  closed: Entry[];
  workflow: { key: string; version: number; hash: string };
}

interface Row {
  case_id: string;
  seq: number;
  kind: string;
  type: string;
  at: Date;
  text: string;
  body: Body;
  hash: Buffer;
  data: string | null;
}

interface Case {
  id: string;
  number: string;
  status: string;
  revision: number;
  head: Buffer;
}

/**
 * Looks at a database past all of our services and says what must never be so. It shares no code with what wrote the rows,
 * and one consistent moment is enough for it: it may be asked right after everybody was killed.
 */
export async function violations(url: string, options: Checked = {}): Promise<Violation[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('begin isolation level repeatable read read only');
    await client.query('set local search_path = qamqor');
    const checker = new Checker(client, options);
    return await checker.run();
  } finally {
    await client.end();
  }
}

const LATEST_MS = 10 * 60_000;

class Checker {
  private readonly found: Violation[] = [];
  private cases: Case[] = [];
  private journal = new Map<string, Row[]>();

  constructor(
    private readonly client: pg.Client,
    private readonly options: Checked,
  ) {}

  async run(): Promise<Violation[]> {
    this.cases = await this.rows<Case>('select id, number, status, revision, head from cases order by number');
    const stored = await this.rows<Omit<Row, 'body'>>(
      `select j.case_id, j.seq, j.kind, j.type, j.at, j.body as text, j.hash, p.data
         from journal j left join payloads p using (case_id, seq) order by j.case_id, j.seq`,
    );
    this.journal = Map.groupBy(
      stored.map((row) => ({ ...row, body: JSON.parse(row.text) as Body })),
      (row) => row.case_id,
    );
    await this.commandsOnce();
    await this.chains();
    await this.openWork();
    await this.partners();
    await this.alive();
    this.timers();
    await this.definitions();
    await this.numbers();
    return this.found;
  }

  /** I1: what was accepted under a key is one journal row, and what is one entry's answer came once. */
  private async commandsOnce(): Promise<void> {
    const kept = await this.rows<{ account: string; id: string; case_id: string; seq: number }>(
      'select account, id, case_id, seq from commands',
    );
    for (const { account, id, case_id: caseId, seq } of kept) {
      const ofKey = this.rowsOf(caseId).filter(({ body }) => body.commandId === id && body.by === account);
      if (ofKey.length !== 1 || ofKey[0]?.seq !== seq)
        this.add('I1', `${caseId}/${seq}`, `the command ${id} was kept, and ${ofKey.length} rows name it`);
    }
    for (const [caseId, rows] of this.journal) {
      const answered = rows.filter(({ kind }) => kind === 'answer' || kind === 'timer').map(entryOf);
      for (const entry of repeated(answered)) this.add('I1', caseId, `the entry ${entry} was answered twice`);
    }
  }

  /** I2: seq without gaps, each hash over the one before, the case's own columns equal to its last row. */
  private async chains(): Promise<void> {
    for (const { id, revision, head } of this.cases) {
      const rows = this.rowsOf(id);
      const seqs = rows.map(({ seq }) => seq);
      if (seqs.some((seq, index) => seq !== index + 1)) this.add('I2', id, `rows ${seqs.join(', ')}`);
      if (seqs.at(-1) !== revision) this.add('I2', id, `revision ${revision}, last row ${seqs.at(-1)}`);
      let last = Buffer.alloc(32);
      for (const row of rows) {
        last = createHash('sha256').update(last).update(row.text).digest();
        if (!last.equals(row.hash)) this.add('I2', `${id}/${row.seq}`, 'the hash does not cover what is stored');
        if (row.data === null) this.add('I2', `${id}/${row.seq}`, 'there is no payload');
        const { body } = row;
        if (body.seq !== row.seq || body.kind !== row.kind || body.type !== row.type || +new Date(body.at) !== +row.at)
          this.add('I2', `${id}/${row.seq}`, 'its columns say something else than its body');
      }
      if (!last.equals(head)) this.add('I2', id, 'the case names another last hash');
    }
    const known = new Set(this.cases.map(({ id }) => id));
    for (const id of this.journal.keys()) if (!known.has(id)) this.add('I2', id, 'rows of a case that is not there');
  }

  /** I2: what the rows open and close, folded, is what tasks, hand-offs and timers show as open. */
  private async openWork(): Promise<void> {
    const tasks = await this.rows<{ id: string }>(`select id from tasks where status in ('open', 'claimed', 'held')`);
    const handoffs = await this.rows<{ id: string }>('select id from handoffs where closed_at is null');
    const timers = await this.rows<{ id: string; due_at: Date }>('select id, due_at from timers');
    const open = new Map<string, Entry>();
    for (const [caseId, rows] of this.journal) {
      for (const { body } of rows) {
        for (const entry of body.opened) {
          if (open.has(entry.uuid)) this.add('I2', `${caseId}/${body.seq}`, `${entry.id} was opened twice`);
          open.set(entry.uuid, entry);
        }
        for (const entry of body.closed)
          if (!open.delete(entry.uuid)) this.add('I2', `${caseId}/${body.seq}`, `${entry.id} was closed, not opened`);
      }
    }
    const expected = (pick: (entry: Entry) => boolean) => [...open.values()].filter(pick).map(({ uuid }) => uuid);
    this.same(
      'tasks',
      tasks.map(({ id }) => id),
      expected(({ src }) => src === 'task'),
    );
    this.same(
      'hand-offs',
      handoffs.map(({ id }) => id),
      expected(({ src }) => src === 'handOff'),
    );
    this.same(
      'timers',
      timers.map(({ id }) => id),
      expected(({ src }) => src === undefined),
    );
    for (const { id, due_at: due } of timers) {
      const journaled = open.get(id)?.due;
      if (journaled !== undefined && +new Date(journaled) !== +due)
        this.add('I5', id, `due ${due.toISOString()}, journaled ${journaled}`);
    }
  }

  /** I3: what a step asked for was accepted once, all its deliveries were the same bytes, and nothing was asked for twice. */
  private async partners(): Promise<void> {
    const { ledger } = this.options;
    if (ledger === undefined) return;
    const lines = linesOf(ledger);
    const sealed = new Map(
      (
        await this.rows<{ id: string; digest: string | null; sent: boolean }>(
          'select id, body_digest as digest, sent_at is not null as sent from handoffs',
        )
      ).map((row) => [row.id, row]),
    );
    for (const line of lines)
      if (line.kind === 'violation') this.add('I3', line.id ?? line.partner, `the partner refused it: ${line.rule}`);
    const delivered = Map.groupBy(
      lines.filter((line) => line.kind === 'delivered'),
      (line) => line.id,
    );
    for (const [id, deliveries] of delivered) {
      const digests = new Set(deliveries.map(({ digest }) => digest));
      const ours = sealed.get(id)?.digest;
      if (!ours) this.add('I3', id, 'was delivered, and no such hand-off or body is stored');
      else if (digests.size !== 1 || !digests.has(ours))
        this.add('I3', id, `was delivered in ${digests.size} forms, or in another than is stored`);
    }
    for (const [id, { sent }] of sealed)
      if (sent && !delivered.has(id)) this.add('I3', id, 'counts as sent, and the partner never had it');
    this.acceptedOnce(lines);
    const meant = [...delivered.values()].flatMap(([first]) =>
      first ? [`${first.family} ${first.partner} ${first.service} ${first.attempt}`] : [],
    );
    for (const meaning of repeated(meant)) this.add('I3', meaning, 'was asked for under two ids');
  }

  /** Whatever ids it was sent under: what counts is which case asked for it, and in which step. */
  private acceptedOnce(lines: Line[]): void {
    const asked = new Map(
      [...this.journal].flatMap(([caseId, rows]) =>
        rows.flatMap(({ body }) => body.opened.map(({ id, uuid }) => [uuid, `${caseId} ${id}`] as const)),
      ),
    );
    const accepted = lines.flatMap((line) =>
      line.kind === 'answered' && (line.status === 202 || line.status === 0) ? [line.id] : [],
    );
    for (const id of accepted) if (!asked.has(id)) this.add('I3', id, 'was accepted, and no step asked for it');
    for (const entry of repeated(accepted.map((id) => asked.get(id) ?? id)))
      this.add('I3', entry, 'was accepted twice');
  }

  /** I4: every case that has not ended has something that moves it on by itself or is shown to somebody. */
  private async alive(): Promise<void> {
    const stuck = await this.rows<{ number: string; state: string }>(
      `select number, state from cases c where status = 'active'
         and not exists (select from tasks t where t.case_id = c.id and t.status in ('open', 'claimed', 'held'))
         and not exists (select from timers t where t.case_id = c.id and not t.paused and t.passed_at is null)
         and not exists (select from handoffs h where h.case_id = c.id and h.closed_at is null and h.due_at is not null)
         and not exists (select from outbox o where o.case_id = c.id and not o.parked)
         and not exists (select from incidents i where i.case_id = c.id and i.status = 'open')`,
    );
    for (const { number, state } of stuck) this.add('I4', number, `nothing will ever move it on from ${state}`);
    if (!this.options.ended) return;
    for (const { number, status } of this.cases)
      if (status === 'active' || status === 'suspended') this.add('I4', number, `has not ended: ${status}`);
    const left = await this.rows<{ what: string }>(
      `select 'outbox ' || topic as what from outbox union all select 'timer ' || name from timers
       union all select 'incident ' || message from incidents where status = 'open'
       union all select 'message ' || event_id || ' ' || status from handoff_events where status in ('received', 'parked')`,
    );
    for (const { what } of left) this.add('I4', what, 'was left over');
  }

  /** I5: no timer before its moment, none twice, none much later. */
  private timers(): void {
    for (const [caseId, rows] of this.journal) {
      const opened = new Map(
        rows.flatMap(({ body, at }) => body.opened.map((entry) => [entry.id, { due: entry.due, at }] as const)),
      );
      for (const row of rows.filter(({ kind }) => kind === 'timer')) {
        const { due, at } = opened.get(entryOf(row)) ?? {};
        const where = `${caseId}/${row.seq}`;
        if (due === undefined || at === undefined) {
          this.add('I5', where, `the timer ${entryOf(row)} was never set`);
          continue;
        }
        const earlyMs = +new Date(due) - +row.at;
        if (earlyMs > 0) this.add('I5', where, `fired ${earlyMs} ms early`);
        // One that is set for a day that has gone fires at once.
        const lateMs = +row.at - Math.max(+new Date(due), +at);
        if (lateMs > (this.options.latestMs ?? LATEST_MS))
          this.add('I5', where, `${entryOf(row)}, set at ${at.toISOString()} for ${due}, fired ${lateMs} ms late`);
      }
    }
  }

  /** I6, here: every row names a version that is there. That each step follows from it is what `verify` replays. */
  private async definitions(): Promise<void> {
    const known = new Set(
      (await this.rows<Body['workflow']>('select key, version, hash from workflow_versions')).map(nameOf),
    );
    for (const [caseId, rows] of this.journal)
      for (const { seq, body } of rows)
        if (!known.has(nameOf(body.workflow))) this.add('I6', `${caseId}/${seq}`, 'names a version that is not there');
  }

  /** I11: numbers of cases are given once; those of certificates once and without gaps. */
  private async numbers(): Promise<void> {
    for (const number of repeated(this.cases.map((each) => each.number))) this.add('I11', number, 'was given twice');
    const certificates = await this.rows<{ year: number; serials: number[] }>(
      'select year, array_agg(serial order by serial) as serials from certificates where serial is not null group by year',
    );
    for (const { year, serials } of certificates)
      if (serials.some((serial, index) => serial !== index + 1))
        this.add('I11', `certificates of ${year}`, `numbers ${serials.join(', ')}`);
  }

  private same(what: string, shown: string[], expected: string[]): void {
    const [are, should] = [new Set(shown), new Set(expected)];
    for (const id of are) if (!should.has(id)) this.add('I2', id, `${what}: open, and the journal does not say so`);
    for (const id of should) if (!are.has(id)) this.add('I2', id, `${what}: not open, though the journal says so`);
  }

  private rowsOf(caseId: string): Row[] {
    return this.journal.get(caseId) ?? [];
  }

  private add(rule: Violation['rule'], where: string, message: string): void {
    this.found.push({ rule, where, message });
  }

  private async rows<T extends object>(text: string): Promise<T[]> {
    return (await this.client.query<T>(text)).rows;
  }
}

/** What was written whole; nobody has acted upon a line that a kill cut off. */
function linesOf(ledger: string): Line[] {
  if (!existsSync(ledger)) return [];
  const text = readFileSync(ledger, 'utf8');
  const whole = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
  return whole.filter(Boolean).map((line) => JSON.parse(line) as Line);
}

/** Id of the entry that an answer or a timer is about. */
function entryOf({ data }: Row): string {
  return (JSON.parse(data ?? '{}') as { input?: { entry?: string } }).input?.entry ?? '';
}

function nameOf({ key, version, hash }: Body['workflow']): string {
  return `${key} ${version} ${hash}`;
}

function repeated(values: string[]): string[] {
  const seen = new Set<string>();
  return values.filter((value) => seen.size === seen.add(value).size);
}
