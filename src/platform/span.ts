/** Ids, codes and counts of ours, and routes as they are written: never what a person wrote. */
export type Facts = Record<string, string | number | boolean>;

export interface SpanStart {
  name: string;
  /** `server`: somebody asked us. `client`: we ask somebody. `consumer`: we take up what was written down before. */
  kind: 'server' | 'client' | 'consumer' | 'internal';
  facts: Facts;
  /** The `traceparent` (W3C) that it goes on from; none or a bad one begins a trace. Left out: the span that lasts here. */
  from?: string | null | undefined;
}

/** Something that lasts: who reads a trace sees when it began, when it ended, and what was known of it. */
export interface Span {
  readonly traceId: string;
  /** What others go on from (W3C Trace Context). */
  readonly traceparent: string;
  note(facts: Facts): void;
  /** By its code; nothing of what an error says is told. */
  fail(error: unknown): void;
  /** Once; what comes later changes nothing. */
  end(): void;
}

/** Where spans go. */
export interface SpanSink {
  begin(start: SpanStart): Span;
  /** Resolves when all spans that have ended are there. */
  flush(): Promise<void>;
  close(): Promise<void>;
}
