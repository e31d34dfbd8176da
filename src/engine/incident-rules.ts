/** Rules of incidents that the code itself asks for by name; docs/ARCHITECTURE.md says what an incident is. */

/** A timer could not be given to its case. */
export const TIMER_FAILED = 'timer-failed';

/** Nothing could move the case. */
export const ORPHAN = 'orphan';

/**
 * A partner takes nothing at its address any more (410). Settled by hand, what met it goes on waiting with all the others: it is
 * needed as soon as the partner can be reached.
 */
export const PARTNER_GONE = 'partner-gone';
