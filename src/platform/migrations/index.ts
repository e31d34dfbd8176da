import type { Constructor } from '@mikro-orm/core';
import type { Migration } from '@mikro-orm/migrations';
import { M0001Platform } from './m0001-platform.js';
import { M0002Engine } from './m0002-engine.js';
import { M0003Families } from './m0003-families.js';
import { M0004Identity } from './m0004-identity.js';
import { M0005Certificates } from './m0005-certificates.js';
import { M0006Tasks } from './m0006-tasks.js';
import { M0007Handoffs } from './m0007-handoffs.js';
import { M0008Notices } from './m0008-notices.js';
import { M0009HandoffClocks } from './m0009-handoff-clocks.js';
import { M0010Sweeps } from './m0010-sweeps.js';
import { M0012OutboxFailures } from './m0012-outbox-failures.js';
import { M0013WholeHandoffs } from './m0013-whole-handoffs.js';
import { M0014AccessLog } from './m0014-access-log.js';
import { M0016Supervision } from './m0016-supervision.js';
import { M0017HandoffGrace } from './m0017-handoff-grace.js';
import { M0018ClockBehind } from './m0018-clock-behind.js';
import { M0019LookedUp } from './m0019-looked-up.js';
import { M0020StartBy } from './m0020-start-by.js';
import { M0021AcknowledgeBy } from './m0021-acknowledge-by.js';
import { M0022FolderDeployed } from './m0022-folder-deployed.js';
import { M0023NoticesByRecipient } from './m0023-notices-by-recipient.js';
import { M0024OutboxTrace } from './m0024-outbox-trace.js';
import { M0025ConsentsTold } from './m0025-consents-told.js';
import { M0026PartnersGone } from './m0026-partners-gone.js';
import { M0027PapersReminded } from './m0027-papers-reminded.js';
import { M0028RecallTold } from './m0028-recall-told.js';

/** In the order in which they run. Forward only: a migration that was published is never edited, a new one corrects it. */
export const MIGRATIONS: Constructor<Migration>[] = [
  M0001Platform,
  M0002Engine,
  M0003Families,
  M0004Identity,
  M0005Certificates,
  M0006Tasks,
  M0007Handoffs,
  M0008Notices,
  M0009HandoffClocks,
  M0010Sweeps,
  M0012OutboxFailures,
  M0013WholeHandoffs,
  M0014AccessLog,
  M0016Supervision,
  M0017HandoffGrace,
  M0018ClockBehind,
  M0019LookedUp,
  M0020StartBy,
  M0021AcknowledgeBy,
  M0022FolderDeployed,
  M0023NoticesByRecipient,
  M0024OutboxTrace,
  M0025ConsentsTold,
  M0026PartnersGone,
  M0027PapersReminded,
  M0028RecallTold,
];
