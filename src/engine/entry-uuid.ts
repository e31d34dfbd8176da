import { hash } from 'node:crypto';
import type { Entry } from '../statechart/types.js';

/**
 * The UUID that tasks, hand-offs, jobs and timers carry for an entry: shaped like UUIDv7 (RFC 9562), with the case's own
 * time plus the entry's seq as milliseconds, so that ids of a case sort by opening, and 74 bits of SHA-256 over case and
 * entry id. Derived rather than drawn, so that replay finds the same id.
 */
export function entryUuid(caseId: string, entryId: string, seq: number): string {
  const time = Number.parseInt(caseId.slice(0, 8) + caseId.slice(9, 13), 16) + seq;
  const hex = time.toString(16).padStart(12, '0');
  const digest = hash('sha256', `${caseId}:${entryId}`);
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7${digest.slice(1, 4)}-${variant(digest, 4)}${digest.slice(5, 8)}-${digest.slice(8, 20)}`;
}

const uuids = new WeakMap<Entry, string>();

/** The same, worked out once for each entry that is in memory. */
export function uuidOfEntry(caseId: string, entry: Entry): string {
  const known = uuids.get(entry);
  if (known !== undefined) return known;
  const uuid = entryUuid(caseId, entry.id, entry.seq);
  uuids.set(entry, uuid);
  return uuid;
}

/** The digit that names the variant of RFC 9562, with the two bits it leaves free. */
function variant(digest: string, at: number): string {
  return ((Number.parseInt(digest.slice(at, at + 1), 16) & 3) | 8).toString(16);
}

/** A UUIDv8 (RFC 9562) derived from another id, so that whoever does the same thing twice gets the same one. */
export function uuidOf(id: string, purpose: string): string {
  const hex = hash('sha256', `${purpose}:${id}`);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant(hex, 16)}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
