import type { Language } from '../statechart/types.js';

/** Why an act is not possible, by the rule among its facts: what a hand would do to a family, and what to do instead. */
export const ACT_REASONS: Record<string, Record<Language, string>> = {
  'waits-for-ever': {
    kk: 'Онда іс тоқтап қалар еді: {states} күйінде ештеңенің мерзімі жоқ, отбасы шексіз күтер еді. Басқа күйді таңдаңыз немесе жұмыс процесіне мерзім қосыңыз.',
    ru: 'Там дело остановилось бы: в состоянии {states} ничему нет срока, и семья ждала бы бесконечно. Выберите другое состояние или задайте срок в процессе.',
    en: 'The case would stand still there: in {states} nothing is ever due, and the family would wait for ever. Choose another state, or give the workflow a deadline.',
  },
  'target-malformed': {
    kk: 'Күйдің жолын немесе жолдар тізімін (әр бөлікке біреуден) көрсетіңіз.',
    ru: 'Укажите путь состояния или список путей, по одному на каждую параллельную часть.',
    en: 'Give the path of a state, or a list of paths, one for each region.',
  },
  'target-unknown': {
    kk: 'Бұл жұмыс процесінде мұндай күй жоқ: {states}. Жолын тексеріңіз.',
    ru: 'В этом процессе нет такого состояния: {states}. Проверьте путь.',
    en: 'The workflow has no such state: {states}. Check the path.',
  },
  'target-conflict': {
    kk: 'Бұл күйлер бір мезгілде бола алмайды: {states}. Әр параллель бөлікке бір күйден көрсетіңіз.',
    ru: 'Эти состояния не бывают одновременно: {states}. Укажите по одному на каждую параллельную часть.',
    en: 'These states cannot be active together: {states}. Name one for each region of a parallel state.',
  },
  'state-missing': {
    kk: 'Жаңа нұсқада мұндай күй жоқ: {states}. Іс қай күйден жалғасатынын target арқылы көрсетіңіз.',
    ru: 'В новой версии нет состояния: {states}. Укажите в target, откуда дело пойдёт дальше.',
    en: 'The new version has no such state: {states}. Name with target where the case goes on.',
  },
  'state-changed': {
    kk: 'Жаңа нұсқада бұл күйдің құрылымы басқа: {states}. Іс қай күйден жалғасатынын target арқылы көрсетіңіз.',
    ru: 'В новой версии это состояние устроено иначе: {states}. Укажите в target, откуда дело пойдёт дальше.',
    en: 'The new version has this state in another form: {states}. Name with target where the case goes on.',
  },
  'region-new': {
    kk: 'Жаңа нұсқада параллель бөлік қосылған: {states}. Іс қай күйден жалғасатынын target арқылы көрсетіңіз.',
    ru: 'В новой версии появилась параллельная часть: {states}. Укажите в target, откуда дело пойдёт дальше.',
    en: 'The new version has a new region: {states}. Name with target where the case goes on.',
  },
  'context-needed': {
    kk: 'Жаңа нұсқаға мына мәндер керек: {states}. Оларды context арқылы беріңіз.',
    ru: 'Новой версии нужны значения: {states}. Передайте их в context.',
    en: 'The new version needs these values: {states}. Give them in context.',
  },
  'root-parallel': {
    kk: 'Бұл жұмыс процесі тұтасымен параллель: іс тек қазіргі күйлерінде қала алады. target көрсетпеңіз.',
    ru: 'Этот процесс целиком параллелен: дело может лишь оставаться в своих состояниях. Не указывайте target.',
    en: 'This workflow is parallel as a whole: a case can only stay in its states. Give no target.',
  },
  'not-restored': {
    kk: 'Іс күтіп тұрған нәрсе жоғалған, қайталау оны қайтармайды. Істі {states} күйіне қайта ауыстырыңыз (modify): сонда бәрі жаңадан ашылады.',
    ru: 'То, чего ждёт дело, пропало, и повтор этого не вернёт. Переведите дело в состояние {states} заново (modify): тогда всё откроется снова.',
    en: 'What the case waits for is gone, and trying again does not bring it back. Put the case into {states} again (modify): then it opens anew.',
  },
  'keys-unknown': {
    kk: 'Тізімде мұндай ашық жазба жоқ: {keys}. Ештеңе өзгерген жоқ. Ашық тұрғандары: {open}.',
    ru: 'В списке нет открытых записей: {keys}. Ничего не изменено. Открыты: {open}.',
    en: 'Nothing is open in the list under {keys}. Nothing was changed. Open are: {open}.',
  },
  'same-version': {
    kk: 'Іс қазірдің өзінде {version}-нұсқада. Басқа нұсқаны көрсетіңіз.',
    ru: 'Дело уже на версии {version}. Укажите другую версию.',
    en: 'The case has version {version} already. Name another one.',
  },
};
