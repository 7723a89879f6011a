import { createClusterApiDriver } from '../../activities/drivers/cluster-api-driver';
import type { ReplaceMembersInput } from '../../domain/rollout-contract';
import { version } from '../support/builders';
import { cluster, FakeAttempt, FakeCluster, failureOf, runOnce } from '../support/fake-cluster';
import { type FakeContract, FakeControlPlane } from '../support/fake-control-plane';

const input: ReplaceMembersInput = {
  cluster,
  from: version('1.28.15'),
  to: version('1.29.15'),
  stuckMs: 600_000,
};
const ports = { apiServer: 6443, controllerManager: 10_257, scheduler: 10_259, etcd: 2379 };

function aCluster(contract?: FakeContract) {
  const fake = new FakeCluster();
  const management = new FakeControlPlane(fake.hosts, fake.clock, contract);
  const releases = [
    { version: version('1.29.15'), machineTemplates: {}, controlPlaneTemplate: 'cp-1-29' },
    { version: version('1.30.14'), machineTemplates: {} },
  ];
  const access = { members: ports, pools: {}, releases };
  const { replacer, controlPlane } = createClusterApiDriver({ access, management });
  if (replacer === undefined) throw new Error('it replaces members');
  const served = { ports: { ...fake.ports, controlPlane, replacer }, driver: undefined };
  return { fake, management, controlPlane, served };
}

const refused = 'the members were not replaced by machines of 1.29.15';

describe.each(['v1beta1', 'v1beta2'] as const)('replaceMembers, by the contract %s', (contract) => {
  it('asks for machines of the release once, and follows until there are no others', async () => {
    const { fake, management, served } = aCluster(contract);
    const attempt = new FakeAttempt();
    const startedAtMs = fake.clock.nowMs();
    expect(await attempt.run(served, 'replaceMembers', input)).toEqual({
      before: '1.28.15',
      after: '1.29.15',
      changed: true,
      seconds: (fake.clock.nowMs() - startedAtMs) / 1_000,
      members: ['prod-cp-4', 'prod-cp-5', 'prod-cp-6'],
    });
    const named = { infrastructureRef: { name: 'cp-1-29' } };
    const machineTemplate = contract === 'v1beta2' ? { spec: named } : named;
    expect(management.patches).toEqual([
      { metadata: { resourceVersion: '1' }, spec: { version: 'v1.29.15', machineTemplate } },
    ]);
    const phases = attempt.heartbeats.map((one) => (one as { readonly phase: string }).phase);
    expect(phases).toContain('2 of 3 machines; machine prod-cp-3 (node prod-cp-3) is Running');
  });

  it('does nothing the second time, and names a template only where there is one', async () => {
    const { management, served } = aCluster(contract);
    await runOnce(served, 'replaceMembers', input);
    expect(await runOnce(served, 'replaceMembers', input)).toMatchObject({ changed: false });
    const next = { ...input, from: input.to, to: version('1.30.14') };
    await runOnce(served, 'replaceMembers', next);
    expect(management.patches.map(({ spec }) => spec).slice(1)).toEqual([{ version: 'v1.30.14' }]);
  });

  it('tells what keeps it, in the words of its conditions, when nothing goes on', async () => {
    const { management, served } = aCluster(contract);
    management.stuckBy = 'waiting for prod-cp-4 to join etcd';
    const condition = contract === 'v1beta2' ? 'ScalingUp' : 'Resized';
    expect(await failureOf(runOnce(served, 'replaceMembers', input))).toMatchObject({
      type: 'rollout-failed',
      nonRetryable: true,
      message:
        'the control plane: no machine has changed for 600 s; machine prod-cp-4 is new;' +
        ` KubeadmControlPlane prod-cp says: ${condition}: waiting for prod-cp-4 to join etcd`,
    });
  });
});

