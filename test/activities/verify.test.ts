import type { VerifyClusterInput } from '../../domain/activity-contract';
import { version } from '../support/builders';
import {
  cluster,
  FakeAttempt,
  FakeCluster,
  failureOf,
  memberNames,
  nodeName,
  runOnce,
} from '../support/fake-cluster';

const node = nodeName('worker-1');
const input = { cluster, node, version: version('1.28.15'), soakMs: 0 };

function aCluster(): FakeCluster {
  const fake = new FakeCluster();
  fake.kube.addNode('worker-1');
  return fake;
}

const logs = { controller: { kind: 'DaemonSet', name: 'logs' } };

describe('verifyNode', () => {
  it('looks once without a soak; a cordon and pods of others do not matter', async () => {
    const fake = aCluster();
    fake.kube.addNode('worker-1', { unschedulable: true });
    fake.kube.addPod('worker-1', 'web-1', { ready: false }).addPod('worker-1', 'logs-1', logs);
    expect(await runOnce(fake, 'verifyNode', input)).toEqual({ passes: 1 });
  });

  it('keeps looking all through the soak', async () => {
    const fake = aCluster();
    const attempt = new FakeAttempt();
    const result = await attempt.run(fake, 'verifyNode', { ...input, soakMs: 10_000 });
    expect(result).toEqual({ passes: 21 });
    expect(attempt.heartbeats.at(-1)).toEqual({ phase: 'verifying: good 21 times' });
  });

  it('begins the soak again when the node was not good in between', async () => {
    const fake = aCluster();
    const startedAtMs = fake.clock.nowMs();
    fake.clock.after(8_000, () => void fake.kube.addNode('worker-1', { ready: false }));
    fake.clock.after(12_000, () => void fake.kube.addNode('worker-1'));
    await runOnce(fake, 'verifyNode', { ...input, soakMs: 10_000 });
    expect(fake.clock.nowMs() - startedAtMs).toBe(22_000);
  });

  it('waits for the DaemonSet pods of the node', async () => {
    const fake = aCluster();
    fake.kube.addPod('worker-1', 'logs-1', { ...logs, ready: false });
    fake.clock.after(5_000, () => void fake.kube.addPod('worker-1', 'logs-1', logs));
    const attempt = new FakeAttempt();
    expect(await attempt.run(fake, 'verifyNode', input)).toEqual({ passes: 1 });
    expect(attempt.heartbeats[0]).toEqual({
      phase: 'verifying: DaemonSet pod shop/logs-1 on node worker-1 is not Ready',
    });
  });

  /** A DaemonSet pod that was not Ready for so long when we cordoned its node. */
  async function withBrokenPod(secondsBefore: number): Promise<FakeCluster> {
    const fake = aCluster();
    await fake.kube.setCordon(node, 'ascent: hop-1.28', new AbortController().signal);
    const notReadySinceMs = fake.clock.nowMs() - secondsBefore * 1_000;
    fake.kube.addPod('worker-1', 'logs-1', { ...logs, ready: false, notReadySinceMs });
    return fake;
  }

  it('tells a DaemonSet pod that was broken before, and does not wait for it', async () => {
    const fake = await withBrokenPod(61);
    expect(await runOnce(fake, 'verifyNode', input)).toEqual({
      passes: 1,
      brokenBefore: [{ namespace: 'shop', name: 'logs-1' }],
    });
  });

  it.each([
    { when: 'just before', seconds: 59 },
    { when: 'after', seconds: -1 },
  ])('waits for a DaemonSet pod that broke $when the cordon', async ({ seconds }) => {
    const run = runOnce(await withBrokenPod(seconds), 'verifyNode', input);
    expect(await failureOf(run)).toMatchObject({ type: 'node-not-ready' });
  });

  it('waits for a broken DaemonSet pod of a node that others have cordoned', async () => {
    const fake = aCluster();
    fake.kube.addNode('worker-1', { unschedulable: true });
    fake.kube.addPod('worker-1', 'logs-1', { ...logs, ready: false, notReadySinceMs: 0 });
    const run = runOnce(fake, 'verifyNode', input);
    expect(await failureOf(run)).toMatchObject({ type: 'node-not-ready' });
  });

  it('fails with everything that differs', async () => {
    const fake = aCluster();
    fake.kube.addNode('worker-1', { ready: false, kubeletVersion: '' });
    fake.kube.addPod('worker-1', 'logs-1', { ...logs, ready: false });
    expect(await failureOf(runOnce(fake, 'verifyNode', input))).toEqual({
      type: 'node-not-ready',
      nonRetryable: true,
      message:
        'node worker-1 is not good in 1.28.15 after 300 s:' +
        ' node worker-1 reports no kubelet version, not 1.28.15; node worker-1 is not Ready;' +
        ' DaemonSet pod shop/logs-1 on node worker-1 is not Ready',
      details: [
        {
          mismatches: [
            { code: 'kubelet-version', node, expected: '1.28.15', actual: '' },
            { code: 'node-not-ready', node },
            {
              code: 'daemonset-pod-not-ready',
              node,
              pod: { namespace: 'shop', name: 'logs-1' },
            },
          ],
        },
      ],
    });
  });

  it('fails in time when the node never stays good for the soak', async () => {
    const fake = aCluster();
    for (let at = 2_000; at < 3_600_000; at += 4_000) {
      fake.clock.after(at, () => void fake.kube.addNode('worker-1', { ready: false }));
      fake.clock.after(at + 2_000, () => void fake.kube.addNode('worker-1'));
    }
    const startedAtMs = fake.clock.nowMs();
    const run = runOnce(fake, 'verifyNode', { ...input, soakMs: 10_000 });
    expect(await failureOf(run)).toMatchObject({ type: 'node-not-ready' });
    expect(fake.clock.nowMs() - startedAtMs).toBeLessThan(330_000);
  });

  it('fails at once when the node is missing', async () => {
    const run = runOnce(new FakeCluster(), 'verifyNode', input);
    expect(await failureOf(run)).toMatchObject({ type: 'node-missing', nonRetryable: true });
  });
});

