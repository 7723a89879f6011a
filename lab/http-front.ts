// The part of the load balancer that clients of HTTP/1.1 meet. An HTTP/1.1 server ends an idle
// connection by closing it, and that races with the client's next request; with TLS passed
// through, nobody in between can help. So for these clients TLS ends here, and each request goes
// to a member that serves at that moment. Who the client is, members learn the way an
// authenticating proxy tells them (front-proxy certificate and X-Remote-* headers).
// H1. A client's connection never ends because of a member: only requests choose members.
// H2. A drained member gets no further request, not even over a connection that is open already.
// H3. A request is sent again only when no member can have acted on it: it was never sent, or it
//     reads.
// H4. X-Remote-* headers of clients are dropped: only a verified certificate makes a name.

import { Agent, createServer, request as askMember, type Server } from 'node:https';
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

import type { Backend, BalancerPool } from './balancer-pool';
import { sleep } from './waiting';

interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

/** All PEM. */
export interface HttpFrontOptions {
  /** Signed the members' certificates and those of the clients. */
  readonly ca: string;
  /** What clients see. */
  readonly serving: KeyPair;
  /** What lets members believe the X-Remote-* headers. */
  readonly frontProxy: KeyPair;
}

const retryPauseMs = 50;
/** kube-apiserver takes 3 MiB at most. */
const bodyBytesMax = 4 * 1024 * 1024;
const headerBytesMax = 64 * 1024;
/** Members close connections that were idle for 90 s; ours go long before. */
const idleMemberConnectionMs = 30_000;
const readMethods = new Set(['GET', 'HEAD', 'OPTIONS']);
/** `host` too: it names the balancer, and is what a member's certificate would be compared with. */
const ofOneHopOnly = new Set([
  'connection',
  'expect',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** `anonymous` also stands for clients that carry a token: members look at that themselves. */
type Identity =
  | { readonly kind: 'certificate'; readonly user: string; readonly groups: readonly string[] }
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'refused' };

/** What became of one attempt. `lost`: it was sent, and no answer came. */
type Outcome = 'answered' | 'not-sent' | 'lost';

export class HttpFront {
  private readonly pool: BalancerPool;
  private readonly options: HttpFrontOptions;
  private readonly holdMs: number;
  private readonly server: Server;
  private readonly agents = new Map<string, { readonly named: Agent; readonly bare: Agent }>();

  constructor(pool: BalancerPool, options: HttpFrontOptions, holdMs: number) {
    this.pool = pool;
    this.options = options;
    this.holdMs = holdMs;
    this.server = createServer(
      {
        cert: options.serving.certificate,
        key: options.serving.key,
        ca: options.ca,
        requestCert: true,
        // A certificate is optional, as it is for kube-apiserver: some clients carry a token.
        // One that the authority did not sign is refused below.
        rejectUnauthorized: false,
        ALPNProtocols: ['http/1.1'],
        maxHeaderSize: headerBytesMax,
        // H1: no connection is ended for being idle, no watch for being long.
        keepAliveTimeout: 0,
        requestTimeout: 0,
      },
      (incoming, response) => {
        void this.serve(incoming, response);
      },
    );
    this.server.timeout = 0;
    this.server.on('tlsClientError', (_error, socket) => socket.destroy());
  }

  /** Takes over a connection whose first bytes, a TLS hello, were put back into it. */
  adopt(client: Socket): void {
    this.server.emit('connection', client);
  }

  /** H2: open connections to the member finish what they do and are not used again. */
  forget(backend: string): void {
    const agents = this.agents.get(backend);
    this.agents.delete(backend);
    if (agents === undefined) return;
    for (const agent of [agents.named, agents.bare]) {
      for (const socket of Object.values(agent.freeSockets).flat()) socket?.destroy();
    }
  }

  close(): void {
    this.server.closeAllConnections();
    for (const { named, bare } of this.agents.values()) {
      named.destroy();
      bare.destroy();
    }
  }

  private async serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => response.destroy());
    const identity = identityOf(incoming.socket);
    if (identity.kind === 'refused') {
      refuse(response, 401, 'Unauthorized', 'the client certificate is not one of this cluster');
      return;
    }
    let body: Buffer;
    try {
      body = await bodyOf(incoming);
    } catch {
      refuse(response, 413, 'RequestEntityTooLarge', `at most ${bodyBytesMax} bytes`);
      return;
    }
    const headers = headersFor(incoming, identity);
    const deadline = performance.now() + this.holdMs;
    do {
      for (const backend of this.pool.candidates()) {
        if (response.destroyed) return;
        const agent = this.agentFor(backend, identity);
        const outcome = await forward({ incoming, response, backend, agent, headers, body });
        if (outcome === 'answered' || response.destroyed) return;
        this.pool.reportRefused(backend.name);
        if (outcome === 'lost' && !readMethods.has(incoming.method ?? '')) {
          refuse(response, 502, 'InternalError', `${backend.name} ended the connection`);
          return;
        }
      }
      await sleep(retryPauseMs);
    } while (performance.now() < deadline && !response.destroyed);
    refuse(response, 503, 'ServiceUnavailable', 'no API server can be reached');
  }

  private agentFor(backend: Backend, identity: Identity): Agent {
    let agents = this.agents.get(backend.name);
    if (agents === undefined) {
      const { ca, frontProxy } = this.options;
      const shared = { keepAlive: true, timeout: idleMemberConnectionMs, ca };
      const { certificate: cert, key } = frontProxy;
      agents = { named: new Agent({ ...shared, cert, key }), bare: new Agent(shared) };
      this.agents.set(backend.name, agents);
    }
    return identity.kind === 'certificate' ? agents.named : agents.bare;
  }
}

