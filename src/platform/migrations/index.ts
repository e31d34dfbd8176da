import type { Constructor } from '@mikro-orm/core';
import type { Migration } from '@mikro-orm/migrations';
import { M0001Platform } from './m0001-platform.js';

/** In the order in which they run. Forward only: a migration that was published is never edited, a new one corrects it. */
export const MIGRATIONS: Constructor<Migration>[] = [M0001Platform];
