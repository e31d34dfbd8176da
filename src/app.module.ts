import { type DynamicModule, Module } from '@nestjs/common';
import { ApiModule } from './api/api.module.js';
import { HandoffsModule } from './handoffs/handoffs.module.js';
import { IdentityModule } from './identity/identity.module.js';
import { NotificationsModule } from './notifications/notifications.module.js';
import { ServicesModule } from './services/services.module.js';
import { SupervisionModule } from './supervision/supervision.module.js';
import type { System } from './system.js';
import { SystemModule } from './system.module.js';
import { TasksModule } from './tasks/tasks.module.js';

/** One module per feature. Guards run in this order: who asks, then what is asked. */
@Module({})
export class AppModule {
  static of(system: System): DynamicModule {
    return {
      module: AppModule,
      imports: [
        SystemModule.of(system),
        IdentityModule,
        ApiModule,
        TasksModule,
        HandoffsModule,
        ServicesModule,
        NotificationsModule,
        SupervisionModule,
      ],
    };
  }
}
