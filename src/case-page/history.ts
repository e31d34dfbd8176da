import { isIncident, sayIncident } from '../api/incident-texts.js';
import { ENGINE_SENDER } from '../engine/sender.js';
import type { JournalBody, JournalPayload } from '../engine/types.js';
import type { Language, Workflow } from '../statechart/types.js';
import { inLanguage, type Titles } from '../workflows/titles.js';
import { type HandedOff, whyNoResult } from './no-result.js';
import { outlineOf, standsIn } from './outline.js';

/** One row of a case's history, in words. */
export interface HistoryRow {
  seq: number;
  at: string;
  kind: JournalBody['kind'];
  title: string;
  /** Name of the account, and on whose behalf it acted; null: the system itself. */
  by: string | null;
  /** Why, where a person had to say it, or why it changed nothing; of an escalation, who was told; of a hand-off without result, whose and why. */
  reason: string | null;
  /** Where the case stood afterwards; empty where nothing moved. */
  states: string[];
  /** Of an answer that a person gave: the task that has it. */
  task: string | null;
}

type Words = Record<
  | 'opened'
  | 'answered'
  | 'failed'
  | 'due'
  | 'late'
  | 'parked'
  | 'trouble'
  | 'closed'
  | 'moved'
  | 'parentSuspended'
  | 'parentResumed'
  | 'suspended'
  | 'cancel'
  | 'suspend'
  | 'resume'
  | 'reopen'
  | 'modify'
  | 'migrate'
  | 'list'
  | 'retry'
  | 'resolve'
  | 'escalate'
  | 'somebody'
  | 'head',
  string
>;

const WORDS: Record<Language, Words> = {
  kk: {
    opened: 'Іс ашылды',
    answered: 'Орындалды',
    failed: 'Нәтиже болмады',
    due: 'Мерзімі келді',
    late: 'Кешіккен жауап ескерілмеді',
    parked: 'Жауап іс жалғастырылғанша сақталды',
    trouble: 'Ақау анықталды',
    suspended: 'Іс уақытша тоқтатылған.',
    closed: 'Бұл қадам жауап келгенге дейін аяқталған еді.',
    moved: 'Серіктестің мекенжайы өзгерді.',
    parentSuspended: 'Ол кіретін іс уақытша тоқтатылды.',
    parentResumed: 'Ол кіретін іс жалғастырылды.',
    cancel: 'Іс тоқтатылды',
    suspend: 'Іс уақытша тоқтатылды',
    resume: 'Іс жалғастырылды',
    reopen: 'Іс қайта ашылды',
    modify: 'Іс қолмен өзгертілді',
    migrate: 'Іс жаңа нұсқаға көшірілді',
    list: 'Тізім өзгертілді',
    retry: 'Қадам қайталанды',
    resolve: 'Ақау жойылды деп белгіленді',
    escalate: 'Кідіріс туралы хабарланды',
    somebody: 'Қызметкер',
    head: 'ұйым басшысы',
  },
  ru: {
    opened: 'Дело открыто',
    answered: 'Выполнено',
    failed: 'Без результата',
    due: 'Наступил срок',
    late: 'Поздний ответ не учтён',
    parked: 'Ответ отложен до возобновления дела',
    trouble: 'Обнаружен сбой',
    suspended: 'Дело приостановлено.',
    closed: 'Этот шаг закончился до того, как пришёл ответ.',
    moved: 'У партнёра другой адрес.',
    parentSuspended: 'Приостановлено дело, в которое оно входит.',
    parentResumed: 'Продолжено дело, в которое оно входит.',
    cancel: 'Дело прекращено',
    suspend: 'Дело приостановлено',
    resume: 'Дело возобновлено',
    reopen: 'Дело открыто повторно',
    modify: 'Дело изменено вручную',
    migrate: 'Дело переведено на новую версию',
    list: 'Изменён перечень',
    retry: 'Шаг повторён',
    resolve: 'Сбой отмечен как устранённый',
    escalate: 'Сообщено о задержке',
    somebody: 'Сотрудник',
    head: 'руководитель организации',
  },
  en: {
    opened: 'Case opened',
    answered: 'Done',
    failed: 'No result',
    due: 'Time came',
    late: 'A late answer was not counted',
    parked: 'The answer is kept until the case goes on',
    trouble: 'A failure was found',
    suspended: 'The case is suspended.',
    closed: 'This step was over before the answer came.',
    moved: 'The partner has another address.',
    parentSuspended: 'The case that it belongs to was suspended.',
    parentResumed: 'The case that it belongs to goes on.',
    cancel: 'Case cancelled',
    suspend: 'Case suspended',
    resume: 'Case resumed',
    reopen: 'Case opened again',
    modify: 'Changed by hand',
    migrate: 'Moved to a new version',
    list: 'List changed',
    retry: 'Tried again',
    resolve: 'Failure marked as settled',
    escalate: 'The delay was reported',
    somebody: 'A member of staff',
    head: 'head of the organisation',
  },
};

/** What a history row is told with. */
interface Telling {
  language: Language;
  name(account: string): string | null;
  titles: Titles;
  /** The case's hand-offs, by their entries' UUIDs. */
  handoffs: ReadonlyMap<string, HandedOff>;
  /** Ids of the case's tasks that were answered. */
  answered: ReadonlySet<string>;
}

