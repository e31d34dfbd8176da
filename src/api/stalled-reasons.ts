import { dueTitle } from '../case-page/outline.js';
import type { Query } from '../engine/cases.js';
import { CASE_DUE, CASE_FORGOTTEN, CASE_OVERDUE, SUSPENDED_AT } from '../engine/overdue.js';
import type { VersionsApi } from '../engine/types.js';
import type { JsonObject, Language, Workflow } from '../statechart/types.js';
import { fillIn } from './errors.js';
import { BECAUSE, sayIncident } from './incident-texts.js';

interface ReasonRow {
  id: string;
  organisation_id: string;
  workflow_key: string;
  workflow_version: number;
  due_at: Date | null;
  is_overdue: boolean;
  incident_rule: string | null;
  incident_state: string | null;
  incident_because: string | null;
  incident_message: string | null;
  incident_at: Date | null;
  /** Only of one that has been suspended for very long. */
  suspended_at: Date | null;
  suspended_why: string | null;
  due_what: string | null;
  due_name: string | null;
}

/** Why each of these cases stands still, by its id: `{kind, rule, text, message, since}`; nothing about one that does not. */
export async function stalledReasons(
  query: Query,
  versions: Pick<VersionsApi, 'byVersion'>,
  { ids, now, language }: { ids: string[]; now: string; language: Language },
): Promise<Map<string, JsonObject>> {
  const reasons = new Map<string, JsonObject>();
  if (ids.length === 0) return reasons;
  for (const row of await query<ReasonRow>(REASONS, [ids, now])) {
    const workflow = await versions.byVersion(row.organisation_id, row.workflow_key, row.workflow_version);
    const reason = reasonOf(row, workflow, language);
    if (reason) reasons.set(row.id, reason);
  }
  return reasons;
}

/** Why it stands still: what it could not do by itself weighs more than that somebody stopped it, or a deadline that has passed. */
function reasonOf(row: ReasonRow, workflow: Workflow, language: Language): JsonObject | null {
  if (row.incident_rule !== null)
    return {
      kind: 'incident',
      rule: row.incident_rule,
      text: sayIncident(
        { rule: row.incident_rule, state: row.incident_state ?? '', because: row.incident_because },
        workflow,
        language,
      ),
      message: row.incident_message ?? '',
      since: row.incident_at?.toISOString() ?? null,
    };
  if (row.suspended_at !== null) {
    const message = row.suspended_why ?? '';
    const text = fillIn(SUSPENDED[language], { reason: message });
    return { kind: 'suspended', rule: 'suspended', text, message, since: row.suspended_at.toISOString() };
  }
  if (!row.is_overdue) return null;
  const since = row.due_at?.toISOString() ?? null;
  const [rule, message] = [row.due_what ?? 'case', row.due_name ?? ''];
  return { kind: 'overdue', rule, text: dueTitle(rule, message, workflow, language), message, since };
}

const SUSPENDED: Record<Language, string> = {
  kk: 'Іс көптен бері тоқтатылып тұр («{reason}»). Жалғастырыңыз немесе жабыңыз.',
  ru: 'Дело давно приостановлено («{reason}»). Продолжите его или закройте.',
  en: 'The case has been suspended for long (“{reason}”). Let it go on, or cancel it.',
};

const REASONS = `select c.id, c.organisation_id, c.workflow_key, c.workflow_version, ${CASE_DUE('c')} as due_at, c.is_overdue,
    i.rule as incident_rule, i.state as incident_state, i.because as incident_because, i.message as incident_message, i.opened_at as incident_at,
    s.at as suspended_at, s.why as suspended_why, d.what as due_what, d.name as due_name
  from (select c.*, ${CASE_OVERDUE('c', '$2::timestamptz')} as is_overdue, ${CASE_FORGOTTEN('c', '$2::timestamptz')} as is_forgotten
    from qamqor.cases c where c.id = any ($1::uuid[])) c
  left join lateral (select rule, state, ${BECAUSE} as because, message, opened_at from qamqor.incidents i where i.case_id = c.id and i.status = 'open' order by opened_at, id limit 1) i on true
  left join lateral (select j.at, p.data::json ->> 'reason' as why from qamqor.journal j left join qamqor.payloads p using (case_id, seq)
    where c.is_forgotten and j.case_id = c.id and j.kind = 'act' and j.type = 'suspend' and j.at = ${SUSPENDED_AT('c')} order by j.seq desc limit 1) s on true
  left join lateral (select what, name from qamqor.dues d where d.case_id = c.id order by greatest(d.due_at, d.paused_until), entry_id limit 1) d on true`;
