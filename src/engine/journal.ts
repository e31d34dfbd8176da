import { hash } from 'node:crypto';
import { canonicalJson } from '../statechart/canonical.js';
import type { JournalBody, JournalPayload } from './types.js';

/** Hash before the first row of a case. */
export const GENESIS = Buffer.alloc(32);

/** A journal row ready to be stored: `body` is the very text that `hash` covers. */
export interface JournalRow {
  caseId: string;
  organisationId: string;
  seq: number;
  at: string;
  kind: JournalBody['kind'];
  type: string;
  body: string;
  hash: Buffer;
  salt: Buffer;
  /** Canonical JSON of the payload. */
  payload: string;
}

/** Salted, so that an erased payload cannot be guessed from its digest. */
export function payloadDigest(salt: Buffer, payload: string): string {
  return hash('sha256', Buffer.concat([salt, Buffer.from(payload)]));
}

/** `hash = SHA-256(previous hash, body)`. */
export function chainHash(previous: Buffer, body: string): Buffer {
  return hash('sha256', Buffer.concat([previous, Buffer.from(body)]), 'buffer');
}

export function journalRow(
  head: Buffer,
  salt: Buffer,
  at: { caseId: string; organisationId: string },
  facts: Omit<JournalBody, 'payload'>,
  payload: JournalPayload,
): JournalRow {
  const payloadText = canonicalJson(payload);
  const body = canonicalJson({ ...facts, payload: payloadDigest(salt, payloadText) });
  return {
    ...at,
    seq: facts.seq,
    at: facts.at,
    kind: facts.kind,
    type: facts.type,
    body,
    hash: chainHash(head, body),
    salt,
    payload: payloadText,
  };
}

/** A journal row as it is stored. */
export interface StoredRow {
  seq: number;
  at: Date;
  kind: string;
  type: string;
  body: string;
  hash: Buffer;
  salt: Buffer | null;
  data: string | null;
}
