// How the observer reaches the cluster: through the load balancer, with the lab's admin kubeconfig,
// by Node's own HTTPS client. It shares no code with the engine that it watches.

import { readFileSync } from 'node:fs';
import { Agent, request as httpsRequest } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { parse } from 'yaml';

interface KubeconfigFile {
  readonly clusters: readonly {
    readonly cluster: {
      readonly server: string;
      readonly 'certificate-authority'?: string;
      readonly 'certificate-authority-data'?: string;
    };
  }[];
  readonly users: readonly {
    readonly user: {
      readonly 'client-certificate'?: string;
      readonly 'client-certificate-data'?: string;
      readonly 'client-key'?: string;
      readonly 'client-key-data'?: string;
    };
  }[];
}

export interface Connection {
  readonly server: URL;
  readonly agent: Agent;
}

function pem(data: string | undefined, path: string | undefined): Buffer {
  if (data !== undefined) return Buffer.from(data, 'base64');
  if (path !== undefined) return readFileSync(path);
  throw new Error('the kubeconfig names neither data nor a file for a certificate or key');
}

export interface Credentials {
  readonly server: URL;
  readonly tls: { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer };
}

/** Of the only cluster and user of the lab's kubeconfig. */
export function credentialsOf(kubeconfig: string): Credentials {
  const file = parse(readFileSync(kubeconfig, 'utf8')) as KubeconfigFile;
  const cluster = file.clusters[0]?.cluster;
  const user = file.users[0]?.user;
  if (cluster === undefined || user === undefined) {
    throw new Error(`kubeconfig ${kubeconfig} has no cluster or no user`);
  }
  return {
    server: new URL(cluster.server),
    tls: {
      ca: pem(cluster['certificate-authority-data'], cluster['certificate-authority']),
      cert: pem(user['client-certificate-data'], user['client-certificate']),
      key: pem(user['client-key-data'], user['client-key']),
    },
  };
}

/** By the lab's kubeconfig; `sockets` connections are kept open. */
export function connect(kubeconfig: string, sockets: number): Connection {
  const { server, tls } = credentialsOf(kubeconfig);
  return { server, agent: new Agent({ keepAlive: true, maxSockets: sockets, ...tls }) };
}

export interface Reply {
  readonly status: number;
  readonly body: string;
}

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly timeoutMs?: number;
}

/** Opens one request and hands over the response as soon as its head is there. */
export function open(connection: Connection, call: Call): Promise<IncomingMessage> {
  const body = call.body === undefined ? undefined : JSON.stringify(call.body);
  return new Promise((resolve, reject) => {
    const request = httpsRequest(
      new URL(call.path, connection.server),
      {
        agent: connection.agent,
        method: call.method,
        headers: {
          accept: 'application/json',
          'user-agent': 'ascent-demo-observer',
          ...(body === undefined
            ? {}
            : {
                'content-type': call.contentType ?? 'application/json',
                'content-length': Buffer.byteLength(body),
              }),
        },
        ...(call.timeoutMs === undefined ? {} : { timeout: call.timeoutMs }),
      },
      resolve,
    );
    request.on('timeout', () => request.destroy(new Error(`no answer in ${call.timeoutMs} ms`)));
    request.on('error', reject);
    request.end(body);
  });
}

/** One request with its whole answer. Nothing is tried again: the first answer counts. */
export async function send(connection: Connection, call: Call): Promise<Reply> {
  const response = await open(connection, call);
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') };
}
