// The verdicts of a drain against those of the real `kubectl drain` on the same API server, pod by
// pod. Every difference is named here and explained in docs/limits.md, "Drain and kubectl".

import { execFile } from 'node:child_process';

import fc from 'fast-check';

import {
  daemonSetsToLookUp,
  type PodVerdict,
  podVerdicts,
} from '../../../domain/drain/drain-verdicts';
import { parseLabelSelector } from '../../../domain/drain/label-selector';
import type { NodeName } from '../../../domain/names';
import type { DrainPolicy } from '../../../domain/spec';
import { findKubectl } from '../../../lab/kubectl';
import { openKube, type OpenKube, type RealKube, startKube } from '../adapters/support/real-kube';
import { never } from '../adapters/support/refusals';
import { temporaryDirectory } from '../adapters/support/temporary-directory';

const managers = ['none', 'owner-only', 'ReplicaSet', 'StatefulSet', 'Job', 'Widget'] as const;
const daemonSets = ['daemonset', 'daemonset-gone', 'daemonset-foreign'] as const;
const phases = ['Pending', 'Running', 'Succeeded', 'Failed'] as const;
const booleans = [false, true] as const;
const apps = ['web', 'db'] as const;
const nodes = Array.from({ length: 8 }, (_, index) => `worker-${index + 1}`);
const namespaces = ['one', 'two'] as const;

interface Situation {
  readonly namespace: string;
  readonly name: string;
  readonly node: string;
  readonly owner: (typeof managers)[number] | (typeof daemonSets)[number];
  readonly phase: (typeof phases)[number];
  readonly hasEmptyDir: boolean;
  readonly isMirror: boolean;
  readonly isLeaving: boolean;
  readonly app: (typeof apps)[number];
}

type Kind = Pick<Situation, 'owner' | 'phase'>;

/**
 * The whole product; of DaemonSets half of the phases, because kubectl asks for the DaemonSet of
 * each pod and allows itself ten requests, and five a second afterwards.
 */
const kinds: readonly Kind[] = [
  ...managers.flatMap((owner) => phases.map((phase) => ({ owner, phase }))),
  ...daemonSets.flatMap((owner) =>
    (['Running', 'Succeeded'] as const).map((phase) => ({ owner, phase })),
  ),
];

/** Spread over the nodes so that each has some of everything. */
const situations: readonly Situation[] = kinds
  .flatMap((kind) => booleans.map((hasEmptyDir) => ({ ...kind, hasEmptyDir })))
  .flatMap((one) => booleans.map((isMirror) => ({ ...one, isMirror })))
  .flatMap((one) => booleans.map((isLeaving) => ({ ...one, isLeaving })))
  .flatMap((one) => apps.map((app) => ({ ...one, app })))
  .filter((one, index) => !one.owner.startsWith('daemonset') || index % 4 === 0 || index % 4 === 3)
  .map((one, index) => ({
    ...one,
    name: `pod-${index}`,
    namespace: namespaces[index % 2] ?? '',
    node: nodes[Math.floor(index / 3) % nodes.length] ?? '',
  }));

const uid = '11111111-1111-1111-1111-111111111111';

function ownerReferences({ owner }: Situation): readonly object[] {
  const reference = { apiVersion: 'apps/v1', uid, controller: true };
  switch (owner) {
    case 'none':
      return [];
    case 'owner-only':
      return [{ ...reference, kind: 'ReplicaSet', name: 'web', controller: false }];
    case 'daemonset':
      return [{ ...reference, kind: 'DaemonSet', name: 'logs' }];
    case 'daemonset-gone':
      return [{ ...reference, kind: 'DaemonSet', name: 'gone' }];
    case 'daemonset-foreign':
      return [{ ...reference, apiVersion: 'example.com/v1', kind: 'DaemonSet', name: 'foreign' }];
    case 'ReplicaSet':
    case 'StatefulSet':
    case 'Job':
    case 'Widget':
      return [{ ...reference, kind: owner, name: 'web' }];
  }
}

const directory = temporaryDirectory();
let real: RealKube;
let kube: OpenKube;
let kubectl: string;

async function create(path: string, body: object): Promise<void> {
  expect((await real.call('POST', path, body)).status).toBe(201);
}

async function bring(situation: Situation): Promise<void> {
  const { namespace, name, node, phase, app, hasEmptyDir, isMirror, isLeaving } = situation;
  const pods = `/api/v1/namespaces/${namespace}/pods`;
  await create(pods, {
    metadata: {
      name,
      labels: { app, id: name },
      annotations: isMirror ? { 'kubernetes.io/config.mirror': 'hash' } : {},
      ownerReferences: ownerReferences(situation),
      finalizers: isLeaving ? ['example.com/hold'] : [],
    },
    spec: {
      nodeName: node,
      containers: [{ name: 'main', image: 'none' }],
      volumes: hasEmptyDir ? [{ name: 'tmp', emptyDir: {} }] : [],
    },
  });
  const answer = await real.call('PATCH', `${pods}/${name}/status`, { status: { phase } });
  expect(answer.status).toBe(200);
  if (isLeaving) expect((await real.call('DELETE', `${pods}/${name}`)).status).toBe(200);
}

