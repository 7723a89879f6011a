import { createClusterApiDriver } from '../../activities/drivers/cluster-api-driver';
import { PortError } from '../../activities/ports';
import type { RollOutInput } from '../../domain/rollout-contract';
import { poolName, version } from '../support/builders';
import { cluster, FakeAttempt, FakeCluster, failureOf, runOnce } from '../support/fake-cluster';
import { FakeManagement } from '../support/fake-management';

const pool = poolName('web');
const input: RollOutInput = {
  cluster,
  pool,
  from: version('1.28.15'),
  to: version('1.29.15'),
  stuckMs: 600_000,
};
const holding = { cluster, pool, to: input.to, reason: 'paused during hop-1.29' };

/** The control plane is ahead; `web-md-0` has two machines. */
function aCluster() {
  const fake = new FakeCluster();
  fake.setControlPlane('1.29.15');
  const management = new FakeManagement(fake.kube, fake.clock);
  const releases = [
    { version: version('1.29.15'), machineTemplates: { web: 'web-1-29' } },
    { version: version('1.30.14'), machineTemplates: {} },
  ];
  const access = { pools: { web: 'web-md-0' }, releases };
  const driver = createClusterApiDriver({ access, management });
  const ports = { ...fake.ports, controlPlane: driver.controlPlane, rollouts: driver.rollouts };
  return { fake, management, served: { ports, driver: undefined } };
}

const refused = 'the machines of pool web were not replaced by those of 1.29.15';

