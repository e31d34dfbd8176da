import type { LANGUAGES } from './vocabulary.js';

type Texts = Record<(typeof LANGUAGES)[number], string>;

const SAVE_AS = {
  kk: 'Кестені Excel-де «Басқаша сақтау» → «CSV UTF-8» түрінде сақтап, сол файлды таңдаңыз.',
  ru: 'Сохраните таблицу в Excel через «Сохранить как» → «CSV UTF-8» и выберите этот файл.',
  en: 'In Excel choose "Save as" → "CSV UTF-8", and use that file.',
};

/** Why something could not be taken: what is wrong, and what to do. `{…}` are the facts of the remark. */
export const PROBLEM_TEXTS = {
  'empty-file': {
    kk: 'Файл бос. Бірінші жолда баған атаулары, одан кейін әр адамға бір жол болуы керек.',
    ru: 'Файл пуст. В первой строке должны стоять названия столбцов, ниже — по одной строке на человека.',
    en: 'The file is empty. The first row must hold the names of the columns; below it comes one row for each person.',
  },
  'too-large': {
    kk: 'Файл {limit} МБ-тан үлкен, ештеңе енгізілген жоқ. Оны бірнеше файлға бөліңіз.',
    ru: 'Файл больше {limit} МБ, ничего не загружено. Разделите его на несколько файлов.',
    en: 'The file is larger than {limit} MB; nothing was imported. Split it into several files.',
  },
  'too-many-rows': {
    kk: 'Файлда {limit} жолдан көп, ештеңе енгізілген жоқ. Оны бірнеше файлға бөліңіз.',
    ru: 'В файле больше {limit} строк, ничего не загружено. Разделите его на несколько файлов.',
    en: 'The file has more than {limit} rows; nothing was imported. Split it into several files.',
  },
  workbook: {
    kk: `Бұл CSV емес, Excel кітабы. ${SAVE_AS.kk}`,
    ru: `Это не CSV, а книга Excel. ${SAVE_AS.ru}`,
    en: `This is not a CSV file but an Excel workbook. ${SAVE_AS.en}`,
  },
  'not-text': {
    kk: `Файлда мәтін емес белгілер бар, бұл CSV кестесі емес. ${SAVE_AS.kk}`,
    ru: `В файле есть нетекстовые знаки, это не таблица CSV. ${SAVE_AS.ru}`,
    en: `The file holds signs that are not text, so it is not a CSV table. ${SAVE_AS.en}`,
  },
  'utf-16': {
    kk: `Файл UTF-16 («Юникод мәтіні») түрінде сақталған. ${SAVE_AS.kk}`,
    ru: `Файл сохранён в UTF-16 («Текст Юникод»). ${SAVE_AS.ru}`,
    en: `The file was saved as UTF-16 ("Unicode text"). ${SAVE_AS.en}`,
  },
  'not-utf-8': {
    kk: `Осы жолдың әріптері UTF-8 емес (мүмкін, Windows-1251), қазақ әріптері жоғалып кетеді. ${SAVE_AS.kk}`,
    ru: `Буквы в этой строке не в UTF-8 (возможно, Windows-1251), казахские буквы потеряются. ${SAVE_AS.ru}`,
    en: `The letters of this row are not UTF-8 (perhaps Windows-1251), and Kazakh letters would be lost. ${SAVE_AS.en}`,
  },
  'open-quote': {
    kk: 'Осы жолдан бастап тырнақша (") ашылған, бірақ жабылмаған, сондықтан қалған жолдар бір ұяшыққа қосылып кеткен. Тырнақшаны жабыңыз немесе алып тастаңыз.',
    ru: 'Начиная с этой строки кавычка (") открыта и не закрыта, поэтому остальные строки слились в одну ячейку. Закройте или удалите кавычку.',
    en: 'From this row on a quotation mark (") is opened and not closed, so the rows below run together into one cell. Close it or take it out.',
  },
  'row-too-long': {
    kk: 'Бұл жол тым ұзын ({limit} КБ-тан көп). Тырнақша (") ашылып, жабылмай қалған болуы мүмкін: соны тексеріңіз.',
    ru: 'Эта строка слишком длинная (больше {limit} КБ). Возможно, кавычка (") открыта и не закрыта: проверьте.',
    en: 'This row is too long (more than {limit} KB). Perhaps a quotation mark (") is opened and not closed: check that.',
  },
  'missing-column': {
    kk: 'Бұл баған файлда жоқ. Бірінші жолға «{value}» бағанын қосыңыз.',
    ru: 'Такого столбца в файле нет. Добавьте в первую строку столбец «{value}».',
    en: 'Missing column: add a column named "{value}" to the first row.',
  },
  'double-column': {
    kk: '«{value}» бағаны екі рет тұр. Біреуін қалдырыңыз.',
    ru: 'Столбец «{value}» стоит дважды. Оставьте один.',
    en: 'The column "{value}" stands there twice. Leave one of them.',
  },
  'too-many-cells': {
    kk: 'Бұл жолда бағаннан көп ұяшық бар. Артық бөлгішті (; немесе ,) алып тастаңыз не мәтінді тырнақшаға алыңыз.',
    ru: 'В строке больше ячеек, чем столбцов. Уберите лишний разделитель (; или ,) или возьмите текст в кавычки.',
    en: 'This row has more cells than there are columns. Take out the extra separator (; or ,) or put the text in quotation marks.',
  },
  missing: {
    kk: 'Толтырылмаған. Осы ұяшықты толтырыңыз.',
    ru: 'Не заполнено. Заполните эту ячейку.',
    en: 'Missing: fill in this cell.',
  },
  'too-long': {
    kk: 'Мәтін {limit} таңбадан ұзын. Қысқартыңыз.',
    ru: 'Текст длиннее {limit} знаков. Сократите его.',
    en: 'Too long: at most {limit} characters fit here. Shorten it.',
  },
  'damaged-letters': {
    kk: 'Кейбір әріптер файл сақталғанда жоғалған (� белгісі). Ұяшықты қайта жазып, файлды «CSV UTF-8» түрінде сақтаңыз.',
    ru: 'Часть букв потеряна при сохранении файла (знак �). Впишите ячейку заново и сохраните файл как «CSV UTF-8».',
    en: 'Damaged letters: some were lost when the file was saved (the sign �). Write the cell again and save the file as "CSV UTF-8".',
  },
  'no-letters': {
    kk: 'Бұл есім емес: «{value}». Жеке куәліктегідей жазыңыз немесе бос қалдырыңыз.',
    ru: 'Это не имя: «{value}». Впишите как в удостоверении или оставьте пустым.',
    en: "Not a name: '{value}'. Write it as the identity document has it, or leave it empty.",
  },
  'not-12-digits': {
    kk: 'ЖСН 12 цифрдан тұруы керек. Кесте бастапқы нөлді алып тастаған болуы мүмкін: бағанды «Мәтін» пішіміне ауыстырып, нөмірді құжаттан жазыңыз.',
    ru: 'ИИН должен состоять из 12 цифр. Возможно, таблица отбросила первый ноль: задайте столбцу формат «Текст» и впишите номер из документа.',
    en: 'Not 12 digits: an identity number has exactly 12. A spreadsheet may have dropped the leading zero: format the column as text and write the number from the document.',
  },
  'shortened-number': {
    kk: 'Кесте нөмірді қысқартып жіберген («{value}»), цифрлары жоғалған. Бағанды «Мәтін» пішіміне ауыстырып, нөмірді қайта жазыңыз.',
    ru: 'Таблица сократила номер («{value}»), цифры потеряны. Задайте столбцу формат «Текст» и впишите номер заново.',
    en: "Shortened by the spreadsheet ('{value}'): its digits are lost. Format the column as text and write the number again.",
  },
  'bad-check-digit': {
    kk: 'ЖСН-нің бақылау цифры дұрыс емес, бір цифры қате жазылған. Құжатпен салыстырыңыз.',
    ru: 'Неверная контрольная цифра ИИН: какая-то цифра вписана с ошибкой. Сверьте с документом.',
    en: 'Bad check digit: one of the digits of the identity number is mistyped. Compare it with the document.',
  },
  'unknown-century': {
    kk: 'ЖСН-нің жетінші цифры 1-ден 6-ға дейін болуы керек. Құжатпен салыстырыңыз; құжатта да солай болса, адамды қолмен енгізіңіз.',
    ru: 'Седьмая цифра ИИН должна быть от 1 до 6. Сверьте с документом; если там так же, внесите человека вручную.',
    en: 'The seventh digit of an identity number is 1 to 6. Compare it with the document; if it is the same there, enter the person by hand.',
  },
  'impossible-birth-date': {
    kk: 'ЖСН-нің алғашқы алты цифры күнтізбеде жоқ күнді білдіреді. Құжатпен салыстырыңыз.',
    ru: 'Первые шесть цифр ИИН означают день, которого нет в календаре. Сверьте с документом.',
    en: 'The first six digits of the identity number are a day that no calendar has. Compare it with the document.',
  },
  'not-a-date': {
    kk: 'Бұл күн емес: «{value}». 31.12.1990 немесе 1990-12-31 деп жазыңыз.',
    ru: 'Это не дата: «{value}». Пишите 31.12.1990 или 1990-12-31.',
    en: "Not a date: '{value}'. Write 31.12.1990 or 1990-12-31.",
  },
  'unknown-category': {
    kk: 'Белгісіз санат: «{value}». Мүмкін мәндері: large, single-parent, low-income, special-needs-child; бірнешеуін | белгісімен бөліңіз.',
    ru: 'Неизвестная категория: «{value}». Возможны large, single-parent, low-income, special-needs-child; несколько разделяйте знаком |.',
    en: "Unknown category: '{value}'. It can be large, single-parent, low-income, special-needs-child; put | between several.",
  },
  'unknown-relation': {
    kk: 'Белгісіз туыстық: «{value}». Мысалы: applicant (өтініш беруші), spouse (жұбайы), child (баласы).',
    ru: 'Неизвестное родство: «{value}». Например: applicant (заявитель), spouse (супруг), child (ребёнок).',
    en: "Unknown relation: '{value}'. For example: applicant, spouse, child.",
  },
  'unknown-sex': {
    kk: 'Жынысы түсініксіз: «{value}». m (ер) немесе f (әйел) деп жазыңыз.',
    ru: 'Непонятен пол: «{value}». Пишите m (мужской) или f (женский).',
    en: "Unknown sex: '{value}'. Write m or f.",
  },
  'unknown-language': {
    kk: 'Белгісіз тіл: «{value}». kk, ru немесе en деп жазыңыз.',
    ru: 'Неизвестный язык: «{value}». Пишите kk, ru или en.',
    en: "Unknown language: '{value}'. Write kk, ru or en.",
  },
  'not-a-phone': {
    kk: 'Бұл телефон нөмірі емес: «{value}». Бір нөмір жазыңыз, мысалы 8 702 613 52 41.',
    ru: 'Это не номер телефона: «{value}». Впишите один номер, например 8 702 613 52 41.',
    en: "Not a telephone number: '{value}'. Write one number, for example 8 702 613 52 41.",
  },
  'not-kato': {
    kk: 'ӘАОЖ коды 9 цифрдан тұрады, мысалы 611000000 (Түркістан қаласы).',
    ru: 'Код КАТО состоит из 9 цифр, например 611000000 (город Туркестан).',
    en: 'A KATO code has 9 digits, for example 611000000 (the city of Turkistan).',
  },
  'duplicate-person': {
    kk: 'Адам қайталанған: ЖСН {otherRow}-жолдағымен бірдей. Осы жол енгізілмеді, отбасының қалғаны енгізіледі.',
    ru: 'Человек повторён: тот же ИИН, что в строке {otherRow}. Эта строка не загружена, остальная семья загружается.',
    en: 'Duplicate person: same iin as an earlier row (row {otherRow}). This row was left out, the rest of the family is not.',
  },
  'duplicate-name': {
    kk: 'Адам қайталанған: аты-жөні мен туған күні {otherRow}-жолдағымен бірдей. Осы жол енгізілмеді, отбасының қалғаны енгізіледі.',
    ru: 'Человек повторён: то же имя и дата рождения, что в строке {otherRow}. Эта строка не загружена, остальная семья загружается.',
    en: 'Duplicate person: same name and date of birth as row {otherRow}. This row was left out, the rest of the family is not.',
  },
  'person-elsewhere': {
    kk: 'Осы ЖСН-і бар адам {value} отбасында бұрыннан тіркелген. Осы жол енгізілмеді. Ол басқа отбасына өткен болса, сол отбасынан ауыстырыңыз.',
    ru: 'Человек с этим ИИН уже записан в семье {value}. Эта строка не загружена. Если он перешёл в другую семью, переведите его из той.',
    en: 'Duplicate person: someone with this identity number is already recorded in family {value}. This row was left out. If they moved, transfer them from that family.',
  },
  'too-many-people': {
    kk: 'Бұл отбасында {count} адам болар еді, ал {limit} адамнан аспауы керек; отбасы енгізілмеді. Оның нөмірі басқа отбасылардың жолдарына көшіріліп кеткен болуы мүмкін: осы бағандағы нөмірлерді тексеріңіз.',
    ru: 'В этой семье оказалось бы человек: {count}, а может быть не больше {limit}; семья не загружена. Возможно, её номер протянули на строки других семей: проверьте номера в этом столбце.',
    en: 'This family would have {count} people, and {limit} is the most a family can have; it was left out. Perhaps its number was filled down over the rows of other families: check the numbers in this column.',
  },
  'no-applicant': {
    kk: 'Бұл отбасында өтініш беруші (applicant) жоқ. Бір адамның туыстығына applicant деп жазыңыз.',
    ru: 'В этой семье нет заявителя (applicant). Укажите applicant в родстве одного из людей.',
    en: 'This family has no applicant. Write applicant as the relation of one of its people.',
  },
  'second-applicant': {
    kk: 'Бұл отбасында өтініш беруші бұрыннан бар ({otherRow}-жол). Тек бір адам applicant бола алады.',
    ru: 'В этой семье уже есть заявитель (строка {otherRow}). Только один человек может быть applicant.',
    en: 'This family already has an applicant (row {otherRow}). Only one of its people can be.',
  },
  'other-applicant': {
    kk: 'Жазбаларда бұл отбасының өтініш берушісі басқа адам, ал ол файлда жоқ. Оның жолын жаңа туыстығымен қосыңыз.',
    ru: 'В записях заявитель этой семьи — другой человек, и его нет в файле. Добавьте его строку с новым родством.',
    en: 'In the records the applicant of this family is someone else, who is not in the file. Add their row with the new relation.',
  },
} satisfies Record<string, Texts>;

