import { Module } from '@nestjs/common';
import { System } from '../system.js';
import { ServiceSource } from './service-source.js';

@Module({
  providers: [{ provide: ServiceSource, inject: [System], useFactory: serviceSource }],
  exports: [ServiceSource],
})
export class ServicesModule {}

function serviceSource({ runtime: { engine } }: System): ServiceSource {
  const source = new ServiceSource(engine);
  engine.registerSource(source);
  engine.registerOutbox('service.open', (row) => source.run(row));
  return source;
}
