import { Body, Controller, Get, HttpCode, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Describe } from '../api/contract.js';
import { moment, uuid } from '../api/schemas.js';
import { Public } from './access.js';
import { AUTH_PATH } from './auth.js';
import type { Principal } from './principal.js';
import { SessionsService } from './sessions.service.js';

const tag = 'sign-in';
const signIn = z.strictObject({
  email: z.string().max(320),
  password: z.string().max(1000),
  rememberMe: z.boolean().optional(),
});
const changePassword = z.strictObject({
  currentPassword: z.string().max(1000),
  newPassword: z.string().min(8).max(128),
});
const user = z
  .object({
    id: uuid,
    name: z.string(),
    email: z.string(),
    roles: z.array(z.string()),
    may: z.array(z.string()),
    organisationId: uuid,
  })
  .meta({ id: 'User' });
const success = z.object({ success: z.boolean() });
const session = z.object({ user: user.nullable(), expiresAt: moment.nullable() });

/** The part of better-auth that is offered; everything else of it stays shut. */
@Controller(AUTH_PATH.slice(1))
@Public()
export class AuthController {
  constructor(private readonly sessions: SessionsService) {}

  @Post('sign-in/email')
  @HttpCode(200)
  @Describe({
    tag,
    summary: 'Sign in; the answer sets the session cookie',
    body: signIn,
    writes: false,
    answers: { 200: { description: 'Signed in', schema: z.object({ user }) } },
  })
  async signIn(
    @Body() body: z.output<typeof signIn>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    return { user: presentUser(await this.sessions.signIn(request, reply, body)) };
  }

  @Post('sign-out')
  @HttpCode(200)
  @Describe({ tag, summary: 'End the session', answers: { 200: { description: 'Signed out', schema: success } } })
  async signOut(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    await this.sessions.signOut(request, reply);
    void reply.header('clear-site-data', '"cache", "storage"');
    return { success: true };
  }

  @Get('get-session')
  @Describe({
    tag,
    summary: 'Who is signed in; user is null if nobody',
    answers: { 200: { description: 'The session', schema: session } },
  })
  async session(@Req() request: FastifyRequest) {
    const found = await this.sessions.of(request);
    return { user: found && presentUser(found.principal), expiresAt: found?.expiresAt.toISOString() ?? null };
  }

  @Post('change-password')
  @HttpCode(200)
  @Describe({
    tag,
    summary: 'Change the password; every other session ends',
    body: changePassword,
    writes: false,
    answers: { 200: { description: 'Changed', schema: success } },
  })
  async changePassword(
    @Body() body: z.output<typeof changePassword>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    await this.sessions.changePassword(request, reply, body);
    return { success: true };
  }
}

function presentUser(principal: Principal) {
  const { account, name, email, roles, may, organisationId } = principal;
  return { id: account, name, email, roles, may, organisationId };
}
