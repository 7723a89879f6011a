// Control planes whose members are replaced by other machines, by controllers of others.

import { minor } from '../support/builders';
import { terminal } from '../support/workflow-cluster';
import { useWorkflowServer, workerModes } from '../support/workflow-server';
import { refusalIn, withUpgrade } from '../support/workflow-upgrade';

const server = useWorkflowServer();
const oneHop = { target: minor('1.29'), approvals: 'none' } as const;

describe.each(workerModes)('members that are replaced, $mode', ({ workerOptions }) => {
  const options = { workerOptions, members: 3, nodes: 1, replaced: 'workers' } as const;
  const replaced = { ...options, replacesMembers: true } as const;

  it('are asked for once in each hop, which a person has let begin', async () => {
    const spec = { approvals: 'none' } as const;
    await withUpgrade(server(), { ...replaced, spec }, async (upgrade) => {
      const { cluster } = upgrade;
      await upgrade.start();
      for (const hop of ['hop-1.29', 'hop-1.30']) {
        const { gate } = await upgrade.untilGate(`approve/${hop}`);
        expect(gate).toMatchObject({ kind: 'approval', hop, noWayBack: true });
        await upgrade.approve(`approve/${hop}`);
      }
      const result = await upgrade.result();
      expect(result).toMatchObject({ outcome: 'completed', to: '1.30.14' });
      expect(cluster.versions()).toEqual([
        'cp-1-v1.30.14 1.30.14/1.30.14',
        'cp-2-v1.30.14 1.30.14/1.30.14',
        'cp-3-v1.30.14 1.30.14/1.30.14',
        'worker-1-v1.30.14 1.30.14',
      ]);
      const hops = result.outcome === 'completed' ? result.hops : [];
      expect(
        hops.map(({ members }) => members.map(({ member, before }) => [member, before])),
      ).toEqual([
        ['cp-1-v1.29.15', 'cp-2-v1.29.15', 'cp-3-v1.29.15'].map((name) => [name, '1.28.15']),
        ['cp-1-v1.30.14', 'cp-2-v1.30.14', 'cp-3-v1.30.14'].map((name) => [name, '1.29.15']),
      ]);
      const steps = cluster.trace.flatMap(({ activity, is }) => (is === 'done' ? [activity] : []));
      expect(steps.slice(steps.indexOf('takeSnapshot')).slice(0, 5)).toEqual([
        'takeSnapshot',
        'checkMembers',
        'replaceMembers',
        'checkMembers',
        'rollOutPool',
      ]);
      expect(cluster.done('upgradeControlPlaneMember')).toEqual([]);
      await upgrade.record('members-replaced');
    });
  });

  it('are replaced to the end when the upgrade is cancelled or paused in the middle', async () => {
    await withUpgrade(server(), { ...replaced, spec: oneHop }, async (upgrade) => {
      const { cluster } = upgrade;
      const replacing = cluster.holdAny('replaceMembers');
      await upgrade.start();
      await upgrade.untilGate('approve/hop-1.29');
      await upgrade.approve('approve/hop-1.29');
      await replacing.reached;
      await upgrade.handle.cancel();
      expect(await refusalIn(upgrade.rollBack('hop-1.29'))).toEqual({
        code: 'rollback-unavailable',
        hop: 'hop-1.29',
        why: 'machines-replaced',
      });
      replacing.release();
      expect(await upgrade.result()).toMatchObject({ outcome: 'cancelled', at: '1.29.15' });
      expect(cluster.done('replaceMembers')).toEqual(['']);
      expect(cluster.done('rollOutPool')).toEqual([]);
      await upgrade.record('members-replaced-cancelled');
    });
  });

  it('that get stuck wait for a person, who is not offered a way back', async () => {
    await withUpgrade(server(), { ...replaced, spec: oneHop }, async (upgrade) => {
      const { cluster } = upgrade;
      const why = 'the control plane: no machine has changed for 300 s';
      cluster.failAny('replaceMembers', terminal('rollout-failed', why));
      await upgrade.start();
      await upgrade.untilGate('approve/hop-1.29');
      await upgrade.approve('approve/hop-1.29');
      const { gate } = await upgrade.untilGate('hop-1.29/replace-members');
      expect(gate).toMatchObject({
        failure: { code: 'rollout-failed', message: why },
        noWayBack: true,
      });
      const status = await upgrade.status();
      expect(status.rollBackTo).toBeUndefined();
      expect(status.noWayBack).toMatchObject([{ hop: 'hop-1.29', reason: 'machines-replaced' }]);
      await upgrade.reject('hop-1.29/replace-members');
      expect(await upgrade.result()).toMatchObject({ outcome: 'rejected', at: '1.28.15' });
      await upgrade.record('members-replaced-stuck');
    });
  });

  it('are not begun with while they are not fit', async () => {
    await withUpgrade(server(), { ...replaced, spec: oneHop }, async (upgrade) => {
      const { cluster } = upgrade;
      cluster.memberFindings.push([
        {
          code: 'etcd-alarm',
          severity: 'blocks',
          object: { kind: 'etcd', name: 'etcd-1' },
          message: 'it has no space',
          remedy: 'make room',
        } as never,
      ]);
      await upgrade.start();
      await upgrade.untilGate('approve/hop-1.29');
      await upgrade.approve('approve/hop-1.29');
      const { gate } = await upgrade.untilGate('hop-1.29/replace-members');
      expect(gate).toMatchObject({ failure: { code: 'members-unfit' } });
      expect(cluster.done('replaceMembers')).toEqual([]);
      await upgrade.approve('hop-1.29/replace-members');
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
      await upgrade.record('members-replaced-unfit');
    });
  });
});
