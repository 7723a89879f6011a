import { PortError } from '../../activities/ports';
import type { SnapshotRecord } from '../../domain/activity-contract';
import type { SnapshotId } from '../../domain/names';
import { strandedPodsMax } from '../../domain/rollback/account';
import { defaultReportLimits } from '../../domain/rollback/report-limits';
import { cluster, FakeAttempt, FakeCluster, failureOf, runOnce } from '../support/fake-cluster';

const snapshotId = 'lab-hop-1.29' as SnapshotId;
const limits = { ...defaultReportLimits, seconds: 60 };
const input = { cluster, snapshotId, limits };
const file = `/snapshots/${snapshotId}`;

const anchors = [
  {
    resource: 'nodes',
    created: { count: 1, names: [{ name: 'worker-9' }] },
    deleted: { count: 0, names: [] },
  },
] as const;
const workloads = {
  totals: [{ resource: 'pods', snapshot: 3, cluster: 2 }],
  differing: [{ resource: 'pods', namespace: 'shop', snapshot: 3, cluster: 2 }],
  more: 0,
} as const;

function aCluster(): FakeCluster {
  const fake = new FakeCluster();
  const record = {
    id: snapshotId,
    cluster,
    kubeVersion: '1.28.15',
    takenAt: '2026-11-21T02:00:00.000Z',
    revision: 100,
    totalKeys: 321,
    sizeBytes: 1_000,
    location: file,
  } as SnapshotRecord;
  fake.store.records.set(snapshotId, record);
  fake.etcd.tally = { workloads, anchors };
  return fake;
}

describe('noteBeforeRestore', () => {
  it('tells which nodes and volumes the snapshot does not have, within its limits', async () => {
    const fake = aCluster();
    const attempt = new FakeAttempt();
    expect(await attempt.run(fake, 'noteBeforeRestore', input)).toEqual({
      madeAtMs: fake.clock.nowMs(),
      anchors,
    });
    expect(fake.etcd.compared).toEqual([{ file, limits }]);
    expect(attempt.heartbeats.at(-1)).toEqual({ phase: 'comparing: 321 keys' });
    expect(fake.hosts.driven).toEqual([]);
  });

  it('says where it was cut short', async () => {
    const fake = aCluster();
    fake.etcd.comparison = { groups: [], comparedKeys: 5, cutShortBy: 'seconds' };
    expect(await runOnce(fake, 'noteBeforeRestore', input)).toMatchObject({
      cutShortBy: 'seconds',
    });
  });

  it('needs no API server', async () => {
    const fake = aCluster();
    const noAnswer = () => Promise.reject(new PortError('unreachable', 'no answer'));
    fake.kube.listNodes = noAnswer;
    fake.kube.listPods = noAnswer;
    expect(await runOnce(fake, 'noteBeforeRestore', input)).toMatchObject({ anchors });
  });

  it('ends at once when etcd is away, without a look at the snapshot', async () => {
    const fake = aCluster();
    const problem = { code: 'unreachable', message: 'connection refused' } as const;
    fake.etcd.observation = { kind: 'unobserved', problem };
    expect(await failureOf(runOnce(fake, 'noteBeforeRestore', input))).toMatchObject({
      type: 'cluster-unreachable',
      nonRetryable: true,
      message: 'etcd does not answer: connection refused',
    });
    expect(fake.etcd.compared).toEqual([]);
  });

  it('fails without the snapshot, and when its file is not what its record says', async () => {
    expect(await failureOf(runOnce(new FakeCluster(), 'noteBeforeRestore', input))).toMatchObject({
      type: 'snapshot-missing',
    });
    const fake = aCluster();
    fake.store.fetchFailure = new PortError('rejected', 'reading /snapshots/x: no');
    expect(await failureOf(runOnce(fake, 'noteBeforeRestore', input))).toMatchObject({
      type: 'snapshot-unverified',
    });
  });
});

describe('countRestored', () => {
  it('counts workloads against the snapshot, and finds pods whose node is gone', async () => {
    const fake = aCluster();
    fake.kube.addNode('worker-1');
    fake.kube.addPod('worker-1', 'web-1');
    fake.kube.addPod('worker-9', 'web-3').addPod('worker-9', 'web-2');
    fake.kube.addPod('worker-8', 'api', { ref: { namespace: 'back', name: 'api' } });
    fake.kube.addPod('', 'waiting', { phase: 'Pending' });
    fake.kube.addPod('worker-9', 'done', { phase: 'Succeeded' });
    const attempt = new FakeAttempt();
    expect(await attempt.run(fake, 'countRestored', input)).toEqual({
      workloads,
      anchors,
      stranded: {
        count: 3,
        pods: [
          { pod: { namespace: 'back', name: 'api' }, node: 'worker-8' },
          { pod: { namespace: 'shop', name: 'web-2' }, node: 'worker-9' },
          { pod: { namespace: 'shop', name: 'web-3' }, node: 'worker-9' },
        ],
      },
    });
    expect(attempt.heartbeats.at(-1)).toEqual({ phase: 'comparing: 321 keys' });
    expect(fake.hosts.driven).toEqual([]);
  });

  it('is bound in the pods that it names, and says where it was cut short', async () => {
    const fake = aCluster();
    for (let pod = 0; pod < strandedPodsMax + 2; pod += 1) {
      fake.kube.addPod('worker-9', `web-${pod}`);
    }
    fake.etcd.comparison = { groups: [], comparedKeys: 5, cutShortBy: 'keys' };
    const { stranded, cutShortBy } = await runOnce(fake, 'countRestored', input);
    expect(stranded.count).toBe(strandedPodsMax + 2);
    expect(stranded.pods).toHaveLength(strandedPodsMax);
    expect(cutShortBy).toBe('keys');
  });

  it('fails where the API does not answer', async () => {
    const fake = aCluster();
    fake.kube.listPods = () => Promise.reject(new PortError('unreachable', 'no answer'));
    expect(await failureOf(runOnce(fake, 'countRestored', input))).toMatchObject({
      message: expect.stringContaining('no answer') as string,
    });
  });
});
