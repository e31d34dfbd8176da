import type { z } from 'zod';
import type { Violation } from '../engine/errors.js';
import type { Json, JsonObject, Language } from '../statechart/types.js';
import { fillIn } from './errors.js';

type Texts = Record<Language, string>;

/**
 * What is wrong with one value, in the words of a clerk: by keyword of JSON Schema, and by our own rules below them.
 * `{name}` is filled from the facts of the violation.
 */
export const VIOLATIONS: Record<string, Texts> = {
  required: {
    kk: '«{missingProperty}» өрісін толтырыңыз, ол міндетті',
    ru: 'заполните поле «{missingProperty}», оно обязательно',
    en: 'fill in "{missingProperty}": it is required',
  },
  additionalProperties: {
    kk: '«{additionalProperty}» деген өріс мұнда жоқ, оны алып тастаңыз',
    ru: 'поля «{additionalProperty}» здесь нет, уберите его',
    en: 'there is no field "{additionalProperty}" here; remove it',
  },
  unevaluatedProperties: {
    kk: '«{unevaluatedProperty}» деген өріс мұнда жоқ, оны алып тастаңыз',
    ru: 'поля «{unevaluatedProperty}» здесь нет, уберите его',
    en: 'there is no field "{unevaluatedProperty}" here; remove it',
  },
  type: { kk: 'керегі: {type}', ru: 'нужно: {type}', en: 'must be {type}' },
  format: { kk: 'керегі: {format}', ru: 'нужно: {format}', en: 'must be {format}' },
  formatMinimum: {
    kk: '{limit} немесе одан кейінгі күн болуы керек; жылын тексеріңіз',
    ru: 'дата должна быть не раньше {limit}; проверьте год',
    en: 'must be {limit} or later; check the year',
  },
  formatMaximum: {
    kk: '{limit} немесе одан бұрынғы күн болуы керек; жылын тексеріңіз',
    ru: 'дата должна быть не позже {limit}; проверьте год',
    en: 'must be {limit} or earlier; check the year',
  },
  enum: {
    kk: 'мыналардың бірін таңдаңыз: {allowedValues}',
    ru: 'выберите одно из: {allowedValues}',
    en: 'must be one of: {allowedValues}',
  },
  const: {
    kk: 'тек мына мән болуы керек: {allowedValue}',
    ru: 'возможно только значение {allowedValue}',
    en: 'must be {allowedValue}',
  },
  minLength: {
    kk: 'кемінде {limit} таңба болуы керек',
    ru: 'знаков должно быть не меньше {limit}',
    en: 'must have {limit} characters or more',
  },
  maxLength: {
    kk: '{limit} таңбадан аспауы керек',
    ru: 'знаков должно быть не больше {limit}',
    en: 'must have {limit} characters or fewer',
  },
  pattern: {
    kk: 'мына үлгіге сай болуы керек: {pattern}',
    ru: 'должно соответствовать образцу {pattern}',
    en: 'must match the pattern {pattern}',
  },
  minimum: {
    kk: '{limit} немесе одан көп болуы керек',
    ru: 'должно быть не меньше {limit}',
    en: 'must be {limit} or more',
  },
  maximum: {
    kk: '{limit} немесе одан аз болуы керек',
    ru: 'должно быть не больше {limit}',
    en: 'must be {limit} or less',
  },
  exclusiveMinimum: {
    kk: '{limit} санынан көп болуы керек',
    ru: 'должно быть больше {limit}',
    en: 'must be more than {limit}',
  },
  exclusiveMaximum: {
    kk: '{limit} санынан аз болуы керек',
    ru: 'должно быть меньше {limit}',
    en: 'must be less than {limit}',
  },
  multipleOf: {
    kk: '{multipleOf} санына бөлінуі керек',
    ru: 'должно делиться на {multipleOf}',
    en: 'must be a multiple of {multipleOf}',
  },
  minItems: {
    kk: 'тізімде кемінде {limit} мән болуы керек',
    ru: 'в списке должно быть не меньше {limit}',
    en: 'the list must have {limit} or more',
  },
  maxItems: {
    kk: 'тізімде {limit} мәннен артық болмауы керек',
    ru: 'в списке должно быть не больше {limit}',
    en: 'the list must have {limit} or fewer',
  },
  uniqueItems: {
    kk: 'тізімде қайталанған мән бар: {j}-орын мен {i}-орын',
    ru: 'в списке есть повторение: места {j} и {i}',
    en: 'the list holds the same value twice: places {j} and {i}',
  },
  contains: {
    kk: 'тізімде қажетті мәндер саны дұрыс емес',
    ru: 'в списке не столько нужных значений, сколько требуется',
    en: 'the list does not hold the values that it must',
  },
  minProperties: {
    kk: 'кемінде {limit} өріс толтырылуы керек',
    ru: 'заполненных полей должно быть не меньше {limit}',
    en: 'must have {limit} fields or more',
  },
  maxProperties: {
    kk: '{limit} өрістен артық болмауы керек',
    ru: 'полей должно быть не больше {limit}',
    en: 'must have {limit} fields or fewer',
  },
  propertyNames: {
    kk: '«{propertyName}» деген өріс атауы жарамайды',
    ru: 'имя поля «{propertyName}» не подходит',
    en: 'the field name "{propertyName}" is not possible',
  },
  dependentRequired: {
    kk: '«{property}» толтырылса, «{missingProperty}» да толтырылуы керек',
    ru: 'если заполнено «{property}», нужно заполнить и «{missingProperty}»',
    en: 'fill in "{missingProperty}" as well: "{property}" asks for it',
  },
  not: { kk: 'бұл мән мұнда жарамайды', ru: 'это значение здесь не подходит', en: 'this value is not possible here' },
  anyOf: {
    kk: 'рұқсат етілген нұсқалардың біріне де сай емес',
    ru: 'не подходит ни под один из допустимых вариантов',
    en: 'fits none of the possible forms',
  },
  oneOf: {
    kk: 'рұқсат етілген нұсқалардың дәл біреуіне сай болуы керек',
    ru: 'должно подходить ровно под один из допустимых вариантов',
    en: 'must fit exactly one of the possible forms',
  },
  'not-empty': { kk: 'бос болмауы керек', ru: 'не должно быть пустым', en: 'must not be empty' },
  'not-storable': {
    kk: 'сақтауға болмайтын таңба бар, оны алып тастаңыз',
    ru: 'есть символ, который нельзя сохранить; уберите его',
    en: 'holds a character that cannot be stored; remove it',
  },
  'moment-impossible': {
    kk: 'уақыт 2000 мен 2100 жылдардың аралығында болуы керек',
    ru: 'время должно быть между 2000 и 2100 годами',
    en: 'must lie between the years 2000 and 2100',
  },
  'too-long': { kk: 'тым ұзақ, қысқартыңыз', ru: 'слишком длинно, сократите', en: 'is too long; shorten it' },
  'name-missing': {
    kk: 'тегін немесе атын жазыңыз',
    ru: 'укажите фамилию или имя',
    en: 'must have a surname or a given name',
  },
  'no-letters': {
    kk: 'бұл есім емес: «{value}»; жеке куәліктегідей жазыңыз немесе бос қалдырыңыз',
    ru: 'это не имя: «{value}»; впишите как в удостоверении или оставьте пустым',
    en: 'is not a name: "{value}"; write it as the identity document has it, or leave it empty',
  },
  'damaged-letters': {
    kk: 'бүлінген әріп бар (� белгісі); қайта жазыңыз',
    ru: 'есть испорченная буква (знак �); впишите заново',
    en: 'has a damaged letter (the sign �); write it again',
  },
  'not-12-digits': {
    kk: 'ЖСН 12 цифрдан тұруы керек; құжаттан көшіріп жазыңыз',
    ru: 'ИИН состоит из 12 цифр; впишите его из документа',
    en: 'an identity number has 12 digits; write it from the document',
  },
  'bad-check-digit': {
    kk: 'ЖСН-нің бақылау цифры дұрыс емес, бір цифры қате жазылған; құжатпен салыстырыңыз',
    ru: 'неверная контрольная цифра ИИН, какая-то цифра вписана с ошибкой; сверьте с документом',
    en: 'one of the digits of the identity number is mistyped (its check digit does not fit); compare it with the document',
  },
  'unknown-century': {
    kk: 'ЖСН-нің жетінші цифры 1-ден 6-ға дейін болады; құжатпен салыстырыңыз, құжатта да солай болса, ЖСН-сіз енгізіңіз',
    ru: 'седьмая цифра ИИН бывает от 1 до 6; сверьте с документом, а если там так же, внесите без ИИН',
    en: 'the seventh digit of an identity number is 1 to 6; compare it with the document, and if it is the same there, leave the number out',
  },
  'impossible-birth-date': {
    kk: 'ЖСН-нің алғашқы алты цифры күнтізбеде жоқ күнді білдіреді; құжатпен салыстырыңыз',
    ru: 'первые шесть цифр ИИН означают день, которого нет в календаре; сверьте с документом',
    en: 'the first six digits of the identity number are a day that no calendar has; compare it with the document',
  },
  'not-a-date': {
    kk: 'мұндай туған күн болмайды: {value}; құжаттан көшіріп жазыңыз',
    ru: 'такой даты рождения не бывает: {value}; впишите её из документа',
    en: 'nobody was born on {value}; write the date from the document',
  },
  'not-a-phone': {
    kk: 'бұл телефон нөмірі емес: «{value}»; бір нөмір жазыңыз, мысалы 8 702 613 52 41',
    ru: 'это не номер телефона: «{value}»; впишите один номер, например 8 702 613 52 41',
    en: 'is not a telephone number: "{value}"; write one number, for example 8 702 613 52 41',
  },
  'person-elsewhere': {
    kk: 'осы ЖСН-і бар адам {value} отбасында бұрыннан тіркелген; ол басқа отбасына өткен болса, жетекшіге айтыңыз',
    ru: 'человек с этим ИИН уже записан в семье {value}; если он перешёл в другую семью, скажите руководителю',
    en: 'someone with this identity number is already recorded in family {value}; if they moved, tell your supervisor',
  },
  'duplicate-person': {
    kk: 'осы ЖСН отбасы тізіміндегі {member} нөмірлі адамда тұр; ол сол адам болса, қайта енгізбеңіз',
    ru: 'этот ИИН уже стоит у номера {member} в списке семьи; если это тот же человек, не вносите его снова',
    en: 'number {member} of the family list has this identity number; if it is the same person, do not enter them again',
  },
  'duplicate-name': {
    kk: 'аты-жөні мен туған күні отбасы тізіміндегі {member} нөмірлі адамдікімен бірдей; басқа адам болса, ЖСН-ін немесе туған күнін жазыңыз',
    ru: 'то же имя и дата рождения, что у номера {member} в списке семьи; если это другой человек, впишите его ИИН или дату рождения',
    en: 'number {member} of the family list has the same name and date of birth; if this is somebody else, give their identity number or date of birth',
  },
  'applicant-stays': {
    kk: 'бұл адам – отбасының өтініш берушісі, оның туыстығы өзгермейді; өтініш беруші басқа адам болса, жетекшіге айтыңыз',
    ru: 'это заявитель семьи, его родство не меняется; если заявитель – другой человек, скажите руководителю',
    en: 'this is the applicant of the family, whose relation stays; if somebody else is the applicant, tell your supervisor',
  },
  'too-many-people': {
    kk: 'отбасында {limit} адамнан артық бола алмайды; тізімді тексеріңіз',
    ru: 'в семье не может быть больше {limit} человек; проверьте список',
    en: 'a family cannot have more than {limit} people; check the list',
  },
  'unknown-member': {
    kk: 'отбасы тізімінде {member} нөмірлі адам жоқ, тізімде мына нөмірлер бар: {known}; алдымен адамды отбасына қосыңыз',
    ru: 'в списке семьи нет номера {member}, есть номера: {known}; сначала внесите человека в семью',
    en: 'nobody has the number {member} in the family list, which has: {known}; enter the person into the family first',
  },
  'unknown-family': { kk: 'мұндай отбасы жоқ', ru: 'такой семьи нет', en: 'there is no such family' },
  'not-a-cursor': {
    kk: 'бұл тізімнің белгісі емес; оны алып тастап, басынан бастаңыз',
    ru: 'это не отметка этого списка; уберите её и начните сначала',
    en: 'is not a cursor of this list; leave it out to begin anew',
  },
  'account-with-role': {
    kk: '«{role}» рөлі бар қызметкер болуы керек',
    ru: 'нужен сотрудник с ролью «{role}»',
    en: 'must be an account with the role "{role}"',
  },
  'account-with-task': {
    kk: 'тапсырма қазір қолында тұрған қызметкер болуы керек',
    ru: 'нужен сотрудник, у которого задача сейчас',
    en: 'must be the account that has the task',
  },
  'day-not-come': {
    kk: 'бұл күн әлі келген жоқ, бүгін {today}: оқиға болған күнді жазыңыз',
    ru: 'этот день ещё не наступил, сегодня {today}: укажите, когда это произошло',
    en: 'has not come yet: today is {today}; say on which day it happened',
  },
  'moment-to-come': { kk: 'алдағы уақыт болуы керек', ru: 'нужен момент в будущем', en: 'must be a moment to come' },
  'moment-not-come': {
    kk: 'бұл уақыт әлі келген жоқ, қазір {now}: оқиғаның болған уақытын жазыңыз, сағатыңызды тексеріңіз',
    ru: 'это время ещё не наступило, сейчас {now}: укажите, когда это произошло, и проверьте часы',
    en: 'has not come yet: it is {now} now; say when it happened, and check your clock',
  },
  'moment-before': {
    kk: 'бұл уақыт жолдама жіберілгенге ({since}) дейін: оқиғаның болған уақытын жазыңыз, сағатыңызды тексеріңіз',
    ru: 'это время раньше, чем направление было отправлено ({since}): укажите, когда это произошло, и проверьте часы',
    en: 'lies before the hand-off was sent ({since}); say when it happened, and check your clock',
  },
  personal: {
    kk: 'бұл дербес дерек: ол отбасы жазбаларында сақталады, мұнда жазылмайды',
    ru: 'это персональные данные: им место в записях семьи, а не здесь',
    en: "is personal: it belongs to the family's records, not here",
  },
  'no-data': {
    kk: 'бұл оқиғамен бірге дерек жіберілмейді; data өрісін алып тастаңыз',
    ru: 'это событие не несёт данных; уберите data',
    en: 'this event carries no data; leave data out',
  },
  'unknown-role': { kk: '«{role}» деген рөл жоқ', ru: 'роли «{role}» нет', en: 'there is no role "{role}"' },
};

