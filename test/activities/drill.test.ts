import { PortError } from '../../activities/ports';
import type { SnapshotRecord } from '../../domain/activity-contract';
import type { ClusterName, SnapshotId } from '../../domain/names';
import { minor } from '../support/builders';
import { cluster, FakeAttempt, FakeCluster, failureOf, runOnce } from '../support/fake-cluster';

const id = 'lab-hop-1.29' as SnapshotId;

/** With one snapshot of it and a newer one of another cluster. */
function aStore(): FakeCluster {
  const fake = new FakeCluster();
  const record = {
    id,
    cluster,
    kubeVersion: '1.28.15',
    takenAt: '2026-11-21T02:00:00.000Z',
    revision: 100,
    totalKeys: 321,
    sizeBytes: 1_000,
    location: '/snapshots/lab-hop-1.29',
  } as SnapshotRecord;
  const other = { ...record, id: 'other' as SnapshotId, cluster: 'other' as ClusterName };
  fake.store.records.set(id, record).set(other.id, other);
  return fake;
}

function change(fake: FakeCluster, changes: Partial<SnapshotRecord>): void {
  const record = fake.store.records.get(id);
  if (record !== undefined) fake.store.records.set(id, { ...record, ...changes });
}

describe('drillRollBack', () => {
  it('tries the newest snapshot of the cluster and tells what each phase took', async () => {
    const fake = aStore();
    const attempt = new FakeAttempt();
    const { hashKv, apiServer } = fake.driller.drilled;
    expect(await attempt.run(fake, 'drillRollBack', { cluster })).toEqual({
      kind: 'drilled',
      report: {
        schema: 'ascent.drill/v1',
        cluster,
        snapshot: {
          id,
          takenAt: '2026-11-21T02:00:00.000Z',
          kubeVersion: '1.28.15',
          revision: 100,
        },
        members: 3,
        keys: 321,
        hashKv,
        apiServer,
        phases: [
          { phase: 'fetch', seconds: 0 },
          { phase: 'restore', seconds: 2 },
          { phase: 'start-etcd', seconds: 2 },
          { phase: 'compare', seconds: 2 },
          { phase: 'start-api-server', seconds: 2 },
        ],
        rollbackSeconds: 8,
      },
    });
    expect(attempt.heartbeats).toEqual([
      { phase: 'looking for the snapshot' },
      { phase: 'fetch and open the snapshot' },
      { phase: 'restore it for every member' },
      { phase: 'start etcd' },
      { phase: 'compare the members' },
      { phase: 'start the API server, until it is ready' },
    ]);
    expect([fake.store.held.size, fake.driller.orders]).toEqual([
      0,
      [{ version: '1.28.15', needsAreLost: false }],
    ]);
  });

  it('refuses what is not there', async () => {
    const fake = aStore();
    const asked = 'lab-hop-1.30' as SnapshotId;
    expect(await runOnce(fake, 'drillRollBack', { cluster, snapshotId: asked })).toEqual({
      kind: 'refused',
      refusal: { code: 'no-snapshot', location: '/snapshots', asked },
    });
    fake.store.records.clear();
    expect(await runOnce(fake, 'drillRollBack', { cluster })).toEqual({
      kind: 'refused',
      refusal: { code: 'no-snapshot', location: '/snapshots' },
    });
  });

  it('refuses without the key, the room or the API server, and fetches nothing', async () => {
    const fake = aStore();
    fake.store.fetchFailure = new PortError('unexpected', 'it was fetched');
    const refusals: unknown[] = [];
    const ask = async (): Promise<void> => {
      refusals.push(await runOnce(fake, 'drillRollBack', { cluster, snapshotId: id }));
    };
    change(fake, { sealed: { by: 'age', key: 'sha256:1' } });
    await ask();
    fake.store.keysFailure = new PortError('forbidden', 'the key cannot be read');
    await ask();
    fake.store.keysFailure = undefined;
    fake.store.keysAtHand = ['sha256:1'];
    fake.etcd.minors = [minor('1.29')];
    await ask();
    fake.etcd.minors = [minor('1.28')];
    fake.store.fetchFailure = undefined;
    fake.driller.reason = 'kms';
    await ask();
    fake.driller.reason = undefined;
    fake.driller.free = 3_999;
    await ask();
    const noServer = { code: 'not-served', snapshot: id, minor: '1.28' };
    expect(refusals).toEqual([
      { kind: 'refused', refusal: { code: 'no-key', snapshot: id, key: 'sha256:1' } },
      { kind: 'refused', refusal: { code: 'no-key', snapshot: id, key: 'sha256:1' } },
      { kind: 'refused', refusal: { ...noServer, reason: 'no-api-server' } },
      { kind: 'refused', refusal: { ...noServer, reason: 'kms' } },
      {
        kind: 'refused',
        refusal: { code: 'no-space', location: '/scratch', freeBytes: 3_999, neededBytes: 4_000 },
      },
    ]);
  });

  it('says in which phase the way back is broken', async () => {
    const fake = aStore();
    const error = new PortError('rejected', 'listing secrets: HTTP 500');
    fake.driller.failure = { phase: 'start-api-server', error };
    const input = { cluster };
    expect(await runOnce(fake, 'drillRollBack', input)).toEqual({
      kind: 'broken',
      snapshot: id,
      phase: 'start-api-server',
      problem: 'listing secrets: HTTP 500',
    });
    fake.driller.failure = undefined;
    fake.driller.drilled = { ...fake.driller.drilled, keys: 320 };
    expect(await runOnce(fake, 'drillRollBack', input)).toEqual({
      kind: 'broken',
      snapshot: id,
      phase: 'compare',
      problem: 'restored, it has 320 keys, its record says 321',
    });
  });

  it('reads with the copies that are kept, and says when none of an encryption are', async () => {
    const fake = aStore();
    const need = { kind: 'encryption-config', name: 'e' } as const;
    change(fake, { needs: [{ ...need, fingerprint: 'sha256:2' }] });
    await runOnce(fake, 'drillRollBack', { cluster });
    fake.store.copies = [{ ...need, content: Buffer.from('keys') }];
    await runOnce(fake, 'drillRollBack', { cluster });
    expect(fake.driller.orders).toEqual([
      { version: '1.28.15', needsAreLost: true },
      { version: '1.28.15', needs: fake.store.copies },
    ]);
  });

  it('fails when the store does not answer, and nothing is known', async () => {
    const fake = aStore();
    fake.store.listFailure = new PortError('unreachable', 'no answer of the store');
    expect(await failureOf(runOnce(fake, 'drillRollBack', { cluster }))).toMatchObject({
      message: expect.stringContaining('no answer of the store') as string,
    });
  });
});
