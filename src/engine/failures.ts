import { isRetryable, sqlState } from '../platform/database.js';

/**
 * What a batch failed of that was rolled back, and so what becomes of its commands:
 * - `final`: they are told `cause`; to run them again would not be right, or would not help.
 * - `away`: the database itself is at fault, or its disk.
 * - `conflict`: another transaction was in its way. Chance, or one of their cases meets it again and again.
 * - `slow`: a statement took too long, and may do so each time: seconds, that nobody shall pay twice.
 * - `lock`: one that a feature needs was not given in time.
 * - `taken`: another process stored the same key first, or opened a case of the same subject.
 * - `own`: one of them cannot be carried out.
 */
type Failure = { kind: 'final'; cause: Error } | { kind: 'away' | 'conflict' | 'slow' | 'lock' | 'taken' | 'own' };

export function failureOf(error: Error): Failure {
  if (error instanceof Final) return { kind: 'final', cause: error.cause };
  const kind = KINDS[sqlState(error) ?? ''];
  return { kind: kind ?? (isRetryable(error) ? 'away' : 'own') };
}

/** serialization_failure, deadlock_detected, query_canceled, lock_not_available, unique_violation. */
const KINDS: Partial<Record<string, 'conflict' | 'slow' | 'lock' | 'taken'>> = {
  '40001': 'conflict',
  '40P01': 'conflict',
  '57014': 'slow',
  '55P03': 'lock',
  '23505': 'taken',
};

/** Another case of the same subject is open: by a case that is reopened, say. */
export function isOpenSubject(error: Error): boolean {
  return (error as { constraint?: string }).constraint === 'cases_open_subject';
}

/** Running the batch again would not be right, or would not help: its commands are told. */
export class Final extends Error {
  constructor(override readonly cause: Error) {
    super(cause.message);
  }
}
