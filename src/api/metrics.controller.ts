import { Controller, Get, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { KeySuffices, Roles } from '../identity/access.js';
import { System } from '../system.js';
import { Describe } from './contract.js';

@Controller('metrics')
export class MetricsController {
  constructor(private readonly system: System) {}

  /** Prometheus sends the API key as a bearer token: figures of a centre are not for everybody. */
  @Get()
  @KeySuffices()
  @Roles('integration', 'administrator')
  @Describe({
    tag: 'about',
    summary: 'Figures of this process and of what waits, for Prometheus',
    answers: { 200: { description: 'In its text format', schema: z.string(), contentType: 'text/plain' } },
  })
  async metrics(@Res({ passthrough: true }) reply: FastifyReply) {
    const { metrics } = this.system;
    void reply.header('content-type', metrics.contentType);
    return metrics.text();
  }
}
