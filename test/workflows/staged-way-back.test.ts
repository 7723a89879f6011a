// A way back that lies on machines goes when nobody goes back any more.

import { minor } from '../support/builders';
import { terminal } from '../support/workflow-cluster';
import { useWorkflowServer, workerModes } from '../support/workflow-server';
import { withUpgrade } from '../support/workflow-upgrade';

const server = useWorkflowServer();
const oneHop = { target: minor('1.29') };

describe.each(workerModes)('a staged way back, $mode', ({ workerOptions }) => {
  const options = { workerOptions, nodes: 1 };

  it('is removed once, at the end of the upgrade', async () => {
    await withUpgrade(server(), options, async (upgrade) => {
      upgrade.cluster.staged = true;
      await upgrade.start();
      await upgrade.untilGate('approve/hop-1.30');
      expect(upgrade.cluster.done('unstageRestore')).toEqual([]);
      await upgrade.approve('approve/hop-1.30');
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed', to: '1.30.14' });
      expect(upgrade.cluster.done('unstageRestore')).toHaveLength(1);
      expect(upgrade.cluster.trace.at(-1)).toMatchObject({ activity: 'unstageRestore' });
      await upgrade.record('staged-way-back');
    });
  });

  it('that was never staged is not asked for', async () => {
    await withUpgrade(server(), { ...options, spec: oneHop }, async (upgrade) => {
      await upgrade.start();
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
      expect(upgrade.cluster.done('unstageRestore')).toEqual([]);
    });
  });

  it('is removed when the next hop has not come to its snapshot', async () => {
    await withUpgrade(server(), options, async (upgrade) => {
      upgrade.cluster.staged = true;
      await upgrade.start();
      await upgrade.untilGate('approve/hop-1.30');
      upgrade.cluster.failAny('preflight', terminal('cluster-unreachable', 'cp-1 is away'));
      await upgrade.approve('approve/hop-1.30');
      await upgrade.untilGate('hop-1.30/preflight');
      await upgrade.handle.cancel();
      expect(await upgrade.result()).toMatchObject({ outcome: 'cancelled' });
      expect(upgrade.cluster.done('unstageRestore')).toHaveLength(1);
    });
  });

  it('that cannot be removed is told, and the upgrade ends', async () => {
    await withUpgrade(server(), { ...options, spec: oneHop }, async (upgrade) => {
      upgrade.cluster.staged = true;
      upgrade.cluster.failAny('unstageRestore', terminal('cluster-unreachable', 'cp-1 is away'));
      await upgrade.start();
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
      const told = (await upgrade.audit()).find(({ event }) => event === 'rollback.staged-stays');
      expect(told).toMatchObject({
        text:
          'the staged way back could not be removed: cp-1 is away - remove' +
          ' /var/lib/ascent/way-back from the machine of the control plane',
      });
    });
  });
});
