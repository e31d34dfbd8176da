import {
  type Context,
  type Span as OpenTelemetrySpan,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import type { SamplerName, TracingConfig } from '../config.js';
import type { Warn } from './log.js';
import type { Span, SpanSink, SpanStart } from './span.js';

/** A collector that is away is told of once in so long. */
const WARN_EVERY_MS = 60_000;
const SUCCESS = 0;

/** OpenTelemetry's SDK with its OTLP exporter. Only `tracing.ts` loads this file, and only where spans are wanted. */
export function openSink({ url, service, sampler, ratio }: TracingConfig, warn: Warn): SpanSink {
  const provider = new TracerProvider({
    resource: detectResources({ detectors: [envDetector] }).merge(
      resourceFromAttributes({ 'service.name': service, 'process.pid': process.pid }),
    ),
    sampler: samplerOf(sampler, ratio),
    spanProcessors: [new BatchSpanProcessor({ exporter: telling(new OTLPTraceExporter({ url }), warn) })],
  });
  const tracer = provider.getTracer('qamqor');
  return {
    begin({ name, kind, facts, from }) {
      return new Lasting(tracer.startSpan(name, { kind: KINDS[kind], attributes: facts }, parentOf(from)));
    },
    flush: () => provider.forceFlush(),
    // Whoever closes was told already what did not arrive.
    close: () => provider.shutdown().catch(() => undefined),
  };
}

const KINDS: Record<SpanStart['kind'], SpanKind> = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  consumer: SpanKind.CONSUMER,
  internal: SpanKind.INTERNAL,
};

class Lasting implements Span {
  readonly traceId: string;
  readonly traceparent: string;

  constructor(private readonly span: OpenTelemetrySpan) {
    const { traceId, spanId, traceFlags } = span.spanContext();
    this.traceId = traceId;
    this.traceparent = `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
  }

  note(facts: Parameters<Span['note']>[0]): void {
    this.span.setAttributes(facts);
  }

  fail(error: unknown): void {
    this.span.setAttribute('error.type', codeOf(error)).setStatus({ code: SpanStatusCode.ERROR });
  }

  end(): void {
    if (this.span.isRecording()) this.span.end();
  }
}

function codeOf(error: unknown): string {
  if (typeof error === 'string') return error;
  const { code, name } = error as { code?: unknown; name?: unknown };
  return typeof code === 'string' ? code : String(name);
}

/** Of a version that we do not know, what stands where ours has it; of version 00 nothing may follow. */
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

function parentOf(traceparent: string | null | undefined): Context {
  const [, version, traceId, spanId, flags, more] = TRACEPARENT.exec(traceparent ?? '') ?? [];
  if (!traceId || !spanId || !flags || (version === '00' && more !== undefined)) return ROOT_CONTEXT;
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16),
    isRemote: true,
  });
}

function samplerOf(name: SamplerName, ratio: number): Sampler {
  const root = name.replace(/^parentbased_/, '');
  const alone =
    root === 'always_off'
      ? new AlwaysOffSampler()
      : root === 'traceidratio'
        ? new TraceIdRatioBasedSampler(ratio)
        : new AlwaysOnSampler();
  return root === name ? alone : new ParentBasedSampler({ root: alone });
}

/** Spans that do not arrive are lost; who runs this process hears of it. */
function telling(exporter: OTLPTraceExporter, warn: Warn): SpanExporter {
  let toldAt = Number.NEGATIVE_INFINITY;
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        if (result.code !== SUCCESS && performance.now() - toldAt > WARN_EVERY_MS) {
          toldAt = performance.now();
          warn('Spans did not reach their collector and are lost.', result.error);
        }
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: () => exporter.forceFlush(),
  };
}
