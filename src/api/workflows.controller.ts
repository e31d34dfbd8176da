import { Body, Controller, Get, Param, Post, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { Roles } from '../identity/access.js';
import { By, type Principal } from '../identity/principal.js';
import { INTEGRATION } from '../identity/roles.js';
import type { JsonObject, Workflow } from '../statechart/types.js';
import { DEPLOYERS } from './case.policy.js';
import { Describe } from './contract.js';
import { jsonObject, publicEvent, text } from './schemas.js';
import { WorkflowsService } from './workflows.service.js';

const tag = 'workflows';
const deploy = z.strictObject({ files: z.record(z.string().max(200), z.string()) });
const deployed = z.object({ key: z.string(), version: z.number().int(), hash: z.string() }).meta({ id: 'Deployed' });
const workflowView = z
  .object({
    key: z.string(),
    version: z.number().int(),
    hash: z.string(),
    title: text,
    stages: z.array(z.object({ key: z.string(), title: text })),
    events: z.array(publicEvent),
    forms: z.array(
      z.object({ name: z.string(), version: z.number().int(), title: text, schema: jsonObject, ui: jsonObject }),
    ),
    inputSchema: jsonObject.nullable(),
  })
  .meta({ id: 'Workflow' });

@Controller('api/workflows')
@Roles('staff', INTEGRATION)
export class WorkflowsController {
  constructor(private readonly workflows: WorkflowsService) {}

  @Post()
  @Roles(...DEPLOYERS)
  @Describe({
    tag,
    summary: 'Deploy a workflow; the same content is the same version',
    body: deploy,
    answers: {
      201: { description: 'A new version', schema: deployed },
      200: { description: 'It was there already', schema: deployed },
    },
  })
  async deploy(
    @By() by: Principal,
    @Body() body: z.output<typeof deploy>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const { created, ...version } = await this.workflows.deploy(by, body.files);
    void reply.status(created ? 201 : 200);
    return version;
  }

  @Get()
  @Describe({
    tag,
    summary: 'Workflows and their newest versions',
    answers: {
      200: {
        description: 'All of them',
        schema: z.object({ items: z.array(z.object({ key: z.string(), version: z.number().int() })), next: z.null() }),
      },
    },
  })
  async list(@By() by: Principal) {
    return { items: await this.workflows.list(by), next: null };
  }

  @Get(':key')
  @Describe({
    tag,
    summary: 'The newest version of a workflow',
    params: { key: 'Its key' },
    answers: { 200: { description: 'What it is made of', schema: workflowView } },
  })
  async read(@By() by: Principal, @Param('key') key: string) {
    const { workflow, version } = await this.workflows.read(by, key);
    return presentWorkflow(workflow, version);
  }
}

function presentWorkflow(workflow: Workflow, version: number): JsonObject {
  return {
    key: workflow.key,
    version,
    hash: workflow.hash,
    title: workflow.title as JsonObject,
    stages: workflow.stages.map(({ key, title }) => ({ key, title: title as JsonObject })),
    events: workflow.events.map((event) => ({
      type: event.type,
      title: event.title as JsonObject,
      schema: event.schema ?? null,
      roles: event.roles,
      ...(event.confirm ? { confirm: event.confirm as JsonObject } : {}),
      ...(event.refused ? { refused: event.refused as JsonObject } : {}),
    })),
    forms: Object.values(workflow.forms).map((form) => ({
      name: form.name,
      version: form.version,
      title: form.title as JsonObject,
      schema: form.schema,
      ui: form.ui,
    })),
    inputSchema: workflow.inputSchema ?? null,
  };
}
