import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

interface Operation {
  responses: Record<string, { content?: Record<string, { schema: object }> }>;
}

export interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, object> };
}

interface Answered {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: unknown;
}

/** Compares real answers with `/api/openapi.json`: a document that lies is worse than none. */
export class AnswerCheck {
  /** Documented successes that were seen: `POST /api/cases 201`. */
  readonly seen = new Set<string>();
  private readonly ajv = new Ajv2020({ strict: false, allErrors: true });
  private readonly compiled = new Map<object, ValidateFunction>();
  private readonly routes: { method: string; pattern: RegExp; path: string; operation: Operation }[];

  constructor(readonly document: Document) {
    addFormats.default(this.ajv);
    this.ajv.addSchema({ $id: 'document', components: document.components });
    this.routes = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.entries(operations).map(([method, operation]) => ({
        method: method.toUpperCase(),
        path,
        pattern: new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`),
        operation,
      })),
    );
  }

  /** Every success that the document promises. */
  get promised(): string[] {
    return this.routes.flatMap(({ method, path, operation }) =>
      Object.keys(operation.responses)
        .filter((status) => status.startsWith('2'))
        .map((status) => `${method} ${path} ${status}`),
    );
  }

  /** What is wrong with the answer, or null. Addresses that the document does not know are only checked for their problem. */
  problemOf(method: string, url: string, answer: Answered): string | null {
    // An answer to HEAD has no body to compare.
    if (method === 'HEAD') return null;
    const path = url.split('?')[0] ?? '';
    const route = this.routes.find((candidate) => candidate.method === method && candidate.pattern.test(path));
    if (!route)
      return answer.status < 400 ? null : this.mismatch({ $ref: 'document#/components/schemas/Problem' }, answer.body);
    const key = `${method} ${route.path} ${answer.status}`;
    const response =
      route.operation.responses[String(answer.status)] ??
      (answer.status >= 400 ? route.operation.responses['default'] : undefined);
    if (!response) return `${key} is not documented.`;
    if (answer.status < 400) this.seen.add(key);
    const types = Object.keys(response.content ?? {});
    if (types.length === 0) return null;
    const given = String(answer.headers['content-type']).split(';')[0] ?? '';
    const content = response.content?.[given];
    if (!content) return `${key} comes as ${given}, documented is ${types.join(', ')}.`;
    const mismatch = this.mismatch(content.schema, answer.body);
    return mismatch && `${key}: ${mismatch}`;
  }

  private mismatch(schema: object, body: unknown): string | null {
    let validate = this.compiled.get(schema);
    if (!validate) {
      validate = this.ajv.compile(
        JSON.parse(JSON.stringify(schema).replaceAll('"#/components/', '"document#/components/')) as object,
      );
      this.compiled.set(schema, validate);
    }
    return validate(body) ? null : this.ajv.errorsText(validate.errors);
  }
}
