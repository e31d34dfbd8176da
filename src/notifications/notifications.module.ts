import { Module } from '@nestjs/common';
import { System } from '../system.js';
import { NotificationsService } from './notifications.service.js';

@Module({
  providers: [{ provide: NotificationsService, inject: [System], useFactory: notifications }],
  exports: [NotificationsService],
})
export class NotificationsModule {}

function notifications({ runtime: { engine }, relayPool }: System): NotificationsService {
  const service = new NotificationsService({ engine, pool: relayPool });
  engine.registerOutbox('notify', (row) => service.notify(row));
  return service;
}
