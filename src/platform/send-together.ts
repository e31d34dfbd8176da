import type pg from 'pg';

/** The part of `pg`'s client that its types leave out. */
interface Connected {
  connection?: { stream?: { cork(): void; uncork(): void } };
}

/**
 * Statements given to this client until the end of the current turn leave as one piece: otherwise each is a system call
 * here and a wake-up of the server there.
 */
export function sendTogether(client: pg.ClientBase): void {
  const stream = (client as unknown as Connected).connection?.stream;
  if (!stream) return;
  stream.cork();
  process.nextTick(() => stream.uncork());
}
