// /healthz and /readyz of a worker process, for the platform that runs it.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { RunningWorkers, WorkerState } from './run-workers';

/** What is answered for the states of all workers. Alive: none has failed. Ready: all poll. */
export function healthAnswer(
  path: string,
  states: readonly WorkerState[],
): { readonly status: 200 | 404 | 503; readonly body: string } {
  const body = `${JSON.stringify({ states })}\n`;
  switch (path) {
    case '/healthz':
      return { status: states.includes('FAILED') ? 503 : 200, body };
    case '/readyz':
      return { status: states.every((state) => state === 'RUNNING') ? 200 : 503, body };
    default:
      return { status: 404, body: '' };
  }
}

export interface HealthServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Serves both on `host:port`. Rejects when the address cannot be listened on. */
export async function serveHealth(
  address: string,
  workers: Pick<RunningWorkers, 'states'>,
): Promise<HealthServer> {
  const separator = address.lastIndexOf(':');
  const host = address.slice(0, separator).replace(/^\[(.*)\]$/, '$1');
  const server = createServer((request, response) => {
    // Not parsed as a URL: what is none would throw, and end the worker.
    const [path = '/'] = (request.url ?? '/').split('?', 1);
    const { status, body } = healthAnswer(path, workers.states());
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port: Number(address.slice(separator + 1)) }, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
