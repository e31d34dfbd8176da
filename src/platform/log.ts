import type { LoggerService } from '@nestjs/common';
import { type Level, type Logger, pino, stdTimeFunctions } from 'pino';
import { build as pretty } from 'pino-pretty';
import type { Config } from '../config.js';
import { withoutPersonalData, withoutQuotes } from './personal.js';
import type { Span } from './span.js';

/** What a line is about, so that all lines about it can be found. */
export interface About {
  /** Id of the case. */
  case?: string;
  /** Id of the command; an Idempotency-Key where the sender gave one. */
  command?: string;
}

/** Told of what went wrong where no sender waits for an answer. */
export type Warn = (message: string, error: unknown, about?: About) => void;

/** Which span lasts in the code that runs just now. */
interface Spans {
  readonly current: Span | undefined;
}

type Stream = NodeJS.WritableStream & { isTTY?: boolean };

/**
 * What this process tells whoever runs it, on stderr: lines for a person at a terminal, JSON where a program reads them. It
 * names cases, commands and rows by their ids and says nothing about people.
 */
export class Log implements LoggerService {
  readonly #pino: Logger;
  #spans: Spans | undefined;

  constructor({ logLevel, unattended }: Pick<Config, 'logLevel' | 'unattended'>, stream: Stream = process.stderr) {
    const json = unattended || stream.isTTY !== true;
    this.#pino = pino(
      {
        level: logLevel,
        base: { pid: process.pid },
        timestamp: stdTimeFunctions.isoTime,
        formatters: { level: (level) => ({ level }) },
        mixin: () => this.#trace(),
      },
      json ? stream : pretty({ destination: stream, ignore: 'pid', translateTime: 'SYS:HH:MM:ss', singleLine: true }),
    );
  }

  /** From now on a line names the trace in which it is said (`trace_id`). */
  follow(spans: Spans): void {
    this.#spans = spans;
  }

  info(message: string, about: About = {}): void {
    this.#write('info', message, about);
  }

  readonly trouble: Warn = (message, error, about = {}) => this.#write('warn', message, about, error);

  /** One command was answered. */
  command(outcome: string, ms: number, about: About & { kind: string; lane: string }): void {
    if (!this.#pino.isLevelEnabled('debug')) return;
    this.#write('debug', `command ${outcome}`, { ...about, outcome, ms: Math.round(ms) });
  }

  #trace(): { trace_id?: string } {
    const span = this.#spans?.current;
    return span ? { trace_id: span.traceId } : {};
  }

  // What Nest calls. Its own account of how it starts is for who develops.
  fatal(message: unknown, ...more: unknown[]): void {
    this.#ofNest('fatal', message, more);
  }
  error(message: unknown, ...more: unknown[]): void {
    this.#ofNest('error', message, more);
  }
  warn(message: unknown, ...more: unknown[]): void {
    this.#ofNest('warn', message, more);
  }
  log(message: unknown, ...more: unknown[]): void {
    this.#ofNest('debug', message, more);
  }
  debug(message: unknown, ...more: unknown[]): void {
    this.#ofNest('debug', message, more);
  }
  verbose(message: unknown, ...more: unknown[]): void {
    this.#ofNest('trace', message, more);
  }

  /** After the message Nest may give an object of facts or a stack, and last the name of the part that speaks. */
  #ofNest(level: Level, message: unknown, more: unknown[]): void {
    const facts = more.find((one): one is object => typeof one === 'object' && one !== null && !isError(one));
    const texts = more.filter((one) => typeof one === 'string');
    const stack = texts.find((text) => /\n\s+at /.test(text));
    const part = texts.findLast((text) => text !== stack);
    const error = isError(message) ? message : more.find(isError);
    this.#write(
      level,
      isError(message) ? message.name : String(message),
      { ...(part ? { part } : {}), ...facts },
      error ?? (stack ? { stack } : undefined),
    );
  }

  #write(level: Level, message: string, facts: object, error?: unknown): void {
    const cleaned = Object.entries(facts).map(([name, fact]) => [
      name,
      typeof fact === 'string' ? withoutPersonalData(fact) : fact,
    ]);
    this.#pino[level](
      { ...Object.fromEntries(cleaned), ...(error === undefined ? {} : { error: told(error, level) }) },
      withoutPersonalData(message),
    );
  }
}

/** Where it happened is wanted for what nobody expected; for all else what happened is enough. */
function told(error: unknown, level: Level): string {
  const { code, message, stack } = error as { code?: unknown; message?: unknown; stack?: unknown };
  const full = level === 'error' || level === 'fatal';
  const text = String((full ? (stack ?? message) : message) ?? error);
  return withoutQuotes(typeof code === 'string' && !text.includes(code) ? `${code}: ${text}` : text);
}

/** Not by `instanceof`: an error may come from another realm. */
function isError(one: unknown): one is Error {
  return typeof one === 'object' && one !== null && 'stack' in one && 'message' in one;
}
