import { PortError } from '../../activities/ports';
import type { SnapshotRecord } from '../../domain/activity-contract';
import type { PlanDigest, SnapshotId } from '../../domain/names';
import { hopId, version } from '../support/builders';
import { cluster, FakeAttempt, FakeCluster, failureOf, runOnce } from '../support/fake-cluster';

const input = {
  cluster,
  snapshotId: 'lab-hop-1.29-from-1.28.15-0123abcd' as SnapshotId,
  hop: hopId('hop-1.29'),
  kubeVersion: version('1.28.15'),
  planDigest: 'd1' as PlanDigest,
  actor: 'ada@workstation',
};

const record = {
  id: input.snapshotId,
  hop: 'hop-1.29',
  kubeVersion: '1.28.15',
  etcdVersion: '3.5.21',
  location: `/snapshots/${input.snapshotId}`,
  sha256: 'abc',
  sizeBytes: 4_096,
  revision: 100,
  totalKeys: 321,
  takenAt: '2026-01-01T00:00:00.000Z',
  cluster,
  etcdClusterId: 'c1a5',
  etcdMember: 'cp-2',
  planDigest: 'd1',
  actor: 'ada@workstation',
  verified: { by: 'restore', hashKv: '42', keys: 321, seconds: 1.5 },
};

