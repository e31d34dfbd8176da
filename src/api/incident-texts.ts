import { stateTitle } from '../case-page/outline.js';
import { OPENS_WITHOUT_END } from '../engine/sub-cases.js';
import { PERHAPS_DONE } from '../services/service-source.js';
import type { Language, Workflow } from '../statechart/types.js';
import { fillIn } from './errors.js';

type Texts = Record<Language, string>;

/** What happened to a case and what to do about it; `{state}` is the title of the state in which it happened. */
interface IncidentText {
  text: Texts;
  /** Said instead of `text` where more is known: what is gone, or what could not be carried out. */
  because?: Record<string, Texts>;
}

/** An incident as it is stored. `because`: see `IncidentText`; null where nothing more is known. */
export interface IncidentFacts {
  rule: string;
  /** Dotted path; '' where it belongs to no state. */
  state: string;
  because: string | null;
}

/** Of one incident `i`, as SQL: what its command says of why. A command that cannot be read says nothing. */
export const BECAUSE = `substring(i.command from '"because":"([A-Za-z.]+)"')`;

/** What happened and what to do, by rule and facts, for whoever reads; never the technical sentence of the incident. */
export function sayIncident({ rule, state, because }: IncidentFacts, workflow: Workflow, language: Language): string {
  const told = INCIDENT_TEXTS[rule] ?? OTHER;
  const template = told.because?.[because ?? ''] ?? told.text;
  return fillIn(template[language], { state: stateTitle(workflow, state, language) });
}

/** Whether a code of the engine is the rule of an incident. */
export const isIncident = (rule: string): boolean => Object.hasOwn(INCIDENT_TEXTS, rule);

const MEND_WORKFLOW = {
  kk: 'Әкімшіге хабарлаңыз; жұмыс процесі түзетілген соң қайталаңыз.',
  ru: 'Сообщите администратору; когда процесс исправят, повторите.',
  en: 'Tell the administrator, and retry when the workflow is mended.',
};

/** A fault of the workflow itself. */
function faulty(what: Texts): IncidentText {
  const said = (language: Language) => `${what[language]} ${MEND_WORKFLOW[language]}`;
  return { text: { kk: said('kk'), ru: said('ru'), en: said('en') } };
}

const OTHER: IncidentText = {
  text: {
    kk: '«{state}»: іс өздігінен алға жылжи алмады. Техникалық мәліметті әкімшіге көрсетіңіз.',
    ru: '«{state}»: дело не смогло пойти дальше само. Покажите технические сведения администратору.',
    en: '“{state}”: the case could not go on by itself. Show the technical detail to the administrator.',
  },
};

