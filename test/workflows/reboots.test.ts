// What of machines that start again reaches their driver.

import { aPool, minor } from '../support/builders';
import { useWorkflowServer, workerModes } from '../support/workflow-server';
import { withUpgrade } from '../support/workflow-upgrade';

const server = useWorkflowServer();
const reboot = { when: 'always', timeoutMs: 600_000 } as const;
const drives = ['node', 'apiServer', 'controllers', 'restore', 'reboot'] as const;
const target = minor('1.29');

describe.each(workerModes)('machines that start again, $mode', ({ workerOptions }) => {
  const options = { workerOptions, nodes: 1, drives } as const;

  it('do so as a part of the change of their node, and not on the way back', async () => {
    const spec = { target, pools: [aPool({ reboot })], hopSoakMs: 7_200_000 };
    await withUpgrade(server(), { ...options, spec }, async (upgrade) => {
      await upgrade.start();
      await upgrade.untilPhase('soaking');
      await upgrade.rollBack('hop-1.29');
      expect(await upgrade.result()).toMatchObject({ outcome: 'rolled-back', at: '1.28.15' });
      const changes = upgrade.cluster.calls.filter(({ activity }) => activity === 'upgradeNode');
      const change = { cluster: upgrade.spec.cluster, node: 'worker-1' };
      expect(changes.map(({ input }) => input)).toEqual([
        { ...change, from: '1.28.15', to: '1.29.15', reboot },
        { ...change, from: '1.29.15', to: '1.28.15' },
      ]);
    });
  });

  it('are refused with a driver that cannot do that', async () => {
    const spec = { target, pools: [aPool({ reboot })] };
    const withOther = { ...options, spec, drives: drives.slice(0, 4) };
    await withUpgrade(server(), withOther, async (upgrade) => {
      const blocker = { code: 'change-undriven', hop: 'hop-1.29', change: 'reboot' };
      expect(await upgrade.start()).toMatchObject({
        kind: 'refused',
        refusal: { code: 'blocked', blockers: [blocker] },
      });
      expect(upgrade.cluster.done('cordonNode')).toEqual([]);
    });
  });
});
