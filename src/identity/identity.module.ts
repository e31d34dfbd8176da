import { Global, Module } from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR, Reflector } from '@nestjs/core';
import { System } from '../system.js';
import { AccessLogController } from './access-log.controller.js';
import { AccessLog } from './access-log.js';
import { AccountsService } from './accounts.service.js';
import { AuthController } from './auth.controller.js';
import { AuthGuard } from './auth.guard.js';
import { createAuth, sessionCookie } from './auth.js';
import { LooksInterceptor } from './looks.js';
import { SessionsService } from './sessions.service.js';
import { SignInLimit } from './sign-in-limit.js';

@Global()
@Module({
  controllers: [AuthController, AccessLogController],
  providers: [
    {
      provide: AccountsService,
      inject: [System],
      useFactory: accounts,
    },
    { provide: SignInLimit, inject: [System], useFactory: signInLimit },
    { provide: SessionsService, inject: [System, AccountsService, SignInLimit], useFactory: sessions },
    { provide: AccessLog, inject: [System], useFactory: accessLog },
    { provide: APP_INTERCEPTOR, inject: [Reflector, AccessLog], useFactory: looks },
    {
      provide: APP_GUARD,
      inject: [Reflector, SessionsService, AccountsService, System],
      useFactory: (reflector: Reflector, sessionsService: SessionsService, accounts: AccountsService, system: System) =>
        new AuthGuard(reflector, sessionsService, accounts, system.config.apiKey),
    },
  ],
  exports: [AccountsService, SessionsService],
})
export class IdentityModule {}

function accounts({ pool, ids, roles, runtime }: System): AccountsService {
  return new AccountsService(pool, runtime.reads, () => ids.next(), roles);
}

function accessLog(system: System): AccessLog {
  const { pool, clock, ids, warn } = system;
  const log = new AccessLog({ pool, clock, writer: ids.next(), elapsed: () => performance.now(), warn });
  system.onClose(() => log.close());
  return log;
}

function looks(reflector: Reflector, log: AccessLog): LooksInterceptor {
  return new LooksInterceptor(reflector, log);
}

function signInLimit(system: System): SignInLimit {
  const limit = new SignInLimit(system.pool);
  system.runtime.engine.registerSweep('sign-in failures', () => limit.sweep());
  return limit;
}

function sessions(system: System, accounts: AccountsService, limit: SignInLimit): SessionsService {
  const auth = createAuth({
    pool: system.pool,
    secret: system.secret,
    publicUrl: system.config.publicUrl,
    id: () => system.ids.next(),
  });
  const cookieName = sessionCookie(system.config.publicUrl);
  const service = new SessionsService(auth, accounts, limit, system.pool, system.secret, cookieName, () =>
    performance.now(),
  );
  system.runtime.engine.registerSweep('ended sessions', () => service.sweep());
  return service;
}