/** The same with another name in the facts, or in ajv. */
const SAME: Record<string, string> = {
  'false schema': 'not',
  items: 'maxItems',
  additionalItems: 'maxItems',
  unevaluatedItems: 'maxItems',
  dependencies: 'dependentRequired',
};

const TYPES: Record<string, Texts> = {
  string: { kk: 'мәтін', ru: 'текст', en: 'a text' },
  number: { kk: 'сан', ru: 'число', en: 'a number' },
  integer: { kk: 'бүтін сан', ru: 'целое число', en: 'a whole number' },
  boolean: { kk: 'иә немесе жоқ (true, false)', ru: 'да или нет (true, false)', en: 'true or false' },
  array: { kk: 'тізім', ru: 'список', en: 'a list' },
  object: { kk: 'өрістері бар объект', ru: 'объект с полями', en: 'an object' },
  null: { kk: 'бос мән (null)', ru: 'пустое значение (null)', en: 'empty (null)' },
};

const FORMATS: Record<string, Texts> = {
  date: { kk: 'күн, мысалы 2026-03-15', ru: 'дата, например 2026-03-15', en: 'a date like 2026-03-15' },
  'date-time': {
    kk: 'күн мен уақыт, мысалы 2026-03-15T09:00:00+05:00',
    ru: 'дата и время, например 2026-03-15T09:00:00+05:00',
    en: 'a date and time like 2026-03-15T09:00:00+05:00',
  },
  time: { kk: 'уақыт, мысалы 09:00:00+05:00', ru: 'время, например 09:00:00+05:00', en: 'a time like 09:00:00+05:00' },
  duration: { kk: 'ұзақтық, мысалы P3D', ru: 'длительность, например P3D', en: 'a duration like P3D' },
  email: {
    kk: 'электрондық пошта, мысалы aigul@example.kz',
    ru: 'электронная почта, например aigul@example.kz',
    en: 'an e-mail address like aigul@example.kz',
  },
  uri: {
    kk: 'сілтеме, мысалы https://example.kz',
    ru: 'ссылка, например https://example.kz',
    en: 'an address like https://example.kz',
  },
  uuid: { kk: 'жүйедегі жазбаның id белгісі', ru: 'id записи в системе', en: 'the id of a record' },
};

