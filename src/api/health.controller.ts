import { Controller, Get, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Public } from '../identity/access.js';
import { isKeyed } from '../identity/principal.js';
import { within } from '../platform/within.js';
import { Describe } from './contract.js';

/** Looks at one thing that the process needs. A text is a warning; throwing means that it is away. */
export type HealthCheck = () => Promise<string | null>;

/** By name; injected. */
export class HealthChecks {
  constructor(readonly checks: Record<string, HealthCheck>) {}
}

const PATIENCE_MS = 3_000;
const state = z.object({ status: z.enum(['ok', 'warning', 'away']), message: z.string().optional() });
const readiness = z
  .object({ status: z.enum(['ok', 'warning', 'away']), checks: z.record(z.string(), state) })
  .meta({ id: 'Readiness' });

@Controller('health')
@Public()
export class HealthController {
  constructor(private readonly health: HealthChecks) {}

  @Get('live')
  @Describe({
    tag: 'about',
    summary: 'The process answers',
    answers: { 200: { description: 'It does', schema: z.object({ status: z.literal('ok') }) } },
  })
  live() {
    return { status: 'ok' };
  }

  @Get('ready')
  @Describe({
    tag: 'about',
    summary: 'What the process needs is there',
    answers: {
      200: { description: 'It is', schema: readiness },
      503: { description: 'Something is away', schema: readiness },
    },
  })
  async ready(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    const checks = Object.fromEntries(
      await Promise.all(
        Object.entries(this.health.checks).map(async ([name, check]) => [name, await look(check)] as const),
      ),
    );
    const worst =
      (['away', 'warning'] as const).find((status) => Object.values(checks).some((found) => found.status === status)) ??
      'ok';
    void reply.status(worst === 'away' ? 503 : 200);
    if (worst === 'away') void reply.header('retry-after', '2');
    return { status: worst, checks: isKeyed(request) ? checks : withoutWords(checks) };
  }
}

/** How we are set up is the business of whoever runs us. */
function withoutWords(checks: Record<string, z.infer<typeof state>>): Record<string, z.infer<typeof state>> {
  return Object.fromEntries(Object.entries(checks).map(([name, { status }]) => [name, { status }]));
}

/** Details of a failure are for the log, not for whoever asks. */
async function look(check: HealthCheck): Promise<z.infer<typeof state>> {
  try {
    const message = await within(PATIENCE_MS, check());
    if (message === undefined) return { status: 'away' };
    return message === null ? { status: 'ok' } : { status: 'warning', message };
  } catch {
    return { status: 'away' };
  }
}
