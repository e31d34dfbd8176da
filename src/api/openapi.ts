import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { sessionCookie } from '../identity/auth.js';
import { System } from '../system.js';
import { components } from './contract.js';

const DOCS = 'api/docs';

/** The document that `/api/openapi.json` serves: made from the contracts that every request is checked against. */
export function openApiDocument(app: NestFastifyApplication): OpenAPIObject {
  const config = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Qamqor')
    .setDescription(
      'Cases, tasks and hand-offs of a family centre. Errors are application/problem+json with a code of /api/errors.',
    )
    .setVersion('1')
    .addCookieAuth(
      sessionCookie(app.get(System).config.publicUrl),
      {
        type: 'apiKey',
        in: 'cookie',
        description: 'Set by POST /api/auth/sign-in/email, for people in a browser; scripts cannot read it',
      },
      'session',
    )
    .addSecurity('apiKey', {
      type: 'http',
      scheme: 'bearer',
      description: 'The API key of this installation (the setting QAMQOR_API_KEY), for programs; acts as `integration`',
    })
    .addSecurityRequirements('session')
    .addSecurityRequirements('apiKey')
    .build();
  const document = SwaggerModule.createDocument(app, config, {
    operationIdFactory: (controller, method) => `${controller.replace(/Controller$/, '')}_${method}`,
  });
  document.components = { ...document.components, schemas: { ...document.components?.schemas, ...components } };
  return document;
}

export function serveDocument(app: NestFastifyApplication): void {
  let document: OpenAPIObject | undefined;
  const made = () => {
    document ??= openApiDocument(app);
    return document;
  };
  SwaggerModule.setup(DOCS, app, made, {
    jsonDocumentUrl: 'api/openapi.json',
    yamlDocumentUrl: 'api/openapi.yaml',
    customSiteTitle: 'Qamqor API',
  });
  // swagger-ui writes styles into its page; nothing else of ours may.
  const fastify = app.getHttpAdapter().getInstance() as unknown as FastifyInstance;
  fastify.addHook('onSend', async (request: FastifyRequest, reply) => {
    if (!request.url.startsWith(`/${DOCS}`)) return;
    const policy = reply.getHeader('content-security-policy');
    if (typeof policy === 'string')
      void reply.header(
        'content-security-policy',
        policy.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'"),
      );
  });
}