/** A few at a time: the API server has one of two cores. */
async function inParallel<Item>(
  items: readonly Item[],
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  const take = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: 8 }, take));
}

beforeAll(async () => {
  const found = await findKubectl();
  if (found === undefined) throw new Error('no kubectl is installed');
  kubectl = found;
  real = await startKube(directory);
  kube = openKube(real.kubeconfig);
  for (const name of nodes) await create('/api/v1/nodes', { metadata: { name } });
  for (const name of namespaces) {
    await create('/api/v1/namespaces', { metadata: { name } });
    const selector = { matchLabels: { app: 'logs' } };
    const containers = [{ name: 'main', image: 'none' }];
    const template = { metadata: { labels: { app: 'logs' } }, spec: { containers } };
    const spec = { selector, template };
    await create(`/apis/apps/v1/namespaces/${name}/daemonsets`, {
      metadata: { name: 'logs' },
      spec,
    });
  }
  await inParallel(situations, bring);
}, 120_000);

afterAll(async () => {
  await kube.close();
  await real.close();
});

interface Flags {
  readonly force: boolean;
  readonly deleteData: boolean;
  readonly selector: string;
}

interface Told {
  readonly evicted: ReadonlySet<string>;
  /** By pod, in the words of kubectl. */
  readonly refused: ReadonlyMap<string, string>;
}

function runKubectl(some: readonly string[], flags: Flags): Promise<Told> {
  const { force, deleteData, selector } = flags;
  const args = ['drain', ...some, '--kubeconfig', real.kubeconfig, '--dry-run=client'];
  args.push(
    '--ignore-daemonsets',
    ...(force ? ['--force'] : []),
    ...(deleteData ? ['--delete-emptydir-data'] : []),
    ...(selector === '' ? [] : ['--pod-selector', selector]),
  );
  return new Promise((resolve) => {
    // A node that is refused makes it end with 1; what it says is what counts.
    execFile(kubectl, args, { maxBuffer: 1 << 24 }, (_error, stdout, stderr) => {
      const evicted = [...stdout.matchAll(/^evicting pod (\S+) \(dry run\)$/gm)];
      const refused = [...stderr.matchAll(/cannot delete (.+?): ((?:[\w-]+\/[\w-]+(?:, )?)+)/g)];
      resolve({
        evicted: new Set(evicted.map(([, pod = '']) => pod)),
        refused: new Map(
          refused.flatMap(([, why = '', pods = '']) =>
            pods.split(', ').map((pod): [string, string] => [pod, why]),
          ),
        ),
      });
    });
  });
}

/** Two nodes a process, so that its own limit on requests does not slow it down. */
async function askKubectl(flags: Flags): Promise<Told> {
  const pairs = nodes.flatMap((_, index) =>
    index % 2 === 0 ? [nodes.slice(index, index + 2)] : [],
  );
  const told = await Promise.all(pairs.map((pair) => runKubectl(pair, flags)));
  return {
    evicted: new Set(told.flatMap(({ evicted }) => [...evicted])),
    refused: new Map(told.flatMap(({ refused }) => [...refused])),
  };
}

/**
 * What kubectl says of every pod. It tells of a node with a refused pod nothing but that, so it is
 * asked again without those.
 */
async function verdictsOfKubectl(flags: Flags): Promise<ReadonlyMap<string, string>> {
  const { refused } = await askKubectl(flags);
  const ids = [...refused.keys()].map((pod) => pod.split('/')[1]);
  const others = ids.length === 0 ? [] : [`id notin (${ids.join(',')})`];
  const own = flags.selector === '' ? [] : [flags.selector];
  const again = await askKubectl({ ...flags, selector: [...own, ...others].join(',') });
  expect([...again.refused]).toEqual([]);
  return new Map(
    situations.map(({ namespace, name }) => {
      const pod = `${namespace}/${name}`;
      const why = refused.get(pod);
      if (why !== undefined) return [pod, `refuse ${reasonOf(why)}`];
      return [pod, again.evicted.has(pod) ? 'evict' : 'skip'];
    }),
  );
}

function reasonOf(why: string): string {
  if (why.startsWith('Pods declare no controller')) return 'pod-unmanaged';
  if (why.startsWith('Pods with local storage')) return 'pod-emptydir';
  if (/^daemonsets\.apps "[a-z]+" not found$/.test(why)) return 'daemonset-missing';
  throw new Error(`kubectl refuses for a reason that is new: ${why}`);
}

