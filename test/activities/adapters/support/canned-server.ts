// An HTTPS server on loopback that answers as a test says, word for word, and remembers what it
// was asked.

import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import path from 'node:path';

import type { Identity, TestAuthority } from './pki';

export interface CannedAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface SeenRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly contentType: string | undefined;
  readonly authorization: string | undefined;
  readonly body: unknown;
}

/** `hang`: no answer. `break`: the connection is cut. */
export type Reaction = CannedAnswer | 'hang' | 'break';

export interface CannedServer {
  readonly url: string;
  readonly seen: SeenRequest[];
  /** Connections that were opened so far. */
  connections(): number;
  /** Replaces the behaviour and forgets what was seen. */
  react(reaction: (request: SeenRequest) => Reaction): void;
  close(): Promise<void>;
}

function readBody(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

async function see(request: IncomingMessage): Promise<SeenRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return {
    method: request.method ?? '',
    url: request.url ?? '',
    contentType: request.headers['content-type'],
    authorization: request.headers.authorization,
    body: readBody(Buffer.concat(chunks).toString('utf8')),
  };
}

function answer(response: ServerResponse, { status, headers = {}, body }: CannedAnswer): void {
  const isText = typeof body === 'string';
  response.writeHead(status, {
    'content-type': isText ? 'text/plain; charset=utf-8' : 'application/json',
    ...headers,
  });
  response.end(isText ? body : JSON.stringify(body ?? {}));
}

export async function startCannedServer(
  authority: TestAuthority,
  options: { readonly requireClient?: boolean } = {},
): Promise<CannedServer> {
  const { certificate, key } = await authority.server();
  let reaction: (request: SeenRequest) => Reaction = () => ({ status: 404 });
  const seen: SeenRequest[] = [];
  const sockets = new Set<Duplex>();
  let connections = 0;
  const server = createServer(
    {
      cert: certificate,
      key,
      ca: authority.ca,
      requestCert: true,
      rejectUnauthorized: options.requireClient === true,
    },
    (request, response) => {
      void see(request).then((asked) => {
        seen.push(asked);
        const reply = reaction(asked);
        if (reply === 'hang') return;
        if (reply === 'break') request.socket.destroy();
        else answer(response, reply);
      });
    },
  );
  server.on('connection', (socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `https://127.0.0.1:${String(port)}`,
    seen,
    connections: () => connections,
    react(next) {
      reaction = next;
      seen.length = 0;
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** A kubeconfig with embedded credentials, as `kubeadm` and the lab write it. */
export function writeKubeconfig(
  directory: string,
  options: {
    readonly server: string;
    readonly ca: string;
    readonly user?: Identity;
    readonly extra?: { readonly cluster?: object; readonly user?: object };
  },
): string {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const { server, ca, user, extra = {} } = options;
  const client =
    user === undefined
      ? {}
      : {
          'client-certificate-data': base64(user.certificate),
          'client-key-data': base64(user.key),
        };
  const content = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'test',
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    clusters: [
      {
        name: 'test',
        cluster: { server, 'certificate-authority-data': base64(ca), ...extra.cluster },
      },
    ],
    users: [{ name: 'test', user: { ...client, ...extra.user } }],
  };
  const file = path.join(directory, `kubeconfig-${Math.random().toString(36).slice(2)}`);
  writeFileSync(file, JSON.stringify(content));
  return file;
}
