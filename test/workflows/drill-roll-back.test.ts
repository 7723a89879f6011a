import type { SnapshotId } from '../../domain/names';
import { minor } from '../support/builders';
import { terminal } from '../support/workflow-cluster';
import { useWorkflowServer, workerModes } from '../support/workflow-server';
import { withUpgrade } from '../support/workflow-upgrade';

const server = useWorkflowServer();
const spec = { target: minor('1.29') };

describe.each(workerModes)('a drill, $mode', ({ workerOptions }) => {
  it('is tried without an upgrade, and asks for nothing else', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 1, spec }, async (upgrade) => {
      const snapshotId = 'lab-hop-1.29' as SnapshotId;
      expect(await (await upgrade.drill({ snapshotId })).result()).toMatchObject({
        kind: 'drilled',
        report: { snapshot: { id: snapshotId } },
      });
      const asked = new Set(upgrade.cluster.trace.map(({ activity }) => activity));
      expect(asked).toEqual(new Set(['drillRollBack']));
      await upgrade.recordDrill('rollback-drill');

      upgrade.cluster.failAny('drillRollBack', terminal('cluster-unreachable', 'no store'));
      expect(await (await upgrade.drill()).result()).toMatchObject({
        kind: 'failed',
        failure: { code: 'cluster-unreachable', message: 'no store' },
      });
    });
  });

  it('can be cancelled', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 1, spec }, async (upgrade) => {
      const held = upgrade.cluster.hold('drillRollBack', 'newest');
      const drill = await upgrade.drill();
      await held.reached;
      await drill.cancel();
      await expect(drill.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
    });
  });
});
