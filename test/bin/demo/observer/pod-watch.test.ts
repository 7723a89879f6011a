// The pod watch over TLS, against a server that answers as scripted.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { once } from 'node:events';

import type { Connection } from '../../../../bin/demo/observer/connection';
import { connect } from '../../../../bin/demo/observer/connection';
import type { Pod } from '../../../../bin/demo/observer/pod-watch';
import { watchPods } from '../../../../bin/demo/observer/pod-watch';
import { ensurePki, pkiOf } from '../../../../lab/certificates';
import { designLab } from '../../../../lab/lab-file';
import { EvictionCount } from '../../../support/lab-eviction-watch';
import { untilTrue } from '../../../support/lab-until';
import { smallShape } from '../../../support/lab-shape';

type Answer = (response: ServerResponse) => void;

function pod(uid: string, resourceVersion: string, more: Partial<Pod> = {}): Pod {
  return { metadata: { uid, namespace: 'shop', name: uid, resourceVersion }, ...more };
}

const event = (type: string, object: object): string => `${JSON.stringify({ type, object })}\n`;

/** A list of pods at that version. */
const list =
  (resourceVersion: string, ...items: readonly Pod[]): Answer =>
  (response) =>
    response.end(JSON.stringify({ metadata: { resourceVersion }, items }));

/** A watch that says this and stays open. */
const stream =
  (...lines: readonly string[]): Answer =>
  (response) => {
    response.writeHead(200);
    for (const line of lines) response.write(line);
  };

/** A watch that says this and breaks off. */
const broken =
  (...lines: readonly string[]): Answer =>
  (response) => {
    response.write(lines.join(''), () => response.destroy());
  };

const status =
  (code: number): Answer =>
  (response) => {
    response.writeHead(code);
    response.end();
  };

