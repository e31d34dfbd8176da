import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Content, TDocumentDefinitions } from 'pdfmake/interfaces.js';
import type { Language } from '../statechart/types.js';
import { type CertificateTexts, dateInWords, FIXED_TEXTS } from './certificate-texts.js';
import { qrSvg } from './qr-code.js';

/** What stands on one certificate. */
export interface PrintedCertificate {
  number: string;
  /** As in the identity document; some people have only one name. */
  holder: { surname: string | null; given: string | null; patronymic: string | null };
  /** In the certificate's language. */
  course: string;
  /** `2026-11-22`. */
  issuedOn: string;
  language: Language;
  /** Where anybody can check it: stands in the QR code. */
  verifyUrl: string;
  texts: CertificateTexts;
}

/** Roboto 3 (SIL Open Font License 1.1), which pdfmake brings: it has the letters of Kazakh. */
const FONTS = join(dirname(createRequire(import.meta.url).resolve('pdfmake/package.json')), 'fonts', 'Roboto');
const INK = '#1f2a37';
const ACCENT = '#0b6e69';
const MUTED = '#5b6673';
/** A4 in points. */
const PAGE = { width: 595.28, height: 841.89, margin: 28 };

/** One A4 page. The same input gives the same bytes. */
export async function renderCertificate(certificate: PrintedCertificate): Promise<Buffer> {
  maker ??= loadMaker();
  return (await maker).createPdf(definition(certificate)).getBuffer();
}

let maker: ReturnType<typeof loadMaker> | undefined;

/** Loaded for the first certificate: a process that prints none starts sooner without it. */
async function loadMaker() {
  const { default: pdfMake } = await import('pdfmake');
  pdfMake.setFonts({ Roboto: { normal: join(FONTS, 'Roboto-Regular.ttf'), bold: join(FONTS, 'Roboto-Medium.ttf') } });
  // A document is made of our own words and fonts: it fetches nothing and opens nothing else.
  pdfMake.setUrlAccessPolicy(() => false);
  pdfMake.setLocalAccessPolicy((path) => path.startsWith(FONTS));
  return pdfMake;
}

/** Surname, given name, patronymic, as far as there are any. */
export function fullName({ surname, given, patronymic }: PrintedCertificate['holder']): string {
  return [surname, given, patronymic].filter(Boolean).join(' ');
}

function definition(certificate: PrintedCertificate): TDocumentDefinitions {
  const { language, texts, number, issuedOn } = certificate;
  const moment = new Date(`${issuedOn}T00:00:00Z`);
  return {
    info: {
      title: `${texts.title[language]} ${number}`,
      author: texts.issuer[language],
      producer: 'Qamqor',
      creator: 'Qamqor',
      // The day it was issued, not the moment it is printed: two prints of one certificate are the same file.
      creationDate: moment,
      modDate: moment,
    },
    language: `${language}-KZ`,
    pageSize: 'A4',
    pageMargins: [72, 96, 72, 72],
    background: frame(),
    content: [...words(certificate), seal(certificate)],
    defaultStyle: { font: 'Roboto', fontSize: 14, color: INK, lineHeight: 1.35 },
  };
}

function words({ holder, course, issuedOn, language, number, texts }: PrintedCertificate): Content[] {
  const values = { name: fullName(holder), course, date: dateInWords(issuedOn, language), number };
  return [
    { text: texts.issuer[language], alignment: 'center', fontSize: 11, color: MUTED },
    {
      text: texts.title[language],
      alignment: 'center',
      fontSize: 40,
      bold: true,
      color: ACCENT,
      characterSpacing: 4,
      margin: [0, 90, 0, 6],
    },
    { text: filled(texts.number[language], values), alignment: 'center', fontSize: 13, color: MUTED },
    { text: filled(texts.body[language], values), alignment: 'center', fontSize: 18, margin: [0, 64, 0, 0] },
  ];
}

/** What stands at the foot of the page, however long the words above it are. */
function seal({ issuedOn, language, texts, verifyUrl }: PrintedCertificate): Content {
  const signature: Content = [
    { text: [`${FIXED_TEXTS.issuedOn[language]}: `, { text: dateInWords(issuedOn, language), bold: true }] },
    {
      canvas: [{ type: 'line', x1: 0, y1: 0, x2: 220, y2: 0, lineWidth: 0.7, lineColor: MUTED }],
      margin: [0, 58, 0, 4],
    },
    { text: texts.signer[language], color: MUTED, fontSize: 12 },
  ];
  const code: Content = [
    { svg: qrSvg(verifyUrl), width: 118, alignment: 'right' },
    { text: FIXED_TEXTS.check[language], fontSize: 8, color: MUTED, alignment: 'right', margin: [0, 2, 0, 0] },
  ];
  return {
    absolutePosition: { x: 72, y: PAGE.height - 240 },
    columns: [
      { width: '*', stack: signature, margin: [0, 24, 0, 0] },
      { width: 150, stack: code },
    ],
  };
}

/** What a template says, with names in bold. A value is never read as a template again. */
function filled(template: string, values: Record<string, string>): Content[] {
  return template.split(/(\{\w+\})/).map((part): Content => {
    const [, name] = /^\{(\w+)\}$/.exec(part) ?? [];
    const value = name !== undefined && Object.hasOwn(values, name) ? values[name] : undefined;
    return value === undefined ? { text: part } : { text: value, bold: true };
  });
}

function frame(): Content {
  const rect = (inset: number, lineWidth: number) =>
    ({
      type: 'rect',
      x: inset,
      y: inset,
      w: PAGE.width - 2 * inset,
      h: PAGE.height - 2 * inset,
      lineWidth,
      lineColor: ACCENT,
    }) as const;
  return { canvas: [rect(PAGE.margin, 2), rect(PAGE.margin + 6, 0.5)] };
}
