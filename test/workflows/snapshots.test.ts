import type { SnapshotId } from '../../domain/names';
import { snapshotWorkflowId } from '../../domain/workflow-ids';
import type { PruneSnapshotsInput, TakeSnapshotInput } from '../../workflows/messages';
import type { pruneClusterSnapshots, takeClusterSnapshot } from '../../workflows/snapshots';
import { terminal } from '../support/workflow-cluster';
import { fetchHistories, saveHistories } from '../support/workflow-histories';
import { withClusterAlone } from '../support/workflow-alone';
import { useWorkflowServer, workerModes } from '../support/workflow-server';

const server = useWorkflowServer();

describe.each(workerModes)('snapshots outside of hops, $mode', ({ workerOptions }) => {
  const queue = () => server().workflowQueue(workerOptions);
  const withCluster = (use: Parameters<typeof withClusterAlone>[1]) =>
    withClusterAlone(server(), use);

  const take = async (input: TakeSnapshotInput) =>
    server().client.workflow.start<typeof takeClusterSnapshot>('takeClusterSnapshot', {
      workflowId: snapshotWorkflowId(input.cluster),
      taskQueue: await queue(),
      args: [input],
    });

  const prune = async (input: PruneSnapshotsInput) =>
    server().client.workflow.start<typeof pruneClusterSnapshots>('pruneClusterSnapshots', {
      workflowId: snapshotWorkflowId(input.cluster),
      taskQueue: await queue(),
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
