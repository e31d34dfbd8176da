import { Module, type OnModuleInit } from '@nestjs/common';
import { System } from '../system.js';
import { SERVICES } from '../workflows/catalogue.js';
import { ServiceSource } from './service-source.js';

@Module({
  providers: [{ provide: ServiceSource, inject: [System], useFactory: serviceSource }],
  exports: [ServiceSource],
})
export class ServicesModule implements OnModuleInit {
  constructor(private readonly source: ServiceSource) {}

  /** By now every feature has registered its own: what `check` lets workflows name is what there is. */
  onModuleInit(): void {
    const { names } = this.source;
    const one = [
      ...SERVICES.filter((name) => !names.includes(name)),
      ...names.filter((name) => !SERVICES.includes(name)),
    ];
    if (one.length > 0)
      throw new Error(
        `SERVICES in src/workflows/catalogue.ts and the registered services differ by: ${one.join(', ')}.`,
      );
  }
}

function serviceSource({ runtime: { engine } }: System): ServiceSource {
  const source = new ServiceSource(engine);
  engine.registerSource(source);
  engine.registerOutbox('service.open', (row) => source.run(row));
  return source;
}
