import { Module } from '@nestjs/common';
import { dueTitle } from '../case-page/outline.js';
import { HandoffsModule } from '../handoffs/handoffs.module.js';
import { Partners } from '../handoffs/partners.js';
import { isOverseer } from '../identity/identity.policy.js';
import { NotificationsModule } from '../notifications/notifications.module.js';
import { NotificationsService } from '../notifications/notifications.service.js';
import { System } from '../system.js';
import { BoardService } from './board.service.js';
import { DueRows } from './due-watcher.js';
import { EscalationService } from './escalation.service.js';
import { EscalationTexts, inAll } from './escalation-texts.js';
import { EscalationsService } from './escalations.service.js';
import { Ladders } from './ladders.js';
import { LiveController } from './live.controller.js';
import { LiveService } from './live.service.js';
import { MilestonesService } from './milestones.service.js';
import { OrphansService } from './orphans.service.js';
import { PapersAsked } from './papers-asked.js';
import { SupervisionController } from './supervision.controller.js';
import { UnacknowledgedService } from './unacknowledged.service.js';

@Module({
  imports: [NotificationsModule, HandoffsModule],
  controllers: [SupervisionController, LiveController],
  providers: [
    { provide: MilestonesService, inject: [System], useFactory: milestones },
    { provide: EscalationService, inject: [System, NotificationsService, Partners], useFactory: escalation },
    { provide: OrphansService, inject: [System], useFactory: orphans },
    { provide: BoardService, inject: [System], useFactory: board },
    {
      provide: EscalationsService,
      inject: [System],
      useFactory: (system: System) => new EscalationsService(system.pool),
    },
    { provide: LiveService, inject: [System], useFactory: live },
  ],
})
export class SupervisionModule {}

function milestones({ runtime: { engine }, relayPool }: System): MilestonesService {
  const service = new MilestonesService(relayPool);
  engine.registerOutbox('milestone', (row) => service.reached(row));
  return service;
}

function escalation(system: System, notifications: NotificationsService, partners: Partners): EscalationService {
  const { runtime, relayPool: pool, calendar, folder, roles, warn } = system;
  const { engine } = runtime;
  const ladders = new Ladders(folder.catalogue['escalation.yaml'] ?? '{}', roles.spelt(['oversee']));
  const texts = new EscalationTexts({
    pool,
    ladders,
    zone: calendar.zone,
    oversees: (role) => isOverseer({ roles: [role], may: roles.rightsOf([role]) }),
    partner: (key) => partners.find(key)?.title,
    service: (partner, service) => partners.find(partner)?.services[service]?.title,
    async due(organisationId, caseId, what, name) {
      const record = await engine.read(organisationId, caseId);
      return record ? inAll((language) => dueTitle(what, name, record.workflow, language)) : undefined;
    },
  });
  const suppliers = roles.spelt(['supply-papers']);
  const papers = new PapersAsked({ pool, ladders, partners, notifications, suppliers, zone: calendar.zone });
  const service = new EscalationService({ engine, pool, ladders, calendar, notifications, texts, warn });
  engine.registerDueWatcher(new DueRows(ladders, calendar));
  engine.registerOutbox('escalate', (row) => service.deliver(row));
  engine.registerOutbox('handOff.papers', (row) => papers.tell(row));
  const unacknowledged = new UnacknowledgedService({ engine, pool, ladders, warn });
  engine.registerSweep('hand-offs not acknowledged', () => unacknowledged.sweep());
  engine.registerSweep('ladders', () => service.sweep());
  return service;
}

function orphans({ runtime, relayPool: pool, warn }: System): OrphansService {
  const { engine, versions } = runtime;
  const service = new OrphansService({ engine, versions, pool, elapsed: () => performance.now(), warn });
  engine.registerSweep('cases that nothing can move', () => service.sweep());
  return service;
}

function board({ pool, runtime }: System): BoardService {
  return new BoardService({ pool, versions: runtime.versions });
}

function live({ pool, clock, warn }: System): LiveService {
  return new LiveService({ pool, clock, elapsed: () => performance.now(), warn });
}
