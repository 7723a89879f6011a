import { parseObservation } from '../../cli/observation-file';
import type { Addon } from '../../domain/knowledge/addons';
import type { Observation } from '../../domain/observation';
import { aCluster, minor, nodeName } from '../support/builders';

const seen = aCluster().withNodes(3).observation();

const problem = { code: 'forbidden', message: 'no' } as const;
const unobserved = { kind: 'unobserved', problem } as const;
const observed = <Item>(...items: readonly Item[]) => ({ kind: 'observed', items }) as const;
const service = { kind: 'service', name: 'ops/hook', isThere: true } as const;
const url = { kind: 'url', host: 'hooks.example.com' } as const;

const source = 'own.yaml: a';
const head = {
  schema: 'ascent.addon/v1',
  addon: 'net',
  title: 'Net',
  images: ['net'],
  definitions: ['nets.net.io'],
  versionFrom: 'label',
  sources: { [source]: { url: 'https://a.io', date: '2026-11-20' } },
  file: 'own.yaml',
} as const;
const row = { first: '1.0', last: '1.1', from: minor('1.28'), to: minor('1.29'), source };

const ownAddons: readonly Addon[] = [
  { ...head, statement: 'tests', releases: [{ ...row, file: 'own.yaml' }] },
  { ...head, statement: 'requires', follows: { behind: 1, source } },
  { ...head, unknown: { why: 'it is silent', source } },
];

/** All that it asks for, with each of its parts. */
const evidence: Partial<Observation> = {
  deprecatedUse: seen.members.map(({ name }, index) => {
    const use = { group: '', version: 'v1', resource: 'componentstatuses', requests: 1 };
    const items = [use, { ...use, removedIn: '1.40' }];
    const level = { level: 'workload-low', rejected: 7, waiting: 2, used: 20, limit: 24 };
    const counted = { ...observed(...items), upSeconds: 7_200, rejecting: [level] };
    return { member: name, use: index === 0 ? unobserved : counted };
  }),
  extensions: {
    admission: observed({
      kind: 'validating',
      name: 'policies/pods.example.com',
      failurePolicy: 'Fail',
      timeoutSeconds: 10,
      guards: ['evict-pods', 'create-pods'],
      guardsItself: true,
      isConditional: false,
      backend: { ...service, endpoints: [nodeName('worker-1'), undefined] },
      trust: { kind: 'read', expiresAt: '2026-12-01T04:00:00.000Z', expiresInSeconds: -60 },
    }),
    conversion: observed({
      name: 'things.example.com',
      storedVersions: ['v1'],
      backend: url,
      trust: { kind: 'unreadable' },
    }),
    aggregated: observed({ name: 'v1beta1.metrics.k8s.io', unavailable: 'away' }, { name: 'v1.a' }),
    definitions: [
      {
        name: 'things.example.com',
        versions: [{ name: 'v1', served: true, storage: true }],
        storedVersions: ['v1'],
      },
    ],
  },
  addons: {
    workloads: [{ workload: 'DaemonSet kube-system/net', images: ['net:v1'], version: '1.0' }],
    unlisted: [{ kind: 'statefulsets', problem }],
    own: { kind: 'read', addons: ownAddons },
  },
  storedObjects: {
    until: minor('1.36'),
    uses: [{ apiVersion: 'a.io/v1', kind: 'Thing', object: 'web/a', writers: ['helm'] }],
    unlisted: [{ resource: 'others.a.io', problem }],
  },
  volumes: {
    uses: [{ field: 'rbd', kind: 'PersistentVolume', name: 'pv-1' }],
    drivers: ['rbd.csi.ceph.com'],
    unlisted: [{ list: 'storageclasses', problem }],
  },
  staticPods: [
    {
      pod: 'kube-apiserver-cp-1',
      node: nodeName('cp-1'),
      component: 'kube-apiserver',
      flags: ['v'],
      gates: ['A'],
      plugins: ['NodeRestriction'],
      values: { 'cloud-provider': 'aws' },
    },
  ],
  configMaps: {
    options: [{ map: 'kube-proxy', component: 'kube-proxy', flags: [], gates: [], plugins: [] }],
    unread: [{ map: 'kubelet-config', problem }],
  },
  helmReleases: {
    releases: [
      {
        name: 'web/shop',
        revision: 3,
        chart: 'shop-1.2.3',
        objects: [
          {
            place: { file: 'shop/templates/a.yaml', line: 3 },
            apiVersion: 'v1',
            kind: 'Pod',
            namespace: 'web',
            name: 'a',
            volumes: [{ field: 'rbd', line: 9 }],
          },
        ],
      },
    ],
    unread: [{ name: 'web/odd', revision: 1, flaw: 'corrupt' }],
    unlisted: [{ store: 'configmaps', problem }],
    leftOut: 2,
  },
};