describe('the pod watch', () => {
  let directory: string;
  let connection: Connection | undefined;
  let server: Server | undefined;
  const stops: (() => void)[] = [];

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'ascent-watch-'));
    await ensurePki(directory, await designLab(smallShape, 0, new Set()), Date.now());
  });

  afterEach(() => {
    for (const stop of stops.splice(0)) stop();
    connection?.agent.destroy();
    server?.closeAllConnections();
    server?.close();
  });

  afterAll(async () => {
    await rm(directory, { recursive: true, force: true });
  });

  /** Serves the answers in turn and tells what was asked; the last one is given again. */
  async function serve(...answers: readonly Answer[]): Promise<readonly string[]> {
    const pki = pkiOf(directory);
    const asked: string[] = [];
    const cert = await readFile(pki.certificate('cp-1-api-server'));
    const key = await readFile(pki.key('cp-1-api-server'));
    server = createServer({ cert, key }, (request, response) => {
      const url = new URL(request.url ?? '', 'https://unit');
      const from = url.searchParams.get('resourceVersion');
      const answer = answers[Math.min(asked.length, answers.length - 1)];
      asked.push(from === null ? 'list' : `watch ${from}`);
      answer?.(response);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const kubeconfig = path.join(directory, 'kubeconfig');
    const cluster = {
      server: `https://127.0.0.1:${port}`,
      'certificate-authority': pki.certificate('ca'),
    };
    const user = {
      'client-certificate': pki.certificate('cp-1-api-server'),
      'client-key': pki.key('cp-1-api-server'),
    };
    await writeFile(kubeconfig, JSON.stringify({ clusters: [{ cluster }], users: [{ user }] }));
    connection = connect(kubeconfig, 2);
    return asked;
  }

  async function listen(): Promise<readonly string[]> {
    if (connection === undefined) throw new Error('nothing is served');
    const told: string[] = [];
    const watch = await watchPods(connection, (pods) => {
      told.push(`began ${pods.map(({ metadata }) => metadata.uid).join()}`);
      return {
        changed: (type, { metadata }) => told.push(`${type} ${metadata.uid}`),
        relisted: (now) => told.push(`again ${now.map(({ metadata }) => metadata.uid).join()}`),
      };
    });
    stops.push(() => watch.stop());
    return told;
  }

  const untilSame = (told: readonly string[], wanted: readonly string[]): Promise<void> =>
    untilTrue(
      `${wanted.join('; ')}`,
      () => Promise.resolve(JSON.stringify(told) === JSON.stringify(wanted)),
      { timeoutMs: 10_000 },
    );

  it('goes on from the last version after a break, in the middle of an event too', async () => {
    const asked = await serve(
      list('5', pod('a', '4')),
      broken(event('ADDED', pod('b', '6')), '{"type":"ADDED","obj'),
      broken(event('BOOKMARK', pod('', '9'))),
      stream(event('DELETED', pod('a', '10'))),
    );
    const told = await listen();

    await untilSame(told, ['began a', 'ADDED b', 'DELETED a']);
    expect(asked).toEqual(['list', 'watch 5', 'watch 6', 'watch 9']);
  });

  it.each([
    ['as a status', status(410)],
    ['as an event', stream(event('ERROR', { kind: 'Status', code: 410 }))],
  ])('lists again and tells of the gap when its version is too old, %s', async (_, tooOld) => {
    const asked = await serve(
      list('5', pod('a', '4')),
      tooOld,
      list('20', pod('b', '18')),
      stream(event('MODIFIED', pod('b', '21'))),
    );
    const told = await listen();

    await untilSame(told, ['began a', 'again b', 'MODIFIED b']);
    expect(asked).toEqual(['list', 'watch 5', 'list', 'watch 20']);
  });

  it.each([
    ['a status', status(503)],
    ['an event', stream(event('ERROR', { kind: 'Status', code: 500 }))],
  ])('asks again from the same version after another refusal, %s', async (_, refusal) => {
    const asked = await serve(
      list('5', pod('a', '4')),
      refusal,
      refusal,
      stream(event('MODIFIED', pod('a', '6'))),
    );
    const told = await listen();

    await untilSame(told, ['began a', 'MODIFIED a']);
    expect(asked).toEqual(['list', 'watch 5', 'watch 5', 'watch 5']);
  });

  it('asks for the list until there is one', async () => {
    const late = pod('a', '8');
    const watch = stream(event('ADDED', late));
    const asked = await serve(list('5'), status(410), status(500), list('7'), watch);
    const told = await listen();

    await untilSame(told, ['began ', 'again ', 'ADDED a']);
    expect(asked).toEqual(['list', 'watch 5', 'list', 'list', 'watch 7']);
  });

  it('does not begin without a list', async () => {
    await serve(status(403));

    await expect(listen()).rejects.toThrow('GET /api/v1/pods: 403');
  });
});

describe('the count of evictions', () => {
  const evicted = {
    spec: { nodeName: 'worker-1' },
    status: {
      conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI' }],
    },
  };

  it('counts a pod once', () => {
    const count = new EvictionCount([pod('a', '1'), pod('b', '1')]);
    count.changed('MODIFIED', pod('a', '2', evicted));
    count.changed('MODIFIED', pod('a', '3', evicted));
    count.changed('DELETED', pod('a', '4', evicted));
    count.changed('DELETED', pod('b', '5'));
    count.relisted([]);

    expect(count.evictions).toEqual([
      { uid: 'a', pod: 'shop/a', node: 'worker-1', atMs: expect.any(Number) },
    ]);
    expect(count.unexplained).toEqual([]);
  });

  it('tells of pods that went in a gap, and counts those that are still leaving', () => {
    const count = new EvictionCount([pod('a', '1'), pod('b', '1'), pod('c', '1')]);
    count.relisted([pod('b', '2', evicted), pod('c', '1')]);

    expect(count.evictions.map(({ uid }) => uid)).toEqual(['b']);
    expect(count.unexplained).toEqual(['shop/a']);
  });
});
