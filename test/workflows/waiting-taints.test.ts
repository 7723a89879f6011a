// Nodes that wait for their upgrade are tainted, so that pods move once (docs/adr/0010).

import { minor } from '../support/builders';
import { terminal } from '../support/workflow-cluster';
import { useWorkflowServer, workerModes } from '../support/workflow-server';
import { withUpgrade } from '../support/workflow-upgrade';

const server = useWorkflowServer();
const oneHop = { target: minor('1.29') };

describe.each(workerModes)('the taints of nodes that wait, $mode', ({ workerOptions }) => {
  it('are placed before the first pool and gone before the hop is verified', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 3, spec: oneHop }, async (upgrade) => {
      const { cluster } = upgrade;
      const first = cluster.hold('drainNode', 'worker-1');
      const last = cluster.hold('verifyNode', 'worker-3');
      await upgrade.start();
      await first.reached;
      expect(cluster.tainted).toEqual(['worker-2', 'worker-3']);
      first.release();
      await last.reached;
      expect(cluster.tainted).toEqual([]);
      last.release();
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
      expect(cluster.done('taintWaitingNodes')).toEqual(['worker-1 worker-2 worker-3', '']);
      await upgrade.record('tainted');
    });
  });

  it('are taken back when the upgrade is cancelled', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 3, spec: oneHop }, async (upgrade) => {
      const { cluster } = upgrade;
      const draining = cluster.hold('drainNode', 'worker-1');
      await upgrade.start();
      await draining.reached;
      await upgrade.handle.cancel();
      expect(await upgrade.result()).toMatchObject({ outcome: 'cancelled' });
      expect(cluster.tainted).toEqual([]);
      expect(cluster.done('taintWaitingNodes')).toEqual(['worker-1 worker-2 worker-3', '']);
    });
  });

  it('are taken back at the end of a rollback, not before it', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 3, spec: oneHop }, async (upgrade) => {
      const { cluster } = upgrade;
      const draining = cluster.hold('drainNode', 'worker-1');
      await upgrade.start();
      await draining.reached;
      await upgrade.rollBack('hop-1.29');
      expect(await upgrade.result()).toMatchObject({ outcome: 'rolled-back' });
      expect(cluster.tainted).toEqual([]);
      const ends = cluster.trace.filter(({ is }) => is === 'done').map(({ activity }) => activity);
      expect(ends.slice(ends.indexOf('restoreSnapshot'))).toEqual([
        'restoreSnapshot',
        'verifyCluster',
        'observeCluster',
        'taintWaitingNodes',
        'countRestored',
      ]);
      await upgrade.record('tainted-rolled-back');
    });
  });

  it('hold nothing up when they cannot be set: that is told, and the upgrade goes on', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 1, spec: oneHop }, async (upgrade) => {
      upgrade.cluster.failAny('taintWaitingNodes', terminal('credentials-refused', 'patch nodes'));
      await upgrade.start();
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
      expect(await upgrade.events()).toContain('nodes.taints-failed');
    });
  });
});