describe('takeSnapshot', () => {
  it('keeps a snapshot after it was restored and compared', async () => {
    const fake = new FakeCluster();
    const attempt = new FakeAttempt();
    expect(await attempt.run(fake, 'takeSnapshot', input)).toEqual(record);
    expect([...fake.store.records.values()]).toEqual([record]);
    expect(attempt.heartbeats).toEqual([
      { phase: 'saving' },
      { phase: 'saving: 4096 bytes' },
      { phase: 'storing' },
      { phase: 'verifying: reading it back from the store' },
      { phase: 'verifying: restoring into a scratch etcd' },
    ]);
    expect([fake.store.held, fake.store.drafts]).toEqual([new Set(), new Set()]);
  });

  it('returns the record the second time', async () => {
    const fake = new FakeCluster();
    await runOnce(fake, 'takeSnapshot', input);
    fake.clock.advance(60_000);
    expect(await runOnce(fake, 'takeSnapshot', input)).toEqual(record);
    expect(fake.etcd.snapshots).toHaveLength(1);
  });

  it('is not begun without room for it where it is stored and where it is verified', async () => {
    const fake = new FakeCluster();
    fake.store.freeBytes = 4_095;
    fake.store.scratch = { location: '/scratch', freeBytes: 12_287 };
    expect(await failureOf(runOnce(fake, 'takeSnapshot', input))).toEqual({
      type: 'space-missing',
      nonRetryable: true,
      message:
        'there is no room for a snapshot of 4096 bytes: /snapshots has 4095 bytes free, 4096 are' +
        ' needed; /scratch has 12287 bytes free, 12288 are needed',
      details: [
        {
          databaseBytes: 4_096,
          short: [
            { location: '/snapshots', freeBytes: 4_095, neededBytes: 4_096 },
            { location: '/scratch', freeBytes: 12_287, neededBytes: 12_288 },
          ],
        },
      ],
    });
    expect([fake.etcd.snapshots, fake.store.held]).toEqual([[], new Set()]);
  });

  it('whose disk gets full in the middle says so', async () => {
    const fake = new FakeCluster();
    fake.etcd.snapshotFailure = new PortError('full', 'writing /s/snapshot.db.part: ENOSPC');
    expect(await failureOf(runOnce(fake, 'takeSnapshot', input))).toEqual({
      type: 'space-missing',
      nonRetryable: true,
      message: `taking snapshot ${input.snapshotId}: writing /s/snapshot.db.part: ENOSPC`,
      details: [{ reason: 'full' }],
    });
    expect(fake.store.held).toEqual(new Set());
  });

  it('goes on with what an attempt that was killed has uploaded', async () => {
    const fake = new FakeCluster();
    const id = input.snapshotId;
    const taken = { ...fake.etcd.facts, takenAt: '2025-12-31T23:50:00.000Z' };
    fake.store.interrupted.set(id, { draft: { id, handle: 'theirs', sizeBytes: 5_000 }, taken });
    const resumed = { ...record, takenAt: taken.takenAt };
    expect(await runOnce(fake, 'takeSnapshot', input)).toEqual(resumed);
    expect([fake.etcd.snapshots, fake.store.drafts]).toEqual([[], new Set()]);
  });

  it('takes a file without a record anew', async () => {
    const fake = new FakeCluster();
    fake.etcd.verifyFailure = new PortError('timeout', 'scratch etcd did not start in 30 s');
    expect(await failureOf(runOnce(fake, 'takeSnapshot', input))).toEqual({
      type: 'cluster-unreachable',
      nonRetryable: false,
      message: `verifying snapshot ${input.snapshotId}: scratch etcd did not start in 30 s`,
      details: [{ reason: 'timeout' }],
    });
    expect([fake.store.records.size, fake.store.drafts.size]).toEqual([0, 0]);
    expect(await runOnce(fake, 'takeSnapshot', input)).toEqual(record);
    expect(fake.etcd.snapshots).toHaveLength(2);
  });

  it.each([
    [{ hashKv: '43', keys: 321, seconds: 1 }, 'restored, it has hash 43 at revision 100'],
    [{ hashKv: '42', keys: 0, seconds: 1 }, 'it holds no key'],
  ])('does not keep what differs: %j', async (scratch, why) => {
    const fake = new FakeCluster();
    fake.etcd.scratch = scratch;
    expect(await failureOf(runOnce(fake, 'takeSnapshot', input))).toEqual({
      type: 'snapshot-unverified',
      nonRetryable: true,
      message: expect.stringContaining(`snapshot ${input.snapshotId} cannot be relied on: ${why}`),
      details: [
        {
          expected: { hashKv: '42', revision: 100 },
          actual: { hashKv: scratch.hashKv, keys: scratch.keys },
        },
      ],
    });
    expect(fake.store.records.size).toBe(0);
  });

  it('keeps what an API server has read from it', async () => {
    const fake = new FakeCluster();
    const served = {
      by: 'kube-apiserver',
      version: version('1.28.15'),
      objects: { namespaces: 4, nodes: 3, secrets: 2 },
      seconds: 3,
    } as const;
    fake.etcd.scratch = { ...fake.etcd.scratch, served };
    const verified = { ...record.verified, served };
    expect(await runOnce(fake, 'takeSnapshot', input)).toEqual({ ...record, verified });
    expect(fake.etcd.serveOrders).toEqual([{ version: '1.28.15' }]);
  });

  it('has it read with the copies in the store, else with what the driver tells', async () => {
    const fake = new FakeCluster();
    const content = Buffer.from('told');
    fake.hosts.needs = [{ kind: 'encryption-config', name: 'e', content }];
    await runOnce(fake, 'takeSnapshot', input);
    const kept = [{ kind: 'encryption-config', name: 'e', content: Buffer.from('kept') }] as const;
    fake.store.copies = kept;
    const other = { ...input, snapshotId: 'another' as SnapshotId };
    await runOnce(fake, 'takeSnapshot', other);
    expect(fake.etcd.serveOrders).toEqual([
      { version: '1.28.15', needs: fake.hosts.needs },
      { version: '1.28.15', needs: kept },
    ]);
  });

  it('does not keep what an API server cannot read', async () => {
    const fake = new FakeCluster();
    const problem = 'listing secrets: HTTP 500: no matching prefix found';
    fake.etcd.scratch = { ...fake.etcd.scratch, served: { by: 'refused', problem } };
    expect(await failureOf(runOnce(fake, 'takeSnapshot', input))).toEqual({
      type: 'snapshot-unserved',
      nonRetryable: true,
      message: `snapshot ${input.snapshotId} cannot be relied on: ${problem}`,
      details: [{ problem }],
    });
    expect([fake.store.records.size, fake.store.drafts.size]).toEqual([0, 0]);
  });

  it('does not keep what cannot be restored', async () => {
    const fake = new FakeCluster();
    fake.etcd.verifyFailure = new PortError('rejected', 'etcdutl: hash check failed');
    expect(await failureOf(runOnce(fake, 'takeSnapshot', input))).toMatchObject({
      type: 'snapshot-unverified',
      nonRetryable: true,
    });
  });

  it('refuses an id that names another snapshot', async () => {
    const fake = new FakeCluster();
    await runOnce(fake, 'takeSnapshot', input);
    const other = { ...input, kubeVersion: version('1.29.15') };
    expect(await failureOf(runOnce(fake, 'takeSnapshot', other))).toEqual({
      type: 'snapshot-failed',
      nonRetryable: true,
      message:
        `snapshot ${input.snapshotId} exists, but it is of hop-1.29 at 1.28.15,` +
        ' not of hop-1.29 at 1.29.15',
      details: [{ hop: 'hop-1.29', kubeVersion: '1.28.15' }],
    });
  });

  it('verifies what the store gives back, so that a lost key is found now', async () => {
    const fake = new FakeCluster();
    fake.store.fetchFailure = new PortError('forbidden', 'it is sealed with key sha256:1');
    expect(await failureOf(runOnce(fake, 'takeSnapshot', input))).toEqual({
      type: 'credentials-refused',
      nonRetryable: true,
      message: `verifying snapshot ${input.snapshotId}: it is sealed with key sha256:1`,
      details: [{ reason: 'forbidden' }],
    });
    expect([fake.store.records.size, fake.store.held, fake.store.drafts]).toEqual([
      0,
      new Set(),
      new Set(),
    ]);
  });

  it('says with which key it is sealed', async () => {
    const fake = new FakeCluster();
    const sealed = { by: 'age', key: 'sha256:0123456789abcdef' } as const;
    fake.store.seal = { sealed };
    expect(await runOnce(fake, 'takeSnapshot', input)).toEqual({ ...record, sealed });
  });

  it('tells what else a restore needs, in the store; workflows do not carry it', async () => {
    const fake = new FakeCluster();
    fake.hosts.needs = [{ kind: 'pki', name: 'ca.key', content: Buffer.from('secret') }];
    const needs = [{ kind: 'pki', name: 'ca.key', fingerprint: 'of secret' }];
    const told = { ...record, needsCopied: true };
    expect(await runOnce(fake, 'takeSnapshot', input)).toEqual(told);
    expect(await runOnce(fake, 'takeSnapshot', input)).toEqual(told);
    expect([...fake.store.records.values()]).toEqual([{ ...told, needs }]);
  });

  it('fails where what it needs cannot be read', async () => {
    const fake = new FakeCluster();
    fake.hosts.needsFailure = new PortError('unreachable', 'the lab does not answer');
    expect(await failureOf(runOnce(fake, 'takeSnapshot', input))).toMatchObject({
      type: 'cluster-unreachable',
      nonRetryable: false,
    });
    expect(fake.store.held).toEqual(new Set());
  });

  it('makes room afterwards: the oldest of this cluster go, as many as are too many', async () => {
    const fake = new FakeCluster();
    fake.store.keep = 2;
    const older = (id: string, takenAt: string, of?: string): void => {
      const named = { id, takenAt, ...(of === undefined ? {} : { cluster: of }) };
      fake.store.records.set(id, { ...record, cluster: undefined, ...named } as never);
    };
    older('a', '2025-01-01T00:00:00.000Z', cluster);
    older('b', '2025-01-02T00:00:00.000Z', cluster);
    older('theirs', '2024-01-01T00:00:00.000Z', 'staging');
    older('old', '2024-01-01T00:00:00.000Z');
    const attempt = new FakeAttempt();
    const pruned = { removed: ['a'] };
    expect(await attempt.run(fake, 'takeSnapshot', input)).toEqual({ ...record, pruned });
    expect([...fake.store.records.keys()]).toEqual(['b', 'theirs', 'old', input.snapshotId]);
    expect(attempt.heartbeats.at(-1)).toEqual({ phase: 'removing what is not needed any more' });
  });

  it('stands when what is too much cannot be removed, and says why', async () => {
    const fake = new FakeCluster();
    fake.store.keep = 1;
    fake.store.records.set('a', { ...record, id: 'a', takenAt: '2025' } as never);
    fake.store.removeFailure = new PortError('forbidden', 'removing snapshot a: EACCES');
    const pruned = { removed: [], problem: 'removing snapshot a: EACCES' };
    expect(await runOnce(fake, 'takeSnapshot', input)).toEqual({ ...record, pruned });
    expect([...fake.store.records.keys()]).toEqual(['a', input.snapshotId]);
  });

  it('is that of another worker that was faster', async () => {
    const fake = new FakeCluster();
    const attempt = new FakeAttempt();
    const theirs = { ...record, takenAt: '2025-12-31T00:00:00.000Z' } as SnapshotRecord;
    attempt.onHeartbeat = () => fake.store.records.set(input.snapshotId, theirs);
    expect(await attempt.run(fake, 'takeSnapshot', input)).toEqual(theirs);
  });

  it('is cancelled without a trace in the store', async () => {
    const fake = new FakeCluster();
    const attempt = new FakeAttempt();
    attempt.onHeartbeat = () => attempt.cancel();
    expect(await failureOf(attempt.run(fake, 'takeSnapshot', input))).toMatchObject({
      name: 'CancelledFailure',
      details: [{ phase: 'saving' }],
    });
    expect(fake.store.records.size).toBe(0);
  });
});