/** By rule. Those of faults are of the statechart; `because` of what was not delivered are the outbox's topics. */
export const INCIDENT_TEXTS: Record<string, IncidentText> = {
  orphan: {
    text: {
      kk: 'Іс ештеңе күтіп тұрған жоқ: оны алға жылжытатын тапсырма, жолдама, қадам немесе мерзім жоқ. Істі қай күйден жалғастыру керегін әкімшімен бірге шешіңіз.',
      ru: 'Дело ничего не ждёт: нет ни задачи, ни направления, ни шага, ни срока, которые сдвинули бы его. Решите с администратором, с какого состояния его продолжить.',
      en: 'The case waits for nothing: no task, hand-off, step or timer could move it. Decide with the administrator from which state it goes on.',
    },
    because: {
      task: {
        kk: '«{state}»: іс күтіп тұрған тапсырма жоғалған, оған енді ешкім жауап бере алмайды. Істі осы күйге қайта қоюды (modify) әкімшіге тапсырыңыз.',
        ru: '«{state}»: задача, которой ждёт дело, пропала, и ответить на неё никто не может. Попросите администратора перевести дело в это состояние заново (modify).',
        en: '“{state}”: the task that the case waits for is gone, and nobody can answer it. Ask the administrator to put the case into this state again (modify).',
      },
      handOff: {
        kk: '«{state}»: серіктеске арналған жолдама жоғалған, жауап келмейді. Қайталаңыз: жолдама қайтадан жіберіледі.',
        ru: '«{state}»: направление партнёру пропало, ответа не будет. Повторите: направление уйдёт заново.',
        en: '“{state}”: the hand-off to the partner is gone, and no answer would come. Retry: it is sent anew.',
      },
      service: {
        kk: '«{state}»: автоматты қадам жоғалған, нәтижесі келмейді. Қайталаңыз: қадам қайтадан орындалады.',
        ru: '«{state}»: автоматический шаг пропал, результата не будет. Повторите: шаг выполнится заново.',
        en: '“{state}”: the background step is gone, and no result would come. Retry: it is carried out anew.',
      },
      case: {
        kk: '«{state}»: ішкі іс жоғалған, нәтижесі келмейді. Істі осы күйге қайта қоюды (modify) әкімшіге тапсырыңыз.',
        ru: '«{state}»: вложенное дело пропало, результата не будет. Попросите администратора перевести дело в это состояние заново (modify).',
        en: '“{state}”: the sub-case is gone, and no result would come. Ask the administrator to put the case into this state again (modify).',
      },
      timer: {
        kk: '«{state}»: мерзім жоғалған, ол ешқашан келмейді. Қайталаңыз: мерзім сол күйінде қайта қойылады.',
        ru: '«{state}»: срок пропал и никогда не наступит. Повторите: он будет поставлен снова, каким был.',
        en: '“{state}”: the timer is gone and never fires. Retry: it is set again as it was.',
      },
    },
  },
  'timer-failed': {
    text: {
      kk: '«{state}»: мерзім келді, бірақ іс алға жылжи алмады. Қайталаңыз; тағы болмаса, әкімшіге хабарлаңыз.',
      ru: '«{state}»: срок наступил, но дело не смогло пойти дальше. Повторите; если не поможет, сообщите администратору.',
      en: '“{state}”: the moment came, but the case could not go on. Retry; tell the administrator if that does not help.',
    },
  },
  'not-delivered': {
    text: {
      kk: '«{state}»: жүйе бастаған әрекетін аяқтай алмады. Себебін жойып, қайталаңыз.',
      ru: '«{state}»: система не смогла завершить начатое. Устраните причину и повторите.',
      en: '“{state}”: the system could not carry out what it had begun. Mend the cause and retry.',
    },
    because: {
      'handOff.open': {
        kk: '«{state}»: жолдама серіктеске жеткізілмеді. Серіктестің мекенжайы мен кілтін тексеріп, қайталаңыз.',
        ru: '«{state}»: направление не доставлено партнёру. Проверьте адрес и ключ партнёра и повторите.',
        en: '“{state}”: the hand-off did not reach the partner. Check the partner’s address and secret, and retry.',
      },
      'handOff.close': {
        kk: '«{state}»: жолдаманың кері қайтарылғаны серіктеске жеткізілмеді. Серіктеске өзіңіз хабарлаңыз немесе қайталаңыз.',
        ru: '«{state}»: партнёр не узнал, что направление отозвано. Сообщите ему сами или повторите.',
        en: '“{state}”: the partner was not told that the hand-off is recalled. Tell it yourself, or retry.',
      },
      'handOff.supply': {
        kk: '«{state}»: құжаттар серіктеске жеткізілмеді. Серіктестің мекенжайы мен кілтін тексеріп, қайталаңыз.',
        ru: '«{state}»: документы не доставлены партнёру. Проверьте адрес и ключ партнёра и повторите.',
        en: '“{state}”: the papers did not reach the partner. Check the partner’s address and secret, and retry.',
      },
      'handOff.papers': {
        kk: '«{state}»: серіктес құжат сұрады, бірақ бұл жауапты қызметкерге айтылмады. Оған өзіңіз хабарлаңыз немесе қайталаңыз.',
        ru: '«{state}»: партнёр запросил документы, но ответственному не сообщено. Сообщите ему сами или повторите.',
        en: '“{state}”: the partner asked for papers, but whoever looks after it was not told. Tell them yourself, or retry.',
      },
      'service.open': {
        kk: '«{state}»: автоматты қадам орындалмады. Себебін жойып, қайталаңыз.',
        ru: '«{state}»: автоматический шаг не выполнен. Устраните причину и повторите.',
        en: '“{state}”: the background step was not carried out. Mend the cause and retry.',
      },
      'task.close': {
        kk: '«{state}»: тапсырманың енді қажет емес екені орындаушысына айтылмады. Оған өзіңіз хабарлаңыз немесе қайталаңыз.',
        ru: '«{state}»: исполнителю не сообщено, что задача больше не нужна. Сообщите ему сами или повторите.',
        en: '“{state}”: who had the task was not told that it is no longer needed. Tell them yourself, or retry.',
      },
      'case.open': {
        kk: '«{state}»: ішкі іс ашылмады. Себебін жойып, қайталаңыз.',
        ru: '«{state}»: вложенное дело не открыто. Устраните причину и повторите.',
        en: '“{state}”: the sub-case was not opened. Mend the cause and retry.',
      },
      'case.close': {
        kk: '«{state}»: ішкі іс тоқтатылмады. Оны өзіңіз тоқтатыңыз немесе қайталаңыз.',
        ru: '«{state}»: вложенное дело не прекращено. Прекратите его сами или повторите.',
        en: '“{state}”: the sub-case was not cancelled. Cancel it yourself, or retry.',
      },
      'case.follow': {
        kk: '«{state}»: ішкі іс осы іспен бірге тоқтатылмады немесе жалғастырылмады. Оны өзіңіз тоқтатыңыз немесе жалғастырыңыз, әйтпесе қайталаңыз.',
        ru: '«{state}»: вложенное дело не приостановлено или не продолжено вместе с этим. Сделайте это сами или повторите.',
        en: '“{state}”: the sub-case was not suspended, or does not go on, with this case. See to it yourself, or retry.',
      },
      'case.answer': {
        kk: 'Бұл істің нәтижесі оны ашқан іске жеткізілмеді. Қайталаңыз; тағы болмаса, әкімшіге хабарлаңыз.',
        ru: 'Итог этого дела не передан делу, которое его открыло. Повторите; если не поможет, сообщите администратору.',
        en: 'What became of this case was not told to the case that opened it. Retry; tell the administrator if that does not help.',
      },
      'case.unpark': {
        kk: 'Іс тоқтап тұрғанда келген жауаптар оған берілмеді. Қайталаңыз; тағы болмаса, әкімшіге хабарлаңыз.',
        ru: 'Ответы, пришедшие за время приостановки, не переданы делу. Повторите; если не поможет, сообщите администратору.',
        en: 'The answers that came while the case was suspended were not given to it. Retry; tell the administrator if that does not help.',
      },
      sendParent: {
        kk: 'Бұл істе не болғаны оны ашқан іске айтылмады. Қайталаңыз; тағы болмаса, әкімшіге хабарлаңыз.',
        ru: 'О событии в этом деле не сообщено делу, которое его открыло. Повторите; если не поможет, сообщите администратору.',
        en: 'What happened in this case was not told to the case that opened it. Retry; tell the administrator if that does not help.',
      },
      openCase: {
        kk: 'Бұл істен басталатын жаңа іс ашылмады. Себебін жойып, қайталаңыз.',
        ru: 'Новое дело, которое должно было начаться из этого, не открыто. Устраните причину и повторите.',
        en: 'The new case that was to begin from this one was not opened. Mend the cause and retry.',
      },
      escalate: {
        kk: 'Істің кешіккені тиісті адамдарға айтылмады. Оларға өзіңіз хабарлаңыз немесе қайталаңыз.',
        ru: 'О задержке дела не сообщено тем, кто должен знать. Сообщите им сами или повторите.',
        en: 'Those who should know that the case is late were not told. Tell them yourself, or retry.',
      },
      milestone: {
        kk: 'Істің маңызды кезеңге жеткені белгіленбеді. Себебін жойып, қайталаңыз.',
        ru: 'Не отмечено, что дело дошло до важной вехи. Устраните причину и повторите.',
        en: 'That the case reached a milestone was not noted. Mend the cause and retry.',
      },
      notify: {
        kk: 'Хабарлама жіберілмеді. Адамдарға өзіңіз айтыңыз; хабарлама мәтіні түзетілген соң қайталаңыз.',
        ru: 'Уведомление не отправлено. Скажите людям сами; когда текст исправят, повторите.',
        en: 'The notice was not sent. Tell people yourself, and retry when its text is mended.',
      },
    },
  },
  'partner-gone': {
    text: {
      kk: '«{state}»: серіктестің мекенжайы енді жолдама қабылдамайтынын айтты (410). Оған ештеңе жіберілмейді, барлық жолдамасы күтіп тұр, мерзімдері жүріп жатыр. Серіктестен жаңа мекенжайын сұраңыз: әкімші оны баптауларға енгізіп, жүйені қайта қосқан соң бәрі өзі кетеді. Мекенжай сол болып, қайта қабылдаса, қайталаңыз.',
      ru: '«{state}»: партнёр ответил, что этот адрес больше не принимает направления (410). Ему ничего не отправляется, все его направления ждут, сроки идут. Узнайте у партнёра новый адрес: когда администратор впишет его в настройки и перезапустит систему, всё уйдёт само. Если адрес прежний и снова принимает, повторите.',
      en: '“{state}”: the partner said that this address takes no hand-offs any more (410). Nothing is sent to it; all its hand-offs wait, and their time runs. Ask the partner for its new address: once the administrator has set it and started the system again, everything goes out by itself. If the address is the same and takes them again, retry.',
    },
  },
  [OPENS_WITHOUT_END]: {
    text: {
      kk: '«{state}»: істер бірін-бірі шексіз ашып жатыр, келесісі ашылмады. Жұмыс процесін түзетуді әкімшіге тапсырыңыз, содан кейін артық істерді тоқтатыңыз.',
      ru: '«{state}»: дела открывают друг друга без конца, следующее не открыто. Попросите администратора исправить процесс, затем прекратите лишние дела.',
      en: '“{state}”: cases open each other without end, and the next one was not opened. Ask the administrator to mend the workflow, then cancel the cases that are too many.',
    },
  },
  [PERHAPS_DONE]: {
    text: {
      kk: '«{state}»: автоматты қадамның орындалған-орындалмағаны белгісіз, ал оны екі рет жасауға болмайды. Тексеріңіз: орындалмаса, қайталаңыз; орындалса, істі келесі күйге ауыстыруды (modify) әкімшіге тапсырып, оқиғаны шешілген деп белгілеңіз.',
      ru: '«{state}»: неизвестно, выполнен ли автоматический шаг, а дважды его делать нельзя. Проверьте: если нет, повторите; если да, попросите администратора перевести дело в следующее состояние (modify) и отметьте инцидент решённым.',
      en: '“{state}”: nobody knows whether the background step was carried out, and it must not be done twice. Look: if it was not, retry; if it was, ask the administrator to put the case into the next state (modify), and resolve the incident.',
    },
  },
  'no-transition': {
    text: {
      kk: '«{state}»: жауап келді, бірақ жұмыс процесінде оған арналған жол жоқ. Жауап сақталды. Әкімшіге хабарлаңыз; жұмыс процесі түзетілген соң қайталаңыз.',
      ru: '«{state}»: ответ пришёл, но в процессе для него нет пути. Ответ сохранён. Сообщите администратору; когда процесс исправят, повторите.',
      en: '“{state}”: an answer came, and the workflow has no way on from it. It is kept. Tell the administrator, and retry when the workflow is mended.',
    },
  },
  'guard-refused': {
    text: {
      kk: '«{state}»: жауап келді, бірақ ешбір жолдың шарты орындалмады. Жауап сақталды. Істің деректерін тексеріп, қайталаңыз.',
      ru: '«{state}»: ответ пришёл, но не выполнено условие ни одного из путей. Ответ сохранён. Проверьте данные дела и повторите.',
      en: '“{state}”: an answer came, and the conditions of no way on are met. It is kept. Check what the case knows, and retry.',
    },
  },
  expression: faulty({
    kk: '«{state}»: жұмыс процесіндегі өрнек есептелмеді, іс бұл қадамды жасай алмады.',
    ru: '«{state}»: выражение в процессе не удалось вычислить, дело не смогло сделать шаг.',
    en: '“{state}”: an expression of the workflow could not be worked out, and the case could not make the step.',
  }),
  'guard-not-boolean': faulty({
    kk: '«{state}»: жолдың шарты «иә» де, «жоқ» та бермеді, іс бұл қадамды жасай алмады.',
    ru: '«{state}»: условие перехода не дало ни «да», ни «нет», дело не смогло сделать шаг.',
    en: '“{state}”: a condition said neither yes nor no, and the case could not make the step.',
  }),
  'due-unknown': faulty({
    kk: '«{state}»: мерзімді есептеу мүмкін болмады, іс бұл қадамды жасай алмады.',
    ru: '«{state}»: срок не удалось вычислить, дело не смогло сделать шаг.',
    en: '“{state}”: when it is due could not be worked out, and the case could not make the step.',
  }),
  endless: faulty({
    kk: '«{state}»: жұмыс процесі шексіз қайталанып кетті, сондықтан қадам тоқтатылды.',
    ru: '«{state}»: процесс зациклился, поэтому шаг остановлен.',
    en: '“{state}”: the workflow went round without end, so the step was stopped.',
  }),
  'state-error': faulty({
    kk: '«{state}»: жұмыс процесі бұл қадамда қате берді.',
    ru: '«{state}»: процесс дал ошибку на этом шаге.',
    en: '“{state}”: the workflow failed at this step.',
  }),
  'empty-list': faulty({
    kk: '«{state}»: тізім бос, ал бос тізімнен кейін ешбір жолдың шарты орындалмайды, іс бұл қадамды жасай алмады.',
    ru: '«{state}»: список пуст, а для пустого списка не выполнено условие ни одного из путей, дело не смогло сделать шаг.',
    en: '“{state}”: the list is empty, and of an empty list no way leads on, so the case could not make the step.',
  }),
  'not-json': faulty({
    kk: '«{state}»: өрнек сақтауға болмайтын мән берді, іс бұл қадамды жасай алмады.',
    ru: '«{state}»: выражение дало значение, которое нельзя сохранить, дело не смогло сделать шаг.',
    en: '“{state}”: an expression gave a value that cannot be stored, and the case could not make the step.',
  }),
  'too-large': faulty({
    kk: '«{state}»: істің деректері тым үлкейіп кетті, іс бұл қадамды жасай алмады.',
    ru: '«{state}»: данные дела стали слишком большими, дело не смогло сделать шаг.',
    en: '“{state}”: what the case holds grew too large, and the case could not make the step.',
  }),
};
