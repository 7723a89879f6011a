// The load balancer of the lab: TCP with TLS passed through for clients of HTTP/2, so that their
// certificates reach the API servers; clients of HTTP/1.1 are served by http-front.ts, which says
// why. It owns connections; whether a member may serve is decided in balancer-pool.ts, whether it
// answers in balancer-health.ts.
// B1. A connection is moved to another member as long as no byte of an answer has come: the
//     client's first flight is kept until then.
// B2. Draining takes a member out for new connections; open ones live on until the server ends
//     them (HTTP/2 has GOAWAY for it).
// B3. Before that end they can be held: what clients send is not passed on, what servers answer is.
//     Between its last request and its GOAWAY an API server refuses with 503 what comes over open
//     connections; what comes after it was never read, and HTTP/2 sends it again by itself.

import { createServer, connect, type Server, type Socket } from 'node:net';
import { once } from 'node:events';

import { BalancerPool, type Backend } from './balancer-pool';
import { HealthChecks, type HealthOptions } from './balancer-health';
import { readClientHello } from './client-hello';
import { HttpFront, type HttpFrontOptions } from './http-front';
import { sleep } from './waiting';

export interface BalancerOptions {
  readonly port: number;
  readonly backends: readonly Backend[];
  /** Absent in tests of the balancer alone: every member counts as healthy then. */
  readonly health?: HealthOptions;
  /** Absent in tests of the passing through alone. */
  readonly http1?: HttpFrontOptions;
  /** How long a client is kept waiting while no member can be reached. */
  readonly holdMs?: number;
  readonly connectTimeoutMs?: number;
}

const defaultHoldMs = 5_000;
const defaultConnectTimeoutMs = 2_000;
const retryPauseMs = 50;
const helloTimeoutMs = 10_000;
const firstFlightBytesMax = 64 * 1024;

interface Link {
  readonly client: Socket;
  readonly server: Socket;
  readonly backend: string;
}

export interface BalancerCounts {
  readonly open: number;
  readonly byBackend: Readonly<Record<string, number>>;
}

export class LoadBalancer {
  private readonly options: BalancerOptions;
  private readonly pool: BalancerPool;
  private readonly checks: HealthChecks | undefined;
  private readonly front: HttpFront | undefined;
  private readonly server: Server;
  private readonly clients = new Set<Socket>();
  private readonly links = new Set<Link>();
  /** Members whose connections are held (B3). */
  private readonly held = new Set<string>();
  private isClosed = false;

