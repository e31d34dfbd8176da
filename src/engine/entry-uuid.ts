import { createHash } from 'node:crypto';

/**
 * The UUID that tasks, hand-offs, jobs and timers carry for an entry: shaped like UUIDv7 (RFC 9562), with the case's own
 * time plus the entry's seq as milliseconds, so that ids of a case sort by opening, and 74 bits of SHA-256 over case and
 * entry id. Derived rather than drawn, so that replay finds the same id.
 */
export function entryUuid(caseId: string, entryId: string, seq: number): string {
  const time = Number.parseInt(caseId.slice(0, 8) + caseId.slice(9, 13), 16) + seq;
  const digest = createHash('sha256').update(caseId).update(':').update(entryId).digest();
  const hex = time.toString(16).padStart(12, '0');
  const a = (((digest[0] ?? 0) & 0x0f) | 0x70).toString(16).padStart(2, '0') + byte(digest[1]);
  const b = (((digest[2] ?? 0) & 0x3f) | 0x80).toString(16).padStart(2, '0') + byte(digest[3]);
  return `${hex.slice(0, 8)}-${hex.slice(8)}-${a}-${b}-${digest.toString('hex', 4, 10)}`;
}

function byte(value: number | undefined): string {
  return (value ?? 0).toString(16).padStart(2, '0');
}

/** A UUIDv8 (RFC 9562) derived from another id, so that whoever does the same thing twice gets the same one. */
export function uuidOf(id: string, purpose: string): string {
  const hex = createHash('sha256').update(purpose).update(':').update(id).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${((Number.parseInt(hex.slice(16, 17), 16) & 3) | 8).toString(16)}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
