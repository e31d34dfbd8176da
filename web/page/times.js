import { language } from './texts.js';

/** Of the centre: a due date means the same day wherever the reader is. */
const ZONE = 'Asia/Almaty';
/** Browsers that were built without Kazakh would write "M11" (names of CLDR). */
const KAZAKH_MONTHS = ['қаң.', 'ақп.', 'нау.', 'сәу.', 'мам.', 'мау.', 'шіл.', 'там.', 'қыр.', 'қаз.', 'қар.', 'жел.'];

export function day(iso) {
  if (language() === 'kk') return inKazakh(iso).date;
  return new Intl.DateTimeFormat(language(), { dateStyle: 'medium', timeZone: ZONE }).format(new Date(iso));
}

/** The day that it is at the centre: `2026-12-31`. */
export function today() {
  const fields = { year: 'numeric', month: '2-digit', day: '2-digit', timeZone: ZONE };
  const parts = new Intl.DateTimeFormat('en', fields).formatToParts(new Date());
  const at = Object.fromEntries(parts.map(({ type, value }) => [type, value]));
  return `${at.year}-${at.month}-${at.day}`;
}

/** When a day (`2026-12-31`) begins at the centre, ISO 8601 with offset. */
export function startOfDay(date) {
  const noon = new Date(`${date}T12:00:00Z`);
  const parts = new Intl.DateTimeFormat('en', { timeZone: ZONE, timeZoneName: 'longOffset' }).formatToParts(noon);
  const offset = parts.find(({ type }) => type === 'timeZoneName').value.replace('GMT', '');
  return `${date}T00:00:00${offset || 'Z'}`;
}

/** How near something must be for its time of day to matter. */
const NEAR_MS = 48 * 3_600_000;

/** When something is due: with the time where that is near or urgent. What is due at midnight, and not urgent, is due on the day that ends then. */
export function dueDay(iso, urgent = false) {
  const at = Date.parse(iso);
  if (!urgent && inKazakh(iso).time === '00:00') return day(new Date(at - 1));
  return urgent || Math.abs(at - Date.now()) < NEAR_MS ? moment(iso) : day(iso);
}

export function moment(iso) {
  if (language() === 'kk') return Object.values(inKazakh(iso)).join(', ');
  return new Intl.DateTimeFormat(language(), { dateStyle: 'medium', timeStyle: 'short', timeZone: ZONE }).format(
    new Date(iso),
  );
}

function inKazakh(iso) {
  const fields = {
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  };
  const parts = new Intl.DateTimeFormat('en', { ...fields, timeZone: ZONE }).formatToParts(new Date(iso));
  const at = Object.fromEntries(parts.map(({ type, value }) => [type, value]));
  return { date: `${at.year} ж. ${at.day} ${KAZAKH_MONTHS[at.month - 1]}`, time: `${at.hour}:${at.minute}` };
}
