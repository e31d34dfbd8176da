import { AsyncLocalStorage } from 'node:async_hooks';
import type { TracingConfig } from '../config.js';
import type { Warn } from './log.js';
import type { Span, SpanSink, SpanStart } from './span.js';

/** How long a process that ends waits for its collector. */
const LAST_SPANS_MS = 3_000;

/**
 * The spans of this process, and which of them lasts in the code that runs just now. It is nobody's global: libraries that
 * find one tell it of statements and addresses, and so of people.
 */
export class Tracing {
  readonly #lasting = new AsyncLocalStorage<Span | undefined>();

  private constructor(private readonly sink: SpanSink) {}

  /** Nothing where nobody asked for it. */
  static async open(settings: TracingConfig | undefined, warn: Warn): Promise<Tracing | undefined> {
    if (!settings) return undefined;
    // Loaded only here: who does not trace pays nothing for it.
    const { openSink } = await import('./tracing-sdk.js');
    return new Tracing(openSink(settings, warn));
  }

  get current(): Span | undefined {
    return this.#lasting.getStore();
  }

  begin(start: SpanStart): Span {
    return this.sink.begin('from' in start ? start : { ...start, from: this.current?.traceparent });
  }

  /** What `run` does, and what follows from it, happens in this span. */
  within<T>(span: Span, run: () => T): T {
    return this.#lasting.run(span, run);
  }

  /** What `run` does belongs to no span: it is done for others, too. */
  outside<T>(run: () => T): T {
    return this.#lasting.run(undefined, run);
  }

  /** `run`, called from anywhere, happens in the span that lasts here. */
  bound<Given extends unknown[]>(run: (...given: Given) => void): (...given: Given) => void {
    return AsyncLocalStorage.bind(run);
  }

  async span<T>(start: SpanStart, run: (span: Span) => Promise<T>): Promise<T> {
    const span = this.begin(start);
    try {
      return await this.within(span, () => run(span));
    } catch (error) {
      span.fail(error);
      throw error;
    } finally {
      span.end();
    }
  }

  /** Resolves when all spans that have ended are with the collector. */
  flush(): Promise<void> {
    return this.sink.flush();
  }

  async close(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LAST_SPANS_MS);
    });
    await Promise.race([this.sink.close(), late]);
    clearTimeout(timer);
  }
}
