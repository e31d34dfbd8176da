import { type DynamicModule, Module } from '@nestjs/common';
import { Engine } from './engine/engine.js';
import { Versions } from './engine/versions.js';
import { System } from './system.js';

@Module({})
class SystemModule {}

/** The system that was opened before Nest, for every feature to build its services from. */
export function systemModule(system: System): DynamicModule {
  return {
    module: SystemModule,
    global: true,
    providers: [
      { provide: System, useValue: system },
      { provide: Engine, useValue: system.runtime.engine },
      { provide: Versions, useValue: system.runtime.versions },
    ],
    exports: [System, Engine, Versions],
  };
}
