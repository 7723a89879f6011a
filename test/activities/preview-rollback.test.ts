import type { PlanDigest, SnapshotId } from '../../domain/names';
import { defaultReportLimits } from '../../domain/rollback/report-limits';
import { hopId, nodeName, version } from '../support/builders';
import { cluster, FakeAttempt, FakeCluster, failureOf, runOnce } from '../support/fake-cluster';
import { PortError } from '../../activities/ports';

const snapshotId = 'lab-hop-1.29-from-1.28.15-0123abcd' as SnapshotId;
const hop = hopId('hop-1.29');
const cheapest = { rung: 'none', tooLittle: [] } as const;
const input = {
  cluster,
  hop,
  at: version('1.28.15'),
  snapshotId,
  takes: ['worker-1', 'worker-2', 'worker-3'].map((name) => ({
    name: nodeName(name),
    from: version('1.28.15'),
  })),
  cheapest,
};

/** Its snapshot is of 1.28.15; one node has gone further, one does not say, two have joined. */
async function aClusterOnTheWay(): Promise<FakeCluster> {
  const fake = new FakeCluster();
  await runOnce(fake, 'takeSnapshot', {
    cluster,
    snapshotId,
    hop,
    kubeVersion: version('1.28.15'),
    planDigest: 'd1' as PlanDigest,
  });
  fake.kube.addNode('joined-2', { kubeletVersion: 'v1.28.15' });
  fake.kube.addNode('joined-1', { kubeletVersion: 'v1.29.15' });
  fake.kube.addNode('worker-3', { kubeletVersion: 'v1.28.15' });
  fake.kube.addNode('worker-2', { kubeletVersion: 'v1.29.15' });
  fake.kube.addNode('worker-1', { kubeletVersion: '' });
  return fake;
}

const secrets = {
  resource: 'secrets',
  namespace: 'shop',
  created: 1,
  changed: 0,
  deleted: 0,
  createdNames: ['new'],
  deletedNames: [],
};

describe('previewRollBack', () => {
  it('compares nothing where the old programs suffice: nothing is lost', async () => {
    const fake = await aClusterOnTheWay();
    fake.etcd.comparison = { groups: [secrets], comparedKeys: 321 };
    const kept = { rung: 'leave-emulation', tooLittle: [], keepsData: true } as const;
    const report = await runOnce(fake, 'previewRollBack', { ...input, cheapest: kept });
    expect(report).toMatchObject({
      objects: { groups: [], comparedKeys: 0 },
      cheapest: kept,
      expected: { restore: 0 },
    });
    expect(fake.etcd.compared).toEqual([]);
  });

  it('tells what was written, and which nodes would return', async () => {
    const fake = await aClusterOnTheWay();
    fake.etcd.comparison = { groups: [secrets], comparedKeys: 321 };
    const attempt = new FakeAttempt();
    expect(await attempt.run(fake, 'previewRollBack', { ...input, nodeSeconds: 30 })).toEqual({
      schema: 'ascent.rollback-report/v1',
      cluster,
      hop,
      at: '1.28.15',
      snapshot: {
        id: snapshotId,
        takenAt: expect.any(String) as string,
        revision: 100,
        keys: 321,
      },
      objects: { groups: [secrets], comparedKeys: 321, seconds: 0, limits: defaultReportLimits },
      nodes: [
        { node: 'worker-1', kubelet: '', to: '1.28.15' },
        { node: 'worker-2', kubelet: 'v1.29.15', to: '1.28.15' },
      ],
      moreNodes: 0,
      staying: [{ node: 'joined-1', kubelet: 'v1.29.15' }],
      moreStaying: 0,
      cheapest,
      madeAtMs: fake.clock.nowMs(),
      digest: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      expected: { restore: 6, restoreFrom: 'keys', nodes: 60 },
    });
    expect(fake.etcd.compared).toEqual([
      { file: `/snapshots/${snapshotId}`, limits: defaultReportLimits },
    ]);
    expect(attempt.heartbeats.at(-1)).toEqual({ phase: 'comparing: 321 keys' });
    expect(fake.hosts.driven).toEqual([]);
  });

  it('names nodes and volumes that would be left over, outside of its digest', async () => {
    const fake = await aClusterOnTheWay();
    const without = await runOnce(fake, 'previewRollBack', input);
    const none = { count: 0, names: [] };
    const created = { count: 1, names: [{ name: 'worker-9' }] };
    const anchors = [{ resource: 'nodes', created, deleted: none }] as const;
    fake.etcd.tally = { ...fake.etcd.tally, anchors };
    const report = await runOnce(fake, 'previewRollBack', input);
    expect(without.objects).not.toHaveProperty('anchors');
    expect(report).toEqual({ ...without, objects: { ...without.objects, anchors } });
  });

  it('says that it was cut short, and by which limit', async () => {
    const fake = await aClusterOnTheWay();
    fake.etcd.comparison = { groups: [], comparedKeys: 11, cutShortBy: 'keys' };
    const limits = { seconds: 5, keys: 10 };
    expect(await runOnce(fake, 'previewRollBack', { ...input, limits })).toMatchObject({
      objects: { groups: [], comparedKeys: 11, cutShortBy: 'keys', limits },
    });
    expect(fake.etcd.compared).toMatchObject([{ limits }]);
  });

  it('fails without the snapshot, and when its file is not what its record says', async () => {
    const missing = runOnce(new FakeCluster(), 'previewRollBack', input);
    expect(await failureOf(missing)).toMatchObject({ type: 'snapshot-missing' });
    const fake = await aClusterOnTheWay();
    fake.store.fetchFailure = new PortError('rejected', 'reading /snapshots/x: no');
    expect(await failureOf(runOnce(fake, 'previewRollBack', input))).toMatchObject({
      type: 'snapshot-unverified',
    });
  });
});
