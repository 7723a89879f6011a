// Pools that are replaced as wholes, by controllers of others.

import { minor } from '../support/builders';
import { terminal } from '../support/workflow-cluster';
import { useWorkflowServer, workerModes } from '../support/workflow-server';
import { outcomesOf, refusalIn, withUpgrade } from '../support/workflow-upgrade';

const server = useWorkflowServer();
const oneHop = { target: minor('1.29') };

describe.each(workerModes)('a rollout, $mode', ({ workerOptions }) => {
  const options = { workerOptions, nodes: 2, replaced: 'workers' };

  it('is asked for once in each hop, and no node is touched', async () => {
    await withUpgrade(server(), { ...options, spec: { approvals: 'none' } }, async (upgrade) => {
      await upgrade.start();
      const result = await upgrade.result();
      expect(result).toMatchObject({ outcome: 'completed', to: '1.30.14' });
      expect(upgrade.cluster.versions()).toEqual([
        'cp-1 1.30.14/1.30.14',
        'worker-1-v1.30.14 1.30.14',
        'worker-2-v1.30.14 1.30.14',
      ]);
      expect(
        outcomesOf(result).map(({ node, outcome, before }) => [node, outcome, before]),
      ).toEqual([
        ['worker-1-v1.29.15', 'upgraded', '1.28.15'],
        ['worker-2-v1.29.15', 'upgraded', '1.28.15'],
        ['worker-1-v1.30.14', 'upgraded', '1.29.15'],
        ['worker-2-v1.30.14', 'upgraded', '1.29.15'],
      ]);
      const { cluster } = upgrade;
      expect(cluster.done('rollOutPool')).toEqual(['workers', 'workers']);
      const asked = cluster.calls.flatMap(({ activity, input }) =>
        activity === 'verifyCluster' ? [input] : [],
      );
      expect(asked[0]).toMatchObject({
        controlPlane: '1.29.15',
        nodes: [
          { name: 'worker-1-v1.29.15', version: '1.29.15' },
          { name: 'worker-2-v1.29.15', version: '1.29.15' },
        ],
        isMissingFine: true,
      });
      const touching = /cordon|drain|upgradeNode|taint|admit|holdRollout/i;
      expect(cluster.trace.filter(({ activity }) => touching.test(activity))).toEqual([]);
      await upgrade.record('rolled-out');
    });
  });

  it('is held by a pause in the middle, and a resume lets it go on', async () => {
    await withUpgrade(server(), { ...options, spec: oneHop }, async (upgrade) => {
      const { cluster } = upgrade;
      const rolling = cluster.hold('rollOutPool', 'workers');
      await upgrade.start();
      await rolling.reached;
      await upgrade.pause();
      await upgrade.untilPhase('paused');
      expect(cluster.done('holdRollout')).toEqual(['workers: paused during hop-1.29']);
      expect(cluster.done('rollOutPool')).toEqual([]);
      await upgrade.resume();
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
      expect(cluster.done('rollOutPool')).toEqual(['workers']);
      expect(await upgrade.events()).toEqual(expect.arrayContaining(['rollout.held']));
      await upgrade.record('rollout-paused');
    });
  });

  it('is held when the upgrade is cancelled in the middle', async () => {
    await withUpgrade(server(), { ...options, spec: oneHop }, async (upgrade) => {
      const { cluster } = upgrade;
      const rolling = cluster.hold('rollOutPool', 'workers');
      await upgrade.start();
      await rolling.reached;
      await upgrade.handle.cancel();
      expect(await upgrade.result()).toMatchObject({ outcome: 'cancelled', at: '1.29.15' });
      expect(cluster.done('holdRollout')).toEqual([
        'workers: the upgrade was stopped during hop-1.29',
      ]);
      await upgrade.record('rollout-cancelled');
    });
  });

  it('that gets stuck waits for a person, who is not offered a way back', async () => {
    await withUpgrade(server(), { ...options, spec: oneHop }, async (upgrade) => {
      const { cluster } = upgrade;
      const why = 'pool workers: no machine has changed for 2400 s';
      cluster.fail('rollOutPool', 'workers', terminal('rollout-failed', why));
      await upgrade.start();
      const { gate } = await upgrade.untilGate('hop-1.29/rollout workers');
      expect(gate).toMatchObject({
        failure: { code: 'rollout-failed', message: why },
        noWayBack: true,
      });
      const status = await upgrade.status();
      expect(status.rollBackTo).toBeUndefined();
      expect(status.noWayBack).toMatchObject([{ hop: 'hop-1.29', reason: 'machines-replaced' }]);
      expect(await refusalIn(upgrade.rollBack('hop-1.29'))).toEqual({
        code: 'rollback-unavailable',
        hop: 'hop-1.29',
        why: 'machines-replaced',
      });
      await upgrade.approve('hop-1.29/rollout workers');
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
      await upgrade.record('rollout-stuck');
    });
  });
});
