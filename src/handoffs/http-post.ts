import {
  type Agent as HttpAgent,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as requestHttp,
} from 'node:http';
import { request as requestHttps } from 'node:https';
import type { LookupFunction } from 'node:net';

export interface PostOptions {
  headers: Record<string, string>;
  body: string;
  agent: HttpAgent;
  /** Resolves the host's name; the system's own way when left out. */
  lookup?: LookupFunction;
  /** For all of it: connecting, sending, waiting, reading the answer to its end. */
  deadlineMs: number;
  maxReplyBytes: number;
  /** Ends it from outside. */
  signal?: AbortSignal;
}

export interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  /** As far as it was read. */
  body: Buffer;
  /** Why the body is not whole, if it is not. */
  cut: Cut | null;
}

export type Cut = 'no-answer-in-time' | 'reply-too-large' | 'connection-lost' | 'stopped';

/** No answer came, not even its status: whether the other side has the message is unknown. */
export class NoReply extends Error {
  constructor(
    readonly reason: Exclude<Cut, 'reply-too-large'> | 'address-not-public',
    cause: unknown,
  ) {
    super(`No answer: ${reason}.`, { cause });
    this.name = 'NoReply';
  }

  get code(): string {
    return this.reason;
  }
}

/**
 * One POST, one answer: no redirects, no compressed answers, never longer than its deadline, never more memory than its
 * cap. The socket is closed as soon as an answer breaks these rules. @throws NoReply
 */
export async function post(url: URL, options: PostOptions): Promise<Reply> {
  const deadline = AbortSignal.timeout(options.deadlineMs);
  const signal = options.signal ? AbortSignal.any([deadline, options.signal]) : deadline;
  const why = (): Exclude<Cut, 'reply-too-large'> => {
    if (options.signal?.aborted) return 'stopped';
    return deadline.aborted ? 'no-answer-in-time' : 'connection-lost';
  };
  let response: IncomingMessage;
  try {
    response = await send(url, options, signal);
  } catch (error) {
    const notPublic = (error as { code?: unknown }).code === 'NOT_PUBLIC';
    throw new NoReply(notPublic ? 'address-not-public' : why(), error);
  }
  return { status: response.statusCode ?? 0, headers: response.headers, ...(await read(response, options, why)) };
}

function send(url: URL, options: PostOptions, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(
      url,
      {
        method: 'POST',
        agent: options.agent,
        signal,
        lookup: options.lookup,
        headers: {
          'content-type': 'application/json',
          accept: 'application/json',
          'accept-encoding': 'identity',
          'user-agent': 'Qamqor',
          'content-length': Buffer.byteLength(options.body),
          ...options.headers,
        },
      },
      resolve,
    );
    request.on('error', reject);
    request.on('upgrade', (_response, socket) => {
      socket.destroy();
      reject(new Error('The other side wanted another protocol.'));
    });
    request.end(options.body);
  });
}

async function read(
  response: IncomingMessage,
  options: PostOptions,
  why: () => Cut,
): Promise<{ body: Buffer; cut: Cut | null }> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      length += chunk.length;
      // Leaving the loop destroys the response, and with it the socket.
      if (length > options.maxReplyBytes) return { body: Buffer.concat(chunks), cut: 'reply-too-large' };
      chunks.push(chunk);
    }
    return { body: Buffer.concat(chunks), cut: null };
  } catch {
    return { body: Buffer.concat(chunks), cut: why() };
  }
}
