import type { MemberName } from '../../domain/names';
import { aNode, minor } from '../support/builders';
import { terminal } from '../support/workflow-cluster';
import { useWorkflowServer, workerModes } from '../support/workflow-server';
import { refusalIn, withUpgrade } from '../support/workflow-upgrade';

const server = useWorkflowServer();
const oneHop = { target: minor('1.29') };

describe.each(workerModes)('a rollback, $mode', ({ workerOptions }) => {
  it('undoes the second hop in the middle of a pool, nodes first, then etcd', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 3 }, async (upgrade) => {
      const { cluster } = upgrade;
      await upgrade.start();
      await upgrade.untilGate('approve/hop-1.30');
      const draining = cluster.hold('drainNode', 'worker-2');
      await upgrade.approve('approve/hop-1.30');
      await draining.reached;
      await upgrade.untilSnapshotTold();
      cluster.trace.length = 0;
      const answer = await upgrade.rollBack('hop-1.30');
      expect(answer.effect).toBe(
        'hop-1.30 is rolled back: nodes, etcd and control plane return to 1.29.15',
      );
      const result = await upgrade.result();
      expect(result).toMatchObject({
        outcome: 'rolled-back',
        at: '1.29.15',
        hop: 'hop-1.30',
        hops: [
          { hop: 'hop-1.29', outcome: 'completed' },
          {
            hop: 'hop-1.30',
            outcome: 'rolled-back',
            nodes: [
              { node: 'worker-1', outcome: 'undone', before: '1.29.15', after: '1.29.15' },
              { node: 'worker-2', outcome: 'undone', before: '1.29.15', after: '1.29.15' },
            ],
          },
        ],
      });
      expect(cluster.versions()).toEqual([
        'cp-1 1.29.15/1.29.15',
        'worker-1 1.29.15',
        'worker-2 1.29.15',
        'worker-3 1.29.15',
      ]);
      const ended = cluster.trace.filter((line) => line.is !== 'begun');
      expect(ended.map(({ activity, is }) => `${activity} ${is}`)).toEqual([
        'drainNode cancelled',
        'uncordonNode done',
        'observeCluster done',
        'cordonNode done',
        'drainNode done',
        'upgradeNode done',
        'verifyNode done',
        'uncordonNode done',
        'noteBeforeRestore done',
        'restoreSnapshot done',
        'verifyCluster done',
        'observeCluster done',
        'taintWaitingNodes done',
        'countRestored done',
      ]);
      await upgrade.record('rolled-back-in-pool');
    });
  });

  it('is possible in a soak, and while the upgrade is paused', async () => {
    const spec = { ...oneHop, hopSoakMs: 7_200_000 };
    await withUpgrade(server(), { workerOptions, nodes: 1, spec }, async (upgrade) => {
      await upgrade.start();
      await upgrade.untilPhase('soaking');
      await upgrade.pause();
      await upgrade.untilPhase('paused');
      await upgrade.rollBack('hop-1.29');
      const result = await upgrade.result();
      expect(result).toMatchObject({ outcome: 'rolled-back', at: '1.28.15', hop: 'hop-1.29' });
      expect(upgrade.cluster.versions()).toEqual(['cp-1 1.28.15/1.28.15', 'worker-1 1.28.15']);
      await upgrade.record('rolled-back-in-soak');
    });
  });

  it('returns to before the first hop from the gate of the second', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 1 }, async (upgrade) => {
      await upgrade.start();
      await upgrade.untilGate('approve/hop-1.30');
      await upgrade.rollBack('hop-1.29');
      const result = await upgrade.result();
      expect(result).toMatchObject({
        outcome: 'rolled-back',
        at: '1.28.15',
        hops: [{ hop: 'hop-1.29', outcome: 'rolled-back' }],
      });
      expect(upgrade.cluster.versions()).toEqual(['cp-1 1.28.15/1.28.15', 'worker-1 1.28.15']);
      await upgrade.record('rolled-back-at-gate');
    });
  });

  it('returns a node too whose kubelet no longer says its version', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 1 }, async (upgrade) => {
      await upgrade.start();
      await upgrade.untilGate('approve/hop-1.30');
      upgrade.cluster.unreported.add('worker-1');
      await upgrade.rollBack('hop-1.29');
      expect(await upgrade.result()).toMatchObject({ outcome: 'rolled-back', at: '1.28.15' });
      expect(upgrade.cluster.versions()).toEqual(['cp-1 1.28.15/1.28.15', 'worker-1 1.28.15']);
    });
  });

  it('tells the nodes that stay newer, because the hop does not take them', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 1 }, async (upgrade) => {
      const { cluster } = upgrade;
      await upgrade.start();
      await upgrade.untilGate('approve/hop-1.30');
      cluster.addNode(aNode('joined-old', '1.28.15'));
      cluster.addNode(aNode('joined-new', '1.29.15'));
      cluster.addNode(aNode('joined-silent', '1.28.15'));
      cluster.unreported.add('joined-silent');
      await upgrade.rollBack('hop-1.29');
      expect(await upgrade.result()).toMatchObject({ outcome: 'rolled-back', at: '1.28.15' });
      expect(cluster.done('drainNode')).toEqual(['worker-1', 'worker-1']);
      const audit = await upgrade.audit();
      expect(audit.find(({ event }) => event === 'rollback.kubelets-stay')?.text).toBe(
        'kubelets newer than 1.28.15 that hop-1.29 does not return: joined-new, joined-silent',
      );
      await upgrade.record('rolled-back-beside-newer-nodes');
    });
  });

  it('begins no further hop when it is asked for while that one is planned', async () => {
    const spec = { approvals: 'none' } as const;
    await withUpgrade(server(), { workerOptions, nodes: 1, spec }, async (upgrade) => {
      const verifying = upgrade.cluster.hold('verifyCluster', '');
      await upgrade.start();
      await verifying.reached;
      const planning = upgrade.cluster.hold('planUpgrade', '');
      verifying.release();
      await planning.reached;
      await upgrade.rollBack('hop-1.29');
      planning.release();
      expect(await upgrade.result()).toMatchObject({
        outcome: 'rolled-back',
        at: '1.28.15',
        hops: [{ hop: 'hop-1.29', outcome: 'rolled-back' }],
      });
      const events = await upgrade.events();
      expect(events.filter((event) => event === 'hop.begun')).toHaveLength(1);
      expect(events).not.toContain('gate.opened');
    });
  });

  it('is refused before the snapshot, for later hops, and once the next has begun', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 1 }, async (upgrade) => {
      const unavailable = { code: 'rollback-unavailable' };
      const preflight = upgrade.cluster.hold('preflight', '');
      await upgrade.start();
      await preflight.reached;
      expect(await refusalIn(upgrade.rollBack('hop-1.29'))).toEqual({
        ...unavailable,
        hop: 'hop-1.29',
        why: 'no-snapshot-yet',
      });
      expect(await refusalIn(upgrade.rollBack('hop-1.30'))).toEqual({
        ...unavailable,
        hop: 'hop-1.30',
        why: 'not-begun',
      });
      preflight.release();
      await upgrade.untilGate('approve/hop-1.30');
      const again = upgrade.cluster.hold('preflight', '');
      await upgrade.approve('approve/hop-1.30');
      await again.reached;
      expect(await refusalIn(upgrade.rollBack('hop-1.29'))).toEqual({
        ...unavailable,
        hop: 'hop-1.29',
        why: 'next-hop-begun',
      });
      again.release();
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
    });
  });

  it('cuts a hanging member upgrade short and restores first when the API is silent', async () => {
    const options = { workerOptions, members: 3, nodes: 1, spec: oneHop };
    await withUpgrade(server(), options, async (upgrade) => {
      const { cluster } = upgrade;
      const hanging = cluster.hold('upgradeControlPlaneMember', 'kube-apiserver cp-2');
      await upgrade.start();
      await hanging.reached;
      await upgrade.untilSnapshotTold();
      cluster.fail('observeCluster', '', terminal('cluster-unreachable', 'no answer'));
      await upgrade.rollBack('hop-1.29');
      expect(await upgrade.result()).toMatchObject({ outcome: 'rolled-back', at: '1.28.15' });
      expect(cluster.trace).toContainEqual({
        activity: 'upgradeControlPlaneMember',
        object: 'kube-apiserver cp-2',
        is: 'cancelled',
      });
      const events = await upgrade.events();
      expect(events.slice(-5)).toEqual([
        'rollback.restore-first',
        'rollback.noted',
        'rollback.counted',
        'hop.rolled-back',
        'upgrade.rolled-back',
      ]);
      expect(cluster.versions().slice(0, 3)).toEqual([
        'cp-1 1.28.15/1.28.15',
        'cp-2 1.28.15/1.28.15',
        'cp-3 1.28.15/1.28.15',
      ]);
      await upgrade.record('rolled-back-api-silent');
    });
  });

  it('waits at a gate when the restore fails, tells a second one so, and goes on', async () => {
    const spec = { ...oneHop, hopSoakMs: 7_200_000 };
    await withUpgrade(server(), { workerOptions, nodes: 1, spec }, async (upgrade) => {
      await upgrade.start();
      await upgrade.untilPhase('soaking');
      upgrade.cluster.failAny('restoreSnapshot', terminal('restore-failed', 'disk full'));
      await upgrade.rollBack('hop-1.29');
      const { gate } = await upgrade.untilGate('hop-1.29/rollback restore');
      expect(gate).toMatchObject({ failure: { code: 'restore-failed', message: 'disk full' } });
      expect(await refusalIn(upgrade.rollBack('hop-1.29'))).toEqual({
        code: 'rollback-unavailable',
        hop: 'hop-1.29',
        why: 'already-rolling-back',
      });
      // Temporal's own cancellation does not stop a rollback.
      await upgrade.handle.cancel();
      await upgrade.approve('hop-1.29/rollback restore');
      expect(await upgrade.result()).toMatchObject({ outcome: 'rolled-back', at: '1.28.15' });
    });
  });

  it('goes on to its end when somebody cancels in mid-restore, and says so', async () => {
    const spec = { ...oneHop, hopSoakMs: 7_200_000 };
    await withUpgrade(server(), { workerOptions, nodes: 1, spec }, async (upgrade) => {
      const { cluster } = upgrade;
      await upgrade.start();
      await upgrade.untilPhase('soaking');
      const restoring = cluster.holdAny('restoreSnapshot');
      await upgrade.rollBack('hop-1.29');
      await restoring.reached;
      await upgrade.handle.cancel();
      await upgrade.child('hop-1.29/rollback').cancel();
      await upgrade.untilCancelRequested('hop-1.29/rollback');
      restoring.release();
      expect(await upgrade.result()).toMatchObject({ outcome: 'rolled-back', at: '1.28.15' });
      expect(cluster.done('verifyCluster')).toHaveLength(2);
      const audit = await upgrade.audit();
      expect(audit.find(({ event }) => event === 'rollback.not-cancelled')?.text).toBe(
        'the upgrade was cancelled through Temporal; hop-1.29 is rolled back all the same:' +
          ' a rollback ends where a person rejects a gate of it',
      );
      await upgrade.record('rolled-back-cancelled');
    });
  });

  it('is given up at a gate when its own workflow is cancelled, and says who did', async () => {
    const spec = { ...oneHop, hopSoakMs: 7_200_000 };
    await withUpgrade(server(), { workerOptions, nodes: 1, spec }, async (upgrade) => {
      await upgrade.start();
      await upgrade.untilPhase('soaking');
      upgrade.cluster.failAny('restoreSnapshot', terminal('restore-failed', 'disk full'));
      await upgrade.rollBack('hop-1.29');
      await upgrade.untilGate('hop-1.29/rollback restore');
      await upgrade.child('hop-1.29/rollback').cancel();
      expect(await upgrade.result()).toMatchObject({
        outcome: 'cancelled',
        at: '1.29.15',
        by: 'temporal',
        reason: 'the workflow of its rollback was cancelled through Temporal',
      });
    });
  });

  it('brings back, in a step of its own, the etcd member that a restore went without', async () => {
    const spec = { ...oneHop, hopSoakMs: 7_200_000 };
    const options = { workerOptions, members: 3, nodes: 1, spec };
    await withUpgrade(server(), options, async (upgrade) => {
      const { cluster } = upgrade;
      await upgrade.start();
      await upgrade.untilPhase('soaking');
      const member = 'cp-2' as MemberName;
      cluster.lostEtcd = [{ member, problem: 'no space left on device' }];
      cluster.fail('repairEtcdMember', 'cp-2', terminal('etcd-repair-failed', 'still full'));
      await upgrade.rollBack('hop-1.29');
      const { gate } = await upgrade.untilGate('hop-1.29/rollback repair cp-2');
      expect(gate).toMatchObject({ failure: { code: 'etcd-repair-failed' } });
      await upgrade.approve('hop-1.29/rollback repair cp-2');
      expect(await upgrade.result()).toMatchObject({ outcome: 'rolled-back', at: '1.28.15' });
      expect(cluster.lostEtcd).toEqual([]);
      expect(await upgrade.events()).toContain('rollback.member-lost');
      await upgrade.record('rolled-back-member-lost');
    });
  });

  it('can be given up where it waits, and says what runs', async () => {
    const spec = { ...oneHop, hopSoakMs: 7_200_000 };
    await withUpgrade(server(), { workerOptions, nodes: 1, spec }, async (upgrade) => {
      await upgrade.start();
      await upgrade.untilPhase('soaking');
      upgrade.cluster.failAny('restoreSnapshot', terminal('restore-failed', 'disk full'));
      await upgrade.rollBack('hop-1.29');
      await upgrade.untilGate('hop-1.29/rollback restore');
      await upgrade.reject('hop-1.29/rollback restore', { actor: 'bob', reason: 'by hand now' });
      expect(await upgrade.result()).toMatchObject({
        outcome: 'rejected',
        at: '1.29.15',
        by: 'bob',
        reason: 'by hand now',
      });
    });
  });

  it('leaves a quarantined node as it is, and cordons it again after the restore', async () => {
    const spec = { ...oneHop, hopSoakMs: 7_200_000 };
    await withUpgrade(server(), { workerOptions, nodes: 2, spec }, async (upgrade) => {
      const { cluster } = upgrade;
      cluster.fail('verifyNode', 'worker-2', terminal('node-not-ready', 'it does not come back'));
      await upgrade.start();
      await upgrade.untilGate('node/worker-2');
      await upgrade.node('quarantine', 'worker-2');
      await upgrade.untilPhase('soaking');
      await upgrade.rollBack('hop-1.29');
      expect(await upgrade.result()).toMatchObject({ outcome: 'rolled-back' });
      expect(cluster.versions()).toEqual([
        'cp-1 1.28.15/1.28.15',
        'worker-1 1.28.15',
        'worker-2 1.29.15 cordoned',
      ]);
    });
  });
});
