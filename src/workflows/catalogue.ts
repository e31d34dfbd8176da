import { parseCalendar } from '../statechart/calendar.js';
import { type Catalogue, parseCatalogue } from '../statechart/catalogue.js';
import { opensByItself } from '../statechart/check-openings.js';
import { LoadError, loadWorkflow } from '../statechart/load.js';
import type { Calendar } from '../statechart/types.js';

/** Background steps that this version of Qamqor has: what `invoke {src: service}` may name. No process starts where the registered ones differ. */
export const SERVICES: readonly string[] = ['issueCertificate'];
const CALENDAR_FILE = 'calendar.kz.yaml';

/**
 * What workflows may name, for `check`: from the files that lie beside them.
 * @param workflows those that a sub-case may open, key → files
 * @param now ISO 8601; with it the calendar is asked whether it reaches far enough
 */
export function catalogueOf(
  files: Record<string, string>,
  workflows: Record<string, Record<string, string>>,
  now?: string,
): Catalogue {
  return {
    ...parseCatalogue(files),
    services: [...SERVICES],
    workflows: Object.keys(workflows),
    opens: (key) => openedBy(workflows[key]),
    ...(files[CALENDAR_FILE] !== undefined && { calendar: calendarOf(files) }),
    ...(now !== undefined && { now }),
  };
}

/** What cannot be loaded opens nothing. */
function openedBy(files: Record<string, string> | undefined): string[] {
  try {
    return files === undefined ? [] : opensByItself(loadWorkflow(files, { stored: true }));
  } catch (error) {
    if (!(error instanceof LoadError)) throw error;
    return [];
  }
}

/** The organisation's working days; a plain week where there is no calendar file. */
export function calendarOf(files: Record<string, string>): Calendar {
  return parseCalendar(files[CALENDAR_FILE] ?? '{}').calendar;
}