/** What was taken all the same, and should be looked at. */
export const WARNING_TEXTS = {
  'unknown-column': {
    kk: '«{value}» бағаны белгісіз, оқылған жоқ.',
    ru: 'Столбец «{value}» неизвестен и не прочитан.',
    en: 'The column "{value}" is not known and was not read.',
  },
  'no-families': {
    kk: 'Файлда отбасылар жоқ: бірінші жолдан кейін бірде-бір жол толтырылмаған.',
    ru: 'В файле нет семей: после первой строки ничего не заполнено.',
    en: 'The file has no families: nothing is filled in below the first row.',
  },
  'one-name': {
    kk: 'Тек бір есім жазылған. Жеке куәлікте де солай ма, тексеріңіз.',
    ru: 'Вписано только одно имя. Проверьте, так ли в удостоверении.',
    en: 'Only one name is given. Check that the identity document has no other.',
  },
  'mixed-letters': {
    kk: 'Есімде кирилл мен латын әріптері аралас («{value}»). Өзгертілмеді, тексеріңіз.',
    ru: 'В имени смешаны кириллица и латиница («{value}»). Оставлено как есть, проверьте.',
    en: "Cyrillic and Latin letters are mixed in this name ('{value}'). It was kept as it is; check it.",
  },
  'unusual-characters': {
    kk: 'Есімде әдеттен тыс таңба бар («{value}»). Өзгертілмеді, тексеріңіз.',
    ru: 'В имени есть необычные знаки («{value}»). Оставлено как есть, проверьте.',
    en: "This name has unusual signs ('{value}'). It was kept as it is; check it.",
  },
  'iin-missing': {
    kk: 'ЖСН жоқ, себебі де жазылмаған. Себебін ескертпеге жазыңыз (мысалы, құжат жоғалған).',
    ru: 'Нет ИИН, и причина не указана. Впишите причину в примечание (например, документ утерян).',
    en: 'There is no identity number and no reason why. Put the reason in the note (for example, document lost).',
  },
  'birth-date-differs': {
    kk: 'Туған күні ЖСН-дегіден өзгеше. Жазылғаны алынды, құжатпен салыстырыңыз.',
    ru: 'Дата рождения не та, что в ИИН. Взята вписанная, сверьте с документом.',
    en: 'The date of birth differs from the one in the identity number. The written one was taken; compare it with the document.',
  },
  'birth-date-from-iin': {
    kk: 'Туған күні жазылмаған, ЖСН-нен алынды. Құжатпен салыстырыңыз.',
    ru: 'Дата рождения не вписана и взята из ИИН. Сверьте с документом.',
    en: 'The date of birth was not given and was taken from the identity number. Compare it with the document.',
  },
  'sex-differs': {
    kk: 'Жынысы ЖСН-дегіден өзгеше. Жазылғаны алынды, құжатпен салыстырыңыз.',
    ru: 'Пол не тот, что в ИИН. Взят вписанный, сверьте с документом.',
    en: 'The sex differs from the one in the identity number. The written one was taken; compare it with the document.',
  },
  'in-future': {
    kk: 'Бұл күн әлі келген жоқ: {value}. Тексеріңіз.',
    ru: 'Этот день ещё не наступил: {value}. Проверьте.',
    en: 'This day has not come yet: {value}. Check it.',
  },
  'phone-unusual': {
    kk: 'Телефонның коды белгісіз ({value}). Нөмір алынды, қоңырау шалып тексеріңіз.',
    ru: 'Код телефона неизвестен ({value}). Номер взят, проверьте звонком.',
    en: 'The code of this telephone number is not known ({value}). It was taken; check it by calling.',
  },
  'no-category': {
    kk: 'Отбасының санаты жазылмаған. Қабылдау кезінде анықтаңыз.',
    ru: 'Категория семьи не указана. Уточните на приёме.',
    en: 'No category is given for this family. Find it out at intake.',
  },
  'person-not-in-file': {
    kk: 'Осы отбасының {count} адамы файлда жоқ. Олар жазбада қалды.',
    ru: 'Людей этой семьи, которых нет в файле: {count}. Они остались в записях.',
    en: 'People of this family who are not in the file: {count}. They stay in the records.',
  },
} satisfies Record<string, Texts>;
