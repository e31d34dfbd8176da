import { DateTime } from 'luxon';
import type { Pool } from 'pg';
import type { OutboxRow } from '../engine/types.js';
import type { Language, Text } from '../statechart/types.js';
import type { Ladders } from './ladders.js';

export type Texts = Record<Language, string>;

export interface Facts {
  /** `task`, `handOff`, `service`, `case` or `state`. */
  what: string;
  name: string;
  ladder: string;
  /** ISO 8601. */
  dueAt: string;
  overdue: boolean;
  /** It is a hand-off of which its partner has not said that it has it. */
  unacknowledged: boolean;
}

export interface Telling {
  caseNumber: string;
  /** What stands still, as people call it. */
  title: Texts;
  /** Which case, what stands still, since when, what to do next. */
  textFor(recipient: string): Texts;
}

export interface TextsDependencies {
  /** Connections of the role `qamqor_relay`. */
  pool: Pool;
  ladders: Ladders;
  /** Title of a partner. */
  partner(key: string): Text | undefined;
  /** Title of a partner's service. */
  service(partner: string, service: string): Text | undefined;
  /** Title of what is due in a case: a state, or the one that waits for an invocation. */
  due(organisationId: string, caseId: string, what: string, name: string): Promise<Text | undefined>;
  /** IANA name of the time zone in which people read dates. */
  zone: string;
  /** Whether a role looks after the work of others. */
  oversees(role: string): boolean;
}

interface HandoffRow {
  partner: string;
  service: string;
  sent_at: Date | null;
  /** `consent-missing`, `no-address`, `partner-down`, `partner-gone`; null while it goes out and nobody has taken it. */
  waiting_reason: string | null;
}

const LANGUAGES = ['kk', 'ru', 'en'] as const satisfies Language[];

/** Puts an escalation into words, in three languages. */
export class EscalationTexts {
  constructor(private readonly deps: TextsDependencies) {}

  async write({ organisationId, caseId, entryId }: OutboxRow, facts: Facts): Promise<Telling | undefined> {
    const { rows } = await this.deps.pool.query<{ number: string }>('select number from qamqor.cases where id = $1', [
      caseId,
    ]);
    const [found] = rows;
    if (!found) return undefined;
    const handoff = facts.what === 'handOff' ? await this.handoff(entryId) : undefined;
    const title = whole(await this.titleOf(organisationId, caseId, entryId, facts, handoff), facts.name);
    const ladder = whole(this.deps.ladders.find(facts.ladder).title, facts.ladder);
    const partner = whole(handoff && this.deps.partner(handoff.partner), handoff?.partner ?? '');
    const due = DateTime.fromISO(facts.dueAt, { zone: this.deps.zone }).toFormat('dd.MM.yyyy HH:mm');
    const fill = (template: Texts): Texts =>
      inAll((language) =>
        filled(template[language], {
          number: found.number,
          title: title[language],
          ladder: ladder[language],
          due,
          partner: partner[language],
        }),
      );
    const when = facts.overdue ? 'after' : 'before';
    const textFor = (recipient: string) => {
      // Whatever the step is called: nobody can answer what was never sent.
      if (handoff?.sent_at === null) return fill(UNSENT[handoff.waiting_reason ?? ''] ?? NOT_TAKEN);
      return fill(facts.unacknowledged ? UNACKNOWLEDGED : TEMPLATES[this.kindOf(recipient)][when]);
    };
    return { caseNumber: found.number, title, textFor };
  }

  private async handoff(id: string | null): Promise<HandoffRow | undefined> {
    const { rows } = await this.deps.pool.query<HandoffRow>(
      'select partner, service, sent_at, waiting_reason from qamqor.handoffs where id = $1',
      [id],
    );
    return rows[0];
  }

  private async titleOf(
    organisationId: string,
    caseId: string,
    entryId: string | null,
    { what, name }: Facts,
    handoff: HandoffRow | undefined,
  ): Promise<Text | undefined> {
    if (what === 'task') {
      const { rows } = await this.deps.pool.query<{ title: string }>('select title from qamqor.tasks where id = $1', [
        entryId,
      ]);
      return rows[0] && (JSON.parse(rows[0].title) as Text);
    }
    if (what === 'handOff') return handoff && this.deps.service(handoff.partner, handoff.service);
    return this.deps.due(organisationId, caseId, what, name);
  }

  /** Who owns the work is told to do it, who oversees to help, a partner to answer. */
  private kindOf(recipient: string): keyof typeof TEMPLATES {
    if (recipient.startsWith('partner-')) return recipient.endsWith(':head') ? 'head' : 'partner';
    return this.deps.oversees(recipient) ? 'overseer' : 'owner';
  }
}

