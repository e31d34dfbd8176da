import { AppError } from '../engine/errors.js';
import { isRetryable } from '../platform/database.js';
import type { Json, Language } from '../statechart/types.js';
import { ACT_REASONS } from './act-reasons.js';
import { fillIn, PROBLEMS } from './errors.js';
import { sayViolation } from './violations.js';

/** An answer in `application/problem+json` (RFC 9457), with its headers. */
export interface ProblemAnswer {
  status: number;
  headers: Record<string, string>;
  body: { [key: string]: Json };
}

/** What any failure is told as. `reference` finds an unexpected one in the log; nothing of its inside goes out. */
export function problemAnswer(error: unknown, language: Language, reference: () => string): ProblemAnswer {
  const known = asAppError(error) ?? unexpected(reference());
  const problem = PROBLEMS[known.code];
  const told =
    problem?.because?.[String(known.facts['because'])] ??
    ACT_REASONS[known.code === 'act-not-possible' ? String(known.facts['rule']) : ''] ??
    problem?.detail;
  const words = known.words?.[language];
  // In English the refusal's own sentence says more than the table: what, in which state, what is possible.
  const detail = words ?? (language === 'en' || !told ? known.message : fillIn(told[language], known.facts));
  return {
    status: known.status,
    headers: {
      'content-type': 'application/problem+json; charset=utf-8',
      'content-language': language,
      ...(known.retryAfter === undefined ? {} : { 'retry-after': String(known.retryAfter) }),
    },
    body: {
      ...known.facts,
      type: `/api/errors#${known.code}`,
      title: problem?.title[language] ?? known.code,
      status: known.status,
      code: known.code,
      detail,
      ...(known.errors
        ? { errors: known.errors.map((found) => ({ path: found.path, message: sayViolation(found, language) })) }
        : {}),
    },
  };
}

/** Seconds after which it is worth trying again when the database is away. */
const RETRY_AFTER_S = 2;

/** Codes of Fastify and status codes of Nest, in the words of our own contract. */
export function asAppError(error: unknown): AppError | undefined {
  if (error instanceof AppError) return error;
  if (isRetryable(error))
    return new AppError(
      'unavailable',
      503,
      'The database does not answer. Repeat the same request a little later.',
      {},
      undefined,
      RETRY_AFTER_S,
    );
  const { code, statusCode, status } = error as { code?: unknown; statusCode?: unknown; status?: unknown };
  const byCode = typeof code === 'string' ? FASTIFY_CODES[code] : undefined;
  if (byCode) return byCode();
  const number = typeof statusCode === 'number' ? statusCode : status;
  return typeof number === 'number' ? STATUS_CODES[number]?.() : undefined;
}

function unexpected(reference: string): AppError {
  const message = `The fault is on our side. Tell the administrator this reference: ${reference}.`;
  return new AppError('internal', 500, message, { reference });
}

const malformed = (message: string) => () => new AppError('malformed', 400, message);
const notFound = () => new AppError('not-found', 404, 'There is no such address. The API is described at /api/docs.');

const FASTIFY_CODES: Record<string, () => AppError> = {
  FST_ERR_CTP_BODY_TOO_LARGE: () =>
    new AppError('too-large', 413, 'The body is larger than allowed (256 KB, a workflow 1 MB).'),
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () => new AppError('wrong-type', 415, 'Send JSON: Content-Type: application/json.'),
  FST_ERR_CTP_EMPTY_TYPE: () => new AppError('wrong-type', 415, 'Send JSON: Content-Type: application/json.'),
  FST_ERR_CTP_EMPTY_JSON_BODY: malformed('The body is empty. Send one JSON value in UTF-8.'),
  FST_ERR_CTP_INVALID_JSON_BODY: malformed('The body is not JSON.'),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: malformed('The body is not as long as Content-Length says.'),
  FST_ERR_BAD_URL: malformed('The address cannot be decoded.'),
  FST_ERR_MAX_PARAM_LENGTH: notFound,
  FST_ERR_ROUTE_METHOD_NOT_SUPPORTED: notFound,
};

const STATUS_CODES: Record<number, () => AppError> = {
  400: malformed('The request cannot be read.'),
  403: () => new AppError('cross-site', 403, 'The request came from another site and was not carried out.'),
  404: notFound,
  405: notFound,
  408: malformed('The request did not arrive in time.'),
  413: () => new AppError('too-large', 413, 'The body is larger than allowed (256 KB, a workflow 1 MB).'),
  414: notFound,
  415: () => new AppError('wrong-type', 415, 'Send JSON: Content-Type: application/json.'),
  431: () =>
    new AppError('headers-too-large', 431, 'The headers of the request are larger than allowed (64 KB). Send fewer.'),
  503: () => new AppError('unavailable', 503, 'This process is stopping. Send it again.', {}, undefined, RETRY_AFTER_S),
};
