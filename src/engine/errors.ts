import { isRetryable } from '../platform/database.js';
import type { Json, JsonObject, Text } from '../statechart/types.js';

/** One value that does not fit. `message` is English, for logs; `rule` and `facts` say it in any language. */
export interface Violation {
  /** JSON Pointer into what was sent. */
  path: string;
  message: string;
  /** A keyword of JSON Schema, or a rule of ours. */
  rule?: string;
  /** The keyword's parameters, as ajv names them. `labels`: value or field → its name in kk, ru, en. */
  facts?: JsonObject;
}

/**
 * A refusal that a person or a program can act on: nothing was changed. `code` is kebab-case and listed at `/api/errors`,
 * where its texts in Kazakh, Russian and English stand; `detail` values fill the gaps in them.
 */
export class AppError extends Error {
  constructor(
    readonly code: string,
    readonly status: number,
    /** What, in which state, what is possible: in English, for logs and for programs. */
    message: string,
    /** Facts that go into the answer: state, accepts, revision, … */
    readonly facts: Record<string, Json> = {},
    readonly errors?: Violation[],
    /** Seconds, for 429 and 503. */
    readonly retryAfter?: number,
    /** The workflow's own words, which a person hears instead of those of the code. */
    readonly words?: Text,
  ) {
    super(message);
    this.name = 'AppError';
  }
}

/** The worker took too long: its outbox row is another one's by now, who will say how it ended. */
export class LeaseOver extends Error {
  constructor(outboxId: string) {
    super(`Outbox row ${outboxId} is not held by this attempt any more.`);
    this.name = 'LeaseOver';
  }
}

/** Its sender's mistake or bad luck, not ours. */
export function isRefusal(error: unknown): error is AppError {
  return error instanceof AppError && error.status < 500;
}

/** Passes by itself: the database is away, or the case is busy. */
export function isPassing(error: unknown): boolean {
  return isRetryable(error) || (error instanceof AppError && error.status === 503);
}

/** Of an error, what PostgreSQL can store. */
export function asText(error: unknown): string {
  return messageOf(error).replaceAll('\0', '').toWellFormed().slice(0, 1_000);
}

function messageOf(error: unknown): string {
  if (error instanceof Error) return error.message;
  try {
    return String(error);
  } catch {
    return 'Something that is no error and cannot be shown.';
  }
}
