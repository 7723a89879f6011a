// One ConfigMap, read and written in turn, over one kind of connection.

import { type ClientHttp2Session, connect, constants } from 'node:http2';
import { Agent, request } from 'node:https';

import type { Credentials } from './credentials';

const timeoutMs = 10_000;
const collection = '/api/v1/namespaces/default/configmaps';

/** With `writes` it is a write. */
export interface Call {
  readonly writes?: number;
}

export interface Caller {
  /** Creates the object. */
  prepare(): Promise<void>;
  /** Rejects for every answer but 200, and for none. */
  call(call: Call): Promise<void>;
  /** Requests that the transport sent again; see `streams`. */
  resent(): number;
  close(): void;
}

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly contentType?: string;
  readonly body?: string;
}

interface Received {
  readonly status: number;
  readonly text: string;
}

type Send = (what: Sent) => Promise<Received>;

function caller(name: string, send: Send, close: () => void, resent = () => 0): Caller {
  return {
    close,
    resent,
    async prepare() {
      const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } };
      const { status, text } = await send({
        method: 'POST',
        path: collection,
        contentType: 'application/json',
        body: JSON.stringify(object),
      });
      // An earlier hop has made it.
      if (status !== 201 && status !== 409) throw new Error(`${status} ${text.slice(0, 200)}`);
    },
    async call({ writes }) {
      const path = `${collection}/${name}`;
      const what =
        writes === undefined
          ? { method: 'GET', path }
          : {
              method: 'PATCH',
              path,
              contentType: 'application/merge-patch+json',
              body: JSON.stringify({ data: { writes: String(writes) } }),
            };
      const { status, text } = await send(what);
      if (status !== 200) throw new Error(`${status} ${text.slice(0, 200)}`);
    },
  };
}

export function newConnections(credentials: Credentials, name: string): Caller {
  return caller(name, overHttp1(credentials, false), () => undefined);
}

export function oldConnections(credentials: Credentials, name: string): Caller {
  const agent = new Agent({ keepAlive: true, maxSockets: 4, ...credentials.tls });
  return caller(name, overHttp1(credentials, agent), () => agent.destroy());
}

function overHttp1({ server, tls }: Credentials, agent: Agent | false): Send {
  return ({ method, path, contentType, body }) =>
    new Promise((resolve, reject) => {
      const signal = AbortSignal.timeout(timeoutMs);
      const headers = {
        accept: 'application/json',
        ...(contentType === undefined ? {} : { 'content-type': contentType }),
        ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
      };
      const asked = request(
        new URL(path, server),
        { ...(agent === false ? tls : {}), agent, method, headers, signal },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString('utf8');
            resolve({ status: response.statusCode ?? 0, text });
          });
        },
      );
      asked.on('error', reject);
      asked.end(body);
    });
}

/**
 * One session at a time; the next request after its GOAWAY or end opens another. A stream that a
 * GOAWAY names as unprocessed goes to the next session, as every transport of HTTP/2 does (Go's
 * does it unseen; RFC 9113, section 8.7): it is counted.
 */
export function streams({ server, tls }: Credentials, name: string): Caller {
  let current: ClientHttp2Session | undefined;
  let resent = 0;
  const session = (): ClientHttp2Session => {
    if (current !== undefined) return current;
    const opened = connect(server.origin, tls);
    const retire = (): void => {
      if (current === opened) current = undefined;
      // Ends when its streams have.
      if (!opened.closed) opened.close();
    };
    opened.on('goaway', retire);
    opened.on('close', retire);
    // Told by each of its streams as well.
    opened.on('error', retire);
    current = opened;
    return opened;
  };
  const send: Send = async (what) => {
    const over = session();
    const answer = await overStream(over, what);
    if (answer !== 'refused') return answer;
    resent += 1;
    if (current === over) current = undefined;
    const again = await overStream(session(), what);
    if (again === 'refused') throw new Error('refused by two sessions');
    return again;
  };
  return caller(
    name,
    send,
    () => current?.close(),
    () => resent,
  );
}

function overStream(
  session: ClientHttp2Session,
  { method, path, contentType, body }: Sent,
): Promise<Received | 'refused'> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ':method': method,
      ':path': path,
      accept: 'application/json',
      ...(contentType === undefined ? {} : { 'content-type': contentType }),
    });
    let status = 0;
    const chunks: Buffer[] = [];
    stream.setTimeout(timeoutMs, () => {
      stream.destroy(new Error(`no answer in ${timeoutMs} ms`));
    });
    stream.on('response', (headers) => (status = headers[':status'] ?? 0));
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', (error) => {
      if (stream.rstCode === constants.NGHTTP2_REFUSED_STREAM && status === 0) resolve('refused');
      else reject(error);
    });
    // Without an answer the status is 0.
    stream.on('close', () => resolve({ status, text: Buffer.concat(chunks).toString('utf8') }));
    stream.end(body);
  });
}
