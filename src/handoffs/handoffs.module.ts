import { Module } from '@nestjs/common';
import { FamiliesService } from '../families/families.service.js';
import { System } from '../system.js';
import { HandoffEvents } from './handoff-events.js';
import { HandoffSender } from './handoff-sender.js';
import { HandoffSource } from './handoff-source.js';
import { HandoffsController } from './handoffs.controller.js';
import { HandoffsService } from './handoffs.service.js';
import { Partners } from './partners.js';
import { personSlice } from './person-slice.js';

@Module({
  controllers: [HandoffsController],
  providers: [
    { provide: Partners, inject: [System], useFactory: partners },
    { provide: HandoffEvents, inject: [System, Partners], useFactory: events },
    { provide: HandoffsService, inject: [System, Partners, HandoffEvents], useFactory: handoffs },
  ],
  exports: [HandoffsService, Partners],
})
export class HandoffsModule {}

function partners(system: System): Partners {
  const { config, folder, clock } = system;
  const directory = new Partners({
    catalogue: folder.catalogue['partners.yaml'] ?? '{}',
    addresses: config.partners,
    clock,
    loopback: !config.production,
  });
  system.onClose(() => Promise.resolve(directory.close()));
  return directory;
}

function events({ runtime, relayPool, warn }: System, directory: Partners): HandoffEvents {
  return new HandoffEvents({ engine: runtime.engine, pool: relayPool, partners: directory, warn });
}

function handoffs(
  { runtime, pool, relayPool, orm, ids, warn }: System,
  directory: Partners,
  inbox: HandoffEvents,
): HandoffsService {
  const { engine } = runtime;
  const service = new HandoffsService({ engine, readPool: pool, relayPool, partners: directory, warn });
  const sender = new HandoffSender({
    pool: relayPool,
    partners: directory,
    personSlice: personSlice(new FamiliesService(orm.em, ids)),
    applyParked: (id) => inbox.applyParked(id),
  });
  engine.registerSource(new HandoffSource());
  engine.registerOutbox('handOff.open', (row) => sender.send(row));
  engine.registerOutbox('handOff.close', (row) => sender.recall(row));
  engine.registerSweep('hand-offs past their time', () => service.expire());
  engine.registerSweep('messages of partners', () => inbox.sweep());
  return service;
}
