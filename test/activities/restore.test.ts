import { etcdMismatches } from '../../activities/member-looks';
import { PortError } from '../../activities/ports';
import type { MemberName, PlanDigest, SnapshotId } from '../../domain/names';
import type { EtcdObservation } from '../../domain/observation';
import { hopId, version } from '../support/builders';
import {
  cluster,
  FakeAttempt,
  FakeCluster,
  failureOf,
  memberNames,
  runOnce,
} from '../support/fake-cluster';

const snapshotId = 'lab-hop-1.29-from-1.28.15-0123abcd' as SnapshotId;
const input = {
  cluster,
  snapshotId,
  kubeVersion: version('1.28.15'),
  restoreId: '0123abcd-hop-1.29',
};
const driven = `restore /snapshots/${snapshotId}@100 1.28.15 etcd 3.5.21`;

/** A snapshot was taken in 1.28.15; since then everything was brought to 1.29.15. */
async function aClusterToRestore(): Promise<FakeCluster> {
  const fake = new FakeCluster();
  await runOnce(fake, 'takeSnapshot', {
    cluster,
    snapshotId,
    hop: hopId('hop-1.29'),
    kubeVersion: version('1.28.15'),
    planDigest: 'd1' as PlanDigest,
  });
  fake.setControlPlane('1.29.15');
  return fake;
}

const result = {
  seconds: 0.4,
  revision: 100,
  members: memberNames.map((name) => ({ name, version: '1.28.15' })),
};

describe('restoreSnapshot', () => {
  it('restores, then sees every member in the old version three times', async () => {
    const fake = await aClusterToRestore();
    const attempt = new FakeAttempt();
    expect(await attempt.run(fake, 'restoreSnapshot', input)).toEqual(result);
    expect(fake.hosts.driven).toEqual([driven]);
    expect(fake.store.held).toEqual(new Set());
    expect(attempt.heartbeats.map((beat) => (beat as { phase: string }).phase)).toEqual([
      'fetching the snapshot',
      'restoring',
      'stopping',
      'verifying: good 1 of 3',
      'verifying: good 2 of 3',
      'verifying: good 3 of 3',
    ]);
  });

  it('sees them once where the workflow verifies next', async () => {
    const fake = await aClusterToRestore();
    const attempt = new FakeAttempt();
    const order = { ...input, isVerifiedNext: true } as const;
    expect(await attempt.run(fake, 'restoreSnapshot', order)).toEqual({ ...result, seconds: 0 });
    expect(attempt.heartbeats.at(-1)).toMatchObject({ phase: 'verifying: good 1 of 1' });
  });

  it('does not restore again under the same restoreId', async () => {
    const fake = await aClusterToRestore();
    await runOnce(fake, 'restoreSnapshot', input);
    expect(await runOnce(fake, 'restoreSnapshot', input)).toEqual(result);
    expect(fake.hosts.driven).toEqual([driven]);
  });

  it('goes on when the workflow is cancelled', async () => {
    const fake = await aClusterToRestore();
    const attempt = new FakeAttempt();
    fake.hosts.duringDrive = () => attempt.cancel();
    expect(await attempt.run(fake, 'restoreSnapshot', input)).toEqual(result);
  });

  it('ends its attempt when the worker shuts down; the next one goes on', async () => {
    const fake = await aClusterToRestore();
    const attempt = new FakeAttempt();
    fake.hosts.duringDrive = () => attempt.shutDownWorker();
    expect(await failureOf(attempt.run(fake, 'restoreSnapshot', input))).toMatchObject({
      name: 'CancelledFailure',
      details: [{ phase: 'stopping' }],
    });
    expect(fake.store.held).toEqual(new Set());
    fake.hosts.duringDrive = undefined;
    fake.clock.advance(10_000);
    const heartbeatDetails = attempt.heartbeats.at(-1);
    expect(await runOnce(fake, 'restoreSnapshot', input, { heartbeatDetails })).toEqual({
      ...result,
      seconds: 10.4,
    });
  });
});

