import type { SnapshotRecord } from '../../domain/activity-contract';
import { cordonReasonAnnotation } from '../../activities/cordon-mark';
import { observeForPreflight } from '../../activities/observe';
import { PortError } from '../../activities/ports';
import type { SimulationSource } from '../../activities/simulate';
import type { NodeName } from '../../domain/names';
import type { MachineObservation } from '../../domain/observation';
import { evidence, pod } from '../domain/simulation/support';
import { version } from '../support/builders';
import {
  cluster,
  FakeAttempt,
  FakeCluster,
  failureOf,
  memberNames,
  runOnce,
} from '../support/fake-cluster';

const input = { cluster };

describe('observeCluster', () => {
  it('sees an empty cluster', async () => {
    const fake = new FakeCluster();
    const controller = { kind: 'observed', version: '1.28.15', healthy: true };
    expect(await runOnce(fake, 'observeCluster', input)).toEqual({
      schema: 'ascent.observation/v1',
      cluster: 'lab',
      observedAt: '2026-01-01T00:00:00.000Z',
      members: memberNames.map((name) => ({
        name,
        endpoint: `https://${name}:6443`,
        apiServer: { kind: 'observed', version: '1.28.15', ready: true, failingChecks: [] },
        controllerManager: controller,
        scheduler: controller,
        certificates: {},
      })),
      etcd: fake.etcd.observation,
      leases: [],
      namespaces: ['default', 'kube-system', 'shop'],
      nodes: [],
      budgets: [],
      budgetOverlaps: [],
      servedMinors: ['1.28'],
      snapshotStore: { kind: 'writable', location: '/snapshots', freeBytes: 1_000_000 },
    });
  });

  it('tells the etcd that snapshots are verified with, where it says its release', async () => {
    const fake = new FakeCluster();
    fake.etcd.toolVersion = version('3.5.21');
    const seen = await runOnce(fake, 'observeCluster', input);
    expect(seen).toMatchObject({ snapshotEtcd: '3.5.21' });
  });

  it('sees nodes, who cordoned them and what would have to leave', async () => {
    const fake = new FakeCluster();
    fake.kube
      .addNode('plain', { labels: { 'topology.kubernetes.io/zone': 'a' }, ready: false })
      .addNode('ours', {
        unschedulable: true,
        annotations: { [cordonReasonAnnotation]: 'ascent: hop-1.29' },
      })
      .addNode('theirs', { unschedulable: true, kubeletVersion: 'v1.27.16-eks-1' })
      .addNode('cp-1', { labels: { 'node-role.kubernetes.io/control-plane': '' } })
      .addNode('tainted', { taintKeys: ['node-role.kubernetes.io/master'] });
    fake.kube
      .addPod('plain', 'web-1')
      .addPod('plain', 'web-2', { phase: 'Pending' })
      .addPod('plain', 'db-0', { controller: { kind: 'StatefulSet', name: 'db' } })
      .addPod('plain', 'db-1', {
        controller: { kind: 'StatefulSet', name: 'db' },
        phase: 'Succeeded',
      })
      .addPod('plain', 'files', { claims: ['files'] })
      .addPod('plain', 'done', { phase: 'Succeeded' })
      .addPod('plain', 'logs', { controller: { kind: 'DaemonSet', name: 'logs' } })
      .addPod('plain', 'static', { isMirror: true });
    const { nodes } = await runOnce(fake, 'observeCluster', input);
    const node = {
      labels: {},
      zone: '',
      isControlPlane: false,
      kubeletVersion: '1.28.15',
      ready: true,
      cordon: { kind: 'none' },
      evictablePods: 0,
      statefulPods: 0,
    };
    expect(nodes).toEqual([
      {
        ...node,
        name: 'plain',
        labels: { 'topology.kubernetes.io/zone': 'a' },
        zone: 'a',
        ready: false,
        evictablePods: 4,
        statefulPods: 2,
      },
      { ...node, name: 'ours', cordon: { kind: 'ours', reason: 'ascent: hop-1.29' } },
      { ...node, name: 'theirs', kubeletVersion: '1.27.16', cordon: { kind: 'foreign' } },
      {
        ...node,
        name: 'cp-1',
        labels: { 'node-role.kubernetes.io/control-plane': '' },
        isControlPlane: true,
      },
      { ...node, name: 'tainted', isControlPlane: true },
    ]);
  });

  it('sees nodes and their pods alone where no more is asked for', async () => {
    const fake = new FakeCluster();
    fake.kube.addNode('worker-1').addPod('worker-1', 'web-1');
    const { nodes } = await runOnce(fake, 'observeCluster', input);
    const notAsked = { code: 'unexpected', message: 'only nodes were asked for' };
    expect(await runOnce(fake, 'observeCluster', { ...input, of: 'nodes' })).toEqual({
      schema: 'ascent.observation/v1',
      cluster: 'lab',
      observedAt: '2026-01-01T00:00:00.000Z',
      members: [],
      etcd: { kind: 'unobserved', problem: notAsked },
      leases: [],
      nodes,
      budgets: [],
      budgetOverlaps: [],
      snapshotStore: { kind: 'unusable', location: '/snapshots', problem: notAsked },
    });
  });

  it('sees snapshots whose key is not at hand, and counts them by their keys', async () => {
    const fake = new FakeCluster();
    const seals = ['sha256:a', 'sha256:b', 'sha256:b', 'sha256:c'];
    for (const [index, key] of [undefined, ...seals].entries()) {
      const sealed = key === undefined ? {} : { sealed: { by: 'age', key } };
      fake.store.records.set(`s-${index}`, { ...sealed } as SnapshotRecord);
    }
    fake.store.keysAtHand = ['sha256:a'];
    expect((await runOnce(fake, 'observeCluster', input)).snapshotStore).toEqual({
      kind: 'writable',
      location: '/snapshots',
      freeBytes: 1_000_000,
      unopened: [
        { key: 'sha256:b', snapshots: 2 },
        { key: 'sha256:c', snapshots: 1 },
      ],
    });
  });

  it('sees a key and records that cannot be read, and goes on', async () => {
    const fake = new FakeCluster();
    fake.store.keysFailure = new PortError('forbidden', 'the snapshot key /k cannot be read');
    fake.store.listFailure = new PortError('unexpected', 'snapshot x: its record is damaged');
    expect((await runOnce(fake, 'observeCluster', input)).snapshotStore).toEqual({
      kind: 'writable',
      location: '/snapshots',
      freeBytes: 1_000_000,
      keyProblem: { code: 'forbidden', message: 'the snapshot key /k cannot be read' },
      recordsProblem: { code: 'unexpected', message: 'snapshot x: its record is damaged' },
    });
  });

  it('sees namespaces, also those without a pod', async () => {
    const fake = new FakeCluster();
    fake.kube.namespaces = ['default', 'batch'];
    const { namespaces } = await runOnce(fake, 'observeCluster', input);
    expect(namespaces).toEqual(['default', 'batch']);
  });

  it('sees budgets, and pods that more than one of them selects', async () => {
    const fake = new FakeCluster();
    const web = { app: 'web' };
    fake.kube.addNode('worker-1').addPod('worker-1', 'web-1', { labels: web });
    fake.kube.addPod('worker-1', 'db-1', { labels: { app: 'db' } });
    fake.kube.addPod('worker-1', 'web-2', { labels: web, phase: 'Succeeded' });
    fake.kube.addPod('worker-1', 'web-3', { labels: web, ref: { namespace: 'x', name: 'web-3' } });
    fake.kube.addBudget('one', { matchLabels: web, desiredHealthy: 1 });
    fake.kube.addBudget('two', { matchLabels: web });
    fake.kube.addBudget('db', { matchLabels: { app: 'db' } });
    const seen = await runOnce(fake, 'observeCluster', input);
    expect(seen.budgets[0]).toEqual({
      budget: { namespace: 'shop', name: 'one' },
      disruptionsAllowed: 1,
      currentHealthy: 2,
      desiredHealthy: 1,
      expectedPods: 2,
      observed: true,
      syncFailed: false,
      minAvailable: '1',
    });
    expect(seen.budgets).toHaveLength(3);
    expect(seen.budgetOverlaps).toEqual([
      {
        pod: { namespace: 'shop', name: 'web-1' },
        budgets: [
          { namespace: 'shop', name: 'one' },
          { namespace: 'shop', name: 'two' },
        ],
      },
    ]);
  });

  it('tells what could not be read as a problem', async () => {
    const fake = new FakeCluster();
    const problem = { code: 'unreachable', message: 'connection refused' } as const;
    fake.hosts.silent.add('cp-2 kube-apiserver');
    fake.etcd.observation = { kind: 'unobserved', problem };
    fake.store.probeFailure = new PortError('rejected', 'writing /snapshots: read-only');
    fake.hosts.installable = [version('1.29.15')];
    expect(await runOnce(fake, 'observeCluster', input)).toMatchObject({
      members: [{}, { name: 'cp-2', apiServer: { kind: 'unobserved', problem } }, {}],
      etcd: { kind: 'unobserved', problem },
      snapshotStore: {
        kind: 'unusable',
        location: '/snapshots',
        problem: { code: 'unexpected', message: 'writing /snapshots: read-only' },
      },
      availableVersions: ['1.29.15'],
    });
  });

  it('sees nodes that report no kubelet version beside the others', async () => {
    const fake = new FakeCluster();
    fake.kube.addNode('new', { kubeletVersion: '' }).addNode('odd', { kubeletVersion: 'dev' });
    fake.kube.addNode('plain');
    const seen = await runOnce(fake, 'observeCluster', input);
    expect(seen.nodes.map(({ name }) => name)).toEqual(['plain']);
    expect(seen.unreportedNodes).toEqual([
      { name: 'new', reported: '' },
      { name: 'odd', reported: 'dev' },
    ]);
  });

  it('heartbeats what it has read', async () => {
    const attempt = new FakeAttempt();
    await attempt.run(new FakeCluster(), 'observeCluster', input);
    expect(attempt.heartbeats).toEqual([
      { phase: 'reading the cluster' },
      { phase: 'read 0 nodes, 0 pods, 0 budgets' },
    ]);
  });
});

