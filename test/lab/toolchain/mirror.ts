// A mirror of official releases on loopback, which can be made to misbehave.

import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}

type Answer = (response: ServerResponse) => void;

export interface Mirror {
  readonly url: string;
  /** The paths that were asked for, in order, without the question whether the host is there. */
  readonly requests: string[];
  serve(path: string, body: string | Buffer): void;
  /** Announces all of the body, sends a part and hangs up. */
  serveTruncated(path: string, body: string | Buffer, bytes: number): void;
  serveStatus(path: string, status: number): void;
  close(): Promise<void>;
}

export async function startMirror(): Promise<Mirror> {
  const answers = new Map<string, Answer>();
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? '/';
    if (request.method === 'GET') requests.push(path);
    const answer = answers.get(path);
    if (answer === undefined) response.writeHead(404).end();
    else answer(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    serve: (path, body) => {
      answers.set(path, (response) => {
        response.writeHead(200, { 'content-length': Buffer.byteLength(body) }).end(body);
      });
    },
    serveTruncated: (path, body, bytes) => {
      answers.set(path, (response) => {
        response.writeHead(200, { 'content-length': Buffer.byteLength(body) });
        const part = Buffer.from(body).subarray(0, bytes);
        response.write(part, () => response.destroy());
      });
    },
    serveStatus: (path, status) => {
      answers.set(path, (response) => {
        response.writeHead(status).end();
      });
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

/** An address at which nobody listens. */
export async function deadAddress(): Promise<string> {
  const mirror = await startMirror();
  await mirror.close();
  return mirror.url;
}