describe('verifyCluster', () => {
  const whole: VerifyClusterInput = {
    cluster,
    controlPlane: version('1.28.15'),
    nodes: [{ name: node, version: version('1.28.15') }],
  };

  it('sees every member and the named nodes in their version, three times', async () => {
    const fake = aCluster();
    fake.kube.addNode('not-ours', { ready: false, kubeletVersion: 'v1.25.0' });
    expect(await runOnce(fake, 'verifyCluster', whole)).toEqual({
      passes: 3,
      members: memberNames.map((name) => ({ name, version: '1.28.15' })),
    });
  });

  it('leaves out who is not there where that is fine, and nobody else', async () => {
    const fake = aCluster();
    const gone = { name: nodeName('gone'), version: version('1.28.15') };
    const order = { ...whole, nodes: [...whole.nodes, gone], isMissingFine: true } as const;
    expect(await runOnce(fake, 'verifyCluster', order)).toMatchObject({ passes: 3 });
    fake.kube.addNode('gone', { ready: false, kubeletVersion: 'v1.28.15' });
    expect(await failureOf(runOnce(fake, 'verifyCluster', order))).toMatchObject({
      type: 'verification-failed',
      details: [{ mismatches: [{ code: 'node-not-ready', node: 'gone' }] }],
    });
  });

  it('waits out a short disturbance', async () => {
    const fake = aCluster();
    fake.hosts.silent.add('cp-1 kube-scheduler');
    fake.clock.after(30_000, () => fake.hosts.silent.clear());
    expect(await runOnce(fake, 'verifyCluster', whole)).toMatchObject({ passes: 3 });
  });

  it('tells every mismatch as data and the first three in words', async () => {
    const fake = aCluster();
    fake.hosts.member('cp-1').apiServer.version = version('1.29.15');
    fake.hosts.member('cp-2').controllerManager.healthy = false;
    fake.hosts.silent.add('cp-3 kube-scheduler');
    fake.kube.addNode('worker-1', { kubeletVersion: 'v1.27.16' });
    const input2 = {
      ...whole,
      nodes: [...whole.nodes, { name: nodeName('gone'), version: version('1.28.15') }],
    };
    expect(await failureOf(runOnce(fake, 'verifyCluster', input2))).toEqual({
      type: 'verification-failed',
      nonRetryable: true,
      message:
        'cluster lab is not as planned after 60 s: kube-apiserver of cp-1 runs 1.29.15,' +
        ' not 1.28.15; kube-controller-manager of cp-2 is not ready; kube-scheduler of cp-3' +
        ' does not answer (connection refused); and 2 more',
      details: [
        {
          mismatches: [
            {
              code: 'component-version',
              member: 'cp-1',
              component: 'kube-apiserver',
              expected: '1.28.15',
              actual: '1.29.15',
            },
            {
              code: 'component-not-ready',
              member: 'cp-2',
              component: 'kube-controller-manager',
              failingChecks: [],
            },
            {
              code: 'component-unobserved',
              member: 'cp-3',
              component: 'kube-scheduler',
              problem: { code: 'unreachable', message: 'connection refused' },
            },
            { code: 'kubelet-version', node, expected: '1.28.15', actual: 'v1.27.16' },
            { code: 'node-missing', node: 'gone' },
          ],
        },
      ],
    });
  });
});
