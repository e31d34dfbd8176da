import type { ServerResponse } from 'node:http';
import type { OnModuleDestroy } from '@nestjs/common';
import type { Pool } from 'pg';
import { isMoment } from '../api/cursor.js';
import { AppError } from '../engine/errors.js';
import { hasRole, isStaff, mayInspect, partnersOf } from '../identity/identity.policy.js';
import type { Principal } from '../identity/principal.js';
import { INTEGRATION } from '../identity/roles.js';
import type { Clock } from '../platform/clock.js';
import { type Change, changesSince } from './live-changes.js';

const POLL_MS = 1_000;
/** A transaction may commit later than the moment it carries: so far back is looked again, and what was told is not repeated. */
const OVERLAP_MS = 15_000;
/** Proxies close what is silent. */
const HEARTBEAT_MS = 15_000;
/** Whether the session still holds. */
const SESSION_CHECK_MS = 3_000;
/** A reader that lets so much pile up is dropped; it comes back with Last-Event-ID. */
const BEHIND_BYTES = 256 * 1024;
/** Readers that one account may have in one process: browsers have a few tabs, programs one. */
const READERS_PER_ACCOUNT = 50;
const TRY_AGAIN_S = 5;
/** Who was away for longer reads everything again. */
const LONGEST_RESUME_MS = 10 * 60_000;

export interface LiveDependencies {
  /** Connections of the role `qamqor_app`. */
  pool: Pool;
  clock: Clock;
  /** Monotonic milliseconds. */
  elapsed(): number;
  warn(message: string, error: unknown): void;
}

export interface Listener {
  by: Principal;
  response: ServerResponse;
  /** Whether the account still may listen; asked now and then. */
  stillAllowed(): Promise<boolean>;
}

interface Listening extends Listener {
  heardAt: number;
  checkedAt: number;
}

/** One poller per process and organisation while somebody listens; nothing at all while nobody does. */
class Feed {
  readonly listeners = new Set<Listening>();
  /** What was told already, and when: `kind:id:revision` → monotonic ms. */
  readonly told = new Map<string, number>();
  cursor = '';
  timer: NodeJS.Timeout | undefined;
}

/** Tells readers what changed, as server-sent events. */
export class LiveService implements OnModuleDestroy {
  private readonly feeds = new Map<string, Feed>();
  /** Who reads, and how often at once. */
  private readonly reading = new Map<string, number>();
  private closed = false;

  constructor(private readonly deps: LiveDependencies) {}

  /** Takes a place for one more reader, before anything is sent to it. @throws AppError `limited` (429) */
  admit(by: Principal, response: ServerResponse): void {
    const others = this.reading.get(by.account) ?? 0;
    if (others >= READERS_PER_ACCOUNT)
      throw new AppError(
        'limited',
        429,
        `This account listens ${others} times already. Close some of its pages.`,
        { seconds: TRY_AGAIN_S },
        undefined,
        TRY_AGAIN_S,
      );
    this.reading.set(by.account, others + 1);
    response.once('close', () => {
      const left = (this.reading.get(by.account) ?? 1) - 1;
      if (left > 0) this.reading.set(by.account, left);
      else this.reading.delete(by.account);
    });
  }

  /** Tells what was missed since `lastEventId`, then what happens, until either side closes. `once`: only what was missed. */
  async listen(listener: Listener, lastEventId: string | undefined, once: boolean): Promise<void> {
    const { response, by } = listener;
    const now = await this.deps.clock.now();
    const missed = await this.missed(by, lastEventId, now);
    const from = once ? undefined : await this.join(listener);
    if (response.destroyed) return;
    response.write(`retry: 2000\n\n${frames(missed, now, by)}`);
    // A reader that is new hears at once where it stands, so that a break before the first event loses nothing.
    response.write(`id: ${now}\n: listening${from === undefined ? ' to nothing more' : ''}\n\n`);
    if (once) response.end();
  }

  onModuleDestroy(): void {
    this.closed = true;
    for (const [organisation, feed] of this.feeds) {
      for (const { response } of feed.listeners) response.end();
      this.stop(organisation, feed);
    }
  }

  /** How many listen in this process. */
  get readers(): number {
    return [...this.feeds.values()].reduce((sum, feed) => sum + feed.listeners.size, 0);
  }

  /** One round: reads what changed, tells everybody what they may hear. */
  async poll(organisationId: string): Promise<void> {
    const feed = this.feeds.get(organisationId);
    if (!feed || feed.listeners.size === 0) return;
    const now = await this.deps.clock.now();
    const changes = await changesSince(this.deps.pool, organisationId, earlier(feed.cursor, OVERLAP_MS));
    const fresh = changes === undefined ? EVERYTHING : withBoard(this.fresh(feed, changes));
    feed.cursor = now;
    for (const listener of feed.listeners) this.send(feed, listener, frames(fresh, now, listener.by));
    await Promise.all([...feed.listeners].map((listener) => this.keep(feed, listener)));
  }

