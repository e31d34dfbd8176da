import { applyDecorators, SetMetadata } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { ApiBody, ApiHeader, ApiOperation, ApiParam, ApiQuery, ApiResponse, type OpenAPIObject } from '@nestjs/swagger';
import { z } from 'zod';
import { problemSchema } from './schemas.js';

type SchemaObject = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>[string];

export const CONTRACT = Symbol('contract');

/** What one route takes and gives. The OpenAPI document and the checks of every request are made from the same words. */
export interface Contract {
  summary: string;
  /** Part of the document it appears in. */
  tag: string;
  params?: Record<string, string>;
  query?: z.ZodObject;
  body?: z.ZodType;
  /** Status → answer. */
  answers: Record<number, { description: string; schema?: z.ZodType; contentType?: string }>;
  /** `If-Match: "<revision>"` is understood. `required`: unless the body has `revision`. */
  ifMatch?: boolean | 'required';
  /** The handler trusts no byte before it has checked the signature, and checks the body itself after that. */
  signed?: boolean;
  /** The body may be left out. */
  bodyOptional?: boolean;
  /** `false`: takes a body and keeps no answer, for sent twice it comes to nothing more. */
  writes?: boolean;
}

const WRITES = 'Idempotency-Key';
const SIGNATURE = {
  'webhook-id': 'Standard Webhooks: the id of this message, without dots',
  'webhook-timestamp': 'Seconds since 1970, at most five minutes from now',
  'webhook-signature': 'v1, and base64 of HMAC-SHA256 over id.timestamp.body with the secret that both sides have',
};

/** Declares a route: what comes in is checked against it, what goes out is promised in `/api/openapi.json`. */
export function Describe(contract: Contract): MethodDecorator {
  const decorators: MethodDecorator[] = [
    SetMetadata(CONTRACT, contract),
    ApiOperation({ summary: contract.summary, tags: [contract.tag] }),
    ApiResponse({
      status: 'default',
      description: 'What went wrong and what to do',
      content: problemContent(),
    }),
  ];
  for (const [name, description] of Object.entries(contract.params ?? {}))
    decorators.push(ApiParam({ name, description, schema: { type: 'string' } }));
  for (const [name, schema] of Object.entries(contract.query?.shape ?? {})) {
    decorators.push(ApiQuery({ name, required: false, schema: openApiSchema(schema as z.ZodType, 'input') }));
  }
  if (contract.body)
    decorators.push(ApiBody({ required: !contract.bodyOptional, schema: openApiSchema(contract.body, 'input') }));
  for (const [status, { description, schema, contentType }] of Object.entries(contract.answers)) {
    const content = schema
      ? { content: { [contentType ?? 'application/json']: { schema: openApiSchema(schema) }, ...refused(status) } }
      : {};
    decorators.push(ApiResponse({ status: Number(status), description, ...content }));
  }
  if (contract.writes !== false && contract.body !== undefined) {
    decorators.push(
      ApiHeader({
        name: WRITES,
        required: false,
        description: 'The same key gives the same answer: 1–128 visible ASCII characters',
        schema: { type: 'string', maxLength: 128 },
      }),
    );
  }
  if (contract.signed) {
    decorators.push(RouteConfig({ signed: true }));
    for (const [name, description] of Object.entries(SIGNATURE))
      decorators.push(ApiHeader({ name, required: true, description, schema: { type: 'string' } }));
  }
  if (contract.ifMatch) {
    decorators.push(
      ApiHeader({
        name: 'If-Match',
        required: false,
        description: `The revision that you read, in quotes${contract.ifMatch === 'required' ? '. Required unless the body has `revision`' : ''}`,
        schema: { type: 'string' },
      }),
    );
  }
  return applyDecorators(...decorators);
}

const problemContent = () => ({ 'application/problem+json': { schema: openApiSchema(problemSchema) } });

/** A refusal with a form of its own is said as a problem too, where it never came as far as the handler. */
const refused = (status: string) => (Number(status) < 400 ? {} : problemContent());

/** Schemas with an id, for `components.schemas`. */
export const components: Record<string, SchemaObject> = {};

/** The JSON Schema of a zod schema, with everything that has a name moved to the components. */
export function openApiSchema(schema: z.ZodType, io: 'input' | 'output' = 'output'): SchemaObject {
  const made = z.toJSONSchema(schema, { target: 'draft-2020-12', io, unrepresentable: 'any' }) as Record<
    string,
    unknown
  >;
  const {
    $schema: _dialect,
    $defs,
    ...own
  } = JSON.parse(JSON.stringify(made).replaceAll('"#/$defs/', '"#/components/schemas/')) as Record<string, unknown>;
  for (const [name, definition] of Object.entries(($defs as Record<string, SchemaObject> | undefined) ?? {}))
    components[name] = withoutId(definition);
  if (typeof own['id'] === 'string') {
    components[own['id']] = withoutId(own as SchemaObject);
    return { $ref: `#/components/schemas/${own['id']}` } as SchemaObject;
  }
  return own as SchemaObject;
}

function withoutId(definition: object): SchemaObject {
  const { id: _id, ...rest } = definition as { id?: string };
  return rest as SchemaObject;
}