describe('observeForPreflight', () => {
  it('tells where etcd runs, where its machines do', async () => {
    const fake = new FakeCluster();
    fake.hosts.machineFacts = async () => [];
    const signal = AbortSignal.timeout(5_000);
    const look = async () =>
      (await observeForPreflight({ cluster, ports: fake.ports, signal })).etcdPlaces;
    expect(await look()).toBeUndefined();
    const places = { controlPlanes: [], units: [] };
    fake.hosts.etcdPlaces = async () => places;
    expect(await look()).toEqual(places);
  });

  it('has what components are told, by static pods and by ConfigMaps', async () => {
    const fake = new FakeCluster();
    const told = { component: 'kube-proxy', flags: ['v'], gates: [], plugins: [] } as const;
    fake.kube.addPod('cp-1', 'web').addPod('cp-1', 'kube-proxy-cp-1', { options: told });
    const problem = { code: 'forbidden', message: 'no' } as const;
    const configMaps = {
      options: [{ map: 'kube-proxy', ...told }],
      unread: [{ map: 'kubelet-config', problem }],
    } as const;
    const components = { observe: () => Promise.resolve(configMaps) };
    const signal = AbortSignal.timeout(5_000);
    const ports = { ...fake.ports, components };
    const seen = await observeForPreflight({ cluster, ports, signal });
    expect([seen.staticPods, seen.configMaps]).toEqual([
      [{ ...told, pod: 'kube-proxy-cp-1', node: 'cp-1' }],
      configMaps,
    ]);
    const without = await runOnce(fake, 'observeCluster', input);
    expect(Object.keys(without)).not.toContain('staticPods');
  });

  it("has Helm's releases where somebody asks for them", async () => {
    const { ports } = new FakeCluster();
    const signal = AbortSignal.timeout(5_000);
    const nothing = { releases: [], unread: [], unlisted: [], leftOut: 0 };
    const helm = { observe: () => Promise.resolve(nothing) };
    expect(await observeForPreflight({ cluster, ports, signal })).not.toHaveProperty(
      'helmReleases',
    );
    const asked = await observeForPreflight({ cluster, ports: { ...ports, helm }, signal });
    expect(asked.helmReleases).toEqual(nothing);
  });

  describe('what drains meet', () => {
    const seen = { evidence: evidence({ pods: [pod('web-1', 'a')] }), unread: [] };
    const drainsOf = async (
      collect: SimulationSource['collect'],
      drainsNothing?: true,
    ): Promise<unknown> => {
      const ports = { ...new FakeCluster().ports, simulation: { collect } };
      const looking = { cluster, ports, signal: AbortSignal.timeout(5_000) };
      const all = drainsNothing === undefined ? looking : { ...looking, drainsNothing };
      return (await observeForPreflight(all)).drains;
    };

    it('is read, but for autoscalers', async () => {
      const asked: unknown[] = [];
      const drains = await drainsOf(async (_signal, wanted) => {
        asked.push(wanted);
        return seen;
      });
      expect(drains).toEqual({ kind: 'observed', ...seen });
      expect(asked).toEqual([{ autoscalers: false }]);
    });

    it('is a problem, where it may not be read', async () => {
      const refused = new PortError('forbidden', 'listing claims of volumes: HTTP 403');
      expect(await drainsOf(() => Promise.reject(refused))).toEqual({
        kind: 'unobserved',
        problem: { code: 'forbidden', message: 'listing claims of volumes: HTTP 403' },
      });
      const broken = new Error('a defect');
      await expect(drainsOf(() => Promise.reject(broken))).rejects.toBe(broken);
    });

    it('is not looked at, where nothing is drained', async () => {
      const never = () => Promise.reject(new Error('nobody asks'));
      expect(await drainsOf(never, true)).toBeUndefined();
    });
  });

  const [first, second] = ['worker-1', 'worker-2'] as const;
  const told = (name: string, ...releases: readonly string[]): MachineObservation => {
    const facts = { space: [], components: [], automaticUpgrades: [] };
    const versions = releases.map(version);
    return { kind: 'observed', name: name as NodeName, facts: { ...facts, releases: versions } };
  };
  const problem = { code: 'unexpected', message: 'it is not machine worker-2' } as const;
  const silent: MachineObservation = { kind: 'unobserved', name: second as NodeName, problem };
  const observe = async (machines: readonly MachineObservation[]) => {
    const fake = new FakeCluster();
    fake.hosts.installable = [version('1.28.15')];
    fake.hosts.machineFacts = async () => machines;
    const asked = jest.spyOn(fake.hosts, 'availableVersions');
    const signal = AbortSignal.timeout(5_000);
    const { availableVersions } = await observeForPreflight({ cluster, ports: fake.ports, signal });
    return { availableVersions, asked: asked.mock.calls.length };
  };

  it.each([
    {
      what: 'those that every machine has',
      machines: [told(first, '1.30.14', '1.29.15', '1.29.14'), told(second, '1.29.15', '1.30.14')],
      seen: { availableVersions: ['1.29.15', '1.30.14'], asked: 0 },
    },
    {
      what: 'those of machines that tell, beside one that does not',
      machines: [told(first, '1.29.15'), silent],
      seen: { availableVersions: ['1.29.15'], asked: 0 },
    },
    {
      what: 'what the driver says, where no machine tells',
      machines: [silent],
      seen: { availableVersions: ['1.28.15'], asked: 1 },
    },
  ])('takes for available releases $what', async ({ machines, seen }) => {
    expect(await observe(machines)).toEqual(seen);
  });
});

describe('observeCluster fails', () => {
  it.each([
    ['unreachable', 'cluster-unreachable', false],
    ['unauthorized', 'credentials-refused', true],
    ['forbidden', 'credentials-refused', true],
  ] as const)('when the Kubernetes API is %s', async (code, type, nonRetryable) => {
    const fake = new FakeCluster();
    const error = new PortError(code, 'listing nodes: no');
    fake.kube.failures.push({ method: 'listNodes', error });
    expect(await failureOf(runOnce(fake, 'observeCluster', input))).toEqual({
      type,
      nonRetryable,
      message: 'observing cluster lab: listing nodes: no',
      details: [{ reason: code }],
    });
  });
});