/** What stands in a gap is never a template itself. */
export function filled(template: string, gaps: Record<string, string>): string {
  return template.replace(/\{(\w+)\}/g, (_gap, name: string) => gaps[name] ?? '');
}

/** In all three languages: in another one where it is missing in one. */
export function whole(text: Text | undefined, otherwise: string): Texts {
  return inAll((language) => text?.[language] ?? text?.kk ?? text?.ru ?? text?.en ?? otherwise);
}

export function inAll(make: (language: Language) => string): Texts {
  return Object.fromEntries(LANGUAGES.map((language) => [language, make(language)])) as Texts;
}

const UNACKNOWLEDGED: Texts = {
  kk: '{number} ісі: серіктес «{title}» жолдамасын алғанын {due} мерзіміне дейін растамады. Оған хабарласып, жолдаманың жеткенін және онымен кім айналысатынын анықтаңыз.',
  ru: 'Дело {number}: до {due} партнёр не подтвердил, что получил направление «{title}». Свяжитесь с ним и узнайте, дошло ли оно и кто им занят.',
  en: 'Case {number}: the partner has not acknowledged the hand-off “{title}” by {due}. Ask it whether it has it, and who is at it.',
};

/** A hand-off that its partner was never sent, by why it waits. */
const UNSENT: Record<string, Texts> = {
  'consent-missing': {
    kk: '{number} ісі: «{title}» жолдамасы ({due} мерзіміне дейін) жіберілген жоқ: отбасы деректерін серіктеске («{partner}») беруге келісім бермеген. Отбасынан келісім сұраңыз немесе істі басқа жолмен жүргізіңіз.',
    ru: 'Дело {number}: направление «{title}» (срок {due}) не отправлено: семья не дала согласия передать данные партнёру «{partner}». Спросите согласие семьи или поведите дело другим путём.',
    en: 'Case {number}: the hand-off “{title}” (due {due}) was not sent: the family has not agreed that {partner} may have its data. Ask the family for its consent, or lead the case another way.',
  },
  'no-address': {
    kk: '{number} ісі: «{title}» жолдамасы ({due} мерзіміне дейін) жіберілген жоқ: серіктестің («{partner}») мекенжайы баптауларда жоқ. Әкімшіден оны енгізуді сұраңыз немесе істі басқа жолмен жүргізіңіз.',
    ru: 'Дело {number}: направление «{title}» (срок {due}) не отправлено: в настройках нет адреса партнёра «{partner}». Попросите администратора указать его или поведите дело другим путём.',
    en: 'Case {number}: the hand-off “{title}” (due {due}) was not sent: the settings have no address of {partner}. Ask the administrator to set it, or lead the case another way.',
  },
  'partner-down': {
    kk: '{number} ісі: «{title}» жолдамасы ({due} мерзіміне дейін) жіберілген жоқ: серіктестің («{partner}») жүйесі жауап бермейді. Ол қосылған соң жолдама өзі кетеді; серіктеске қоңырау шалыңыз немесе істі басқа жолмен жүргізіңіз.',
    ru: 'Дело {number}: направление «{title}» (срок {due}) не отправлено: система партнёра «{partner}» не отвечает. Оно уйдёт само, когда она заработает; позвоните партнёру или поведите дело другим путём.',
    en: 'Case {number}: the hand-off “{title}” (due {due}) was not sent: the system of {partner} does not answer. It goes out by itself once it does; call the partner, or lead the case another way.',
  },
  'partner-gone': {
    kk: '{number} ісі: «{title}» жолдамасы ({due} мерзіміне дейін) жіберілген жоқ: серіктестің («{partner}») мекенжайы енді жолдама қабылдамайды (410). Серіктестен жаңа мекенжайын сұрап, әкімшіге беріңіз немесе істі басқа жолмен жүргізіңіз.',
    ru: 'Дело {number}: направление «{title}» (срок {due}) не отправлено: адрес партнёра «{partner}» больше не принимает направления (410). Узнайте у партнёра новый адрес и передайте администратору или поведите дело другим путём.',
    en: 'Case {number}: the hand-off “{title}” (due {due}) was not sent: the address of {partner} takes no hand-offs any more (410). Ask the partner for its new address and give it to the administrator, or lead the case another way.',
  },
};

