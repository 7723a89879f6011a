import type { NodeChangeContext } from '../../activities/driver-context';
import { PortError } from '../../activities/ports';
import type { NodeUpgradeInput } from '../../domain/activity-contract';
import { version } from '../support/builders';
import {
  cluster,
  FakeAttempt,
  FakeCluster,
  failureOf,
  nodeName,
  runOnce,
} from '../support/fake-cluster';

const input: NodeUpgradeInput = {
  cluster,
  node: nodeName('worker-1'),
  from: version('1.28.15'),
  to: version('1.29.15'),
};

/** The control plane is ahead and `worker-1` is cordoned, as when its turn has come. */
function aCluster(): FakeCluster {
  const fake = new FakeCluster();
  fake.setControlPlane('1.29.15');
  fake.kube.addNode('worker-1', { unschedulable: true });
  return fake;
}

describe('upgradeNode', () => {
  it('changes the kubelet and sees the new version', async () => {
    const fake = aCluster();
    const attempt = new FakeAttempt();
    expect(await attempt.run(fake, 'upgradeNode', input)).toEqual({
      before: '1.28.15',
      after: '1.29.15',
      changed: true,
      seconds: 0,
    });
    expect(fake.hosts.driven).toEqual(['worker-1 kubelet 1.29.15']);
    expect(attempt.heartbeats).toContainEqual({
      phase: 'stopping',
      before: '1.28.15',
      startedAtMs: fake.clock.nowMs(),
      driven: true,
    });
  });

  it('has its driver start the machine again, also when the version is there', async () => {
    const fake = aCluster();
    const reboot = { when: 'always', timeoutMs: 600_000 } as const;
    fake.hosts.drives = ['node', 'reboot'];
    const asked: unknown[] = [];
    fake.hosts.duringDrive = (context: NodeChangeContext) => void asked.push(context.reboot);
    const changed = await runOnce(fake, 'upgradeNode', { ...input, reboot });
    expect(changed).toMatchObject({ before: '1.28.15', changed: true });
    const again = await runOnce(fake, 'upgradeNode', { ...input, reboot });
    expect(again).toMatchObject({ before: '1.29.15', changed: false });
    expect(asked).toEqual([reboot, reboot]);
  });

  it('refuses a machine that is to start again where the driver cannot do that', async () => {
    const fake = aCluster();
    const reboot = { when: 'always', timeoutMs: 600_000 } as const;
    expect(await failureOf(runOnce(fake, 'upgradeNode', { ...input, reboot }))).toEqual({
      type: 'node-upgrade-failed',
      nonRetryable: true,
      message:
        'the kubelet of node worker-1 was not changed to 1.29.15: its machine is to start' +
        ' again, and the driver cannot do that',
      details: [],
    });
    expect(fake.hosts.driven).toEqual([]);
  });

  it('does nothing the second time', async () => {
    const fake = aCluster();
    await runOnce(fake, 'upgradeNode', input);
    expect(await runOnce(fake, 'upgradeNode', input)).toEqual({
      before: '1.29.15',
      after: '1.29.15',
      changed: false,
      seconds: 0,
    });
    expect(fake.hosts.driven).toHaveLength(1);
  });

  it('reports the change of an attempt that died after it', async () => {
    const fake = aCluster();
    const first = new FakeAttempt();
    await first.run(fake, 'upgradeNode', input);
    const heartbeatDetails = first.heartbeats.at(-1);
    fake.clock.advance(12_000);
    expect(await runOnce(fake, 'upgradeNode', input, { heartbeatDetails })).toEqual({
      before: '1.28.15',
      after: '1.29.15',
      changed: true,
      seconds: 12,
    });
    expect(fake.hosts.driven).toHaveLength(1);
  });

  it('takes a kubelet back for a rollback', async () => {
    const fake = aCluster();
    await runOnce(fake, 'upgradeNode', input);
    const back = { ...input, from: input.to, to: input.from };
    expect(await runOnce(fake, 'upgradeNode', back)).toMatchObject({
      after: '1.28.15',
      changed: true,
    });
  });

  it('ignores API servers that do not answer when it looks at the skew', async () => {
    const fake = aCluster();
    fake.hosts.addMember('cp-3', '1.28.15').silent.add('cp-3 kube-apiserver');
    expect(await runOnce(fake, 'upgradeNode', input)).toMatchObject({ changed: true });
  });
});

describe('upgradeNode refuses', () => {
  it('a node that is not cordoned', async () => {
    const fake = aCluster();
    fake.kube.addNode('worker-1');
    expect(await failureOf(runOnce(fake, 'upgradeNode', input))).toEqual({
      type: 'node-upgrade-failed',
      nonRetryable: true,
      message: 'the kubelet of node worker-1 was not changed to 1.29.15: the node is not cordoned',
      details: [],
    });
    expect(fake.hosts.driven).toEqual([]);
  });

  it('a kubelet that would be newer than an API server', async () => {
    const fake = aCluster();
    fake.hosts.addMember('cp-2', '1.28.15');
    expect(await failureOf(runOnce(fake, 'upgradeNode', input))).toMatchObject({
      type: 'node-upgrade-failed',
      nonRetryable: true,
      details: [{ apiServer: 'cp-2', runs: '1.28.15', to: '1.29.15' }],
    });
    expect(fake.hosts.driven).toEqual([]);
  });

  it('a node that does not exist', async () => {
    const run = runOnce(aCluster(), 'upgradeNode', { ...input, node: nodeName('gone') });
    expect(await failureOf(run)).toMatchObject({ type: 'node-missing', nonRetryable: true });
  });
});

describe('upgradeNode fails', () => {
  it.each([
    ['rejected', 'node-upgrade-failed', true],
    ['not-found', 'node-missing', true],
    ['unreachable', 'cluster-unreachable', false],
    ['unexpected', 'node-upgrade-failed', false],
  ] as const)('when the driver says %s', async (code, type, nonRetryable) => {
    const fake = aCluster();
    fake.hosts.driverFailures.push(new PortError(code, 'starting kubelet 1.29.15: no'));
    expect(await failureOf(runOnce(fake, 'upgradeNode', input))).toEqual({
      type,
      nonRetryable,
      message: 'changing the kubelet of node worker-1 to 1.29.15: starting kubelet 1.29.15: no',
      details: [{ reason: code }],
    });
  });

  it('when the version is not seen afterwards', async () => {
    const fake = aCluster();
    fake.hosts.obedient = false;
    expect(await failureOf(runOnce(fake, 'upgradeNode', input))).toEqual({
      type: 'node-upgrade-failed',
      nonRetryable: true,
      message:
        'the kubelet of node worker-1 was replaced, but 120 s later' +
        ' node worker-1 reports kubelet v1.28.15, not 1.29.15',
      details: [
        {
          mismatches: [
            {
              code: 'kubelet-version',
              node: 'worker-1',
              expected: '1.29.15',
              actual: 'v1.28.15',
            },
          ],
        },
      ],
    });
  });
});
