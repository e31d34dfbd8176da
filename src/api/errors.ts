import type { Json, Language } from '../statechart/types.js';

/** What a refusal is called and what a person can do about it; `{name}` is filled from the facts of the refusal. */
export interface Problem {
  status: number;
  title: Record<Language, string>;
  detail: Record<Language, string>;
  /** Said instead of `detail` where the refusal's fact `because` has this name. */
  because?: Record<string, Record<Language, string>>;
}

/** Every code that an answer of the API can carry; served at `/api/errors`. */
export const PROBLEMS: Record<string, Problem> = {
  malformed: {
    status: 400,
    title: { kk: 'Сұрау оқылмады', ru: 'Запрос не читается', en: 'The request cannot be read' },
    detail: {
      kk: 'Сұрау денесі JSON ретінде оқылмады. UTF-8 кодтауындағы бір JSON мәнін жіберіңіз.',
      ru: 'Тело запроса не удалось прочитать как JSON. Отправьте одно значение JSON в кодировке UTF-8.',
      en: 'The body could not be read as JSON. Send one JSON value in UTF-8.',
    },
  },
  'bad-text': {
    status: 400,
    title: { kk: 'Мәтінде сақталмайтын таңба бар', ru: 'В тексте недопустимый символ', en: 'A text cannot be stored' },
    detail: {
      kk: 'Мәтінде сақтауға болмайтын таңба (NUL немесе жұптың жартысы) бар. Оны алып тастап, қайта жіберіңіз.',
      ru: 'В тексте есть символ, который нельзя сохранить (NUL или половина суррогатной пары). Уберите его и отправьте снова.',
      en: 'A text holds a character that cannot be stored (NUL or a lone surrogate). Remove it and send again.',
    },
  },
  'unknown-field': {
    status: 400,
    title: { kk: 'Белгісіз өріс', ru: 'Неизвестное поле', en: 'Unknown field' },
    detail: {
      kk: 'Сұрауда мұнда қолданылмайтын өріс немесе параметр бар: {names}. Оны алып тастаңыз.',
      ru: 'В запросе есть поле или параметр, которого здесь нет: {names}. Уберите его.',
      en: 'The request has a field or a query name that does not exist here: {names}. Remove it.',
    },
  },
  'bad-query': {
    status: 400,
    title: { kk: 'Параметр қате', ru: 'Неверный параметр', en: 'Bad query value' },
    detail: {
      kk: 'Сұрау параметрінің мәні жарамайды. Қатесі errors тізімінде көрсетілген.',
      ru: 'Значение параметра запроса не подходит. Что именно не так, сказано в errors.',
      en: 'A query value is not possible. What is wrong stands in errors.',
    },
  },
  'bad-header': {
    status: 400,
    title: { kk: 'Тақырып қате', ru: 'Неверный заголовок', en: 'Bad header' },
    detail: {
      kk: '{header} тақырыбының мәні жарамайды.',
      ru: 'Значение заголовка {header} не подходит.',
      en: 'The value of the header {header} is not possible.',
    },
  },
  'no-session': {
    status: 401,
    title: { kk: 'Жүйеге кіріңіз', ru: 'Войдите в систему', en: 'Sign in first' },
    detail: {
      kk: 'Сіз жүйеге кірмегенсіз немесе сеанс мерзімі бітті. Қайта кіріңіз.',
      ru: 'Вы не вошли в систему или сеанс истёк. Войдите снова.',
      en: 'You are not signed in, or the session has ended. Sign in again.',
    },
  },
  'wrong-credentials': {
    status: 401,
    title: { kk: 'Пошта немесе құпиясөз қате', ru: 'Неверная почта или пароль', en: 'Wrong e-mail or password' },
    detail: {
      kk: 'Электрондық пошта немесе құпиясөз қате. Тексеріп, қайта енгізіңіз.',
      ru: 'Электронная почта или пароль неверны. Проверьте и введите снова.',
      en: 'The e-mail or the password is wrong. Check them and try again.',
    },
  },
  'bad-signature': {
    status: 401,
    title: { kk: 'Қолтаңба расталмады', ru: 'Подпись не подтверждена', en: 'The signature does not hold' },
    detail: {
      kk: 'Хабарламаның қолтаңбасы немесе уақыты расталмады. Кілтті және сағатты тексеріңіз.',
      ru: 'Подпись или время сообщения не подтверждены. Проверьте ключ и часы.',
      en: 'The signature or the time stamp of the message does not hold. Check the secret and the clock.',
    },
  },
  'no-right': {
    status: 403,
    title: { kk: 'Құқығыңыз жоқ', ru: 'Нет права', en: 'You may not do this' },
    detail: {
      kk: 'Бұл әрекетке сіздің рөліңіз рұқсат бермейді. Жетекшіге хабарласыңыз.',
      ru: 'Ваша роль не позволяет этого действия. Обратитесь к руководителю.',
      en: 'Your role does not allow this. Ask your supervisor.',
    },
    because: {
      'stands-in-for-nobody': {
        kk: 'Тапсырманы әріптестің атынан тек жетекші орындай алады. Жетекшіге хабарласыңыз.',
        ru: 'Выполнить задачу от имени коллеги может только руководитель. Обратитесь к нему.',
        en: 'Only who oversees the work of others may answer a task on behalf of a colleague. Ask your supervisor.',
      },
      'inspects-only': {
        kk: 'Аудитор барлық істі көреді, бірақ оқиға жібермейді. Оны іспен жұмыс істейтін қызметкер жібереді.',
        ru: 'Аудитор видит все дела, но не отправляет событий. Это делает сотрудник, который ведёт дело.',
        en: 'An auditor sees every case and sends no events. Whoever works on the case does.',
      },
    },
  },
  'cross-site': {
    status: 403,
    title: { kk: 'Басқа сайттан жіберілген сұрау', ru: 'Запрос с другого сайта', en: 'A request from another site' },
    detail: {
      kk: 'Сұрау басқа сайттан келді, сондықтан орындалмады. Бетті «Қамқор» жүйесінің өзінен ашыңыз.',
      ru: 'Запрос пришёл с другого сайта и не выполнен. Откройте страницу в самой системе «Қамқор».',
      en: 'The request came from another site and was not carried out. Open the page in Qamqor itself.',
    },
  },
  'not-found': {
    status: 404,
    title: { kk: 'Табылмады', ru: 'Не найдено', en: 'Not found' },
    detail: {
      kk: 'Мұндай мекенжай жоқ. API сипаттамасы: /api/docs.',
      ru: 'Такого адреса нет. Описание API: /api/docs.',
      en: 'There is no such address. The API is described at /api/docs.',
    },
  },
  'case-not-found': {
    status: 404,
    title: { kk: 'Іс табылмады', ru: 'Дело не найдено', en: 'There is no such case' },
    detail: {
      kk: 'Мұндай іс жоқ немесе оны көруге құқығыңыз жоқ.',
      ru: 'Такого дела нет, или вы не можете его видеть.',
      en: 'There is no such case, or you may not see it.',
    },
  },
  'task-not-found': {
    status: 404,
    title: { kk: 'Тапсырма табылмады', ru: 'Задача не найдена', en: 'There is no such task' },
    detail: {
      kk: 'Мұндай тапсырма жоқ немесе оны көруге құқығыңыз жоқ.',
      ru: 'Такой задачи нет, или вы не можете её видеть.',
      en: 'There is no such task, or you may not see it.',
    },
  },
  'incident-not-found': {
    status: 404,
    title: { kk: 'Ақау табылмады', ru: 'Сбой не найден', en: 'There is no such incident' },
    detail: {
      kk: 'Мұндай ашық ақау жоқ: ол жойылған немесе болмаған.',
      ru: 'Такого открытого сбоя нет: он уже устранён или его не было.',
      en: 'There is no such open incident: it was dealt with, or never was.',
    },
  },
  'workflow-not-found': {
    status: 404,
    title: { kk: 'Жұмыс процесі табылмады', ru: 'Процесс не найден', en: 'There is no such workflow' },
    detail: {
      kk: '«{workflow}» деген жұмыс процесі орнатылмаған. Орнатылғандар: GET /api/workflows.',
      ru: 'Процесс «{workflow}» не установлен. Установленные: GET /api/workflows.',
      en: 'No workflow "{workflow}" is deployed. Those that are: GET /api/workflows.',
    },
  },
  'handoff-not-found': {
    status: 404,
    title: { kk: 'Жолдама табылмады', ru: 'Направление не найдено', en: 'There is no such hand-off' },
    detail: {
      kk: 'Мұндай жолдама жоқ немесе ол басқа серіктеске тиесілі.',
      ru: 'Такого направления нет, или оно принадлежит другому партнёру.',
      en: 'There is no such hand-off, or it belongs to another partner.',
    },
  },
  'family-not-found': {
    status: 404,
    title: { kk: 'Отбасы табылмады', ru: 'Семья не найдена', en: 'There is no such family' },
    detail: {
      kk: 'Мұндай отбасы жоқ. Нөмірді тексеріңіз.',
      ru: 'Такой семьи нет. Проверьте номер.',
      en: 'There is no such family. Check the number.',
    },
  },
  'member-not-found': {
    status: 404,
    title: {
      kk: 'Отбасы тізімінде мұндай нөмір жоқ',
      ru: 'Такого номера в списке семьи нет',
      en: 'The family has no such person',
    },
    detail: {
      kk: 'Отбасы тізімінде {member} нөмірлі адам жоқ. Отбасын қайта оқып, тізімдегі нөмірді таңдаңыз.',
      ru: 'В списке семьи нет человека с номером {member}. Прочтите семью снова и выберите номер из списка.',
      en: 'The family has nobody with the number {member} in its list. Read the family again and pick a number of the list.',
    },
  },
  'handoff-closed': {
    status: 409,
    title: { kk: 'Жолдама аяқталған', ru: 'Направление завершено', en: 'The hand-off is over' },
    detail: {
      kk: 'Жолдама бойынша жауап келген, ол кері қайтарып алынған немесе мерзімі өткен. Қажет болса, жаңасын жіберіңіз.',
      ru: 'На направление ответили, его отозвали или его срок вышел. Если нужно, отправьте новое.',
      en: 'It was answered or recalled, or its time ran out. Send a new one if it is still needed.',
    },
  },
  'no-papers-asked': {
    status: 409,
    title: { kk: 'Құжат сұралмаған', ru: 'Документы не запрошены', en: 'No papers were asked for' },
    detail: {
      kk: 'Серіктес қазір құжат күтіп отырған жоқ.',
      ru: 'Партнёр сейчас не ждёт документов.',
      en: 'The partner is not waiting for papers now.',
    },
  },
  'certificate-not-found': {
    status: 404,
    title: { kk: 'Сертификат табылмады', ru: 'Сертификат не найден', en: 'There is no such certificate' },
    detail: {
      kk: 'Мұндай нөмірі бар сертификат жоқ. Нөмірді тексеріңіз немесе орталыққа хабарласыңыз.',
      ru: 'Сертификата с таким номером нет. Проверьте номер или обратитесь в центр.',
      en: 'No certificate has this number. Check the number, or ask the centre.',
    },
  },
  'account-not-found': {
    status: 422,
    title: { kk: 'Қызметкер табылмады', ru: 'Сотрудник не найден', en: 'There is no such account' },
    detail: {
      kk: 'Мұндай қызметкер жоқ немесе оның рөлі бұл тапсырмаға сай емес.',
      ru: 'Такого сотрудника нет, или его роль не подходит для этой задачи.',
      en: 'There is no such account, or its roles do not fit this task.',
    },
  },
  'not-their-task': {
    status: 422,
    title: {
      kk: 'Тапсырма бұл қызметкерде емес',
      ru: 'Задача не у этого сотрудника',
      en: 'They do not have this task',
    },
    detail: {
      kk: 'Бұл тапсырма onBehalfOf өрісінде көрсетілген қызметкерде емес: оны {assigneeName} алған. Оның тіркелгісін көрсетіңіз.',
      ru: 'Этой задачи нет у сотрудника, указанного в onBehalfOf: её взял(а) {assigneeName}. Укажите его учётную запись.',
      en: 'The account in onBehalfOf does not have this task: {assigneeName} has it. Name that account.',
    },
    because: {
      nobodys: {
        kk: 'Бұл тапсырманы әлі ешкім алған жоқ. onBehalfOf өрісін алып тастап, тапсырманы өзіңіз орындаңыз.',
        ru: 'Эту задачу ещё никто не взял. Уберите onBehalfOf и выполните задачу сами.',
        en: 'Nobody has this task. Leave onBehalfOf out and answer it yourself.',
      },
    },
  },
  'hold-past': {
    status: 422,
    title: { kk: 'Күні өтіп кеткен', ru: 'Дата уже прошла', en: 'The date is past' },
    detail: {
      kk: 'Тапсырманы өтіп кеткен уақытқа дейін кейінге қалдыруға болмайды: {until}. Кешірек күнді таңдаңыз.',
      ru: 'Задачу нельзя отложить до момента, который уже прошёл: {until}. Выберите более позднюю дату.',
      en: 'A task cannot be put aside until a moment that is past: {until}. Choose a later one.',
    },
  },
  'event-not-accepted': {
    status: 409,
    title: {
      kk: 'Оқиға қазір қабылданбайды',
      ru: 'Событие сейчас не принимается',
      en: 'The event is not accepted now',
    },
    detail: {
      kk: 'Іс қазіргі күйінде бұл оқиғаны қабылдамайды. Ол қабылдайтын оқиғалар: {accepts}.',
      ru: 'В нынешнем состоянии дело не принимает этого события. Оно принимает: {accepts}.',
      en: 'In its present state the case does not take this event. It accepts: {accepts}.',
    },
  },
  'guard-refused': {
    status: 409,
    title: { kk: 'Шарты орындалмаған', ru: 'Условие не выполнено', en: 'A condition is not met' },
    detail: {
      kk: 'Бұл оқиғаның шарттары қазір орындалмаған. Іс қабылдайтын оқиғалар: {accepts}.',
      ru: 'Условия этого события сейчас не выполнены. Дело принимает: {accepts}.',
      en: 'The conditions of this event are not met now. The case accepts: {accepts}.',
    },
  },
  'case-suspended': {
    status: 409,
    title: { kk: 'Іс тоқтатылған', ru: 'Дело приостановлено', en: 'The case is suspended' },
    detail: {
      kk: 'Іс уақытша тоқтатылған. Алдымен оны жалғастыру керек.',
      ru: 'Дело приостановлено. Сначала его нужно возобновить.',
      en: 'The case is suspended. It must be resumed first.',
    },
  },
  'case-incident': {
    status: 409,
    title: {
      kk: 'Іс бұл қадамды жасай алмады',
      ru: 'Дело не смогло сделать этот шаг',
      en: 'The case cannot make this step',
    },
    detail: {
      kk: 'Қадам орындалмады, іс өзгермеді, ақау тіркелді. Жетекші қадамды қайталай алады.',
      ru: 'Шаг не выполнен, дело не изменилось, сбой записан. Руководитель может повторить шаг.',
      en: 'The step was not made and the case did not change; an incident is open. A supervisor can retry it.',
    },
    because: {
      'answer-again': {
        kk: 'Қадам орындалмады, іс өзгермеді, ақау тіркелді. Тапсырма әлі ашық: себебі жойылған соң қайта жауап беріңіз, содан кейін жетекші ақауды жойылды деп белгілейді.',
        ru: 'Шаг не выполнен, дело не изменилось, сбой записан. Задача осталась открытой: ответьте снова, когда причина будет устранена; затем руководитель отметит сбой как устранённый.',
        en: 'The step was not made and the case did not change; an incident is open. The task is still open: answer again when the cause is gone; then a supervisor resolves the incident.',
      },
    },
  },
  'stale-revision': {
    status: 409,
    title: { kk: 'Жазба өзгерген', ru: 'Запись изменилась', en: 'Somebody changed it meanwhile' },
    detail: {
      kk: 'Сіз оқығаннан кейін жазба өзгерді (қазір {revision}). Жазбаны қайта оқып, әрекетті қайталаңыз.',
      ru: 'Запись изменилась после того, как вы её прочли (сейчас {revision}). Прочтите её снова и повторите действие.',
      en: 'It was changed after you read it (now {revision}). Read it again and repeat.',
    },
  },
  'open-case-exists': {
    status: 409,
    title: { kk: 'Ашық іс бар', ru: 'Открытое дело уже есть', en: 'There is an open case already' },
    detail: {
      kk: 'Бұл отбасының ашық ісі бұрыннан бар ({caseNumber}). Жұмысты сол іспен жалғастырыңыз.',
      ru: 'У этой семьи уже есть открытое дело ({caseNumber}). Продолжайте его.',
      en: 'This family has an open case already ({caseNumber}). Go on with that one.',
    },
  },
  'task-taken': {
    status: 409,
    title: { kk: 'Тапсырманы басқа адам алды', ru: 'Задачу взял другой сотрудник', en: 'Somebody else has the task' },
    detail: {
      kk: 'Бұл тапсырманы {assigneeName} алған. Басқасын таңдаңыз немесе жетекшіге хабарласыңыз.',
      ru: 'Эту задачу взял(а) {assigneeName}. Выберите другую или обратитесь к руководителю.',
      en: '{assigneeName} has taken this task. Choose another one, or ask the supervisor.',
    },
  },
  'task-closed': {
    status: 409,
    title: { kk: 'Тапсырма жабылған', ru: 'Задача закрыта', en: 'The task is over' },
    detail: {
      kk: 'Істің бұл бөлігі аяқталған: жауап берілген, ол тоқтатылған немесе іс келесі қадамға өткен.',
      ru: 'Эта часть дела закончена: на неё ответили, её отменили или дело пошло дальше.',
      en: 'This part of the case is over: it was answered, cancelled, or the case went on.',
    },
  },
  'task-not-yours': {
    status: 409,
    title: { kk: 'Тапсырма сізде емес', ru: 'Задача не у вас', en: 'You do not have this task' },
    detail: {
      kk: 'Бұл әрекет үшін тапсырманы алдымен орындауға алу керек.',
      ru: 'Для этого действия задачу сначала нужно взять в работу.',
      en: 'Claim the task first.',
    },
  },
  'answer-not-taken': {
    status: 409,
    title: { kk: 'Жауап қабылданбады', ru: 'Ответ не принят', en: 'The answer leads nowhere' },
    detail: {
      kk: 'Іс бұл жауаппен әрі қарай жүре алмайды, тапсырма ашық қалды. Жауапты өзгертіңіз.',
      ru: 'С этим ответом дело не может идти дальше, задача остаётся открытой. Измените ответ.',
      en: 'The case cannot go on from this answer; the task stays open. Change the answer.',
    },
  },
  'act-not-possible': {
    status: 409,
    title: { kk: 'Бұл әрекет мүмкін емес', ru: 'Это действие невозможно', en: 'This act is not possible' },
    detail: {
      kk: 'Істің қазіргі күйінде бұл әрекет мүмкін емес.',
      ru: 'В нынешнем состоянии дела это действие невозможно.',
      en: 'The act is not possible in the present state of the case.',
    },
  },
  'not-reopenable': {
    status: 409,
    title: { kk: 'Істі қайта ашу мүмкін емес', ru: 'Дело нельзя открыть повторно', en: 'The case cannot be reopened' },
    detail: {
      kk: 'Бұл жұмыс процесінде істі қайта ашу қарастырылмаған. Жаңа іс ашыңыз.',
      ru: 'Этот процесс не предусматривает повторного открытия. Откройте новое дело.',
      en: 'This workflow does not provide for reopening. Open a new case.',
    },
  },
  'drawing-too-large': {
    status: 422,
    title: { kk: 'Сызба тым үлкен', ru: 'Схема слишком велика', en: 'The drawing is too large' },
    detail: {
      kk: 'Бұл жұмыс процесін толық сызу мүмкін емес. Ағымдағы кезеңнің сызбасын ашыңыз.',
      ru: 'Этот процесс нельзя начертить целиком. Откройте схему текущего этапа.',
      en: 'This workflow cannot be drawn as a whole. Open the drawing of the present stage.',
    },
  },
  'too-large': {
    status: 413,
    title: { kk: 'Сұрау тым үлкен', ru: 'Запрос слишком велик', en: 'The request is too large' },
    detail: {
      kk: 'Сұрау денесі рұқсат етілген көлемнен асады (256 КБ, жұмыс процесі үшін 1 МБ).',
      ru: 'Тело запроса больше допустимого (256 КБ, для процесса — 1 МБ).',
      en: 'The body is larger than allowed (256 KB, a workflow 1 MB).',
    },
  },
  'headers-too-large': {
    status: 431,
    title: {
      kk: 'Сұрау тақырыптары тым үлкен',
      ru: 'Заголовки запроса слишком велики',
      en: 'The headers are too large',
    },
    detail: {
      kk: 'Сұрау тақырыптары рұқсат етілген көлемнен асады (64 КБ). Оларды қысқартып, қайта жіберіңіз.',
      ru: 'Заголовки запроса больше допустимого (64 КБ). Сократите их и отправьте снова.',
      en: 'The headers of the request are larger than allowed (64 KB). Send fewer.',
    },
  },
  'wrong-type': {
    status: 415,
    title: { kk: 'Деректер түрі жарамайды', ru: 'Тип данных не подходит', en: 'Wrong type of data' },
    detail: {
      kk: 'Деректерді JSON түрінде жіберіңіз: Content-Type: application/json.',
      ru: 'Отправьте данные в формате JSON: Content-Type: application/json.',
      en: 'Send JSON: Content-Type: application/json.',
    },
  },
  schema: {
    status: 422,
    title: { kk: 'Деректер талапқа сай емес', ru: 'Данные не соответствуют требованиям', en: 'The data does not fit' },
    detail: {
      kk: 'Жіберілген деректер талапқа сай емес. Қай өрістер екені errors тізімінде көрсетілген.',
      ru: 'Отправленные данные не соответствуют требованиям. Какие именно поля, сказано в errors.',
      en: 'What was sent does not fit its schema. The fields stand in errors.',
    },
  },
  'unknown-workflow': {
    status: 422,
    title: { kk: 'Белгісіз жұмыс процесі', ru: 'Неизвестный процесс', en: 'Unknown workflow' },
    detail: {
      kk: '«{workflow}» деген жұмыс процесі жоқ. Алдымен оны орнатыңыз.',
      ru: 'Процесса «{workflow}» нет. Сначала установите его.',
      en: 'There is no workflow "{workflow}". Deploy it first.',
    },
  },
  'workflow-refused': {
    status: 422,
    title: { kk: 'Жұмыс процесі қабылданбады', ru: 'Процесс не принят', en: 'The workflow was refused' },
    detail: {
      kk: 'Жұмыс процесінде қателер бар, ол орнатылмады. Себептері findings тізімінде көрсетілген.',
      ru: 'В процессе есть ошибки, он не установлен. Причины перечислены в findings.',
      en: 'The workflow has errors and was not deployed. They are listed in findings.',
    },
  },
  'workflow-cannot-start': {
    status: 422,
    title: { kk: 'Іс басталмады', ru: 'Дело не началось', en: 'The case cannot start' },
    detail: {
      kk: 'Жұмыс процесі осы деректермен бастала алмайды. Деректерді тексеріңіз.',
      ru: 'Процесс не может начаться с этими данными. Проверьте данные.',
      en: 'The workflow cannot start with this input. Check the input.',
    },
  },
  'key-reused': {
    status: 422,
    title: { kk: 'Кілт бұрын қолданылған', ru: 'Ключ уже использован', en: 'The key was used before' },
    detail: {
      kk: 'Бұл Idempotency-Key басқа сұрауда қолданылған. Жаңа сұрау үшін жаңа кілт алыңыз.',
      ru: 'Этот Idempotency-Key уже использован с другим запросом. Для нового запроса возьмите новый ключ.',
      en: 'This Idempotency-Key was used with another request. Use a new key for a new request.',
    },
  },
  'reserved-event': {
    status: 422,
    title: { kk: 'Жүйенің ішкі оқиғасы', ru: 'Внутреннее событие системы', en: 'An event of the engine itself' },
    detail: {
      kk: 'Бұл оқиға жүйенің өзіне тиесілі, оны сырттан жіберуге болмайды.',
      ru: 'Это событие принадлежит самой системе, извне его послать нельзя.',
      en: "This event is the engine's own and cannot be sent from outside.",
    },
  },
  'reason-missing': {
    status: 422,
    title: { kk: 'Себебін жазыңыз', ru: 'Укажите причину', en: 'Say why' },
    detail: {
      kk: 'Іске қолмен өзгеріс енгізу үшін себебін жазу керек.',
      ru: 'Для действия над делом нужна причина.',
      en: 'An act on a case needs a reason.',
    },
  },
  limited: {
    status: 429,
    title: { kk: 'Тым жиі', ru: 'Слишком часто', en: 'Too often' },
    detail: {
      kk: 'Әрекет тым көп қайталанды. {seconds} секундтан кейін қайталаңыз.',
      ru: 'Слишком много попыток. Повторите через {seconds} с.',
      en: 'Too many attempts. Try again in {seconds} seconds.',
    },
  },
  internal: {
    status: 500,
    title: { kk: 'Ішкі қате', ru: 'Внутренняя ошибка', en: 'Something went wrong here' },
    detail: {
      kk: 'Біздің тарапымыздан қате болды. Әкімшіге осы белгіні айтыңыз: {reference}.',
      ru: 'Ошибка на нашей стороне. Сообщите администратору эту метку: {reference}.',
      en: 'The fault is on our side. Tell the administrator this reference: {reference}.',
    },
  },
  unavailable: {
    status: 503,
    title: { kk: 'Қызмет уақытша қолжетімсіз', ru: 'Сервис временно недоступен', en: 'Not available for the moment' },
    detail: {
      kk: 'Қазір орындалмады. Сәл кейін сол сұрауды қайталаңыз.',
      ru: 'Сейчас это сделать не удалось. Немного позже повторите тот же запрос.',
      en: 'This cannot be done just now. Repeat the same request a little later.',
    },
  },
  'case-busy': {
    status: 503,
    title: { kk: 'Іс бос емес', ru: 'Дело занято', en: 'The case is busy' },
    detail: {
      kk: 'Бұл іс бойынша қазір басқа әрекет орындалып жатыр. Сәл кейін қайталаңыз.',
      ru: 'С делом сейчас выполняется другое действие. Повторите немного позже.',
      en: 'Something else is being done to the case. Repeat a little later.',
    },
  },
};

/** Fills `{name}` from the facts; lists are joined, absent facts leave a dash. */
export function fillIn(template: string, facts: Record<string, Json>): string {
  return template.replace(/\{(\w+)\}/g, (_gap, name: string) => {
    const fact = facts[name];
    const text = Array.isArray(fact) ? fact.map(shortText).join(', ') : shortText(fact);
    return text || '—';
  });
}

function shortText(value: Json | undefined): string {
  if (value === null || value === undefined) return '';
  return (typeof value === 'object' ? JSON.stringify(value) : String(value)).slice(0, 200);
}