/** kube-apiserver's own rule: the common name is the user, each organization a group. */
function identityOf(socket: Socket): Identity {
  if (!(socket instanceof TLSSocket)) return { kind: 'refused' };
  const { subject } = socket.getPeerCertificate();
  // Without a certificate, Node gives an object without anything in it.
  if (subject === undefined) return { kind: 'anonymous' };
  if (!socket.authorized) return { kind: 'refused' };
  const listOf = (value: string | string[] | undefined): readonly string[] =>
    value === undefined ? [] : [value].flat();
  const [user] = listOf(subject.CN);
  return user === undefined
    ? { kind: 'refused' }
    : { kind: 'certificate', user, groups: listOf(subject.O) };
}

/** Repeated ones stay apart: a comma may be part of a group that somebody impersonates. */
function headersOf(message: IncomingMessage): OutgoingHttpHeaders {
  const kept = Object.entries(message.headersDistinct).filter(([name]) => !ofOneHopOnly.has(name));
  return Object.fromEntries(
    kept.map(([name, values = []]) => [name, values.length === 1 ? values[0] : values]),
  );
}

/** H4. */
function headersFor(incoming: IncomingMessage, identity: Identity): OutgoingHttpHeaders {
  const headers = headersOf(incoming);
  for (const name of Object.keys(headers)) {
    if (name.startsWith('x-remote-')) delete headers[name];
  }
  if (identity.kind === 'certificate') {
    headers['x-remote-user'] = identity.user;
    headers['x-remote-group'] = [...identity.groups];
  }
  return headers;
}

async function bodyOf(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bodyBytesMax) throw new Error('the body is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

interface Attempt {
  readonly incoming: IncomingMessage;
  readonly response: ServerResponse;
  readonly backend: Backend;
  readonly agent: Agent;
  readonly headers: OutgoingHttpHeaders;
  readonly body: Buffer;
}

/** Resolves `answered` as soon as the answer began; it is passed on from then on. */
function forward(attempt: Attempt): Promise<Outcome> {
  const { incoming, response, backend, agent, headers, body } = attempt;
  return new Promise((resolve) => {
    let isConnected = false;
    const asked = askMember({
      host: backend.host,
      port: backend.port,
      method: incoming.method,
      path: incoming.url,
      headers: body.length > 0 ? { ...headers, 'content-length': body.length } : headers,
      agent,
    });
    const abandon = (): void => {
      asked.destroy();
    };
    response.once('close', abandon);
    asked.once('socket', (socket) => {
      if (!socket.connecting) isConnected = true;
      else socket.once('secureConnect', () => (isConnected = true));
    });
    asked.once('response', (answer) => {
      passOn(answer, response);
      resolve('answered');
    });
    asked.once('error', () => {
      response.off('close', abandon);
      resolve(isConnected ? 'lost' : 'not-sent');
    });
    asked.end(body);
  });
}

/** Headers at once: the first event of a watch may be hours away. */
function passOn(answer: IncomingMessage, response: ServerResponse): void {
  response.writeHead(answer.statusCode ?? 502, headersOf(answer));
  response.flushHeaders();
  answer.once('error', () => response.destroy());
  answer.pipe(response);
}

/** As API servers do it. */
function refuse(response: ServerResponse, code: number, reason: string, message: string): void {
  if (response.destroyed || response.headersSent) return;
  response.writeHead(code, { 'content-type': 'application/json' });
  const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure' };
  response.end(JSON.stringify({ ...status, message: `load balancer: ${message}`, reason, code }));
}