async function verdictsOfOurs(flags: Flags): Promise<ReadonlyMap<string, PodVerdict>> {
  const policy: DrainPolicy = {
    timeoutMs: 60_000,
    emptyDirData: flags.deleteData ? 'delete' : 'refuse',
    unmanagedPods: flags.force ? 'evict' : 'refuse',
    podSelector: flags.selector,
  };
  const verdicts = await Promise.all(
    nodes.map(async (node) => {
      const pods = await kube.listPodsOnNode(node as NodeName, 'now', never);
      const looked = await Promise.all(
        daemonSetsToLookUp(pods).map(async (owner) => {
          const exists = await kube.daemonSetExists(owner.namespace, owner.name, never);
          return exists ? [] : [owner];
        }),
      );
      const missingDaemonSets = looked.flat();
      return podVerdicts({ pods, policy, missingDaemonSets, startedAtMs: 0, nowMs: 0 });
    }),
  );
  return new Map(verdicts.flat().map((one) => [`${one.namespace}/${one.name}`, one]));
}

/** The differences that we want, by their names; undefined for one that nobody wanted. */
function nameOfDifference(situation: Situation, ours: PodVerdict): string | undefined {
  const { owner, phase, isMirror } = situation;
  const isFinished = phase === 'Succeeded' || phase === 'Failed';
  if (ours.reason === 'terminating') return 'leaving already';
  if (ours.reason === 'daemonset' && owner === 'daemonset' && isFinished) {
    return 'finished pod of a DaemonSet';
  }
  const isGone = owner === 'daemonset-gone' || owner === 'daemonset-foreign';
  if (ours.reason === 'mirror' && isMirror && isGone) return 'mirror of a DaemonSet that is gone';
  return undefined;
}

function isSame(kubectls: string, ours: PodVerdict): boolean {
  const [verdict, reason] = kubectls.split(' ');
  if (verdict !== ours.verdict) return false;
  return reason === undefined || ours.reasons.includes(reason);
}

const flagSets: readonly Flags[] = booleans.flatMap((force) =>
  booleans.flatMap((deleteData) =>
    ['', 'app=web', 'app!=web,id'].map((selector) => ({ force, deleteData, selector })),
  ),
);

it('decides for every pod as kubectl does, but for the differences that have a name', async () => {
  const unwanted: unknown[] = [];
  const named = new Map<string, number>();
  const seen = new Set<string>();
  let compared = 0;
  for (const flags of flagSets) {
    const [kubectls, ours] = await Promise.all([verdictsOfKubectl(flags), verdictsOfOurs(flags)]);
    for (const situation of situations) {
      const pod = `${situation.namespace}/${situation.name}`;
      const [theirs = 'nothing', own] = [kubectls.get(pod), ours.get(pod)];
      if (own === undefined) throw new Error(`${pod} is not on the list`);
      compared += 1;
      seen.add(theirs);
      if (isSame(theirs, own)) continue;
      const name = nameOfDifference(situation, own);
      if (name === undefined) unwanted.push({ flags, situation, theirs, own });
      else named.set(name, (named.get(name) ?? 0) + 1);
    }
  }
  expect(unwanted).toEqual([]);
  expect([...named.keys()].toSorted()).toEqual([
    'finished pod of a DaemonSet',
    'leaving already',
    'mirror of a DaemonSet that is gone',
  ]);
  expect([...seen].toSorted()).toEqual([
    'evict',
    'refuse daemonset-missing',
    'refuse pod-emptydir',
    'refuse pod-unmanaged',
    'skip',
  ]);
  expect(compared).toBe(situations.length * flagSets.length);
  expect(compared).toBeGreaterThan(300);
}, 300_000);

it('reads label selectors as the API server does', async () => {
  const words = 'app id tier web db 7 in notin -x a/b example.com/tier'.split(' ');
  const signs = ['=', '==', '!=', '!', ',', '<', '>', '(', ')', ' in (', ' notin (', ' ', ''];
  const piece = fc.oneof(fc.constantFrom(...words), fc.constantFrom(...signs));
  const selectors = fc.array(piece, { maxLength: 7 }).map((pieces) => pieces.join(''));
  const pods = await kube.listPods(never);
  const count = async (selector: string): Promise<number | 'refused'> => {
    const query = new URLSearchParams({ labelSelector: selector });
    const { status, body } = await real.call('GET', `/api/v1/pods?${query.toString()}`);
    return status === 200 ? (body as { items: readonly unknown[] }).items.length : 'refused';
  };
  const ownCount = (selector: string): number | 'refused' => {
    const parsed = parseLabelSelector(selector);
    return parsed.kind === 'mistaken'
      ? 'refused'
      : pods.filter(({ labels }) => parsed.matches(labels)).length;
  };
  await fc.assert(
    fc.asyncProperty(selectors, async (selector) => {
      expect({ selector, found: ownCount(selector) }).toEqual({
        selector,
        found: await count(selector),
      });
    }),
    { numRuns: 300, seed: 4 },
  );
}, 300_000);