describe('replaceMembers', () => {
  it('goes on after an attempt that died, and counts its work', async () => {
    const { served } = aCluster();
    const first = new FakeAttempt();
    await first.run(served, 'replaceMembers', input);
    const heartbeatDetails = first.heartbeats.at(-1);
    const again = await runOnce(served, 'replaceMembers', input, { heartbeatDetails });
    expect(again).toMatchObject({ before: '1.28.15', changed: true });
  });

  it('looks again when somebody changed the object meanwhile', async () => {
    const { management, served } = aCluster();
    const change = management.changeControlPlane.bind(management);
    management.changeControlPlane = (seen, patch) => {
      management.changeControlPlane = change;
      management.change(management.version);
      return change(seen, patch);
    };
    expect(await failureOf(runOnce(served, 'replaceMembers', input))).toMatchObject({
      nonRetryable: false,
    });
    expect(await runOnce(served, 'replaceMembers', input)).toMatchObject({ changed: true });
  });

  it('says that it is paused when somebody pauses it in the middle', async () => {
    const { fake, management, served } = aCluster();
    fake.clock.after(2_500, () => {
      management.annotations = { 'cluster.x-k8s.io/paused': '' };
    });
    expect(await failureOf(runOnce(served, 'replaceMembers', input))).toMatchObject({
      message:
        'the control plane: no machine has changed for 600 s; KubeadmControlPlane prod-cp is' +
        ' paused - find out who paused it, and let it go on',
    });
  });

  it('ends when somebody asks for another version in the middle', async () => {
    const { fake, management, served } = aCluster();
    fake.clock.after(2_500, () => management.change('v1.29.3'));
    expect(await failureOf(runOnce(served, 'replaceMembers', input))).toMatchObject({
      message:
        'KubeadmControlPlane prod-cp is of 1.29.3 now, not of 1.29.15 as it was asked to be:' +
        ' somebody has changed it',
    });
    const without = aCluster();
    without.fake.clock.after(2_500, () => without.management.change(undefined));
    expect(await failureOf(runOnce(without.served, 'replaceMembers', input))).toMatchObject({
      message: expect.stringContaining('is of no version now') as string,
    });
  });

  it('waits for its controller before it believes what it counts', async () => {
    const { management, served } = aCluster();
    management.annotations = { 'cluster.x-k8s.io/paused': '' };
    management.change('v1.29.15');
    management.annotations = {};
    const attempt = new FakeAttempt();
    await attempt.run(served, 'replaceMembers', input);
    const phases = attempt.heartbeats.map((one) => (one as { readonly phase: string }).phase);
    expect(phases[0]).toBe('0 of 3 machines; KubeadmControlPlane prod-cp waits for its controller');
    expect(management.patches).toEqual([]);
  });

  it('is not done while a new member does not run as its machine says', async () => {
    const { fake, served } = aCluster();
    fake.hosts.silent.add('prod-cp-6 kube-scheduler');
    expect(await failureOf(runOnce(served, 'replaceMembers', input))).toMatchObject({
      type: 'rollout-failed',
      message: expect.stringMatching(
        /^the members were replaced, but 300 s later .*prod-cp-6/,
      ) as string,
    });
  });

  type Change = (management: FakeControlPlane) => void;
  const cases: readonly (readonly [string, Change, string])[] = [
    [
      'while its Cluster is paused',
      (management) => (management.clusterSpec = { paused: true }),
      'KubeadmControlPlane prod-cp: its Cluster is paused - find out who paused it, and set' +
        ' spec.paused to false',
    ],
    [
      'of a topology',
      (management) => (management.clusterSpec = { topology: { version: 'v1.28.15' } }),
      'KubeadmControlPlane prod-cp belongs to a topology, which writes its version over every' +
        " other - change spec.topology.version of the Cluster; Ascent's driver does not",
    ],
    [
      'that has no machines',
      (management) => (management.hosted = true),
      'KubeadmControlPlane prod-cp has no machines of the cluster: its members are somebody' +
        " else's - change its version there, then plan the pools",
    ],
    [
      'without a version',
      (management) => management.change(undefined),
      'KubeadmControlPlane prod-cp names no version - write the one that its members run to it',
    ],
    [
      'that is on its way to another version',
      (management) => management.change('v1.28.3'),
      'KubeadmControlPlane prod-cp is of 1.28.3, and its members run 1.28.15 - wait until that' +
        ' change is done, or take it back',
    ],
    [
      'that is newer',
      (management) => {
        management.change('v1.30.14');
        management.found = [];
      },
      'KubeadmControlPlane prod-cp is of 1.30.14, and its members run 1.30.14 - wait until that' +
        ' change is done, or take it back',
    ],
  ];

  it.each(cases)('changes nothing %s', async (_name, change, why) => {
    const { management, served } = aCluster();
    change(management);
    expect(await failureOf(runOnce(served, 'replaceMembers', input))).toMatchObject({
      type: 'rollout-failed',
      nonRetryable: true,
      message: `${refused}: ${why}`,
    });
    expect(management.patches).toEqual([]);
  });

  it('changes nothing to a release that there is no image of', async () => {
    const { management, served } = aCluster();
    const to = version('1.29.3');
    expect(await failureOf(runOnce(served, 'replaceMembers', { ...input, to }))).toMatchObject({
      message: expect.stringContaining('1.29.3 is no release of the access file') as string,
    });
    expect(management.patches).toEqual([]);
  });

  it('is of no use where members are changed where they are', async () => {
    const { ports: plain } = new FakeCluster();
    const served = { ports: plain, driver: undefined };
    expect(await failureOf(runOnce(served, 'replaceMembers', input))).toMatchObject({
      type: 'rollout-failed',
      message: 'the driver of cluster lab replaces no members',
    });
  });
});

describe('a control plane of Cluster API', () => {
  const signal = AbortSignal.timeout(60_000);

  it('is observed as what replaces members', async () => {
    const { controlPlane } = aCluster();
    expect(controlPlane).toMatchObject({ changedAs: 'member', drives: [] });
    expect(await controlPlane.controlPlaneObject?.(signal)).toEqual({
      object: 'KubeadmControlPlane prod-cp',
      version: '1.28.15',
      replicas: 3,
      nodes: ['prod-cp-1', 'prod-cp-2', 'prod-cp-3'],
      holds: [],
    });
  });

  it('is observed without a version where it names none', async () => {
    const { controlPlane, management } = aCluster();
    management.change(undefined);
    management.annotations = { 'cluster.x-k8s.io/paused': '' };
    expect(await controlPlane.controlPlaneObject?.(signal)).toMatchObject({ holds: ['paused'] });
    expect(await controlPlane.controlPlaneObject?.(signal)).not.toHaveProperty('version');
  });
});
