import type { SnapshotId } from '../../domain/names';
import { snapshotWorkflowId } from '../../domain/workflow-ids';
import type { PruneSnapshotsInput, TakeSnapshotInput } from '../../workflows/messages';
import type { pruneClusterSnapshots, takeClusterSnapshot } from '../../workflows/snapshots';
import { aCluster, clusterName } from '../support/builders';
import { ScriptedCluster, terminal } from '../support/workflow-cluster';
import { fetchHistories, saveHistories } from '../support/workflow-histories';
import {
  runActivityWorker,
  runWorkflowWorker,
  useWorkflowServer,
  workerModes,
} from '../support/workflow-server';

const server = useWorkflowServer();
let clusters = 0;

describe.each(workerModes)('snapshots outside of hops, $mode', ({ mode, workerOptions }) => {
  async function withCluster(
    use: (name: ReturnType<typeof clusterName>, cluster: ScriptedCluster) => Promise<void>,
  ): Promise<void> {
    clusters += 1;
    const name = clusterName(`asked-${String(clusters)}`);
    const cluster = new ScriptedCluster(aCluster(name).withMembers(1).withNodes(1).observation());
    const workers = await Promise.all([
      runWorkflowWorker(server(), `snapshots-${mode}`, workerOptions),
      runActivityWorker(server(), name, cluster.activities()),
    ]);
    try {
      await use(name, cluster);
    } finally {
      await Promise.all(workers.map((worker) => worker.stop()));
    }
  }

  const take = (input: TakeSnapshotInput) =>
    server().client.workflow.start<typeof takeClusterSnapshot>('takeClusterSnapshot', {
      workflowId: snapshotWorkflowId(input.cluster),
      taskQueue: `snapshots-${mode}`,
      args: [input],
    });

  const prune = (input: PruneSnapshotsInput) =>
    server().client.workflow.start<typeof pruneClusterSnapshots>('pruneClusterSnapshots', {
      workflowId: snapshotWorkflowId(input.cluster),
      taskQueue: `snapshots-${mode}`,
      args: [input],
    });

  async function record(workflowId: string, scenario: string): Promise<void> {
    if (process.env['RECORD'] === undefined) return;
    await saveHistories(scenario, await fetchHistories(server().client, workflowId));
  }

  it('are taken for who asks, under an id of their run', async () => {
    await withCluster(async (cluster) => {
      const order = { reason: 'before the move' };
      const handle = await take({ cluster, actor: 'ada', order });
      const tail = handle.firstExecutionRunId.slice(-12);
      expect(await handle.result()).toMatchObject({
        kind: 'taken',
        snapshot: { id: `${cluster}-asked-${tail}`, asked: order },
      });
      await record(handle.workflowId, 'snapshot-asked');

      const routine = { reason: 'every day', routine: { keep: 3 } };
      const scheduled = await take({ cluster, actor: 'a schedule', order: routine });
      expect(await scheduled.result()).toMatchObject({
        kind: 'taken',
        snapshot: {
          id: `${cluster}-routine-${scheduled.firstExecutionRunId.slice(-12)}`,
          asked: routine,
        },
      });
    });
  });

  it('are one at a time, and end with the reason when none can be taken', async () => {
    await withCluster(async (cluster, scripted) => {
      scripted.failAny('takeSnapshot', terminal('space-missing', 'there is no room'));
      const input = { cluster, actor: 'ada', order: { reason: 'a test' } };
      const handle = await take(input);
      expect(await handle.result()).toMatchObject({
        kind: 'failed',
        failure: { code: 'space-missing', message: 'there is no room' },
      });
    });
  });

  it('that are too many are removed, or told', async () => {
    await withCluster(async (cluster, scripted) => {
      scripted.surplus = ['a', 'b'] as readonly string[] as readonly SnapshotId[];
      const handle = await prune({ cluster, actor: 'ada', dryRun: true });
      const removed = ['a', 'b'];
      expect(await handle.result()).toEqual({
        kind: 'pruned',
        dryRun: true,
        location: '/snapshots',
        removed,
        stay: 0,
      });
      await record(handle.workflowId, 'snapshots-pruned');
      scripted.failAny('pruneSnapshots', terminal('credentials-refused', 'EACCES'));
      const refused = await prune({ cluster, actor: 'ada', dryRun: false });
      expect(await refused.result()).toMatchObject({
        kind: 'failed',
        failure: { code: 'credentials-refused' },
      });
    });
  });
});
