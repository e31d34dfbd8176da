import { globSync } from 'node:fs';

const [LIBRARY] = globSync('/usr/lib/*/faketime/libfaketimeMT.so.1');

/** Whether tests with another time may run. With QAMQOR_CI=1 they run, and fail where libfaketime is absent. */
export const hasFaketime = LIBRARY !== undefined || process.env.QAMQOR_CI === '1';
/** For titles of tests that are skipped without it. */
export const faketime = hasFaketime ? 'libfaketime' : 'libfaketime, absent here: apt-get install faketime';

/** The environment of a process whose clock is elsewhere; its monotonic one goes on. `file`: holds the offset, which may change. */
export function otherTime(offset: string | { file: string }): Record<string, string> {
  if (LIBRARY === undefined) throw new Error('libfaketime is absent. Install it: apt-get install faketime');
  return {
    LD_PRELOAD: LIBRARY,
    DONT_FAKE_MONOTONIC: '1',
    FAKETIME_DONT_RESET: '1',
    ...(typeof offset === 'string'
      ? { FAKETIME: offset }
      : { FAKETIME_TIMESTAMP_FILE: offset.file, FAKETIME_NO_CACHE: '1' }),
  };
}
