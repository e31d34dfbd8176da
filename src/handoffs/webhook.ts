import { isUtf8 } from 'node:buffer';
import { timingSafeEqual } from 'node:crypto';
import { Webhook } from 'standardwebhooks';

/**
 * `whsec_` and base64 of 24 to 64 bytes, as agreed with one partner. During a rotation the old one stays in force `until` a
 * moment (ISO 8601), beside the new one.
 */
export type WebhookSecret = string | { secret: string; until: string };

export type WebhookHeaders = {
  'webhook-id': string;
  /** Seconds since 1970, digits only. */
  'webhook-timestamp': string;
  /** One `v1,<base64>` per secret in force, with a space between. */
  'webhook-signature': string;
};

export type Verified = { ok: true; id: string } | { ok: false; reason: Distrust };

/** Why a message is not believed. For logs: whoever sent it learns only that it was refused. */
export type Distrust =
  | 'header-missing'
  | 'bad-id'
  | 'bad-stamp'
  | 'too-old'
  | 'too-new'
  | 'bad-signature-header'
  | 'not-utf8'
  | 'no-secret-in-force'
  | 'wrong-signature';

const TOLERANCE_S = 5 * 60;
/** A sender has one signature per secret; more than a rotation needs only makes us calculate. */
const MOST_SIGNATURES = 8;
const MOST_HEADER_CHARACTERS = 2_000;
/** No dots: they separate id, stamp and body in what is signed. */
const ID = /^[A-Za-z0-9_:-]{1,128}$/;
const STAMP = /^[1-9][0-9]{0,10}$/;
const SECRET = /^whsec_([A-Za-z0-9+/]+={0,2})$/;
const SECRET_BYTES = { least: 24, most: 64 };

/** Standard Webhooks 1.0, symmetric (`v1`). @throws when the id has a dot or a secret cannot be used */
export function sign(message: {
  id: string;
  /** ISO 8601, the time of this attempt. */
  at: string;
  body: string;
  secrets: readonly WebhookSecret[];
}): WebhookHeaders {
  if (!ID.test(message.id))
    throw new Error(`"${message.id}" cannot be a webhook-id: letters, digits, "_", "-" and ":".`);
  const seconds = secondsOf(message.at);
  const secrets = inForce(message.secrets, seconds);
  if (secrets.length === 0) throw new Error('No webhook secret is in force: nobody could verify the message.');
  return {
    'webhook-id': message.id,
    'webhook-timestamp': String(seconds),
    'webhook-signature': secrets.map((secret) => signature(secret, message.id, seconds, message.body)).join(' '),
  };
}

/** Whether a message came from whoever shares a secret with us, unchanged, within five minutes. Look at the body only after it. */
export function verify(message: {
  headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Exactly what came over the wire. */
  rawBody: Buffer;
  secrets: readonly WebhookSecret[];
  /** ISO 8601. */
  now: string;
}): Verified {
  const now = secondsOf(message.now);
  const secrets = inForce(message.secrets, now);
  const read = readHeaders(message.headers);
  if (typeof read === 'string') return distrust(read);
  if (read.stamp < now - TOLERANCE_S) return distrust('too-old');
  if (read.stamp > now + TOLERANCE_S) return distrust('too-new');
  // The library signs text: two bodies that differ only in broken bytes would look alike to it.
  if (!isUtf8(message.rawBody)) return distrust('not-utf8');
  if (secrets.length === 0) return distrust('no-secret-in-force');

  const body = message.rawBody.toString();
  let trusted = false;
  for (const secret of secrets) {
    const expected = Buffer.from(signature(secret, read.id, read.stamp, body));
    // No early end: the time it takes must not tell which signature came close.
    for (const given of read.signatures) trusted = isEqual(expected, Buffer.from(given)) || trusted;
  }
  return trusted ? { ok: true, id: read.id } : distrust('wrong-signature');
}

/** The secret itself. @throws when it is not `whsec_` and base64 of 24 to 64 bytes; the message does not show it */
export function checkedSecret(secret: string): string {
  const [, base64] = SECRET.exec(secret) ?? [];
  const { length } = Buffer.from(base64 ?? '', 'base64');
  if (base64 !== undefined && length >= SECRET_BYTES.least && length <= SECRET_BYTES.most) return secret;
  throw new Error(
    `A webhook secret must be "whsec_" and base64 of ${SECRET_BYTES.least} to ${SECRET_BYTES.most} bytes; this one is not.`,
  );
}

function inForce(secrets: readonly WebhookSecret[], now: number): string[] {
  return secrets
    .filter((secret) => typeof secret === 'string' || now < secondsOf(secret.until))
    .map((secret) => checkedSecret(typeof secret === 'string' ? secret : secret.secret));
}

function signature(secret: string, id: string, seconds: number, body: string): string {
  return new Webhook(secret).sign(id, new Date(seconds * 1000), body);
}

function readHeaders(
  headers: Readonly<Record<string, string | string[] | undefined>>,
): { id: string; stamp: number; signatures: string[] } | Distrust {
  const [id, stamp, signatures] = [headers['webhook-id'], headers['webhook-timestamp'], headers['webhook-signature']];
  if (typeof id !== 'string' || typeof stamp !== 'string' || typeof signatures !== 'string') return 'header-missing';
  if (!ID.test(id)) return 'bad-id';
  if (!STAMP.test(stamp)) return 'bad-stamp';
  if (signatures.length > MOST_HEADER_CHARACTERS) return 'bad-signature-header';
  const given = signatures.split(' ');
  if (given.length > MOST_SIGNATURES) return 'bad-signature-header';
  // What is not `v1` is passed over, as the standard says: other versions may stand beside it.
  return { id, stamp: Number(stamp), signatures: given.filter((one) => one.startsWith('v1,')) };
}

function isEqual(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}

function distrust(reason: Distrust): Verified {
  return { ok: false, reason };
}

function secondsOf(moment: string): number {
  const seconds = Math.floor(Date.parse(moment) / 1000);
  if (!Number.isFinite(seconds)) throw new Error(`"${moment}" is not a moment in ISO 8601.`);
  return seconds;
}
