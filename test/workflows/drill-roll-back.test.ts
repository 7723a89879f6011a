import type { SnapshotId } from '../../domain/names';
import { minor } from '../support/builders';
import { terminal } from '../support/workflow-cluster';
import { useWorkflowServer, workerModes } from '../support/workflow-server';
import { withUpgrade } from '../support/workflow-upgrade';

const server = useWorkflowServer();
const spec = { target: minor('1.29'), hopSoakMs: 7_200_000 };

describe.each(workerModes)('a drill, $mode', ({ workerOptions }) => {
  it('is tried beside an upgrade that soaks, and changes nothing of it', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 1, spec }, async (upgrade) => {
      await upgrade.start();
      await upgrade.untilPhase('soaking');
      const trace = upgrade.cluster.trace.length;
      const snapshotId = 'lab-hop-1.29' as SnapshotId;
      expect(await (await upgrade.drill({ snapshotId })).result()).toMatchObject({
        kind: 'drilled',
        report: { snapshot: { id: snapshotId } },
      });
      const done = upgrade.cluster.trace.slice(trace).map(({ activity }) => activity);
      expect(done.filter((activity) => activity !== 'drillRollBack')).toEqual([]);
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
      await upgrade.start();
      const held = upgrade.cluster.hold('drillRollBack', 'newest');
      const drill = await upgrade.drill();
      await held.reached;
      await drill.cancel();
      await expect(drill.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
    });
  });
});
