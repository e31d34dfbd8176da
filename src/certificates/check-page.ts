import type { Language } from '../statechart/types.js';
import { dateInWords } from './certificate-texts.js';
import type { CertificateCheck } from './certificates.service.js';
import { fullName } from './pdf.js';

type Words = Record<
  | 'title'
  | 'valid'
  | 'revoked'
  | 'unknown'
  | 'unknownHint'
  | 'number'
  | 'course'
  | 'issuedOn'
  | 'holder'
  | 'holderHint',
  string
>;

const WORDS: Record<Language, Words> = {
  kk: {
    title: 'Сертификатты тексеру',
    valid: 'Сертификат жарамды',
    revoked: 'Сертификаттың күші жойылған',
    unknown: 'Мұндай сертификат жоқ',
    unknownHint: 'Нөмірді тексеріңіз немесе орталыққа хабарласыңыз.',
    number: 'Нөмірі',
    course: 'Курс',
    issuedOn: 'Берілген күні',
    holder: 'Кімге берілді',
    holderHint: 'Аты-жөнін көру үшін қағаздағы кодты сканерлеңіз.',
  },
  ru: {
    title: 'Проверка сертификата',
    valid: 'Сертификат действителен',
    revoked: 'Сертификат аннулирован',
    unknown: 'Такого сертификата нет',
    unknownHint: 'Проверьте номер или обратитесь в центр.',
    number: 'Номер',
    course: 'Курс',
    issuedOn: 'Дата выдачи',
    holder: 'Кому выдан',
    holderHint: 'Чтобы увидеть имя, отсканируйте код на бумаге.',
  },
  en: {
    title: 'Check of a certificate',
    valid: 'The certificate is valid',
    revoked: 'The certificate was revoked',
    unknown: 'There is no such certificate',
    unknownHint: 'Check the number, or ask the centre.',
    number: 'Number',
    course: 'Course',
    issuedOn: 'Date of issue',
    holder: 'Issued to',
    holderHint: 'Scan the code on the paper to see the name.',
  },
};

/** What the QR code leads to: one small page without scripts. `null`: no certificate has that number. */
export function checkPage(check: CertificateCheck | null, language: Language): string {
  const words = WORDS[language];
  const body = check ? found(check, words, language) : `<h1>${words.unknown}</h1><p>${words.unknownHint}</p>`;
  return `<!doctype html>
<html lang="${language}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex"><title>${words.title}</title></head>
<body><main>${body}</main></body>
</html>
`;
}

function found(check: CertificateCheck, words: Words, language: Language): string {
  const name = check.holder ? escaped(fullName(check.holder)) : '';
  const lines = [
    [words.number, escaped(check.number)],
    [words.course, `<span lang="${check.language}">${escaped(check.course)}</span>`],
    [words.issuedOn, dateInWords(check.issuedOn, language)],
    [words.holder, name || words.holderHint],
  ];
  const list = lines.map(([term, value]) => `<dt>${term}</dt><dd>${value}</dd>`).join('');
  return `<h1>${check.status === 'valid' ? words.valid : words.revoked}</h1><dl>${list}</dl>`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
