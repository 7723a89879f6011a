import {
  type KubeConnection,
  openKubeConnection,
} from '../../../activities/adapters/kube-connection';
import { KubeRequests } from '../../../activities/adapters/kube-requests';
import { NodePods } from '../../../activities/adapters/node-pods';
import type { PodView } from '../../../activities/ports';
import type { NodeName } from '../../../domain/names';
import {
  type CannedServer,
  type Reaction,
  startCannedServer,
  writeKubeconfig,
} from './support/canned-server';
import { statusBody } from './support/eviction-bodies';
import { createAuthority, type TestAuthority } from './support/pki';
import { never, refusalOf } from './support/refusals';
import { temporaryDirectory } from './support/temporary-directory';

const directory = temporaryDirectory();
const worker = 'worker-1' as NodeName;
const pods = '/api/v1/pods';
const ofNode = 'fieldSelector=spec.nodeName%3Dworker-1';
const fromEtcd = `${pods}?${ofNode}&limit=500`;
const asNewAs90 = `${pods}?${ofNode}&resourceVersion=90&resourceVersionMatch=NotOlderThan`;

let authority: TestAuthority;
let server: CannedServer;
let connection: KubeConnection;
let nodePods: NodePods;

beforeAll(async () => {
  authority = await createAuthority('kube-ca');
  server = await startCannedServer(authority);
  const user = await authority.client('ascent');
  connection = openKubeConnection(
    writeKubeconfig(directory, { server: server.url, ca: authority.ca, user }),
  );
});
afterAll(async () => {
  await connection.close();
  await server.close();
});
beforeEach(() => {
  nodePods = new NodePods(new KubeRequests(connection));
});

function page(...names: readonly string[]): Reaction {
  const items = names.map((name) => ({ metadata: { namespace: 'shop', name, uid: name } }));
  return { status: 200, body: { kind: 'PodList', metadata: {}, items } };
}

/** A cluster of so many pods, at version 90. */
function firstOf(count: number): Reaction {
  const more = count > 1 ? { remainingItemCount: count - 1, continue: 'token' } : {};
  return { status: 200, body: { metadata: { resourceVersion: '90', ...more }, items: [] } };
}

const tooNew: Reaction = {
  status: 504,
  body: statusBody({ code: 504, reason: 'Timeout', message: 'Too large resource version: 90' }),
};

function reactAs(count: number, remembered: Reaction): void {
  server.react(({ url }) => {
    if (url === `${pods}?limit=1`) return firstOf(count);
    return url.includes('NotOlderThan') ? remembered : page('from-etcd');
  });
}

const names = (views: readonly PodView[]): readonly string[] => views.map(({ ref }) => ref.name);
const urls = (): readonly string[] => server.seen.map(({ url }) => url);

describe('the pods of a node now', () => {
  it('are read from etcd in a small cluster', async () => {
    reactAs(999, page('remembered'));
    expect(names(await nodePods.list(worker, 'now', never))).toEqual(['from-etcd']);
    expect(urls()).toEqual([`${pods}?limit=1`, fromEtcd]);
  });

  it('are what a server remembers that is as new as etcd, in a large one', async () => {
    reactAs(1_000, page('remembered'));
    expect(names(await nodePods.list(worker, 'now', never))).toEqual(['remembered']);
    expect(urls()).toEqual([`${pods}?limit=1`, asNewAs90]);
  });

  it('are read from etcd where no server remembers anything as new', async () => {
    reactAs(1_000, tooNew);
    expect(names(await nodePods.list(worker, 'now', never))).toEqual(['from-etcd']);
    expect(urls()).toEqual([`${pods}?limit=1`, asNewAs90, fromEtcd]);
  });

  it('are not read from etcd because of a right that is missing', async () => {
    const body = statusBody({ code: 403, reason: 'Forbidden', message: 'pods is forbidden' });
    reactAs(1_000, { status: 403, body });
    expect(await refusalOf(nodePods.list(worker, 'now', never))).toEqual({
      code: 'forbidden',
      message: 'listing the pods of node worker-1: pods is forbidden (HTTP 403)',
    });
    expect(urls()).toEqual([`${pods}?limit=1`, asNewAs90]);
  });
});

it('the pods of a node may be what a server remembers, however old', async () => {
  server.react(() => page('remembered'));
  expect(names(await nodePods.list(worker, 'cached', never))).toEqual(['remembered']);
  expect(urls()).toEqual([`${fromEtcd}&resourceVersion=0`]);
});
