import { type DynamicModule, Module } from '@nestjs/common';
import { ApiModule } from './api/api.module.js';
import { CasePageModule } from './case-page/case-page.module.js';
import { CertificatesModule } from './certificates/certificates.module.js';
import { ConsentsModule } from './consents/consents.module.js';
import { FamiliesModule } from './families/families.module.js';
import { HandoffsModule } from './handoffs/handoffs.module.js';
import { IdentityModule } from './identity/identity.module.js';
import { NotificationsModule } from './notifications/notifications.module.js';
import { queuesModule } from './queues.module.js';
import { ServicesModule } from './services/services.module.js';
import { SupervisionModule } from './supervision/supervision.module.js';
import type { System } from './system.js';
import { systemModule } from './system.module.js';
import { TasksModule } from './tasks/tasks.module.js';

/** One module per feature. Guards run in this order: who asks, then what is asked. */
@Module({
  imports: [
    IdentityModule,
    ApiModule,
    CasePageModule,
    TasksModule,
    FamiliesModule,
    ConsentsModule,
    HandoffsModule,
    ServicesModule,
    CertificatesModule,
    NotificationsModule,
    SupervisionModule,
  ],
})
class AppModule {}

export function appModule(system: System): DynamicModule {
  return { module: AppModule, imports: [systemModule(system), ...queuesModule(system)] };
}
