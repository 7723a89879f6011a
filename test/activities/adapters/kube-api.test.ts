import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { inspect } from 'node:util';

import { createKubeApi } from '../../../activities/adapters/kube-api';
import {
  type KubeConnection,
  openKubeConnection,
  tlsOptionsOf,
} from '../../../activities/adapters/kube-connection';
import { KubeRequests } from '../../../activities/adapters/kube-requests';
import type { KubeApi } from '../../../activities/ports';
import type { NodeName } from '../../../domain/names';
import {
  type CannedServer,
  type Reaction,
  type SeenRequest,
  startCannedServer,
  writeKubeconfig,
} from './support/canned-server';
import { evictionRefusals, statusBody } from './support/eviction-bodies';
import { createAuthority, type TestAuthority } from './support/pki';
import { FakeClock } from '../../support/fake-clock';
import { never, refusalOf } from './support/refusals';
import { temporaryDirectory } from './support/temporary-directory';

const directory = temporaryDirectory();
const nowMs = Date.parse('2026-01-01T00:00:20Z');
const web1 = { ref: { namespace: 'shop', name: 'web-1' }, uid: 'uid-1' } as const;
const worker = 'worker-1' as NodeName;

let authority: TestAuthority;
let server: CannedServer;
let connection: KubeConnection;
let kube: KubeApi;
const opened: KubeConnection[] = [];

beforeAll(async () => {
  authority = await createAuthority('kube-ca');
  server = await startCannedServer(authority);
});
afterAll(async () => server.close());

beforeEach(async () => {
  const user = await authority.client('ascent');
  connection = open(writeKubeconfig(directory, { server: server.url, ca: authority.ca, user }));
  kube = kubeOn(connection);
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((item) => item.close()));
});

function open(kubeconfig: string): KubeConnection {
  const made = openKubeConnection(kubeconfig);
  opened.push(made);
  return made;
}

function kubeOn(on: KubeConnection, timeoutMs = 5_000): KubeApi {
  const limits = { readTimeoutMs: timeoutMs, changeTimeoutMs: timeoutMs };
  return createKubeApi(on, { clock: new FakeClock(nowMs), limits });
}

const podPath = '/api/v1/namespaces/shop/pods/web-1';
const livePod = { metadata: { namespace: 'shop', name: 'web-1', uid: 'uid-1' } };
const created = { status: 201, body: { kind: 'Status', apiVersion: 'v1', status: 'Success' } };

/** The pod is there, and its eviction is answered with `reply`. */
function evictionAnswers(reply: Reaction): (request: SeenRequest) => Reaction {
  return ({ method }) => (method === 'GET' ? { status: 200, body: livePod } : reply);
}

