import { Body, Controller, Get, HttpCode, Param, Post, Put, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { Describe } from '../api/contract.js';
import { KeptByEngine, replayed } from '../api/idempotency.interceptor.js';
import { answeredTaskView, caseView, instant, json, page, paging, taskView, uuid } from '../api/schemas.js';
import { With, type Write } from '../api/write.js';
import { Roles } from '../identity/access.js';
import { Looks } from '../identity/looks.js';
import { By, type Principal } from '../identity/principal.js';
import { TasksService } from './tasks.service.js';

const tag = 'tasks';
const params = { id: 'Id of the task' };
const revision = z.number().int().min(0).optional();
const answers = { 200: { description: 'The task as it is now', schema: taskView } };

const listQuery = z.strictObject({
  view: z.enum(['mine', 'available', 'cases', 'all']).default('mine'),
  caseId: z.uuid().optional(),
  status: z.enum(['open', 'claimed', 'held', 'done', 'cancelled']).optional(),
  ...paging,
});
const act = z.strictObject({ revision });
const assigneeView = z.object({ id: uuid, name: z.string(), roles: z.array(z.string()) }).meta({ id: 'Assignee' });
const assign = z.strictObject({ assignee: z.string().max(64), revision });
const hold = z.strictObject({
  until: instant,
  reason: z.string().trim().min(1).max(1000),
  revision,
});
const draft = z.strictObject({ data: json, revision });
const complete = z.strictObject({
  output: json,
  onBehalfOf: z
    .string()
    .max(64)
    .optional()
    .meta({ description: 'Account of the colleague who has the task and is away; only for who oversees' }),
  revision,
});

@Controller('api/tasks')
@Roles('staff')
export class TasksController {
  constructor(private readonly tasks: TasksService) {}

  @Get()
  @Looks('task')
  @Describe({
    tag,
    summary: 'Tasks: mine, those I could take, those of my cases, or all',
    query: listQuery,
    answers: { 200: { description: 'In the order of the queue', schema: page(taskView) } },
  })
  list(@By() by: Principal, @Query() query: z.output<typeof listQuery>) {
    return this.tasks.list(by, query);
  }

  @Get(':id')
  @Looks('task')
  @Describe({
    tag,
    summary: 'One task, and what was answered in it',
    params,
    answers: {
      200: {
        description:
          'The task as it is now. Of an answer, fields that the form marks `x-personal` are shown to the role that the task was for, to who answered it, to who may `read-answers`, and to who oversees or audits; `x-closed` ones to the first two alone',
        schema: answeredTaskView,
      },
    },
  })
  read(@By() by: Principal, @Param('id') id: string) {
    return this.tasks.read(by, id);
  }

  @Post(':id/claim')
  @HttpCode(200)
  @Describe({ tag, summary: 'Take a task', params, body: act, bodyOptional: true, ifMatch: true, answers })
  claim(@By() by: Principal, @Param('id') id: string, @With() write: Write) {
    return this.tasks.claim(by, id, write);
  }

  @Post(':id/release')
  @HttpCode(200)
  @Describe({
    tag,
    summary: 'Give a task back to its queue',
    params,
    body: act,
    bodyOptional: true,
    ifMatch: true,
    answers,
  })
  release(@By() by: Principal, @Param('id') id: string, @With() write: Write) {
    return this.tasks.release(by, id, write);
  }

  @Get(':id/assignees')
  @Looks('task')
  @Roles('oversee')
  @Describe({
    tag,
    summary: 'To whom a task can be given: who has its role, and who stands in for it',
    params,
    answers: {
      200: { description: 'By name', schema: z.object({ items: z.array(assigneeView), next: z.null() }) },
    },
  })
  async assignees(@By() by: Principal, @Param('id') id: string) {
    return { items: await this.tasks.assignees(by, id), next: null };
  }

  @Post(':id/assign')
  @HttpCode(200)
  @Describe({ tag, summary: 'Give a task to somebody', params, body: assign, ifMatch: true, answers })
  assign(@By() by: Principal, @Param('id') id: string, @Body() body: z.output<typeof assign>, @With() write: Write) {
    return this.tasks.assign(by, id, body.assignee, write);
  }

  @Post(':id/hold')
  @HttpCode(200)
  @Describe({ tag, summary: 'Put a task aside until a moment', params, body: hold, ifMatch: true, answers })
  hold(@By() by: Principal, @Param('id') id: string, @Body() body: z.output<typeof hold>, @With() write: Write) {
    return this.tasks.hold(by, id, body.until, body.reason, write);
  }

  @Put(':id/draft')
  @Describe({ tag, summary: 'Keep a begun answer', params, body: draft, ifMatch: true, answers })
  saveDraft(@By() by: Principal, @Param('id') id: string, @Body() body: z.output<typeof draft>, @With() write: Write) {
    return this.tasks.saveDraft(by, id, body.data, write);
  }

  @Post(':id/complete')
  @KeptByEngine()
  @HttpCode(200)
  @Describe({
    tag,
    summary: 'Answer a task; what nobody has is claimed by it',
    params,
    body: complete,
    ifMatch: true,
    answers: { 200: { description: 'The answer was taken', schema: z.object({ task: taskView, case: caseView }) } },
  })
  async complete(
    @By() by: Principal,
    @Param('id') id: string,
    @Body() body: z.output<typeof complete>,
    @With() write: Write,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const completed = await this.tasks.complete(by, id, body.output, write, body.onBehalfOf);
    return replayed(reply, completed);
  }
}
