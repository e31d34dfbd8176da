import { Module } from '@nestjs/common';
import { System } from '../system.js';
import { NoticesController } from './notices.controller.js';
import { NoticesService } from './notices.service.js';
import { NotificationsService } from './notifications.service.js';

@Module({
  controllers: [NoticesController],
  providers: [
    { provide: NotificationsService, inject: [System], useFactory: notifications },
    { provide: NoticesService, inject: [System], useFactory: ({ pool }: System) => new NoticesService(pool) },
  ],
  exports: [NotificationsService],
})
export class NotificationsModule {}

function notifications({ runtime: { engine }, relayPool }: System): NotificationsService {
  const service = new NotificationsService({ engine, pool: relayPool });
  engine.registerOutbox('notify', (row) => service.notify(row));
  return service;
}
