import { Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, Reflector } from '@nestjs/core';
import { FamiliesService } from '../families/families.service.js';
import { System } from '../system.js';
import { inspectBeside } from '../workflows/inspect-beside.js';
import { CasesController } from './cases.controller.js';
import { CasesService } from './cases.service.js';
import { ContractGuard } from './contract.guard.js';
import { ErrorsController } from './errors.controller.js';
import { FamilyIntake } from './family-intake.js';
import { HealthChecks, HealthController } from './health.controller.js';
import { IdempotencyInterceptor } from './idempotency.interceptor.js';
import { forgetOldKeys, IdempotencyKeys } from './idempotency-keys.js';
import { IncidentsController } from './incidents.controller.js';
import { IncidentsService } from './incidents.service.js';
import { MetricsController } from './metrics.controller.js';
import { ProblemFilter } from './problem.filter.js';
import { RolesController } from './roles.controller.js';
import { WorkflowsController } from './workflows.controller.js';
import { WorkflowsService } from './workflows.service.js';

/** The HTTP surface that belongs to no feature, and what every route shares. */
@Module({
  controllers: [
    CasesController,
    IncidentsController,
    WorkflowsController,
    RolesController,
    ErrorsController,
    HealthController,
    MetricsController,
  ],
  providers: [
    { provide: CasesService, inject: [System], useFactory: casesService },
    { provide: IncidentsService, inject: [System], useFactory: incidentsService },
    { provide: WorkflowsService, inject: [System], useFactory: workflowsService },
    { provide: HealthChecks, inject: [System], useFactory: healthChecks },
    { provide: APP_FILTER, useClass: ProblemFilter },
    { provide: APP_GUARD, useClass: ContractGuard },
    { provide: APP_INTERCEPTOR, inject: [System, Reflector], useFactory: idempotency },
  ],
  exports: [CasesService],
})
export class ApiModule {}

function casesService({ runtime, orm, pool, clock, ids, calendar, roles }: System): CasesService {
  const intake = new FamilyIntake(new FamiliesService(orm.em, ids));
  return new CasesService({
    engine: runtime.engine,
    versions: runtime.versions,
    pool,
    clock,
    calendar,
    intake,
    roles,
    id: () => ids.next(),
  });
}

function incidentsService({ pool, runtime }: System): IncidentsService {
  return new IncidentsService(pool, runtime.versions);
}

function workflowsService({ runtime, clock, folder }: System): WorkflowsService {
  const { versions } = runtime;
  return new WorkflowsService({ versions, clock, catalogue: folder.catalogue, inspect: inspectBeside });
}

function idempotency(system: System, reflector: Reflector): IdempotencyInterceptor {
  system.runtime.engine.registerSweep('idempotency keys', () => forgetOldKeys(system.relayPool));
  return new IdempotencyInterceptor(
    new IdempotencyKeys(system.pool, () => performance.now()),
    system.secret,
    reflector,
  );
}

function healthChecks(system: System): HealthChecks {
  const { pool, queues } = system;
  return new HealthChecks({
    workflows: () => Promise.resolve(system.folderProblems.join(' ') || null),
    database: async () => {
      await pool.query('select 1');
      return null;
    },
    ...(queues ? { queues: async () => (await queues.backend.warnings()).join(' ') || null } : {}),
  });
}
