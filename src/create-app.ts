import type { LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyInstance } from 'fastify';
import { answerOperatorsOnly, httpAdapter, prepareHttp } from './api/http.js';
import { traceRequests } from './api/trace-requests.js';
import { appModule } from './app.module.js';
import { servePage } from './page.js';
import { serveQueueBoard } from './queue-board.js';
import type { System } from './system.js';

/** The whole application over an open system, initialised and not yet listening. */
export async function createApp(system: System, logger: LoggerService | false): Promise<NestFastifyApplication> {
  const app = await NestFactory.create<NestFastifyApplication>(
    appModule(system),
    httpAdapter(system.config.trustProxy),
    {
      bodyParser: false,
      logger,
      abortOnError: false,
    },
  );
  const { tracing } = system;
  if (tracing) traceRequests(app.getHttpAdapter().getInstance() as unknown as FastifyInstance, tracing);
  await prepareHttp(app, system.config.publicUrl);
  if (system.config.roles.includes('web')) {
    await servePage(app);
    await serveQueueBoard(app, system);
  } else answerOperatorsOnly(app);
  await app.init();
  await app.getHttpAdapter().getInstance().ready();
  return app;
}
