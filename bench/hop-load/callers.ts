// One ConfigMap, read and written in turn, over one kind of connection.

import { type ClientHttp2Session, connect, constants } from 'node:http2';
import { Agent, type AgentOptions } from 'node:https';

import {
  type Call as Request,
  type Credentials,
  type Reply,
  send,
} from '../../bin/demo/observer/connection';

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

type Send = (what: Request) => Promise<Reply>;

function caller(name: string, send: Send, close: () => void, resent = () => 0): Caller {
  return {
    close,
    resent,
    async prepare() {
      const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } };
      const { status, body } = await send({ method: 'POST', path: collection, body: object });
      // An earlier hop has made it.
      if (status !== 201 && status !== 409) throw new Error(`${status} ${body.slice(0, 200)}`);
    },
    async call({ writes }) {
      const path = `${collection}/${name}`;
      const patch = {
        method: 'PATCH',
        path,
        contentType: 'application/merge-patch+json',
        body: { data: { writes: String(writes) } },
      };
      const { status, body } = await send(writes === undefined ? { method: 'GET', path } : patch);
      if (status !== 200) throw new Error(`${status} ${body.slice(0, 200)}`);
    },
  };
}

export function newConnections(credentials: Credentials, name: string): Caller {
  return overHttp1(name, credentials, { keepAlive: false });
}

export function oldConnections(credentials: Credentials, name: string): Caller {
  return overHttp1(name, credentials, { keepAlive: true, maxSockets: 4 });
}

function overHttp1(name: string, { server, tls }: Credentials, options: AgentOptions): Caller {
  const agent = new Agent({ ...options, ...tls });
  const over = (what: Request): Promise<Reply> => send({ server, agent }, { ...what, timeoutMs });
  return caller(name, over, () => agent.destroy());
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
  const overSessions: Send = async (what) => {
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
    overSessions,
    () => current?.close(),
    () => resent,
  );
}

function overStream(
  session: ClientHttp2Session,
  { method, path, contentType = 'application/json', body }: Request,
): Promise<Reply | 'refused'> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ':method': method,
      ':path': path,
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': contentType }),
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
    stream.on('close', () => resolve({ status, body: Buffer.concat(chunks).toString('utf8') }));
    stream.end(body === undefined ? undefined : JSON.stringify(body));
  });
}
