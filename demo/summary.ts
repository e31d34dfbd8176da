import type { Pool } from 'pg';
import { asOrganisation } from '../src/engine/cases.js';
import type { JournalBody, JournalPayload } from '../src/engine/types.js';
import type { Json } from '../src/statechart/types.js';

/** One stage of the funnel: how many families came into it (with their own case or a track) and left it, for the next one or an end, and how many days they stayed. */
export interface FunnelStage {
  stage: string;
  entered: number;
  left: number;
  days: { p50: number | null; p95: number | null };
}

/** What the journal of all cases says about a run. */
export interface Summary {
  families: number;
  finished: number;
  byStatus: Record<string, number>;
  funnel: FunnelStage[];
  outcomes: Record<string, number>;
  /** Outcome and reason by family id: what a run that was killed must agree on with one that was not. */
  ends: Record<string, string>;
  /** Answers of people by invocation and by the word that decided. */
  answers: Record<string, Record<string, number>>;
  events: Record<string, number>;
  /** Timers that fired, by name. */
  timers: Record<string, number>;
  /** Hand-offs whose partner let its time run out. */
  expired: number;
  /** From the first row to the last. */
  days: number;
}

interface CaseLine {
  id: string;
  subject: string | null;
  parent_case_id: string | null;
  status: string;
  chart: string;
}

interface JournalLine {
  case_id: string;
  subject: string;
  kind: string;
  type: string;
  body: string;
  data: string | null;
}

const DAY_MS = 86_400_000;
/** The fields of forms in which a decision stands. */
const DECIDING_FIELDS = ['decision', 'exam', 'result', 'attendance', 'reached', 'submitted', 'answer', 'outcome'];

/** Reads journal and cases of the families (by subject) and counts. */
export async function summarise(
  pool: Pool,
  organisationId: string,
  stages: string[],
  subjects: string[],
): Promise<Summary> {
  const { cases, journal } = await asOrganisation(pool, organisationId, async (query) => ({
    cases: await query<CaseLine>(
      'select id, subject, parent_case_id, status, chart from qamqor.cases where subject = any ($1) order by opened_at, id',
      [subjects],
    ),
    journal: await query<JournalLine>(
      `select j.case_id, c.subject, j.kind, j.type, j.body, p.data
       from qamqor.journal j join qamqor.cases c on c.id = j.case_id
       left join qamqor.payloads p on p.case_id = j.case_id and p.seq = j.seq
       where c.subject = any ($1) order by j.case_id, j.seq`,
      [subjects],
    ),
  }));
  const summary: Summary = {
    families: new Set(cases.map((line) => line.subject)).size,
    finished: cases.filter((line) => line.parent_case_id === null && line.status === 'done').length,
    byStatus: {},
    funnel: [],
    outcomes: {},
    ends: {},
    answers: {},
    events: {},
    timers: {},
    expired: 0,
    days: 0,
  };
  for (const line of cases) if (line.parent_case_id === null) countCase(line, summary);
  for (const line of journal) countRow(line, summary);
  const moments = journal
    .map((line) => Date.parse((JSON.parse(line.body) as JournalBody).at))
    .sort((one, other) => one - other);
  summary.days = Math.round(((moments.at(-1) ?? 0) - (moments[0] ?? 0)) / DAY_MS);
  const cancelled = new Set(cases.filter(({ status }) => status === 'cancelled').map(({ id }) => id));
  summary.funnel = funnelOf(stages, [...Map.groupBy(journal, (line) => line.subject).values()], cancelled);
  return summary;
}

function countCase(line: CaseLine, summary: Summary): void {
  count(summary.byStatus, line.status);
  if (line.status !== 'done') return;
  const { snapshot } = JSON.parse(line.chart) as { snapshot: { output?: { outcome?: Json; reason?: Json } } };
  const outcome = String(snapshot.output?.outcome ?? 'none');
  count(summary.outcomes, outcome);
  if (line.subject !== null) summary.ends[line.subject] = `${outcome}/${snapshot.output?.reason ?? '-'}`;
}

function countRow(line: JournalLine, summary: Summary): void {
  const { input } = JSON.parse(line.data ?? '{}') as JournalPayload;
  if (line.kind === 'timer') count(summary.timers, line.type);
  if (line.kind === 'event' && input?.kind === 'event') count(summary.events, input.type);
  if (line.kind === 'answer' && input?.kind === 'failure' && codeOf(input.error) === 'EXPIRED') summary.expired += 1;
  if (line.kind !== 'answer' || input?.kind !== 'answer') return;
  const { output } = input;
  if (output === null || typeof output !== 'object' || Array.isArray(output)) return;
  const field = DECIDING_FIELDS.find((name) => output[name] !== undefined);
  if (!field) return;
  const [invocation = ''] = input.entry.split(':');
  summary.answers[invocation] ??= {};
  count(summary.answers[invocation], String(output[field]));
}

/** One list per family: the rows of its case and of the tracks. */
function funnelOf(stages: string[], families: JournalLine[][], cancelled: ReadonlySet<string>): FunnelStage[] {
  const stays = families.map((rows) => {
    const cases = [...Map.groupBy(rows, (row) => row.case_id)];
    const stays = cases.map(([id, own]) => {
      const bodies = own.map((row) => JSON.parse(row.body) as JournalBody);
      return staysOf(bodies, cancelled.has(id));
    });
    return togetherOf(stays);
  });
  return stages.map((stage) => {
    const own = stays.flatMap((ofCase) => ofCase.get(stage) ?? []);
    const days = own
      .flatMap(({ from, until }) => (until === null ? [] : [(Date.parse(until) - Date.parse(from)) / DAY_MS]))
      .sort((one, other) => one - other);
    return {
      stage,
      entered: own.length,
      left: days.length,
      days: { p50: percentile(days, 0.5), p95: percentile(days, 0.95) },
    };
  });
}

type Stays = Map<string, { from: string; until: string | null }>;

/** A family is in a stage from when its first case comes into it until its last one has left. */
function togetherOf(cases: Stays[]): Stays {
  const together: Stays = new Map();
  for (const [stage, { from, until }] of cases.flatMap((stays) => [...stays])) {
    const known = together.get(stage);
    if (!known) together.set(stage, { from, until });
    else {
      known.until = known.until === null || until === null ? null : ([known.until, until].sort().at(-1) ?? null);
      if (from < known.from) known.from = from;
    }
  }
  return together;
}

/** A stay in a stage runs from the first row that shows it to the first row after its last; a cancelled case leaves where it stands. */
function staysOf(rows: JournalBody[], cancelled: boolean): Stays {
  const stays: Stays = new Map();
  for (const row of rows) {
    for (const stage of row.stages) {
      const stay = stays.get(stage);
      if (stay) stay.until = null;
      else stays.set(stage, { from: row.at, until: null });
    }
    for (const [stage, stay] of stays) if (!row.stages.includes(stage)) stay.until ??= row.at;
  }
  const last = rows.at(-1);
  if (cancelled && last) for (const stay of stays.values()) stay.until ??= last.at;
  return stays;
}

/** Nearest rank; days with one decimal. */
function percentile(sorted: number[], share: number): number | null {
  const value = sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
  return value === undefined ? null : Math.round(value * 10) / 10;
}

function codeOf(error: Json): Json {
  return error !== null && typeof error === 'object' && !Array.isArray(error) ? (error.code ?? null) : null;
}

function count(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1;
}