describe('rollOutPool', () => {
  it('asks for machines of the release once, and follows until there are no others', async () => {
    const { fake, management, served } = aCluster();
    const attempt = new FakeAttempt();
    const startedAtMs = fake.clock.nowMs();
    const result = await attempt.run(served, 'rollOutPool', input);
    expect(result).toEqual({
      before: '1.28.15',
      after: '1.29.15',
      changed: true,
      seconds: (fake.clock.nowMs() - startedAtMs) / 1_000,
      nodes: ['web-node-3', 'web-node-4'],
    });
    expect(management.patches).toEqual([
      {
        metadata: { resourceVersion: '1', annotations: { 'ascent.dev/rollout-held': null } },
        spec: {
          paused: false,
          template: { spec: { version: 'v1.29.15', infrastructureRef: { name: 'web-1-29' } } },
        },
      },
    ]);
    expect(attempt.heartbeats).toContainEqual({
      phase: '1 of 2 machines; machine web-md-0-2 (node web-node-2) is Running',
      updated: 1,
      replicas: 2,
      before: '1.28.15',
      startedAtMs,
      driven: true,
    });
  });

  it('does nothing the second time, and names a template only where there is one', async () => {
    const { fake, management, served } = aCluster();
    await runOnce(served, 'rollOutPool', input);
    expect(await runOnce(served, 'rollOutPool', input)).toMatchObject({
      changed: false,
      seconds: 0.4,
    });
    fake.setControlPlane('1.30.14');
    await runOnce(served, 'rollOutPool', { ...input, from: input.to, to: version('1.30.14') });
    expect(management.patches.map(({ spec }) => spec.template?.spec)).toEqual([
      { version: 'v1.29.15', infrastructureRef: { name: 'web-1-29' } },
      { version: 'v1.30.14' },
    ]);
  });

  it('goes on after an attempt that died, and counts its work', async () => {
    const { fake, served } = aCluster();
    const first = new FakeAttempt();
    await first.run(served, 'rollOutPool', input);
    const heartbeatDetails = first.heartbeats.at(-1);
    fake.clock.advance(60_000);
    const again = await runOnce(served, 'rollOutPool', input, { heartbeatDetails });
    expect(again).toMatchObject({ before: '1.28.15', changed: true });
  });

  it('looks again when somebody changed the MachineDeployment meanwhile', async () => {
    const { management, served } = aCluster();
    const change = management.changeDeployment.bind(management);
    management.changeDeployment = (name, patch) => {
      management.changeDeployment = change;
      management.change({ labels: { team: 'web' } }, {});
      return change(name, patch);
    };
    expect(await failureOf(runOnce(served, 'rollOutPool', input))).toMatchObject({
      type: 'rollout-failed',
      nonRetryable: false,
    });
    expect(await runOnce(served, 'rollOutPool', input)).toMatchObject({ changed: true });
  });

  it('tells which machine keeps it, and what is said of it, when nothing goes on', async () => {
    const { management, served } = aCluster();
    management.stuckBy = 'cannot evict pod shop/cart-0: it would violate its disruption budget';
    expect(await failureOf(runOnce(served, 'rollOutPool', input))).toMatchObject({
      type: 'rollout-failed',
      nonRetryable: true,
      message:
        'pool web: no machine has changed for 600 s; machine web-md-0-1 (node web-node-1) is' +
        ' Deleting: cannot evict pod shop/cart-0: it would violate its disruption budget',
    });
  });

  it('says that it is paused when somebody pauses it in the middle', async () => {
    const { fake, management, served } = aCluster();
    fake.clock.after(2_500, () => management.change({}, { paused: true }));
    expect(await failureOf(runOnce(served, 'rollOutPool', input))).toMatchObject({
      message:
        'pool web: no machine has changed for 600 s; MachineDeployment web-md-0 is paused - find' +
        ' out who paused it, and let it go on',
    });
  });

  it('ends when somebody asks for another version in the middle', async () => {
    const { fake, management, served } = aCluster();
    const template = { spec: { version: 'v1.29.3' } };
    fake.clock.after(2_500, () => management.change({}, { template }));
    expect(await failureOf(runOnce(served, 'rollOutPool', input))).toMatchObject({
      message:
        'pool web: MachineDeployment web-md-0 is of 1.29.3 now, not of 1.29.15 as it was asked to' +
        ' be: somebody has changed it',
    });
  });

  it.each([
    [
      'paused by somebody',
      { paused: true },
      'is paused - find out who paused it, and let it go on',
    ],
    [
      'rolled out to another release',
      { template: { spec: { version: 'v1.28.14' } } },
      'is of 1.28.14 and has nodes of 1.28.15 - wait until that rollout is done, or take it back',
    ],
    [
      'without a version',
      { template: { spec: {} } },
      'names no version - write the one that its nodes run to it',
    ],
  ])('leaves one alone that is %s', async (_name, spec, why) => {
    const { management, served } = aCluster();
    management.change({}, spec);
    expect(await failureOf(runOnce(served, 'rollOutPool', input))).toMatchObject({
      type: 'rollout-failed',
      nonRetryable: true,
      message: `${refused}: MachineDeployment web-md-0 ${why}`,
    });
    expect(management.patches).toEqual([]);
  });

  it('asks for no machines that are newer than an API server', async () => {
    const { fake, management, served } = aCluster();
    fake.setControlPlane('1.28.15');
    expect(await failureOf(runOnce(served, 'rollOutPool', input))).toMatchObject({
      message: `${refused}: the API server of cp-1 runs 1.28.15, which is older`,
    });
    expect(management.patches).toEqual([]);
  });

  it('refuses releases without machines, pools of nobody, and other drivers', async () => {
    const { fake, served } = aCluster();
    const to = version('1.29.3');
    expect(await failureOf(runOnce(served, 'rollOutPool', { ...input, to }))).toMatchObject({
      message:
        'replacing the machines of pool web: 1.29.3 is no release of the access file, so no' +
        ' machines of it can be had',
    });
    const batch = { ...input, pool: poolName('batch') };
    expect(await failureOf(runOnce(served, 'rollOutPool', batch))).toMatchObject({
      message:
        'pool batch: no MachineDeployment of the cluster serves it - call one as the pool, or' +
        ' name it in driver.pools of the access file',
    });
    expect(await failureOf(runOnce(fake, 'rollOutPool', input))).toMatchObject({
      message: 'the driver of cluster lab replaces no machines',
    });
  });

  it('does not believe machines whose nodes run something else', async () => {
    const { fake, served } = aCluster();
    const add = fake.kube.addNode.bind(fake.kube);
    fake.kube.addNode = (name, over) => add(name, { ...over, kubeletVersion: 'v1.28.15' });
    expect(await failureOf(runOnce(served, 'rollOutPool', input))).toMatchObject({
      type: 'rollout-failed',
      message: expect.stringMatching(
        /^the machines of pool web were replaced, but 300 s later .*web-node-3.*1\.28\.15/,
      ) as string,
    });
  });
});

