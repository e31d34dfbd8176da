import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { createCanvas } from '@napi-rs/canvas';
import * as jsqr from 'jsqr';
import { getDocument } from 'pdfjs-dist/legacy/build/pdf.mjs';
import { parse } from 'yaml';
import { certificateTexts } from './certificate-texts.js';
import { fullName, type PrintedCertificate, renderCertificate } from './pdf.js';

const TEXTS = certificateTexts.parse(parse(readFileSync('workflows/course-track/documents/certificate.yaml', 'utf8')));
/** The module says `default` of a function that is the module itself. */
const readCode = jsqr.default as unknown as typeof jsqr.default.default;
const KAZAKH = 'Әә Ғғ Ққ Ңң Өө Ұұ Үү Һһ Іі';

describe('a printed certificate', () => {
  it.each(['kk', 'ru', 'en'] as const)(
    'says in %s what was passed, by whom, when, and under which number',
    async (language) => {
      const text = await readText(await renderCertificate(certificate({ language })));
      expect(text).toContain(TEXTS.title[language]);
      expect(text).toContain('2026-0042');
      expect(text).toContain('Өмірзақова Әсем Қайратқызы');
      expect(text).toContain('Тігін');
      expect(text).toContain(TEXTS.issuer[language]);
      expect(text).toContain(TEXTS.signer[language]);
      expect(text).toContain('2026');
      expect(text).not.toMatch(/[{}]/);
    },
  );

  it('has every letter of Kazakh, in both cases and both weights', async () => {
    const texts = { ...TEXTS, body: { ...TEXTS.body, kk: `${KAZAKH} {name}` } };
    const holder = { surname: KAZAKH, given: null, patronymic: null };
    const text = await readText(await renderCertificate(certificate({ texts, holder })));
    expect(text).toContain(`${KAZAKH} ${KAZAKH}`);
  });

  it('draws each of these letters, and not one box for all that is missing', async () => {
    const drawn = new Set<string>();
    const letters = [...'ӘәҒғҚқҢңӨөҰұҮүҺһІі'];
    for (const letter of [...letters, '\u{10FFFD}']) {
      const pdf = await renderCertificate(certificate({ texts: { ...TEXTS, title: { kk: letter, ru: '', en: '' } } }));
      drawn.add((await renderPage(pdf)).part(0.2, 0.2, 0.6, 0.14).toString('base64'));
    }
    expect(drawn.size).toBe(letters.length + 1);
  }, 60_000);

  it('leads whoever scans it to the page where it can be checked', async () => {
    const page = await renderPage(await renderCertificate(certificate({})));
    expect(readCode(page.data, page.width, page.height)?.data).toBe(
      'https://qamqor.example.kz/certificates/2026-0042?code=k7w2m9x4pq',
    );
  });

  it('is one A4 page, however long the names are', async () => {
    const holder = {
      surname: 'Ұзынтегі'.repeat(4),
      given: 'Ұзынесім'.repeat(4),
      patronymic: 'Ұзынәкесініңаты'.repeat(3),
    };
    const course = 'Кәсіпкерлік негіздері және үй жағдайында табыс табу '.repeat(3);
    const document = await open(await renderCertificate(certificate({ holder, course })));
    expect(document.numPages).toBe(1);
    const [, , width = 0, height = 0] = (await document.getPage(1)).view;
    expect([Math.round(width), Math.round(height)]).toEqual([595, 842]);
    await document.loadingTask.destroy();
  });

  it('names people who have one name, or no patronymic', async () => {
    expect(fullName({ surname: null, given: 'Айгүл', patronymic: null })).toBe('Айгүл');
    const holder = { surname: 'Ли', given: 'Анна', patronymic: null };
    expect(await readText(await renderCertificate(certificate({ holder })))).toContain('Ли Анна «Тігін»');
  });

  it('prints what looks like a template as it stands', async () => {
    const holder = { surname: '{course}', given: '{{7*7}}', patronymic: '$(number) <b>' };
    expect(await readText(await renderCertificate(certificate({ holder })))).toContain(
      '{course} {{7*7}} $(number) <b>',
    );
  });

  it('is the same file whenever it is printed', async () => {
    const [one, other] = [await renderCertificate(certificate({})), await renderCertificate(certificate({}))];
    expect(one.equals(other)).toBe(true);
    expect(one.subarray(0, 5).toString()).toBe('%PDF-');
    expect(one.equals(await renderCertificate(certificate({ number: '2026-0043' })))).toBe(false);
  });

  it('says who made it and on which day', async () => {
    const document = await open(await renderCertificate(certificate({})));
    const { info } = await document.getMetadata();
    expect(info).toMatchObject({
      Title: 'СЕРТИФИКАТ 2026-0042',
      Author: TEXTS.issuer.kk,
      CreationDate: expect.stringContaining('20261122'),
      Language: 'kk-KZ',
    });
    await document.loadingTask.destroy();
  });
});

function certificate(change: Partial<PrintedCertificate>): PrintedCertificate {
  return {
    number: '2026-0042',
    holder: { surname: 'Өмірзақова', given: 'Әсем', patronymic: 'Қайратқызы' },
    course: 'Тігін',
    issuedOn: '2026-11-22',
    language: 'kk',
    verifyUrl: 'https://qamqor.example.kz/certificates/2026-0042?code=k7w2m9x4pq',
    texts: TEXTS,
    ...change,
  };
}

function open(pdf: Buffer) {
  return getDocument({ data: new Uint8Array(pdf), verbosity: 0, useSystemFonts: false }).promise;
}

/** All words of the first page, with single spaces. */
async function readText(pdf: Buffer): Promise<string> {
  const document = await open(pdf);
  const { items } = await (await document.getPage(1)).getTextContent();
  await document.loadingTask.destroy();
  return items
    .map((item) => ('str' in item ? `${item.str}${item.hasEOL ? ' ' : ''}` : ''))
    .join('')
    .replace(/\s+/g, ' ');
}

async function renderPage(pdf: Buffer) {
  const document = await open(pdf);
  const page = await document.getPage(1);
  const viewport = page.getViewport({ scale: 2 });
  const canvas = createCanvas(Math.ceil(viewport.width), Math.ceil(viewport.height));
  const context = canvas.getContext('2d');
  await page.render({ canvas: canvas as never, canvasContext: context as never, viewport }).promise;
  const { width, height } = canvas;
  const { data } = context.getImageData(0, 0, width, height);
  await document.loadingTask.destroy();
  return {
    width,
    height,
    data,
    /** A part of the page, in shares of its size. */
    part: (x: number, y: number, w: number, h: number) =>
      Buffer.from(context.getImageData(x * width, y * height, w * width, h * height).data),
  };
}
