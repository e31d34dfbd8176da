import { Runtime, type RuntimeOptions } from '../src/engine/runtime.js';
import { systemIds } from '../src/platform/ids.js';
import type { Calendar } from '../src/statechart/types.js';

export const CALENDAR: Calendar = {
  zone: 'Asia/Almaty',
  week: [1, 2, 3, 4, 5],
  hours: [{ from: '09:00', to: '18:00' }],
  days: { '2026-12-16': 'off' },
};

/** The engine as production runs it, but for the wake-ups by BullMQ; whatever it would only warn of ends the measurement. */
export function benchRuntime(url: string, options: Partial<RuntimeOptions> = {}): Runtime {
  return new Runtime({
    url,
    id: () => systemIds.next(),
    calendar: () => CALENDAR,
    warn: (message, error) => {
      throw new Error(message, { cause: error });
    },
    ...options,
  });
}