/** The violation in this language; in its own English words where the table does not know it. */
export function sayViolation({ rule, facts = {}, message }: Violation, language: Language): string {
  if (rule === undefined) return message;
  const name = rule === 'minLength' && facts['limit'] === 1 ? 'not-empty' : (SAME[rule] ?? rule);
  const texts = VIOLATIONS[name];
  return texts ? fillIn(texts[language], inWords(facts, language)) : message;
}

/** Types, formats, values and fields by the names that people know them by. */
function inWords(facts: JsonObject, language: Language): JsonObject {
  const { type, format, allowedValues, allowedValue, missingProperty, i, j } = facts;
  const label = (value: Json) => withLabel(value, facts['labels'], language);
  return {
    ...facts,
    ...(type === undefined ? {} : { type: [type].flat().map((one) => TYPES[String(one)]?.[language] ?? String(one)) }),
    ...(format === undefined ? {} : { format: FORMATS[String(format)]?.[language] ?? format }),
    ...(Array.isArray(allowedValues) ? { allowedValues: allowedValues.map(label) } : {}),
    ...(allowedValue === undefined ? {} : { allowedValue: label(allowedValue) }),
    ...(missingProperty === undefined ? {} : { missingProperty: label(missingProperty) }),
    // People count from one.
    ...(typeof i === 'number' && typeof j === 'number' ? { i: i + 1, j: j + 1 } : {}),
  };
}