describe('an eviction', () => {
  it('compares the uid, then carries it as a precondition', async () => {
    server.react(evictionAnswers(created));

    expect(await kube.evict(web1, undefined, never)).toEqual({ kind: 'evicted' });
    expect(server.seen).toEqual([
      expect.objectContaining({ method: 'GET', url: podPath }),
      expect.objectContaining({
        method: 'POST',
        url: `${podPath}/eviction`,
        body: {
          metadata: { namespace: 'shop', name: 'web-1' },
          deleteOptions: { preconditions: { uid: 'uid-1' } },
        },
      }),
    ]);
  });

  it('asks for the grace period that the policy names', async () => {
    server.react(evictionAnswers(created));

    await kube.evict(web1, 0, never);
    expect(server.seen[1]?.body).toEqual({
      metadata: { namespace: 'shop', name: 'web-1' },
      deleteOptions: { preconditions: { uid: 'uid-1' }, gracePeriodSeconds: 0 },
    });
  });

  it('is not asked for when another pod has the name by now', async () => {
    const later = { metadata: { ...livePod.metadata, uid: 'uid-2' } };
    server.react(() => ({ status: 200, body: later }));

    expect(await kube.evict(web1, undefined, never)).toEqual({ kind: 'replaced' });
    expect(server.seen.map(({ method }) => method)).toEqual(['GET']);
  });

  it('is not asked for when the pod is gone', async () => {
    const body = statusBody({ code: 404, message: 'pods "web-1" not found', reason: 'NotFound' });
    server.react(() => ({ status: 404, body }));

    expect(await kube.evict(web1, undefined, never)).toEqual({ kind: 'gone' });
    expect(server.seen.map(({ method }) => method)).toEqual(['GET']);
  });

  it.each(evictionRefusals)('tells $name', async ({ reply, answer }) => {
    server.react(evictionAnswers(reply));

    expect(await kube.evict(web1, undefined, never)).toEqual(answer);
  });

  const conflict = {
    status: 409,
    body: statusBody({
      code: 409,
      message: 'Operation cannot be fulfilled on Pod "web-1": the UID in the precondition differs',
      reason: 'Conflict',
    }),
  } as const;

  it.each([
    {
      name: 'another pod',
      after: { status: 200, body: { metadata: { ...livePod.metadata, uid: 'uid-2' } } },
      answer: { kind: 'replaced' },
    },
    { name: 'no pod', after: { status: 404, body: 'not found' }, answer: { kind: 'gone' } },
    {
      name: 'the same pod',
      after: { status: 200, body: livePod },
      answer: { kind: 'failed', message: conflict.body },
    },
  ])('that conflicts is settled by another look, which finds $name', async ({ after, answer }) => {
    let looks = 0;
    server.react(({ method }) => {
      if (method === 'POST') return conflict;
      looks += 1;
      return looks === 1 ? { status: 200, body: livePod } : after;
    });

    const message = expect.stringContaining('Operation cannot be fulfilled') as string;
    const expected = answer.kind === 'failed' ? { kind: 'failed', message } : answer;
    expect(await kube.evict(web1, undefined, never)).toEqual(expected);
    expect(server.seen.filter(({ method }) => method === 'POST')).toHaveLength(1);
  });

  it('fails as unauthorized when the credentials are refused in between', async () => {
    const body = statusBody({ code: 401, message: 'Unauthorized', reason: 'Unauthorized' });
    server.react(evictionAnswers({ status: 401, body }));

    expect(await refusalOf(kube.evict(web1, undefined, never))).toEqual({
      code: 'unauthorized',
      message: 'evicting pod shop/web-1: HTTP 401',
    });
  });

  it('is asked for once when the connection breaks before the answer', async () => {
    server.react(evictionAnswers('break'));

    expect(await refusalOf(kube.evict(web1, undefined, never))).toMatchObject({
      code: 'unreachable',
    });
    expect(server.seen.filter(({ method }) => method === 'POST')).toHaveLength(1);
  });
});

