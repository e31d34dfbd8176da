import { Module } from '@nestjs/common';
import { ConsentsModule } from '../consents/consents.module.js';
import { ConsentsService } from '../consents/consents.service.js';
import { FamiliesService } from '../families/families.service.js';
import { AccountsService } from '../identity/accounts.service.js';
import { NotificationsModule } from '../notifications/notifications.module.js';
import { NotificationsService } from '../notifications/notifications.service.js';
import { System } from '../system.js';
import { TaskEnds } from './task-ends.js';
import { TaskSource } from './task-source.js';
import { TasksController } from './tasks.controller.js';
import { TasksService } from './tasks.service.js';

@Module({
  imports: [ConsentsModule, NotificationsModule],
  controllers: [TasksController],
  providers: [
    {
      provide: TasksService,
      inject: [System, AccountsService, ConsentsService, NotificationsService],
      useFactory: tasksService,
    },
  ],
  exports: [TasksService],
})
export class TasksModule {}

function tasksService(
  { runtime, orm, pool, relayPool, ids, secret, calendar, clock }: System,
  accounts: AccountsService,
  consents: ConsentsService,
  notifications: NotificationsService,
): TasksService {
  const source = new TaskSource(() => ids.next(), calendar);
  const { engine, versions } = runtime;
  const id = () => ids.next();
  const tasks = new TasksService({
    engine,
    versions,
    pool,
    reads: runtime.reads,
    accounts,
    source,
    consents,
    families: new FamiliesService(orm.em, ids),
    clock,
    zone: calendar.zone,
    id,
    secret,
  });
  const ends = new TaskEnds({ pool: relayPool, notifications });
  engine.registerSource(source);
  engine.registerOutbox('task.close', (row) => ends.tellOwner(row));
  engine.registerSweep('tasks', () => tasks.sweep(relayPool));
  return tasks;
}
