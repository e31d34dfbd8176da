import { readFile } from 'node:fs/promises';
import fastifyStatic from '@fastify/static';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import { projectPath } from './platform/project-root.js';

/** Serves the first page at `/` and what it is made of below `/page/`. It shows nothing that the API would not say. */
export async function servePage(app: NestFastifyApplication): Promise<void> {
  const folder = projectPath('web', 'page');
  const index = await readFile(projectPath('web', 'page', 'index.html'));
  const fastify = app.getHttpAdapter().getInstance() as unknown as FastifyInstance;
  await fastify.register(fastifyStatic, { root: folder, prefix: '/page/', decorateReply: false, index: false });
  fastify.get('/', (_request, reply) =>
    reply.type('text/html; charset=utf-8').header('cache-control', 'no-cache').send(index),
  );
}
