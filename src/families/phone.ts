import { parsePhoneNumberFromString } from 'libphonenumber-js/core';
// The full tables: the short ones take any ten digits after +7 7 for a number.
import metadata from 'libphonenumber-js/max/metadata';

export type PhoneReading =
  /** `unusual`: it has the length of a number, but no range that we know holds it (770, for one). It may well ring. */
  { ok: true; e164: string; unusual: boolean } | { ok: false };

/**
 * Reads one telephone number as Kazakhstan writes it: `8 (702) 613-52-41`, `+7 702 …`, `7702…`, `702…`, a landline
 * `8 (72533) 4 15 15`, or a foreign number with its `+`. What cannot be dialled is refused; what is only unknown is kept.
 */
export function readPhone(text: string): PhoneReading {
  const number = parsePhoneNumberFromString(text.trim(), { defaultCountry: 'KZ', extract: false }, metadata);
  if (!number?.isPossible() || number.ext) return { ok: false };
  return { ok: true, e164: number.number, unusual: !number.isValid() };
}