describe('restoreSnapshot without a member of etcd', () => {
  const unreachable = (name: string) => ({
    name,
    endpoint: `https://${name}:2379`,
    problem: { code: 'unreachable' as const, message: 'connection refused' },
  });
  const lost = [{ member: 'cp-3' as MemberName, problem: 'its disk is gone' }];

  async function aRestoreWithout(...away: readonly string[]): Promise<FakeCluster> {
    const fake = await aClusterToRestore();
    fake.hosts.lostEtcd = lost;
    fake.etcd.observation = {
      kind: 'observed',
      memberCount: 3,
      members: [],
      unreachable: away.map(unreachable),
      hashesAgree: true,
    };
    return fake;
  }

  it('tells which one, and does not wait for it', async () => {
    const fake = await aRestoreWithout('cp-3');
    expect(await runOnce(fake, 'restoreSnapshot', input)).toEqual({ ...result, lost });
  });

  it('does not wait for its API server where members are changed as wholes', async () => {
    const fake = await aRestoreWithout('cp-3');
    fake.hosts.changedAs = 'member';
    fake.hosts.silent.add('cp-3 kube-apiserver').add('cp-3 kube-scheduler');
    const members = result.members.filter(({ name }) => name !== 'cp-3');
    expect(await runOnce(fake, 'restoreSnapshot', input)).toEqual({ ...result, members, lost });
  });

  it('waits for its API server where etcd is apart from members', async () => {
    const fake = await aRestoreWithout('cp-3');
    fake.hosts.changedAs = 'member';
    fake.hosts.etcdIsApart = true;
    expect(await runOnce(fake, 'restoreSnapshot', input)).toEqual({ ...result, lost });
  });

  it('does not wait for it either while the list has no name for it yet', async () => {
    const fake = await aRestoreWithout();
    const nameless = { ...unreachable('6395388611103906646'), endpoint: '' };
    fake.etcd.observation = {
      ...fake.etcd.observation,
      unreachable: [nameless],
    } as EtcdObservation;
    expect(await runOnce(fake, 'restoreSnapshot', input)).toEqual({ ...result, lost });
    const two = {
      ...fake.etcd.observation,
      unreachable: [nameless, { ...nameless }],
    } as EtcdObservation;
    fake.etcd.observation = two;
    const { signal } = new AbortController();
    expect(await etcdMismatches(fake.etcd, ['cp-3'], signal)).toMatchObject([
      { code: 'etcd-member-unreachable', member: nameless.name },
    ]);
  });

  it('waits for the others all the same', async () => {
    const fake = await aRestoreWithout('cp-2', 'cp-3');
    expect(await failureOf(runOnce(fake, 'restoreSnapshot', input))).toMatchObject({
      type: 'restore-failed',
      details: [{ mismatches: [{ code: 'etcd-member-unreachable', member: 'cp-2' }] }],
    });
  });
});

describe('restoreSnapshot fails', () => {
  it('without the snapshot, before anything is stopped', async () => {
    const fake = new FakeCluster();
    expect(await failureOf(runOnce(fake, 'restoreSnapshot', input))).toEqual({
      type: 'snapshot-missing',
      nonRetryable: true,
      message: `snapshot ${snapshotId} is not in /snapshots`,
      details: [],
    });
    expect(fake.hosts.driven).toEqual([]);
  });

  it.each([
    ['rejected', 'snapshot-unverified'],
    ['not-found', 'snapshot-missing'],
  ] as const)('when the stored file is %s, before anything is stopped', async (code, type) => {
    const fake = await aClusterToRestore();
    fake.store.fetchFailure = new PortError(code, 'reading /snapshots/x: no');
    expect(await failureOf(runOnce(fake, 'restoreSnapshot', input))).toMatchObject({
      type,
      nonRetryable: true,
      message: `fetching snapshot ${snapshotId}: reading /snapshots/x: no`,
    });
    expect(fake.hosts.driven).toEqual([]);
  });

  it('for another version than that of the snapshot', async () => {
    const fake = await aClusterToRestore();
    const run = runOnce(fake, 'restoreSnapshot', { ...input, kubeVersion: version('1.27.16') });
    expect(await failureOf(run)).toMatchObject({
      type: 'restore-failed',
      nonRetryable: true,
      details: [{ snapshot: '1.28.15', asked: '1.27.16' }],
    });
    expect(fake.hosts.driven).toEqual([]);
  });

  it('when the members of etcd differ afterwards', async () => {
    const fake = await aClusterToRestore();
    fake.etcd.observation = {
      kind: 'observed',
      memberCount: 3,
      members: [],
      unreachable: [
        {
          name: 'cp-3',
          endpoint: 'https://cp-3:2379',
          problem: { code: 'timeout', message: 'no answer in 5 s' },
        },
      ],
      hashesAgree: false,
    };
    expect(await failureOf(runOnce(fake, 'restoreSnapshot', input))).toEqual({
      type: 'restore-failed',
      nonRetryable: true,
      message:
        `snapshot ${snapshotId} was restored, but 600 s later etcd member cp-3 does not answer` +
        ' (no answer in 5 s); the etcd members do not hold the same data',
      details: [
        {
          mismatches: [
            {
              code: 'etcd-member-unreachable',
              member: 'cp-3',
              problem: { code: 'timeout', message: 'no answer in 5 s' },
            },
            { code: 'etcd-hashes-differ' },
          ],
        },
      ],
    });
  });

  it('when etcd does not answer afterwards', async () => {
    const fake = await aClusterToRestore();
    const problem = { code: 'unreachable', message: 'connection refused' } as const;
    fake.etcd.observation = { kind: 'unobserved', problem };
    expect(await failureOf(runOnce(fake, 'restoreSnapshot', input))).toMatchObject({
      type: 'restore-failed',
      details: [{ mismatches: [{ code: 'etcd-unobserved', problem }] }],
    });
  });
});