describe('a list', () => {
  const node = (name: string): object => ({ metadata: { name } });
  const page = (names: readonly string[], next?: string): Reaction => ({
    status: 200,
    body: { metadata: next === undefined ? {} : { continue: next }, items: names.map(node) },
  });

  it('is read page by page', async () => {
    server.react(({ url }) => (url.includes('continue=') ? page(['b']) : page(['a'], 'token')));

    const nodes = await kube.listNodes(never);
    expect(nodes.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(server.seen.map(({ url }) => url)).toEqual([
      '/api/v1/nodes?limit=500',
      '/api/v1/nodes?continue=token&limit=500',
    ]);
  });

  it('of namespaces is their names', async () => {
    server.react(() => page(['default', 'batch']));
    expect(await kube.listNamespaces(never)).toEqual(['default', 'batch']);
    expect(server.seen[0]?.url).toBe('/api/v1/namespaces?limit=500');
  });

  it('of attachments is those of the node', async () => {
    const attachment = (nodeName: string, source: object): object => ({
      metadata: { name: `csi-${nodeName}` },
      spec: { attacher: 'disk.example.com', nodeName, source },
    });
    const ofVolume = { persistentVolumeName: 'pv-1' };
    const items = [
      attachment('worker-1', ofVolume),
      attachment('worker-2', ofVolume),
      attachment('worker-1', { inlineVolumeSpec: {} }),
    ];
    server.react(() => ({ status: 200, body: { metadata: {}, items } }));
    expect(await kube.listAttachments(worker, never)).toEqual([
      { name: 'csi-worker-1', node: 'worker-1', volume: 'pv-1' },
    ]);
    expect(server.seen[0]?.url).toBe('/apis/storage.k8s.io/v1/volumeattachments?limit=500');
  });

  it('is begun again once when it expires between two pages', async () => {
    const body = statusBody({ code: 410, message: 'The provided continue parameter is too old' });
    let isExpired = false;
    server.react(({ url }) => {
      if (!url.includes('continue=')) return page(isExpired ? ['a', 'b'] : ['a'], 'token');
      if (isExpired) return page(['c']);
      isExpired = true;
      return { status: 410, body };
    });

    const nodes = await kube.listNodes(never);
    expect(nodes.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
  });

  it('is given up when it expires again', async () => {
    const body = statusBody({ code: 410, message: 'The provided continue parameter is too old' });
    server.react(({ url }) =>
      url.includes('continue=') ? { status: 410, body } : page(['a'], 'token'),
    );

    expect(await refusalOf(kube.listNodes(never))).toEqual({
      code: 'conflict',
      message: 'listing nodes: The provided continue parameter is too old (HTTP 410)',
    });
  });

  it('keeps the view of an item before it asks for the next page', async () => {
    const events: string[] = [];
    const requests = new KubeRequests(connection);
    const views = await requests.list(
      { doing: 'listing letters', signal: never },
      {
        request: async ({ _continue }) => {
          events.push(`page ${_continue ?? 'first'}`);
          return _continue === undefined
            ? { items: ['a', 'b'], metadata: { _continue: 'second' } }
            : { items: ['c'] };
        },
        view: (item: string) => {
          events.push(item);
          return item.toUpperCase();
        },
      },
    );
    expect(views).toEqual(['A', 'B', 'C']);
    expect(events).toEqual(['page first', 'a', 'b', 'page second', 'c']);
  });
});

describe('the taint of a node that waits for its upgrade', () => {
  const waits = { key: 'ascent.dev/waits-for-upgrade', effect: 'PreferNoSchedule' };
  const other = { key: 'dedicated', value: 'db', effect: 'NoSchedule' };
  const nodeWith = (taints: readonly object[]): object => ({
    metadata: { name: 'worker-1', resourceVersion: '42' },
    spec: { taints },
  });
  const patches = (): readonly unknown[] =>
    server.seen.filter(({ method }) => method === 'PATCH').map(({ body }) => body);

  it.each([
    { name: 'is placed beside others', has: [other], isPlaced: true, becomes: [other, waits] },
    { name: 'is removed alone', has: [waits, other], isPlaced: false, becomes: [other] },
  ])('$name, on the version that was seen', async ({ has, isPlaced, becomes }) => {
    server.react(() => ({ status: 200, body: nodeWith(has) }));
    await kube.setWaitingTaint(worker, isPlaced, never);
    expect(patches()).toEqual([{ metadata: { resourceVersion: '42' }, spec: { taints: becomes } }]);
  });

  it.each([
    { name: 'placed', has: [waits], isPlaced: true },
    { name: 'absent', has: [other], isPlaced: false },
  ])('that is $name already is left alone', async ({ has, isPlaced }) => {
    server.react(() => ({ status: 200, body: nodeWith(has) }));
    await kube.setWaitingTaint(worker, isPlaced, never);
    expect(patches()).toEqual([]);
  });

  it('needs no node', async () => {
    server.react(() => ({ status: 404 }));
    await kube.setWaitingTaint(worker, true, never);
    expect(patches()).toEqual([]);
  });

  it('goes with the cordon, in one patch', async () => {
    server.react(() => ({ status: 200, body: nodeWith([waits, other]) }));
    await kube.setCordon(worker, 'ascent: hop-1.29', never);
    expect(patches()).toEqual([
      expect.objectContaining({ spec: { unschedulable: true, taints: [other] } }),
    ]);
  });
});

describe('a cordon', () => {
  const annotation = 'ascent.dev/cordon-reason';
  const nodeWith = (spec: object, annotations: object = {}): object => ({
    metadata: { name: 'worker-1', resourceVersion: '42', annotations },
    spec,
  });
  const isNow = (body: object): void => server.react(() => ({ status: 200, body }));
  const patches = (): readonly SeenRequest[] =>
    server.seen.filter(({ method }) => method === 'PATCH');

  it('is placed together with its reason, on the version that was seen', async () => {
    isNow(nodeWith({}));
    await kube.setCordon(worker, 'ascent: hop-1.29', never);
    expect(patches()).toEqual([
      expect.objectContaining({
        url: '/api/v1/nodes/worker-1',
        contentType: 'application/merge-patch+json',
        body: {
          metadata: {
            resourceVersion: '42',
            annotations: {
              [annotation]: 'ascent: hop-1.29',
              'ascent.dev/cordoned-at': '2026-01-01T00:00:20.000Z',
            },
          },
          spec: { unschedulable: true },
        },
      }),
    ]);
  });

  it('is removed together with its reason', async () => {
    isNow(nodeWith({ unschedulable: true }, { [annotation]: 'ascent: hop-1.29' }));
    await kube.setCordon(worker, undefined, never);
    expect(patches().map(({ body }) => body)).toEqual([
      {
        metadata: {
          resourceVersion: '42',
          annotations: { [annotation]: null, 'ascent.dev/cordoned-at': null },
        },
        spec: { unschedulable: null },
      },
    ]);
  });

  it.each([
    {
      name: 'placed',
      node: nodeWith({ unschedulable: true }, { [annotation]: 'why' }),
      reason: 'why',
    },
    { name: 'removed', node: nodeWith({}), reason: undefined },
  ])('that is $name already is left alone', async ({ node, reason }) => {
    isNow(node);
    await kube.setCordon(worker, reason, never);
    expect(patches()).toEqual([]);
  });

  it.each(['why', undefined])('of somebody else is a conflict (reason %s)', async (reason) => {
    isNow(nodeWith({ unschedulable: true }));
    expect(await refusalOf(kube.setCordon(worker, reason, never))).toMatchObject({
      code: 'conflict',
    });
    expect(patches()).toEqual([]);
  });

  it('is a conflict when the node changes in between', async () => {
    const message =
      'Operation cannot be fulfilled on nodes "worker-1": the object has been modified';
    server.react(({ method }) =>
      method === 'GET'
        ? { status: 200, body: nodeWith({}) }
        : { status: 409, body: statusBody({ code: 409, message, reason: 'Conflict' }) },
    );
    expect(await refusalOf(kube.setCordon(worker, 'why', never))).toEqual({
      code: 'conflict',
      message: `cordoning node worker-1: ${message} (HTTP 409)`,
    });
  });

  it('of a node that does not exist is not-found', async () => {
    server.react(() => ({ status: 404, body: statusBody({ code: 404, message: 'not found' }) }));
    expect(await refusalOf(kube.setCordon(worker, 'why', never))).toEqual({
      code: 'not-found',
      message: 'cordoning node worker-1: it does not exist',
    });
  });
});

describe('the leader leases', () => {
  it('are told with their age, and as unheld when there is none', async () => {
    const spec = {
      holderIdentity: 'cp-1_6f1c',
      leaseDurationSeconds: 15,
      renewTime: '2026-01-01T00:00:18.500000Z',
    };
    server.react(({ url }) =>
      url.endsWith('/kube-scheduler')
        ? { status: 404, body: statusBody({ code: 404, message: 'not found' }) }
        : { status: 200, body: { metadata: { name: 'kube-controller-manager' }, spec } },
    );

    expect(await kube.listLeaderLeases(never)).toEqual([
      {
        component: 'kube-controller-manager',
        holder: 'cp-1_6f1c',
        renewedSecondsAgo: 1.5,
        durationSeconds: 15,
      },
      { component: 'kube-scheduler', holder: '', renewedSecondsAgo: 0, durationSeconds: 0 },
    ]);
  });
});

describe('what goes wrong on the way', () => {
  it.each([
    { status: 401, code: 'unauthorized' },
    { status: 403, code: 'forbidden' },
    { status: 422, code: 'rejected' },
    { status: 429, code: 'unexpected' },
    { status: 500, code: 'unexpected' },
    { status: 503, code: 'unreachable' },
    { status: 504, code: 'timeout' },
  ])('HTTP $status is $code', async ({ status, code }) => {
    server.react(() => ({ status, body: statusBody({ code: status, message: 'said so' }) }));
    expect(await refusalOf(kube.listPods(never))).toMatchObject({ code });
  });

  it('hands on how long the server asks to wait', async () => {
    const headers = { 'retry-after': '3' };
    server.react(() => ({ status: 503, headers, body: 'apiserver is shutting down' }));
    expect(await refusalOf(kube.listPods(never))).toEqual({
      code: 'unreachable',
      message: 'listing pods: apiserver is shutting down (HTTP 503)',
      retryAfterSeconds: 3,
    });
  });

  it('says that nobody listens', async () => {
    const gone = await startCannedServer(authority);
    await gone.close();
    const other = open(writeKubeconfig(directory, { server: gone.url, ca: authority.ca }));
    expect(await refusalOf(kubeOn(other).listNodes(never))).toEqual({
      code: 'unreachable',
      message: `listing nodes: connect ECONNREFUSED ${gone.url.slice('https://'.length)}`,
    });
  });

  it('says that no answer came in time', async () => {
    server.react(() => 'hang');
    expect(await refusalOf(kubeOn(connection, 200).listNodes(never))).toEqual({
      code: 'timeout',
      message: 'listing nodes: no answer within 0.2 s',
    });
  });

  it('does not trust a server that another authority signed', async () => {
    const other = await createAuthority('other-ca');
    const wrong = open(writeKubeconfig(directory, { server: server.url, ca: other.ca }));
    expect(await refusalOf(kubeOn(wrong).listNodes(never))).toMatchObject({
      code: 'unauthorized',
    });
  });

  it('says that the server does not trust us', async () => {
    const strict = await startCannedServer(authority, { requireClient: true });
    try {
      const other = await createAuthority('other-ca');
      const user = await other.client('stranger');
      const wrong = open(
        writeKubeconfig(directory, { server: strict.url, ca: authority.ca, user }),
      );
      const refusal = await refusalOf(kubeOn(wrong).listNodes(never));
      // TLS 1.3 refuses after the handshake: some servers send their alert, some just hang up.
      expect(['unauthorized', 'unreachable']).toContain((refusal as { code?: string }).code);
    } finally {
      await strict.close();
    }
  });

  it('reads again once when a connection broke', async () => {
    let isBroken = false;
    server.react(() => {
      if (isBroken) return { status: 200, body: { items: [] } };
      isBroken = true;
      return 'break';
    });
    expect(await kube.listNodes(never)).toEqual([]);
  });

  it('leaves with the reason of a cancellation, at once', async () => {
    const controller = new AbortController();
    const reason = new Error('the workflow was cancelled');
    server.react(() => {
      controller.abort(reason);
      return 'hang';
    });
    await expect(kube.listNodes(controller.signal)).rejects.toBe(reason);
  });
});

describe('the connection', () => {
  it('is used for many requests', async () => {
    const before = server.connections();
    server.react(() => ({ status: 200, body: { items: [] } }));
    for (let i = 0; i < 20; i += 1) await kube.listNodes(never);
    // Two: the first is not free yet when the second request follows at once.
    expect(server.connections() - before).toBeLessThanOrEqual(2);
  });

  it('carries a bearer token', async () => {
    const extra = { user: { token: 'a-token' } };
    const withToken = writeKubeconfig(directory, { server: server.url, ca: authority.ca, extra });
    server.react(() => ({ status: 200, body: { items: [] } }));
    await kubeOn(open(withToken)).listNodes(never);
    expect(server.seen[0]?.authorization).toBe('Bearer a-token');
  });

  it.each([
    {
      name: 'switches verification off',
      change: { extra: { cluster: { 'insecure-skip-tls-verify': true } } },
      says: /switches off verification/,
    },
    {
      name: 'names a server without TLS',
      change: { server: 'http://127.0.0.1:1' },
      says: /https:/,
    },
  ])('is refused when the kubeconfig $name', ({ change, says }) => {
    const file = writeKubeconfig(directory, { server: server.url, ca: authority.ca, ...change });
    expect(() => openKubeConnection(file)).toThrow(says);
  });

  it('is refused when there is no kubeconfig', () => {
    const file = `${directory}/none`;
    expect(() => openKubeConnection(file)).toThrow(`kubeconfig ${file} cannot be read (ENOENT)`);
  });

  it('is refused without a word of a kubeconfig that cannot be parsed', () => {
    const file = path.join(directory, 'broken');
    writeFileSync(file, 'users:\n- user: { token: s3cret\n');
    const refused = jest.fn(() => openKubeConnection(file));
    expect(refused).toThrow(`kubeconfig ${file} cannot be read (it is no kubeconfig)`);
    expect(inspect(refused.mock.results)).not.toContain('s3cret');
  });

  it('verifies servers whatever the environment says', () => {
    expect(tlsOptionsOf({ ca: 'ca', servername: 'kube', rejectUnauthorized: false })).toEqual({
      ca: 'ca',
      servername: 'kube',
      rejectUnauthorized: true,
    });
  });
});

describe('a credential plugin', () => {
  /** A connection whose credentials come from this shell script. */
  function withPlugin(script: string, credentialsTimeoutMs?: number): KubeConnection {
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: '/bin/sh',
      args: ['-c', script],
    };
    const extra = { user: { exec } };
    const file = writeKubeconfig(directory, { server: server.url, ca: authority.ca, extra });
    const made = openKubeConnection(file, credentialsTimeoutMs);
    opened.push(made);
    return made;
  }

  const asked = path.join(directory, 'asked');
  const credential = { kind: 'ExecCredential', status: { token: 'from-plugin' } };
  const answers = `echo once >>${asked}; sleep 0.2; echo '${JSON.stringify(credential)}'`;

  it('is asked once for requests that come together', async () => {
    server.react(() => ({ status: 200, body: { items: [] } }));
    const other = kubeOn(withPlugin(answers));
    await Promise.all([1, 2, 3].map(() => other.listNodes(never)));
    expect(server.seen.map(({ authorization }) => authorization)).toEqual(
      Array.from({ length: 3 }, () => 'Bearer from-plugin'),
    );
    expect(readFileSync(asked, 'utf8')).toBe('once\n');
  });

  it.each([
    { name: 'answers with no JSON', script: 'echo s3cret', says: 'its answer is no JSON' },
    {
      name: 'fails',
      script: 'echo "the session has ended" >&2; echo more >&2; echo s3cret; exit 1',
      says: 'the session has ended',
    },
  ])('that $name is told without what it printed', async ({ script, says }) => {
    const failed = kubeOn(withPlugin(script)).listNodes(never);
    const shown = failed.catch((error: unknown) => inspect(error));
    expect(await refusalOf(failed)).toEqual({
      code: 'unauthorized',
      message: `the kubeconfig's credentials cannot be obtained: ${says}`,
    });
    expect(await shown).not.toContain('s3cret');
  });

  it('that hangs is waited for only so long', async () => {
    expect(await refusalOf(kubeOn(withPlugin('sleep 0.3', 100)).listNodes(never))).toEqual({
      code: 'timeout',
      message: "the kubeconfig's credentials cannot be obtained: no answer within 0.1 s",
    });
  });
});
