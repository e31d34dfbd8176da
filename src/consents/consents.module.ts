import { Module } from '@nestjs/common';
import { FamiliesService } from '../families/families.service.js';
import { System } from '../system.js';
import { ConsentNews } from './consent-news.js';
import { ConsentsController } from './consents.controller.js';
import { ConsentsService } from './consents.service.js';

@Module({
  controllers: [ConsentsController],
  providers: [{ provide: ConsentsService, inject: [System], useFactory: consents }],
  exports: [ConsentsService],
})
export class ConsentsModule {}

function consents({ runtime: { engine }, pool, relayPool, orm, ids, partnerKeys, warn }: System): ConsentsService {
  const families = new FamiliesService(orm.em, ids);
  const news = new ConsentNews({ engine, pool: relayPool, id: () => ids.next(), warn });
  engine.registerSweep('consents that cases have not heard of', () => news.tell());
  return new ConsentsService({ pool, families, partners: partnerKeys, id: () => ids.next(), warn });
}