  constructor(options: BalancerOptions) {
    this.options = options;
    this.pool = new BalancerPool(options.backends, options.health === undefined);
    this.checks =
      options.health === undefined ? undefined : new HealthChecks(this.pool, options.health);
    this.front =
      options.http1 === undefined
        ? undefined
        : new HttpFront(this.pool, options.http1, options.holdMs ?? defaultHoldMs);
    // allowHalfOpen: a client that has sent all it will still gets its answer.
    this.server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
      void this.serve(client);
    });
  }

  /** Rejects when somebody else has the port. */
  async start(): Promise<void> {
    this.server.listen({ port: this.options.port, host: '127.0.0.1' });
    await once(this.server, 'listening');
    this.checks?.start();
  }

  get port(): number {
    const address = this.server.address();
    return typeof address === 'object' && address !== null ? address.port : this.options.port;
  }

  /** B2. */
  drain(backend: string): void {
    this.pool.drain(backend);
    this.front?.forget(backend);
  }

  /** B3. Until it is released; for a moment only, clients wait. */
  hold(backend: string): void {
    this.held.add(backend);
    for (const link of this.links) if (link.backend === backend) link.client.pause();
  }

  /** Safe to repeat. */
  release(backend: string): void {
    this.held.delete(backend);
    for (const link of this.links) if (link.backend === backend) link.client.resume();
  }

  /** Back in for new connections as soon as it is healthy; checks it now. */
  admit(backend: string): void {
    this.pool.admit(backend);
    this.checks?.checkNow(backend);
  }

  /** True when the member would get new connections now. */
  isServing(backend: string): boolean {
    return this.pool.isServing(backend);
  }

  counts(): BalancerCounts {
    const byBackend: Record<string, number> = {};
    for (const link of this.links) {
      byBackend[link.backend] = (byBackend[link.backend] ?? 0) + 1;
    }
    return { open: this.clients.size, byBackend };
  }

  /** Ends every connection. */
  async close(): Promise<void> {
    this.isClosed = true;
    this.checks?.stop();
    this.server.close();
    this.front?.close();
    for (const client of this.clients) client.destroy();
    for (const link of this.links) link.server.destroy();
    if (this.server.listening) await once(this.server, 'close');
  }

  private async serve(client: Socket): Promise<void> {
    this.clients.add(client);
    client.on('close', () => this.clients.delete(client));
    client.on('error', () => client.destroy());
    const firstFlight: Buffer[] = [];
    const keep = (chunk: Buffer): void => {
      firstFlight.push(chunk);
      if (sizeOf(firstFlight) > firstFlightBytesMax) client.pause();
    };
    client.on('data', keep);
    client.on('end', () => {
      if (firstFlight.length === 0) client.destroy();
    });
    if (this.front !== undefined && (await speaksHttp1(client, firstFlight))) {
      client.off('data', keep);
      client.pause();
      client.unshift(Buffer.concat(firstFlight));
      this.front.adopt(client);
      return;
    }
    const deadline = performance.now() + (this.options.holdMs ?? defaultHoldMs);
    while (!client.destroyed && !this.isClosed && performance.now() < deadline) {
      for (const backend of this.pool.candidates()) {
        if (await this.tryBackend(client, backend, firstFlight, keep)) return;
        if (client.destroyed) return;
      }
      await sleep(retryPauseMs);
    }
    client.destroy();
  }

  /** True when the member answered: the connection belongs to it from then on (B1). */
  private async tryBackend(
    client: Socket,
    backend: Backend,
    firstFlight: Buffer[],
    keep: (chunk: Buffer) => void,
  ): Promise<boolean> {
    const server = connect({
      host: backend.host,
      port: backend.port,
      allowHalfOpen: true,
      noDelay: true,
    });
    const forward = (chunk: Buffer): void => {
      server.write(chunk);
    };
    const answer = await new Promise<Buffer | undefined>((resolve) => {
      const timer = setTimeout(() => {
        resolve(undefined);
      }, this.options.connectTimeoutMs ?? defaultConnectTimeoutMs);
      const finish = (chunk?: Buffer): void => {
        clearTimeout(timer);
        resolve(chunk);
      };
      server.once('connect', () => {
        clearTimeout(timer);
        for (const chunk of firstFlight) server.write(chunk);
        client.on('data', forward);
      });
      server.once('data', (chunk: Buffer) => {
        server.pause();
        finish(chunk);
      });
      server.once('end', finish);
      server.once('error', () => {
        finish();
      });
      server.once('close', () => {
        finish();
      });
      client.once('close', () => {
        finish();
      });
    });
    client.off('data', forward);
    if (answer === undefined || client.destroyed) {
      server.on('error', () => undefined);
      server.destroy();
      if (answer === undefined && !client.destroyed) this.pool.reportRefused(backend.name);
      return false;
    }
    client.off('data', keep);
    this.join(client, server, backend.name, answer);
    return true;
  }

  private join(client: Socket, server: Socket, backend: string, answer: Buffer): void {
    const link: Link = { client, server, backend };
    this.links.add(link);
    const isHeld = (from: Socket): boolean => from === client && this.held.has(backend);
    const relay = (from: Socket, to: Socket): void => {
      from.on('data', (chunk: Buffer) => {
        if (to.destroyed || to.writableEnded || to.write(chunk)) return;
        from.pause();
        to.once('drain', () => {
          if (!isHeld(from)) from.resume();
        });
      });
      from.on('end', () => {
        to.end();
        // What the client still says is of no use, but its end must be heard (B3).
        if (from === server) client.resume();
      });
      from.on('error', () => to.destroy());
      from.on('close', () => {
        if (!to.destroyed) to.end();
        if (from === server) client.resume();
        this.links.delete(link);
      });
    };
    client.write(answer);
    relay(client, server);
    relay(server, client);
    if (client.readableEnded) server.end();
    if (!isHeld(client)) client.resume();
    server.resume();
  }
}

/**
 * Waits for the whole TLS hello, which `firstFlight` gathers. True when it offers no HTTP/2; false
 * also for what is no TLS, and for a client that says nothing in time.
 */
async function speaksHttp1(client: Socket, firstFlight: readonly Buffer[]): Promise<boolean> {
  const signal = AbortSignal.timeout(helloTimeoutMs);
  try {
    for (;;) {
      const verdict = readClientHello(Buffer.concat(firstFlight));
      if (verdict.kind === 'hello') return !verdict.protocols.includes('h2');
      if (verdict.kind === 'not-tls' || client.destroyed) return false;
      await once(client, 'data', { signal });
    }
  } catch {
    // Nothing came in time, or the connection broke.
    return false;
  }
}

function sizeOf(chunks: readonly Buffer[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.length, 0);
}