function withLabel(value: Json, labels: Json | undefined, language: Language): Json {
  const label = isObject(labels) && typeof value === 'string' ? labels[value] : undefined;
  const text = isObject(label) ? (label[language] ?? label['kk']) : undefined;
  return typeof text === 'string' ? `${text} (${String(value)})` : value;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What zod found in `value`, as the same rules. */
export function zodViolations(error: z.ZodError, value: unknown): Violation[] {
  return error.issues.map((issue) => {
    const path = issue.path.map(String);
    return {
      path: path.map((part) => `/${part.replaceAll('~', '~0').replaceAll('/', '~1')}`).join(''),
      message: issue.message,
      ...(isMissing(issue, value)
        ? { rule: 'required', facts: { missingProperty: path.at(-1) ?? '' } }
        : ruleOf(issue)),
    };
  });
}

type Issue = z.core.$ZodIssue;

function isMissing(issue: Issue, value: unknown): boolean {
  if (issue.path.length === 0) return false;
  let found: unknown = value;
  for (const part of issue.path) found = (found as Record<PropertyKey, unknown> | null | undefined)?.[part];
  return found === undefined;
}

function ruleOf(issue: Issue): Pick<Violation, 'rule' | 'facts'> {
  switch (issue.code) {
    case 'invalid_type':
      return { rule: 'type', facts: { type: ZOD_TYPES[issue.expected] ?? issue.expected } };
    case 'invalid_value':
      return { rule: 'enum', facts: { allowedValues: issue.values.map(asJson) } };
    case 'invalid_union':
      return 'options' in issue && issue.options
        ? { rule: 'enum', facts: { allowedValues: issue.options.map(asJson) } }
        : { rule: 'anyOf' };
    case 'too_small':
      return { rule: LIMITS[issue.origin]?.[0] ?? 'minimum', facts: { limit: Number(issue.minimum) } };
    case 'too_big':
      return { rule: LIMITS[issue.origin]?.[1] ?? 'maximum', facts: { limit: Number(issue.maximum) } };
    case 'not_multiple_of':
      return { rule: 'multipleOf', facts: { multipleOf: issue.divisor } };
    case 'invalid_format':
      return issue.format === 'regex'
        ? { rule: 'pattern', facts: { pattern: issue.pattern ?? '' } }
        : { rule: 'format', facts: { format: ZOD_FORMATS[issue.format] ?? issue.format } };
    case 'unrecognized_keys':
      return { rule: 'additionalProperties', facts: { additionalProperty: issue.keys.join(', ') } };
    case 'custom':
      return typeof issue.params?.['rule'] === 'string' ? { rule: issue.params['rule'] } : {};
    default:
      return { rule: 'not' };
  }
}

const ZOD_TYPES: Record<string, string> = { int: 'integer', record: 'object' };
const ZOD_FORMATS: Record<string, string> = { datetime: 'date-time', url: 'uri', guid: 'uuid' };
const LIMITS: Record<string, [string, string]> = {
  string: ['minLength', 'maxLength'],
  array: ['minItems', 'maxItems'],
};

function asJson(value: unknown): Json {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : String(value);
}