describe('holdRollout', () => {
  it('keeps machines, says why on the object, and rollOutPool goes on', async () => {
    const { fake, management, served } = aCluster();
    const attempt = new FakeAttempt();
    fake.clock.after(2_500, () => attempt.cancel());
    expect(await failureOf(attempt.run(served, 'rollOutPool', input))).toMatchObject({
      name: 'CancelledFailure',
    });
    expect(await runOnce(served, 'holdRollout', holding)).toEqual({ hold: 'placed' });
    expect(await runOnce(served, 'holdRollout', holding)).toEqual({ hold: 'already-ours' });
    expect(management.deployment).toMatchObject({
      metadata: { annotations: { 'ascent.dev/rollout-held': 'paused during hop-1.29' } },
      spec: { paused: true },
    });
    fake.clock.advance(60_000);
    const versions = management.found.map(({ spec }) => spec.version);
    expect(versions).toContain('v1.28.15');

    expect(await runOnce(served, 'rollOutPool', input)).toMatchObject({ changed: true });
    expect(management.deployment.spec.paused).toBe(false);
    expect(management.deployment.metadata.annotations).toEqual({});
  });

  it('leaves one that has not begun, is done, or was paused by somebody', async () => {
    const { management, served } = aCluster();
    expect(await runOnce(served, 'holdRollout', holding)).toEqual({ hold: 'nothing' });
    await runOnce(served, 'rollOutPool', input);
    expect(await runOnce(served, 'holdRollout', holding)).toEqual({ hold: 'nothing' });
    const { metadata } = management.deployment;
    management.change({ annotations: { 'cluster.x-k8s.io/paused': '' } }, {});
    expect(metadata.annotations).toEqual({});
    expect(await runOnce(served, 'holdRollout', holding)).toEqual({ hold: 'nothing' });
    expect(management.patches).toHaveLength(1);
  });
});

describe('what is seen of MachineDeployments', () => {
  const signal = AbortSignal.timeout(60_000);

  it('names the pool, the nodes, what may be missing, and what holds them', async () => {
    const { management, served } = aCluster();
    management.isClusterPaused = true;
    const labels = { 'topology.cluster.x-k8s.io/owned': '' };
    const rollingUpdate = { maxUnavailable: '50%', maxSurge: 0 };
    const template = { spec: { version: 'v1.28.15', nodeDrainTimeout: '10m0s' } };
    management.change(
      { labels },
      { strategy: { type: 'OnDelete', rollingUpdate }, paused: true, template },
    );
    expect(await served.ports.controlPlane.machineDeployments?.(signal)).toEqual([
      {
        name: 'web-md-0',
        pool: 'web',
        version: '1.28.15',
        replicas: 2,
        maxUnavailable: 1,
        nodes: ['web-node-1', 'web-node-2'],
        holds: ['cluster-paused', 'paused', 'topology', 'on-delete'],
        drainTimeout: '10m0s',
      },
    ]);
  });

  it('counts as its controllers do where little is said', async () => {
    const { management, served } = aCluster();
    const look = async () => {
      const [seen] = (await served.ports.controlPlane.machineDeployments?.(signal)) ?? [];
      return [seen?.maxUnavailable, seen?.version, seen?.drainTimeout, seen?.holds];
    };
    expect(await look()).toEqual([0, '1.28.15', undefined, []]);
    const rollingUpdate = { maxUnavailable: 0, maxSurge: '0' };
    management.change(
      {},
      { strategy: { rollingUpdate }, template: { spec: { nodeDrainTimeout: '0s' } } },
    );
    expect(await look()).toEqual([1, undefined, undefined, []]);
  });

  it('changes nothing of the control plane, and no node by itself', async () => {
    const { served } = aCluster();
    const { controlPlane } = served.ports;
    expect([controlPlane.driver, controlPlane.drives]).toEqual(['cluster-api', []]);
    expect(await controlPlane.availableVersions(signal)).toEqual(['1.29.15', '1.30.14']);
    const access = { pools: {}, releases: [] };
    const management = new FakeManagement(aCluster().fake.kube, aCluster().fake.clock);
    const { nodes } = createClusterApiDriver({ access, management });
    const context = { signal, operationId: 'op-1', limitMs: 1, onPhase() {}, log() {} };
    await expect(nodes.upgradeNode('web-node-1' as never, input.to, context)).rejects.toThrow(
      PortError,
    );
  });
});
