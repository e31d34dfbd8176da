import { v7 } from 'uuid';

/** New ids: UUIDv7, so that rows made together lie together. Injected, so that a test can say which ones come. */
export interface Ids {
  next(): string;
}

export const systemIds: Ids = { next: () => v7() };

/** UUIDv7-shaped and the same in every run: the counter stands where the time and the random bits are. */
export function countingIds(start = 1): Ids {
  let count = start;
  return {
    next: () => {
      const digits = (count++).toString(16).padStart(12, '0');
      return `00000000-0000-7000-8000-${digits}`;
    },
  };
}