/** Every problem of a file that is no observation. */
function problemsOf(content: object | null): readonly string[] {
  try {
    parseObservation(JSON.stringify(content), 'seen.json');
  } catch (error) {
    expect(error).toMatchObject({ code: 'observation-invalid' });
    return (error as { readonly problems: readonly string[] }).problems;
  }
  return [];
}

describe('an observation file', () => {
  it.each([
    { name: 'of now', observation: seen },
    {
      name: 'with nodes that report no version',
      observation: { ...seen, unreportedNodes: [{ name: nodeName('ghost'), reported: '' }] },
    },
    {
      name: 'with stateful pods',
      observation: { ...seen, nodes: seen.nodes.map((node) => ({ ...node, statefulPods: 2 })) },
    },
    { name: 'with namespaces', observation: { ...seen, namespaces: ['default'] } },
    {
      name: 'with places of etcd',
      observation: {
        ...seen,
        driver: 'kubeadm-etcd-units',
        etcdPlaces: {
          controlPlanes: [
            { kind: 'observed', name: 'cp-1', isPod: false, endpoints: [{ url: '', sockets: [] }] },
            { kind: 'unobserved', name: 'cp-2', problem: { code: 'timeout', message: 'late' } },
          ],
          units: [
            {
              kind: 'observed',
              name: 'etcd-1',
              version: '3.5.15',
              sockets: ['10.0.0.31:2379'],
              faults: [{ why: 'file-missing', flag: 'key-file', file: '/etc/etcd/key' }],
            },
            { kind: 'unobserved', name: 'etcd-2', problem: { code: 'timeout', message: 'late' } },
          ],
        },
      },
    },
    { name: 'with all that a preflight asks for', observation: { ...seen, ...evidence } },
    { name: 'of a later version, with more in it', observation: { ...seen, more: [1] } },
  ])('$name is read', ({ observation }) => {
    const { more: _more, ...known } = { more: undefined, ...observation };
    expect(parseObservation(JSON.stringify(observation), 'seen.json')).toEqual(known);
  });

  it('says what is wrong in what a preflight asks for', () => {
    const { volumes: _volumes, ...rest } = evidence;
    const addons = { ...evidence.addons, unlisted: [{ kind: 'pods', problem }] };
    expect(problemsOf({ ...seen, ...rest, addons, volumes: { uses: [] } })).toEqual([
      'addons.unlisted[0].kind: expected daemonsets, deployments or statefulsets',
      'volumes.unlisted: is required',
    ]);
  });

  it('tells what is the same in every node once, with the number of them', () => {
    const nodes = seen.nodes.map((node) => ({ ...node, evictablePods: '7', ready: 'yes' }));
    expect(problemsOf({ ...seen, nodes })).toEqual([
      'nodes[*].ready: expected true or false, got text (3 times, first at nodes[0].ready)',
      'nodes[*].evictablePods: expected a number, got text' +
        ' (3 times, first at nodes[0].evictablePods)',
    ]);
  });

  it('says what is missing, and by which key it was probably meant', () => {
    const { members, leases: _leases, observedAt: _observedAt, ...rest } = seen;
    expect(problemsOf({ ...rest, membrs: members })).toEqual([
      'observedAt: is required',
      'members: is required - did you mean it by membrs?',
      'leases: is required',
    ]);
  });

  it('takes no key that it knows for a slip of the pen', () => {
    const { etcd } = seen;
    if (etcd.kind !== 'observed') throw new Error('etcd was observed');
    const [first, ...others] = etcd.members;
    const { isLeader: _isLeader, ...without } = first ?? {};
    expect(problemsOf({ ...seen, etcd: { ...etcd, members: [without, ...others] } })).toEqual([
      'etcd.members[0].isLeader: is required',
    ]);
  });

  it.each([
    [{ ...seen, schema: 'ascent.observation/v2' }, ['schema: expected ascent.observation/v1']],
    [{ ...seen, cluster: '' }, ['cluster: expected text that is not empty']],
    [
      { ...seen, snapshotStore: { ...seen.snapshotStore, kind: 'full' } },
      ['snapshotStore.kind: expected writable or unusable'],
    ],
    [
      { ...seen, snapshotStore: { ...seen.snapshotStore, freeBytes: 1.5 } },
      ['snapshotStore.freeBytes: expected a whole number, got a fraction'],
    ],
    [
      { ...seen, snapshotStore: { ...seen.snapshotStore, freeBytes: -1 } },
      ['snapshotStore.freeBytes: expected 0 or more'],
    ],
    [{ ...seen, observedAt: 'yesterday' }, ['observedAt: is no time such as 2026-11-21T04:00:00Z']],
    [null, ['expected a mapping, got nothing']],
  ])('is refused in plain words (%#)', (content, problems) => {
    expect(problemsOf(content)).toEqual(problems);
  });
});
