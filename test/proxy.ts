import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** What happens to a connection that reaches the moment the spec waits for. */
export type Cut =
  /** COMMIT does not arrive: nothing is stored, and the client cannot know. */
  | 'commit-lost'
  /** COMMIT arrives and is carried out, its answer does not come back. */
  | 'answer-lost'
  /** COMMIT arrives `afterMs` later, when the client has given the connection up. */
  | { commitLateMs: number }
  /** COMMIT and all that follows is swallowed; both ends believe that the other is there. */
  | 'silence'
  /** COMMIT arrives and is carried out; its answer is swallowed, and the connection stays. */
  | 'mute';

/**
 * Stands between a client and PostgreSQL and does what networks do: delays, resets, swallows, refuses. Its own, so that a
 * spec can cut at a byte: "COMMIT was sent".
 */
export class TcpProxy {
  private readonly links = new Set<Link>();
  private mode: 'open' | 'refusing' | 'swallowing' = 'open';
  private planned: { cut: Cut; after: number } | undefined;
  private delayMs = 0;
  /** COMMITs that were cut as planned. */
  cuts = 0;

  private constructor(
    private readonly listener: Server,
    private readonly target: { host: string; port: number },
  ) {}

  static async start(target: { host: string; port: number }): Promise<TcpProxy> {
    const listener = createServer();
    const proxy = new TcpProxy(listener, target);
    listener.on('connection', (client) => proxy.accept(client));
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    return proxy;
  }

  /** The same database, through this proxy. */
  static async before(databaseUrl: string): Promise<{ proxy: TcpProxy; url: string }> {
    const url = new URL(databaseUrl);
    const proxy = await TcpProxy.start({ host: url.hostname, port: Number(url.port) });
    url.port = String(proxy.port);
    return { proxy, url: url.toString() };
  }

  get port(): number {
    return (this.listener.address() as AddressInfo).port;
  }

  get connections(): number {
    return this.links.size;
  }

  /** Cuts the connection on which the n-th COMMIT from now is sent. */
  cutAtCommit(cut: Cut, n = 1): void {
    this.planned = { cut, after: n };
  }

  /** Everything takes so much longer, in both directions. */
  delay(ms: number): void {
    this.delayMs = ms;
  }

  /** Resets every connection; those made from now on are reset as well, until `restore`. */
  refuse(): void {
    this.mode = 'refusing';
    this.reset();
  }

  /** Half-open: bytes go nowhere and nobody says goodbye, until `restore`. What was swallowed stays lost. */
  swallow(): void {
    this.mode = 'swallowing';
  }

  restore(): void {
    this.mode = 'open';
  }

  /** RST on both sides of every connection, at whatever they are. */
  reset(): void {
    for (const { client, server } of this.links) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
  }

  async close(): Promise<void> {
    this.mode = 'refusing';
    this.reset();
    this.listener.close();
    await once(this.listener, 'close');
  }

  private accept(client: Socket): void {
    if (this.mode === 'refusing') {
      client.on('error', () => undefined);
      client.resetAndDestroy();
      return;
    }
    const link: Link = { client, server: connect(this.target), swallowed: false, answers: 'pass', late: false };
    this.links.add(link);
    for (const socket of [link.client, link.server]) {
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
    }
    link.client.on('data', (bytes) => this.fromClient(link, bytes));
    link.server.on('data', (bytes) => this.fromServer(link, bytes));
    // Of a COMMIT that is late the server hears after its client has gone.
    link.client.once('close', () => {
      if (!link.late) link.server.destroy();
    });
    link.server.once('close', () => {
      this.links.delete(link);
      link.client.destroy();
    });
  }

  private fromClient(link: Link, bytes: Buffer): void {
    if (this.mode === 'swallowing') link.swallowed = true;
    if (link.swallowed) return;
    const at = this.planned ? commitIn(bytes) : -1;
    if (this.planned && at >= 0) {
      this.planned.after -= 1;
      if (this.planned.after === 0) {
        const { cut } = this.planned;
        this.planned = undefined;
        this.cuts += 1;
        this.pass(link.server, bytes.subarray(0, at));
        this.cut(link, cut, bytes.subarray(at));
        return;
      }
    }
    this.pass(link.server, bytes);
  }

  private fromServer(link: Link, bytes: Buffer): void {
    if (this.mode === 'swallowing') link.swallowed = true;
    if (link.swallowed) return;
    if (link.answers === 'swallow') return;
    if (link.answers === 'until-committed') {
      if (!bytes.includes('COMMIT\0')) return;
      link.client.resetAndDestroy();
      link.server.resetAndDestroy();
      return;
    }
    this.pass(link.client, bytes);
  }

  private cut(link: Link, cut: Cut, commit: Buffer): void {
    if (cut === 'silence') {
      link.swallowed = true;
    } else if (cut === 'answer-lost' || cut === 'mute') {
      link.answers = cut === 'mute' ? 'swallow' : 'until-committed';
      this.pass(link.server, commit);
    } else if (cut === 'commit-lost') {
      // The server hears of the end after what it was given before.
      link.server.end();
      link.client.resetAndDestroy();
    } else {
      link.late = true;
      setTimeout(() => link.server.end(commit), cut.commitLateMs);
      link.client.resetAndDestroy();
    }
  }

  private pass(to: Socket, bytes: Buffer): void {
    if (this.delayMs === 0) to.write(bytes);
    else setTimeout(() => to.writable && to.write(bytes), this.delayMs);
  }
}

interface Link {
  client: Socket;
  server: Socket;
  /** Nothing passes this connection any more. */
  swallowed: boolean;
  answers: 'pass' | 'swallow' | 'until-committed';
  /** A COMMIT is on its way to the server, whatever becomes of the client. */
  late: boolean;
}

/** Where COMMIT begins in these bytes: `pg` sends it as a query of its own, Q and four bytes of length before it. */
function commitIn(bytes: Buffer): number {
  const text = bytes.indexOf('commit\0');
  return text < 5 ? -1 : text - 5;
}
