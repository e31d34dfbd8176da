import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TracingConfig } from '../src/config.js';

export interface CollectedSpan {
  traceId: string;
  spanId: string;
  /** Empty where a trace begins. */
  parentSpanId: string;
  name: string;
  facts: Record<string, string | number | boolean>;
  failed: boolean;
  service: string;
}

type Value = { stringValue: string } | { intValue: string | number } | { boolValue: boolean };
type Attributes = { key: string; value: Value }[];
interface Told {
  resourceSpans: {
    resource: { attributes: Attributes };
    scopeSpans: {
      spans: (Pick<CollectedSpan, 'traceId' | 'spanId' | 'name'> & {
        parentSpanId?: string;
        attributes: Attributes;
        status: { code?: number };
      })[];
    }[];
  }[];
}

const FAILED = 2;

/** What takes spans: OTLP over HTTP, as JSON, on a port of its own. */
export class Collector {
  readonly spans: CollectedSpan[] = [];
  /** Everything that came, as it came. */
  text = '';

  private constructor(private readonly server: Server) {}

  static async start(): Promise<Collector> {
    const server = createServer();
    const collector = new Collector(server);
    server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const fits = request.method === 'POST' && request.url === '/v1/traces';
        if (fits) collector.take(Buffer.concat(chunks).toString());
        response.writeHead(fits ? 200 : 404, { 'content-type': 'application/json' }).end('{}');
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return collector;
  }

  /** As OTEL_EXPORTER_OTLP_ENDPOINT names it. */
  get endpoint(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get settings(): TracingConfig {
    return { url: `${this.endpoint}/v1/traces`, service: 'qamqor', sampler: 'parentbased_always_on', ratio: 1 };
  }

  /** In the order in which they ended. */
  of(traceId: string): CollectedSpan[] {
    return this.spans.filter((span) => span.traceId === traceId);
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  private take(body: string): void {
    this.text += body;
    for (const { resource, scopeSpans } of (JSON.parse(body) as Told).resourceSpans) {
      const service = String(factsOf(resource.attributes)['service.name']);
      for (const { parentSpanId = '', attributes, status, ...span } of scopeSpans.flatMap(({ spans }) => spans))
        this.spans.push({
          traceId: span.traceId,
          spanId: span.spanId,
          name: span.name,
          parentSpanId,
          facts: factsOf(attributes),
          failed: status.code === FAILED,
          service,
        });
    }
  }
}

function factsOf(attributes: Attributes): CollectedSpan['facts'] {
  return Object.fromEntries(
    attributes.map(({ key, value }) => {
      if ('intValue' in value) return [key, Number(value.intValue)];
      return [key, 'boolValue' in value ? value.boolValue : value.stringValue];
    }),
  );
}