/** It goes out again and again, and its partner has not taken it. */
const NOT_TAKEN: Texts = {
  kk: '{number} ісі: «{title}» жолдамасы ({due} мерзіміне дейін) әлі жіберілген жоқ: серіктес («{partner}») оны қабылдағанын растамады. Істің ақауларын қараңыз, әкімшіге хабарлаңыз немесе істі басқа жолмен жүргізіңіз.',
  ru: 'Дело {number}: направление «{title}» (срок {due}) ещё не отправлено: партнёр «{partner}» не принял его. Посмотрите сбои дела, сообщите администратору или поведите дело другим путём.',
  en: 'Case {number}: the hand-off “{title}” (due {due}) was not sent yet: {partner} has not taken it. Look at the incidents of the case, tell the administrator, or lead the case another way.',
};

const TEMPLATES = {
  owner: {
    before: {
      kk: '{number} ісі: «{title}» мерзімі — {due}. Уақытында аяқтаңыз немесе басқа қызметкерге беріңіз.',
      ru: 'Дело {number}: срок «{title}» — {due}. Завершите вовремя или передайте другому сотруднику.',
      en: 'Case {number}: “{title}” is due {due}. Finish it in time, or hand it on to somebody else.',
    },
    after: {
      kk: '{number} ісі: «{title}» мерзімі өтті ({due}), ол әлі орындалған жоқ. Қазір аяқтаңыз немесе не кедергі екенін жетекшіге айтыңыз.',
      ru: 'Дело {number}: срок «{title}» истёк {due}, а работа не выполнена. Завершите сейчас или скажите руководителю, что мешает.',
      en: 'Case {number}: “{title}” was due {due} and is not done. Finish it now, or tell your supervisor what is in the way.',
    },
  },
  overseer: {
    before: {
      kk: '{number} ісі: {ladder}. «{title}» мерзімі — {due}. Кім орындап жатқанын тексеріңіз.',
      ru: 'Дело {number}: {ladder}. Срок «{title}» — {due}. Проверьте, кто этим занят.',
      en: 'Case {number}: {ladder}. “{title}” is due {due}. See who is at it.',
    },
    after: {
      kk: '{number} ісі тұрып қалды: {ladder}. «{title}» мерзімі өтті ({due}). Орындаушыны тағайындаңыз, кедергіні жойыңыз немесе істі басқа жолмен жүргізіңіз.',
      ru: 'Дело {number} стоит: {ladder}. Срок «{title}» истёк {due}. Назначьте исполнителя, устраните препятствие или поведите дело другим путём.',
      en: 'Case {number} stands still: {ladder}. “{title}” was due {due}. Assign somebody, remove what is in the way, or lead the case another way.',
    },
  },
  partner: {
    before: {
      kk: '{number} ісі бойынша «{title}» жолдамасы {due} мерзіміне дейін жауабыңызды күтеді. Жауап беріңіз немесе жетіспейтін құжаттарды сұраңыз.',
      ru: 'Направление «{title}» по делу {number} ждёт вашего ответа до {due}. Ответьте или запросите недостающие документы.',
      en: 'The hand-off “{title}” of case {number} awaits your answer by {due}. Answer, or ask for the papers that are missing.',
    },
    after: {
      kk: '{number} ісі бойынша «{title}» жолдамасына жауап беру мерзімі өтті ({due}). Жауап беріңіз немесе орындай алмайтыныңызды хабарлаңыз.',
      ru: 'Срок ответа на направление «{title}» по делу {number} истёк {due}. Ответьте или сообщите, что выполнить его нельзя.',
      en: 'The hand-off “{title}” of case {number} was to be answered by {due}. Answer it, or say that it cannot be done.',
    },
  },
  head: {
    before: {
      kk: 'Ұйым басшысына: {number} ісі бойынша «{title}» жолдамасы {due} мерзіміне дейін жауап күтеді. Жауапты қызметкерді тағайындаңыз.',
      ru: 'Руководителю организации: направление «{title}» по делу {number} ждёт ответа до {due}. Назначьте ответственного.',
      en: 'To the head of the organisation: the hand-off “{title}” of case {number} awaits an answer by {due}. Name who is to answer.',
    },
    after: {
      kk: 'Ұйым басшысына: {number} ісі бойынша «{title}» жолдамасына жауап беру мерзімі өтті ({due}). Жауап беруді тапсырыңыз немесе бас тарту себебін хабарлаңыз.',
      ru: 'Руководителю организации: срок ответа на направление «{title}» по делу {number} истёк {due}. Поручите ответить или сообщите причину отказа.',
      en: 'To the head of the organisation: the hand-off “{title}” of case {number} was to be answered by {due}. Have it answered, or say why it cannot be.',
    },
  },
} satisfies Record<string, Record<'before' | 'after', Texts>>;
