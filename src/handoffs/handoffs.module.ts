import { Logger, Module } from '@nestjs/common';
import { ConsentsModule } from '../consents/consents.module.js';
import { ConsentsService } from '../consents/consents.service.js';
import { FamiliesService } from '../families/families.service.js';
import { ORGANISATION, System } from '../system.js';
import { HandoffErasure } from './handoff-erasure.js';
import { HandoffEvents } from './handoff-events.js';
import { HandoffSender } from './handoff-sender.js';
import { HandoffSource } from './handoff-source.js';
import { HandoffSweeps } from './handoff-sweeps.js';
import { HandoffsController } from './handoffs.controller.js';
import { HandoffsService } from './handoffs.service.js';
import type { PartnerNews } from './partner-circuit.js';
import { PartnerTerms } from './partner-terms.js';
import { PartnersController } from './partners.controller.js';
import { Partners } from './partners.js';
import { PartnersService } from './partners.service.js';
import { PartnersGone } from './partners-gone.js';
import { personSlice } from './person-slice.js';

@Module({
  imports: [ConsentsModule],
  controllers: [HandoffsController, PartnersController],
  providers: [
    { provide: Partners, inject: [System], useFactory: partners },
    { provide: HandoffEvents, inject: [System, Partners], useFactory: events },
    { provide: HandoffsService, inject: [System, Partners, ConsentsService], useFactory: handoffs },
    { provide: PartnersService, inject: [System, Partners], useFactory: partnersService },
    { provide: HandoffSender, inject: [System, Partners, HandoffEvents], useFactory: sender },
  ],
  exports: [HandoffsService, Partners],
})
export class HandoffsModule {}

const logger = new Logger('Partners');
const NEWS = {
  open: 'does not answer and is left in peace.',
  closed: 'answers again.',
  gone: 'answered 410 Gone: nothing is sent to its address any more. Ask it for its new address, or retry the incident.',
} satisfies Record<PartnerNews, string>;

function partners(system: System): Partners {
  const { config, folder, clock, relayPool, tracing } = system;
  const directory = new Partners({
    catalogue: folder.catalogue['partners.yaml'] ?? '{}',
    addresses: config.partners,
    clock,
    tracing,
    loopback: !config.production,
    circuits: { pool: relayPool, organisationId: ORGANISATION },
    changed: (partner, news) => logger.warn(`${partner} ${NEWS[news]}`),
  });
  system.onClose(() => Promise.resolve(directory.close()));
  return directory;
}

function events({ runtime, relayPool, ids, warn, tracing }: System, directory: Partners): HandoffEvents {
  const { engine } = runtime;
  const alert = (message: string) => logger.warn(message);
  return new HandoffEvents({
    engine,
    pool: relayPool,
    partners: directory,
    id: () => ids.next(),
    warn,
    alert,
    tracing,
  });
}

function handoffs(
  { runtime: { engine }, pool, relayPool, ids, calendar, warn, tracing }: System,
  directory: Partners,
  consents: ConsentsService,
): HandoffsService {
  const id = () => ids.next();
  const terms = new PartnerTerms(directory, calendar);
  const source = new HandoffSource(id, terms);
  const service = new HandoffsService({ engine, source, pool, relayPool, partners: directory, id, tracing });
  const sweeps = new HandoffSweeps({ engine, pool: relayPool, id, terms, warn });
  const erasure = new HandoffErasure(relayPool);
  engine.registerSource(source);
  engine.registerSweep('hand-offs past their time', () => sweeps.expire());
  engine.registerSweep('hand-offs without consent', () => sweeps.recallWithdrawn());
  engine.registerSweep('papers that partners wait for', () => sweeps.remindOfPapers());
  engine.registerSweep('hand-offs long over', () => erasure.sweep());
  consents.onGiven((consent) => service.hurry(consent));
  return service;
}

function sender(
  { runtime: { engine }, relayPool, orm, ids, calendar, warn }: System,
  directory: Partners,
  inbox: HandoffEvents,
) {
  const gone = new PartnersGone({ engine, pool: relayPool, partners: directory, warn });
  const made = new HandoffSender({
    pool: relayPool,
    partners: directory,
    personSlice: personSlice(new FamiliesService(orm.em, ids)),
    terms: new PartnerTerms(directory, calendar),
    gone,
    random: Math.random,
    id: () => ids.next(),
    applyParked: (id) => inbox.applyParked(id),
  });
  engine.registerOutbox('handOff.open', (row) => made.send(row));
  engine.registerOutbox('handOff.close', (row) => made.recall(row));
  engine.registerOutbox('handOff.supply', (row) => made.supply(row));
  engine.registerSweep('messages of partners', () => inbox.sweep());
  engine.registerSweep('partners at another address', () => gone.sendWhereMoved());
  return made;
}

function partnersService({ pool }: System, directory: Partners): PartnersService {
  return new PartnersService({ pool, partners: directory });
}
