// The way back of a hop, staged on machines with its snapshot.

import type { ControlPlaneDriver } from '../../activities/driver-ports';
import { PortError } from '../../activities/ports';
import type { PlanDigest, SnapshotId } from '../../domain/names';
import { hopId, version } from '../support/builders';
import { cluster, FakeAttempt, FakeCluster, failureOf, runOnce } from '../support/fake-cluster';

const input = {
  cluster,
  snapshotId: 'lab-hop-1.29-from-1.28.15-0123abcd' as SnapshotId,
  hop: hopId('hop-1.29'),
  kubeVersion: version('1.28.15'),
  planDigest: 'd1' as PlanDigest,
};

type Stage = NonNullable<ControlPlaneDriver['stageRestore']>;

function staging(act: Stage = async () => undefined) {
  const fake = new FakeCluster();
  const staged: Parameters<Stage>[0][] = [];
  fake.hosts.stageRestore = (order, context) => {
    staged.push(order);
    return act(order, context);
  };
  return { fake, staged };
}

describe('a snapshot of a hop', () => {
  it('has its way back staged, once more each time it is asked for', async () => {
    const { fake, staged } = staging((_order, context) => {
      context.onPhase('cp-1: sending the snapshot, 4096 bytes');
      return Promise.resolve();
    });
    const attempt = new FakeAttempt();
    expect(await attempt.run(fake, 'takeSnapshot', input)).toMatchObject({ staged: true });
    expect(attempt.heartbeats.slice(-2)).toEqual([
      { phase: 'staging the way back' },
      { phase: 'cp-1: sending the snapshot, 4096 bytes' },
    ]);
    expect(await runOnce(fake, 'takeSnapshot', input)).toMatchObject({ staged: true });
    const order = {
      snapshotFile: expect.any(String) as string,
      snapshotRevision: 100,
      version: '1.28.15',
      etcdVersion: '3.5.21',
    };
    expect(staged).toEqual([order, order]);
    expect(fake.store.held).toEqual(new Set());
    expect([...fake.store.records.values()][0]).not.toHaveProperty('staged');
  });

  it('is there, and the hop does not begin, where that is refused', async () => {
    const { fake } = staging(() =>
      Promise.reject(new PortError('rejected', 'crictl is not there: install cri-tools')),
    );
    expect(await failureOf(runOnce(fake, 'takeSnapshot', input))).toMatchObject({
      type: 'way-back-unstaged',
      nonRetryable: true,
      message: 'staging the way back to 1.28.15: crictl is not there: install cri-tools',
    });
    expect(fake.store.records.size).toBe(1);
  });

  it('is tried again where the machine is away', async () => {
    const { fake } = staging(() => Promise.reject(new PortError('unreachable', 'cp-1 is away')));
    expect(await failureOf(runOnce(fake, 'takeSnapshot', input))).toMatchObject({
      nonRetryable: false,
      message: 'staging the way back to 1.28.15: cp-1 is away',
    });
  });

  it('is staged neither where nobody needs it nor when it is of no hop', async () => {
    const fake = new FakeCluster();
    expect(await runOnce(fake, 'takeSnapshot', input)).not.toHaveProperty('staged');
    const other = staging();
    const asked = { reason: 'before a change' };
    const { snapshotId } = input;
    other.fake.hosts.addMember('cp-1', '1.28.15');
    await runOnce(other.fake, 'takeSnapshot', { cluster, snapshotId, asked });
    expect(other.staged).toEqual([]);
  });
});

describe('unstageRestore', () => {
  it('has the driver remove what it staged, where it stages', async () => {
    const fake = new FakeCluster();
    await runOnce(fake, 'unstageRestore', { cluster });
    let removed = 0;
    fake.hosts.unstageRestore = async () => void (removed += 1);
    await runOnce(fake, 'unstageRestore', { cluster });
    expect(removed).toBe(1);
  });
});
