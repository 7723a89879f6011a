// The load balancer of the lab: TCP with TLS passed through, so that client certificates reach
// the API servers. It owns connections; whether a member may serve is decided in
// balancer-pool.ts, whether it answers in balancer-health.ts.
// B1. A connection is moved to another member as long as no byte of an answer has come: the
//     client's first flight is kept until then.
// B2. Draining takes a member out for new connections; open ones live on until the server ends
//     them, with the exception of B3.
// B3. An HTTP/1.1 server can end an idle connection only by closing it, and that races with the
//     client's next request. So while a member drains, its HTTP/1.1 connections are ended here, in
//     the moment that quiet-moment.ts finds. HTTP/2 has GOAWAY for it and is left to the server.

import { createServer, connect, type Server, type Socket } from 'node:net';
import { once } from 'node:events';

import { BalancerPool, type Backend } from './balancer-pool';
import { HealthChecks, type HealthOptions } from './balancer-health';
import { readClientHello } from './client-hello';
import { QuietMoments, quietAfterAnswerMs } from './quiet-moment';
import { sleep } from './waiting';

export interface BalancerOptions {
  readonly port: number;
  readonly backends: readonly Backend[];
  /** Absent in tests of the balancer alone: every member counts as healthy then. */
  readonly health?: HealthOptions;
  /** How long a client is kept waiting while no member can be reached. */
  readonly holdMs?: number;
  readonly connectTimeoutMs?: number;
}

const defaultHoldMs = 5_000;
const defaultConnectTimeoutMs = 2_000;
const retryPauseMs = 50;
const firstFlightBytesMax = 64 * 1024;

interface Link {
  readonly client: Socket;
  readonly server: Socket;
  readonly backend: string;
  readonly isHttp1: boolean;
  readonly moments: QuietMoments;
}

export interface BalancerCounts {
  readonly open: number;
  readonly byBackend: Readonly<Record<string, number>>;
}

export class LoadBalancer {
  private readonly options: BalancerOptions;
  private readonly pool: BalancerPool;
  private readonly checks: HealthChecks | undefined;
  private readonly server: Server;
  private readonly clients = new Set<Socket>();
  private readonly links = new Set<Link>();
  private isClosed = false;

  constructor(options: BalancerOptions) {
    this.options = options;
    this.pool = new BalancerPool(options.backends, options.health === undefined);
    this.checks =
      options.health === undefined ? undefined : new HealthChecks(this.pool, options.health);
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

  /** B2, B3. */
  drain(backend: string): void {
    this.pool.drain(backend);
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
    for (const client of this.clients) client.destroy();
    for (const link of this.links) link.server.destroy();
    if (this.server.listening) await once(this.server, 'close');
  }

  /** B3. */
  private endWhenQuiet(link: Link): void {
    setTimeout(() => {
      const { client, server, moments } = link;
      if (client.destroyed || client.writableLength > 0 || !this.pool.isDrained(link.backend)) {
        return;
      }
      if (moments.isQuiet(performance.now())) {
        client.end();
        server.end();
      }
    }, quietAfterAnswerMs);
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
    this.join(client, server, backend.name, firstFlight, answer);
    return true;
  }

  private join(
    client: Socket,
    server: Socket,
    backend: string,
    firstFlight: readonly Buffer[],
    answer: Buffer,
  ): void {
    const hello = readClientHello(Buffer.concat(firstFlight));
    const link: Link = {
      client,
      server,
      backend,
      isHttp1: hello.kind === 'hello' && !hello.protocols.includes('h2'),
      moments: new QuietMoments(),
    };
    this.links.add(link);
    const relay = (from: Socket, to: Socket, note: (bytes: number) => void): void => {
      from.on('data', (chunk: Buffer) => {
        // Ended by B3 a moment ago: better not executed than executed without an answer.
        if (to.writableEnded) return;
        if (!to.write(chunk)) {
          from.pause();
          to.once('drain', () => from.resume());
        }
        note(chunk.length);
      });
      from.on('end', () => to.end());
      from.on('error', () => to.destroy());
      from.on('close', () => {
        if (!to.destroyed) to.end();
        this.links.delete(link);
      });
    };
    client.write(answer);
    relay(client, server, () => {
      link.moments.clientSent(performance.now());
    });
    relay(server, client, (bytes) => {
      link.moments.serverSent(performance.now(), bytes);
      if (link.isHttp1 && this.pool.isDrained(backend)) this.endWhenQuiet(link);
    });
    if (client.readableEnded) server.end();
    client.resume();
    server.resume();
  }
}

function sizeOf(chunks: readonly Buffer[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.length, 0);
}
