import { Module } from '@nestjs/common';
import { System } from '../system.js';
import { MilestonesService } from './milestones.service.js';

@Module({ providers: [{ provide: MilestonesService, inject: [System], useFactory: milestones }] })
export class SupervisionModule {}

function milestones({ runtime: { engine }, relayPool }: System): MilestonesService {
  const service = new MilestonesService(relayPool);
  engine.registerOutbox('milestone', (row) => service.reached(row));
  return service;
}
