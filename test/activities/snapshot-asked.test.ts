// Snapshots of no hop, and the removing of those that are too many.

import { PortError } from '../../activities/ports';
import type { SnapshotId } from '../../domain/names';
import { version } from '../support/builders';
import { cluster, FakeAttempt, FakeCluster, failureOf, runOnce } from '../support/fake-cluster';

const input = {
  cluster,
  snapshotId: 'lab-asked-0123abcd' as SnapshotId,
  actor: 'ada@workstation',
  asked: { reason: 'before the move' },
};

describe('takeSnapshot of no hop', () => {
  it('tells who asked and why, and the version of the API servers', async () => {
    const fake = new FakeCluster();
    const record = await runOnce(fake, 'takeSnapshot', input);
    expect(record).toMatchObject({
      id: input.snapshotId,
      actor: 'ada@workstation',
      asked: { reason: 'before the move' },
      kubeVersion: '1.28.15',
    });
    expect(['hop' in record, 'planDigest' in record]).toEqual([false, false]);
    expect(await runOnce(fake, 'takeSnapshot', input)).toEqual(record);
    expect(fake.etcd.snapshots).toHaveLength(1);
  });

  it('is not taken while no API server answers, as when a restore moves data', async () => {
    const fake = new FakeCluster();
    for (const { name } of await fake.hosts.members())
      fake.hosts.silent.add(`${name} kube-apiserver`);
    expect(await failureOf(runOnce(fake, 'takeSnapshot', input))).toMatchObject({
      type: 'cluster-unreachable',
      nonRetryable: false,
      message:
        `taking snapshot ${input.snapshotId}: no API server answers: the cluster is down, or a` +
        ' restore moves its data',
    });
    expect(fake.etcd.snapshots).toEqual([]);
  });

  it('is not kept when another version serves in the end: somebody has gone back', async () => {
    const fake = new FakeCluster();
    const attempt = new FakeAttempt();
    attempt.onHeartbeat = () => {
      for (const { apiServer } of fake.hosts.machines.values()) {
        apiServer.version = version('1.27.16');
      }
    };
    expect(await failureOf(attempt.run(fake, 'takeSnapshot', input))).toMatchObject({
      type: 'snapshot-failed',
      nonRetryable: false,
      message:
        `taking snapshot ${input.snapshotId}: the API servers were at 1.28.15 and are at 1.27.16` +
        ' now',
    });
    expect([fake.store.records.size, fake.store.drafts.size]).toEqual([0, 0]);
  });

  it('of a schedule makes room among its own', async () => {
    const fake = new FakeCluster();
    const routine = { ...input, asked: { reason: 'every day', routine: { keep: 1 } } };
    const first = { ...routine, snapshotId: 'r-1' as SnapshotId };
    await runOnce(fake, 'takeSnapshot', first);
    fake.clock.advance(60_000);
    await runOnce(fake, 'takeSnapshot', input);
    fake.clock.advance(60_000);
    const second = { ...routine, snapshotId: 'r-2' as SnapshotId };
    // Without a hop's the newest of all is the way back, and here it is its own.
    expect(await runOnce(fake, 'takeSnapshot', second)).toMatchObject({
      pruned: { removed: ['r-1'] },
    });
    expect([...fake.store.records.keys()]).toEqual([input.snapshotId, 'r-2']);
  });
});

describe('pruneSnapshots', () => {
  async function withThree(): Promise<FakeCluster> {
    const fake = new FakeCluster();
    for (const id of ['a', 'b', 'c']) {
      fake.clock.advance(60_000);
      await runOnce(fake, 'takeSnapshot', { ...input, snapshotId: id as SnapshotId });
    }
    fake.store.keep = 1;
    return fake;
  }

  it('removes what is more than is to be kept', async () => {
    const fake = await withThree();
    const attempt = new FakeAttempt();
    const result = { location: '/snapshots', removed: ['a', 'b'], stay: 1 };
    expect(await attempt.run(fake, 'pruneSnapshots', { cluster, dryRun: false })).toEqual(result);
    expect([...fake.store.records.keys()]).toEqual(['c']);
    expect(attempt.heartbeats).toEqual([{ phase: 'removing a' }, { phase: 'removing b' }]);
    const again = await runOnce(fake, 'pruneSnapshots', { cluster, dryRun: false });
    expect(again).toEqual({ ...result, removed: [] });
  });

  it('only tells it when it is a dry run', async () => {
    const fake = await withThree();
    const told = await runOnce(fake, 'pruneSnapshots', { cluster, dryRun: true });
    expect(told).toEqual({ location: '/snapshots', removed: ['a', 'b'], stay: 1 });
    expect(fake.store.records.size).toBe(3);
  });

  it('fails with what the store refuses', async () => {
    const fake = await withThree();
    fake.store.removeFailure = new PortError('forbidden', 'removing snapshot a: EACCES');
    const run = runOnce(fake, 'pruneSnapshots', { cluster, dryRun: false });
    expect(await failureOf(run)).toMatchObject({ type: 'credentials-refused' });
    expect(fake.store.records.size).toBe(3);
  });
});