/** Acts that never move a case. */
const STILL = ['escalate', 'suspend', 'resolve'];

export function historyRow(
  body: JournalBody,
  payload: JournalPayload | null,
  workflow: Workflow,
  telling: Telling,
): HistoryRow {
  const { language, name } = telling;
  const told = body.type === 'escalate' ? toldTo(payload, telling) : whyWithoutResult(body, payload, telling);
  const still = body.kind === 'ignored' || (body.kind === 'act' && STILL.includes(body.type));
  return {
    seq: body.seq,
    at: body.at,
    kind: body.kind,
    title: titleOf(body, payload?.reason, workflow, language),
    by: actorOf(body, language, name),
    reason: told ?? whySaid(body, payload, workflow, language),
    states: still ? [] : standsIn(workflow, body.state, language),
    task: (body.kind === 'answer' && body.closed.find(({ uuid }) => telling.answered.has(uuid))?.uuid) || null,
  };
}

/** A person's own words; the engine's are a code: of what changed nothing, and of its own acts. */
function whySaid(
  { kind, by }: JournalBody,
  payload: JournalPayload | null,
  workflow: Workflow,
  language: Language,
): string | null {
  const reason = payload?.reason ?? null;
  if (reason === null || (kind !== 'ignored' && by !== ENGINE_SENDER.account)) return reason;
  if (isIncident(reason)) {
    const { state, because } = payload?.command ?? {};
    const facts = { rule: reason, state: String(state ?? ''), because: typeof because === 'string' ? because : null };
    return sayIncident(facts, workflow, language);
  }
  const word = REASONS[reason];
  return word === undefined ? reason : WORDS[language][word];
}

const REASONS: Record<string, keyof Words> = {
  'entry-closed': 'closed',
  suspended: 'suspended',
  'partner-moved': 'moved',
  'parent-suspended': 'parentSuspended',
  'parent-resumed': 'parentResumed',
};

/** Partners stand beside answers of the system; only a colleague is named here. */
function actorOf(body: JournalBody, language: Language, name: (account: string) => string | null): string | null {
  const by = name(body.by);
  const other = body.onBehalfOf === null ? null : name(body.onBehalfOf);
  return by === null || other === null ? by : ON_BEHALF[language](by, other);
}

const ON_BEHALF: Record<Language, (by: string, other: string) => string> = {
  kk: (by, other) => `${by} (${other} атынан)`,
  ru: (by, other) => `${by} (от имени: ${other})`,
  en: (by, other) => `${by}, on behalf of ${other}`,
};

/** Recipients are roles (`supervisor`), accounts (`account:<id>`) and heads of partners (`partner-atameken:head`). */
function toldTo(payload: JournalPayload | null, { language, name, titles }: Telling): string | null {
  const to = payload?.act?.['to'];
  if (!Array.isArray(to)) return null;
  const names = to.map(String).map((recipient) => {
    if (recipient.startsWith('account:')) return name(recipient.slice('account:'.length)) ?? WORDS[language].somebody;
    const title = titles.role(recipient.replace(/:head$/, ''), language);
    return recipient.endsWith(':head') ? `${title} (${WORDS[language].head})` : title;
  });
  return names.join(', ');
}

function answerOf({ type }: JournalBody): { outcome: string; invoke: string } {
  const [, outcome = '', invoke = ''] = /^(done|error)\((.*)\)$/.exec(type) ?? [];
  return { outcome, invoke };
}

function titleOf(body: JournalBody, reason: string | undefined, workflow: Workflow, language: Language): string {
  const words = WORDS[language];
  const outline = outlineOf(workflow, language);
  switch (body.kind) {
    case 'event': {
      if (body.type === 'start') return words.opened;
      return inLanguage(workflow.events.find(({ type }) => type === body.type)?.title, language) ?? body.type;
    }
    case 'answer': {
      const { outcome, invoke } = answerOf(body);
      const what = outline.byInvoke.get(invoke)?.title ?? invoke;
      return `${outcome === 'error' ? words.failed : words.answered}: ${what}`;
    }
    case 'timer': {
      const path = body.closed.map(({ id }) => /^after:(.*):[^:]+:\d+$/.exec(id)?.[1]).find(Boolean) ?? '';
      return `${words.due}: ${outline.byPath.get(path)?.title ?? body.type}`;
    }
    case 'ignored':
      if (isIncident(reason ?? '') || body.type === 'incident') return words.trouble;
      return reason === 'suspended' ? words.parked : words.late;
    case 'act':
    case 'migration':
      return Object.hasOwn(words, body.type) ? words[body.type as keyof Words] : body.type;
  }
}

/** Null for everything that is no hand-off's end without a result. */
function whyWithoutResult(body: JournalBody, payload: JournalPayload | null, telling: Telling): string | null {
  const { outcome, invoke } = answerOf(body);
  if (body.kind !== 'answer' || outcome !== 'error') return null;
  // Others may have been closed with it: the answer names its entry. Where it was erased, the invocation has to do.
  const entry = payload?.input?.kind === 'failure' ? payload.input.entry : null;
  const closed = body.closed.filter(({ id }) => entry === null || id === entry);
  const handoff = closed.map(({ uuid }) => telling.handoffs.get(uuid)).find((found) => found?.invocation === invoke);
  return handoff === undefined ? null : whyNoResult(handoff, body, payload, telling);
}
