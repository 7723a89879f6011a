// The balancer on loopback, in front of TLS servers that play API servers.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import * as http2 from 'node:http2';
import { Agent, createServer, request, type Server } from 'node:https';
import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { once } from 'node:events';

import { ensurePki, pkiOf } from '../../lab/certificates';
import { designLab } from '../../lab/lab-file';
import { LoadBalancer } from '../../lab/load-balancer';
import { smallShape } from '../support/lab-shape';

type Handler = (incoming: IncomingMessage, response: ServerResponse) => void;

interface Answer {
  readonly status: number | undefined;
  readonly text: string;
}

const shape = { ...smallShape, members: 3 };

describe('the load balancer', () => {
  let directory: string;
  const pem = (name: string, kind: 'certificate' | 'key'): Promise<string> =>
    readFile(pkiOf(directory)[kind](name), 'utf8');
  const pairOf = async (name: string) => ({
    certificate: await pem(name, 'certificate'),
    key: await pem(name, 'key'),
  });
  const ends: (() => unknown)[] = [];

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'ascent-pki-'));
    await ensurePki(directory, await designLab(shape, 0, new Set()), Date.now());
  });

  afterEach(async () => {
    for (const end of ends.splice(0).toReversed()) await end();
  });

  afterAll(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  /** Members named a, b, c; each says its name unless it is given something else to do. */
  async function membersOf(handlers: readonly (Handler | undefined)[]): Promise<readonly Server[]> {
    const { certificate, key } = await pairOf('cp-1-api-server');
    const ca = `${await pem('ca', 'certificate')}${await pem('front-proxy-ca', 'certificate')}`;
    return await Promise.all(
      handlers.map(async (handler, index) => {
        const options = {
          cert: certificate,
          key,
          ca,
          requestCert: true,
          rejectUnauthorized: false,
        };
        const sayName: Handler = (_, response) => response.end('abc'.charAt(index));
        const server = createServer(options, handler ?? sayName);
        server.listen(0, '127.0.0.1');
        await once(server, 'listening');
        ends.push(() => server.close());
        ends.push(() => server.closeAllConnections());
        return server;
      }),
    );
  }

  async function balancerOver(ports: readonly number[]): Promise<LoadBalancer> {
    const balancer = new LoadBalancer({
      port: 0,
      backends: ports.map((port, index) => ({
        name: 'abc'.charAt(index),
        host: '127.0.0.1',
        port,
      })),
      http1: {
        ca: await pem('ca', 'certificate'),
        serving: await pairOf('balancer'),
        frontProxy: await pairOf('front-proxy-client'),
      },
      holdMs: 200,
    });
    await balancer.start();
    ends.push(() => balancer.close());
    return balancer;
  }

  const portOf = (server: { address(): unknown }): number => (server.address() as AddressInfo).port;

  async function clientOf(certificate?: string): Promise<Agent> {
    const agent = new Agent({
      keepAlive: true,
      maxSockets: 1,
      ca: await pem('ca', 'certificate'),
      ...(certificate === undefined
        ? {}
        : { cert: await pem(certificate, 'certificate'), key: await pem(certificate, 'key') }),
    });
    ends.push(() => agent.destroy());
    return agent;
  }

  interface Ask {
    readonly method?: string;
    readonly headers?: Record<string, string | string[]>;
    readonly onSocket?: (socket: Socket) => void;
  }

  function ask(balancer: LoadBalancer, agent: Agent, what: Ask = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const { method = 'GET', headers = {} } = what;
      const asked = request(
        { host: '127.0.0.1', port: balancer.port, path: '/x', agent, method, headers },
        (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
          response.on('end', () => resolve({ status: response.statusCode, text }));
          response.on('error', reject);
        },
      );
      asked.on('socket', (socket) => what.onSocket?.(socket));
      asked.on('error', reject);
      asked.end(method === 'GET' ? undefined : '{}');
    });
  }

  it('goes round the members while the client keeps one connection', async () => {
    const balancer = await balancerOver((await membersOf([undefined, undefined])).map(portOf));
    const agent = await clientOf();
    const sockets = new Set<Socket>();
    const onSocket = (socket: Socket): void => {
      sockets.add(socket);
    };

    const answers: string[] = [];
    for (let n = 0; n < 4; n += 1) answers.push((await ask(balancer, agent, { onSocket })).text);

    expect(answers.toSorted()).toEqual(['a', 'a', 'b', 'b']);
    expect(sockets.size).toBe(1);
  });

  it('sends a drained member nothing more, over no connection (H2)', async () => {
    const balancer = await balancerOver((await membersOf([undefined, undefined])).map(portOf));
    const agent = await clientOf();
    await ask(balancer, agent);
    await ask(balancer, agent);

    balancer.drain('a');
    const drained = await Promise.all([1, 2, 3].map(() => ask(balancer, agent)));
    balancer.admit('a');
    const admitted = [await ask(balancer, agent), await ask(balancer, agent)];

    expect(drained.map(({ text }) => text)).toEqual(['b', 'b', 'b']);
    expect(admitted.map(({ text }) => text).toSorted()).toEqual(['a', 'b']);
  });

  it('lets an answer that has begun go on while its member drains', async () => {
    let release: (() => void) | undefined;
    const slow: Handler = (_, response) => {
      response.write('begun, ');
      release = () => response.end('ended');
    };
    const balancer = await balancerOver((await membersOf([slow])).map(portOf));

    const answer = ask(balancer, await clientOf());
    while (release === undefined) await new Promise(setImmediate);
    balancer.drain('a');
    release();

    expect(await answer).toEqual({ status: 200, text: 'begun, ended' });
  });

  it('tells members who a verified client is, not what it claims (H4)', async () => {
    const tell: Handler = ({ headers, socket }, response) => {
      const proxy = 'getPeerCertificate' in socket ? socket.getPeerCertificate : undefined;
      const peer = (proxy as (() => { subject?: { CN?: string } }) | undefined)?.call(socket);
      const { 'x-remote-user': user, 'x-remote-group': group, authorization } = headers;
      response.end(JSON.stringify({ user, group, authorization, proxy: peer?.subject?.CN }));
    };
    const balancer = await balancerOver((await membersOf([tell])).map(portOf));
    const headers = {
      'x-remote-user': 'root',
      'x-remote-group': 'system:masters',
      authorization: 'Bearer abc',
    };
    const askAs = async (certificate?: string): Promise<unknown> =>
      JSON.parse((await ask(balancer, await clientOf(certificate), { headers })).text);

    expect(await askAs()).toEqual({ authorization: 'Bearer abc' });
    expect(await askAs('kwok')).toEqual({
      user: 'ascent:kwok',
      authorization: 'Bearer abc',
      proxy: 'front-proxy-client',
    });
    expect(await askAs('admin')).toEqual({
      user: 'ascent-admin',
      group: 'system:masters',
      authorization: 'Bearer abc',
      proxy: 'front-proxy-client',
    });
  });

  it('refuses a certificate of another authority', async () => {
    const balancer = await balancerOver((await membersOf([undefined])).map(portOf));

    const answer = await ask(balancer, await clientOf('etcd-client'));

    expect(answer.status).toBe(401);
    expect(JSON.parse(answer.text)).toMatchObject({ kind: 'Status', reason: 'Unauthorized' });
  });

  it('keeps repeated headers apart', async () => {
    const tell: Handler = ({ rawHeaders }, response) => {
      response.setHeader('warning', ['299 - "one"', '299 - "two, three"']);
      const groups = rawHeaders.filter((_, at) =>
        /^impersonate-group$/i.test(rawHeaders[at - 1] ?? ''),
      );
      response.end(JSON.stringify(groups));
    };
    const balancer = await balancerOver((await membersOf([tell])).map(portOf));

    const { text } = await ask(balancer, await clientOf(), {
      headers: { 'impersonate-group': ['a,b', 'c'] },
    });

    expect(JSON.parse(text)).toEqual(['a,b', 'c']);
  });

  it('sends a write that got no answer to nobody else, and a read to the next (H3)', async () => {
    let seen = 0;
    const hangUp: Handler = ({ socket }) => {
      seen += 1;
      socket.destroy();
    };
    const ports = (await membersOf([hangUp, hangUp, undefined])).map(portOf);
    const writer = await balancerOver(ports);
    const reader = await balancerOver(ports);
    writer.drain('c');

    const write = await ask(writer, await clientOf(), { method: 'POST' });
    expect([write.status, seen]).toEqual([502, 1]);
    expect(await ask(reader, await clientOf())).toEqual({ status: 200, text: 'c' });
  });

  it('sends a write to another member when the first cannot be reached', async () => {
    const closed = createTcpServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const port = portOf(closed);
    closed.close();
    await once(closed, 'close');
    const [member] = await membersOf([undefined]);
    const balancer = await balancerOver([port, port, member === undefined ? 0 : portOf(member)]);
    const answers = [1, 2, 3].map(async () => ask(balancer, await clientOf(), { method: 'POST' }));

    expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200]);
  });

  it('answers 503 when nobody serves for as long as it holds a request', async () => {
    const balancer = await balancerOver((await membersOf([undefined])).map(portOf));
    balancer.drain('a');

    const { status, text } = await ask(balancer, await clientOf());

    expect(status).toBe(503);
    expect(JSON.parse(text)).toMatchObject({
      message: 'load balancer: no API server can be reached',
    });
  });

  it('passes HTTP/2 through to the member itself', async () => {
    const { certificate, key } = await pairOf('cp-2-api-server');
    const member = http2.createSecureServer({ cert: certificate, key });
    member.on('stream', (stream) => {
      stream.respond({ ':status': 200 });
      stream.end('h2');
    });
    member.listen(0, '127.0.0.1');
    await once(member, 'listening');
    ends.push(() => member.close());
    const balancer = await balancerOver([portOf(member)]);
    const session = http2.connect(`https://127.0.0.1:${balancer.port}`, {
      ca: await pem('ca', 'certificate'),
    });
    ends.push(() => session.destroy());
    const stream = session.request({ ':path': '/' }).setEncoding('utf8');

    const [chunk] = (await once(stream, 'data')) as [string];

    expect(chunk).toBe('h2');
    expect(balancer.counts()).toEqual({ open: 1, byBackend: { a: 1 } });
    // The member's own certificate, not the balancer's.
    const socket = session.socket as unknown as {
      getPeerCertificate(): { subject: { CN: string } };
    };
    expect(socket.getPeerCertificate().subject.CN).toBe('kube-apiserver');
  });

  it('holds what a client of HTTP/2 sends, and passes on what it is answered (B3)', async () => {
    const { certificate, key } = await pairOf('cp-2-api-server');
    const member = http2.createSecureServer({ cert: certificate, key });
    const sessions: http2.ServerHttp2Session[] = [];
    const asked: string[] = [];
    const open: http2.ServerHttp2Stream[] = [];
    member.on('session', (session) => sessions.push(session));
    member.on('stream', (stream, headers) => {
      asked.push(String(headers[':path']));
      stream.on('error', () => undefined);
      open.push(stream);
    });
    member.listen(0, '127.0.0.1');
    await once(member, 'listening');
    ends.push(() => member.close());
    const balancer = await balancerOver([portOf(member)]);
    const session = http2.connect(`https://127.0.0.1:${balancer.port}`, {
      ca: await pem('ca', 'certificate'),
    });
    ends.push(() => session.destroy());
    const early = session.request({ ':path': '/early' });
    while (open.length === 0) await new Promise(setImmediate);

    balancer.hold('a');
    const late = session.request({ ':path': '/late' });
    const refused = once(late, 'error');
    open[0]?.respond({ ':status': 200 });
    open[0]?.end('answered');
    const [chunk] = (await once(early.setEncoding('utf8'), 'data')) as [string];
    const gone = once(session, 'goaway');
    sessions[0]?.goaway(http2.constants.NGHTTP2_NO_ERROR, 1);
    await gone;
    balancer.release('a');
    await refused;

    expect(chunk).toBe('answered');
    expect(asked).toEqual(['/early']);
    expect(late.rstCode).toBe(http2.constants.NGHTTP2_REFUSED_STREAM);
  });

  it('forgets clients that are gone while they are held', async () => {
    const { certificate, key } = await pairOf('cp-2-api-server');
    const member = http2.createSecureServer({ cert: certificate, key });
    const sessions: http2.ServerHttp2Session[] = [];
    member.on('session', (session) => sessions.push(session));
    member.listen(0, '127.0.0.1');
    await once(member, 'listening');
    ends.push(() => member.close());
    const balancer = await balancerOver([portOf(member)]);
    const session = http2.connect(`https://127.0.0.1:${balancer.port}`, {
      ca: await pem('ca', 'certificate'),
    });
    await once(session, 'remoteSettings');

    balancer.hold('a');
    sessions[0]?.destroy();
    session.destroy();
    while (balancer.counts().open > 0) await new Promise(setImmediate);

    expect(balancer.counts()).toEqual({ open: 0, byBackend: {} });
  });

  it('forgets clients that are gone, also those that never said a word', async () => {
    const balancer = await balancerOver((await membersOf([undefined])).map(portOf));
    const agent = await clientOf();
    await ask(balancer, agent);
    const { connect } = await import('node:net');
    const silent = connect(balancer.port, '127.0.0.1');
    await once(silent, 'connect');
    while (balancer.counts().open < 2) await new Promise(setImmediate);

    silent.end();
    agent.destroy();
    while (balancer.counts().open > 0) await new Promise(setImmediate);

    expect(balancer.counts()).toEqual({ open: 0, byBackend: {} });
  });
});