  private async missed(by: Principal, lastEventId: string | undefined, now: string): Promise<Change[]> {
    if (lastEventId === undefined) return [];
    const since = Date.parse(lastEventId);
    if (!isMoment(lastEventId) || Date.parse(now) - since > LONGEST_RESUME_MS) return EVERYTHING;
    const changes = await changesSince(this.deps.pool, by.organisationId, earlier(lastEventId, OVERLAP_MS));
    return changes === undefined ? EVERYTHING : withBoard(changes);
  }

  private async join(listener: Listener): Promise<Feed | undefined> {
    const { organisationId } = listener.by;
    const feed = await this.feedOf(organisationId);
    const leave = () => {
      feed.listeners.delete(listening);
      if (feed.listeners.size === 0) this.stop(organisationId, feed);
    };
    const now = this.deps.elapsed();
    const listening = { ...listener, heardAt: now, checkedAt: now };
    // Who went away while we looked has said so already, and does not say it again.
    if (listener.response.destroyed) {
      leave();
      return undefined;
    }
    if (this.closed) listener.response.end();
    else feed.listeners.add(listening);
    listener.response.on('close', leave);
    if (!feed.timer && !this.closed) this.plan(organisationId, feed);
    return feed;
  }

  private async feedOf(organisationId: string): Promise<Feed> {
    const known = this.feeds.get(organisationId);
    if (known) return known;
    const feed = new Feed();
    feed.cursor = await this.deps.clock.now();
    const other = this.feeds.get(organisationId);
    if (!other) this.feeds.set(organisationId, feed);
    return other ?? feed;
  }

  private plan(organisationId: string, feed: Feed): void {
    feed.timer = setTimeout(() => {
      this.poll(organisationId)
        .catch((error: unknown) => this.deps.warn('What changed could not be told; it is tried again.', error))
        .finally(() => {
          if (feed.timer && !this.closed) this.plan(organisationId, feed);
        });
    }, POLL_MS).unref();
  }

  private stop(organisationId: string, feed: Feed): void {
    clearTimeout(feed.timer);
    feed.timer = undefined;
    if (this.feeds.get(organisationId) === feed) this.feeds.delete(organisationId);
  }

  /** Not told before. */
  private fresh(feed: Feed, changes: Change[]): Change[] {
    const now = this.deps.elapsed();
    for (const [key, at] of feed.told) if (now - at > 4 * OVERLAP_MS) feed.told.delete(key);
    return changes.filter(({ kind, id, revision }) => {
      const key = `${kind}:${id}:${revision}`;
      const known = feed.told.has(key);
      feed.told.set(key, now);
      return !known;
    });
  }

  private send(feed: Feed, listener: Listening, text: string): void {
    const { response } = listener;
    if (text === '') return;
    if (response.writableLength > BEHIND_BYTES) {
      feed.listeners.delete(listener);
      response.destroy();
      return;
    }
    response.write(text);
    listener.heardAt = this.deps.elapsed();
  }

  private async keep(feed: Feed, listener: Listening): Promise<void> {
    const now = this.deps.elapsed();
    if (now - listener.heardAt > HEARTBEAT_MS) this.send(feed, listener, ': still here\n\n');
    if (now - listener.checkedAt < SESSION_CHECK_MS) return;
    listener.checkedAt = now;
    if (await listener.stillAllowed()) return;
    feed.listeners.delete(listener);
    listener.response.end();
  }
}

/** Too much to name: whoever hears it reads their lists again. */
const EVERYTHING: Change[] = (['case', 'task', 'handoff', 'incident', 'board'] as const).map((kind) => ({
  kind,
  id: null,
  revision: null,
}));

/** Any change of a case or an incident may move a number on the board. */
function withBoard(changes: Change[]): Change[] {
  const moved = changes.some(({ kind }) => kind === 'case' || kind === 'incident');
  return moved ? [...changes, { kind: 'board', id: null, revision: null }] : changes;
}

function frames(changes: Change[], id: string, by: Principal): string {
  return changes
    .filter((change) => mayHear(by, change))
    .map(
      ({ kind, id: what, revision }) =>
        `id: ${id}\nevent: ${kind}\ndata: ${JSON.stringify({ id: what, revision })}\n\n`,
    )
    .join('');
}

/** As the lists do: the centre sees its cases, who oversees the incidents, a partner what was sent to it and nothing else. */
function mayHear(by: Principal, { kind, sentTo }: Change): boolean {
  if (kind === 'handoff' && (sentTo === undefined || (sentTo !== null && partnersOf(by).includes(sentTo)))) return true;
  const program = hasRole(by, INTEGRATION);
  if (kind === 'incident') return mayInspect(by) || program;
  return isStaff(by) || (program && kind !== 'task');
}

function earlier(moment: string, ms: number): string {
  return new Date(Date.parse(moment) - ms).toISOString();
}
