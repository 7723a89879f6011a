// What a schedule of snapshots starts, without the schedule.

import { randomUUID } from 'node:crypto';

import type { ClusterName } from '../../domain/names';
import { snapshotScheduleId, snapshotWorkflowId } from '../../domain/workflow-ids';
import type { TakeSnapshotInput } from '../../workflows/messages';
import type { takeClusterSnapshot, takeScheduledSnapshot } from '../../workflows/snapshots';
import { terminal } from '../support/workflow-cluster';
import { fetchHistories, saveHistories } from '../support/workflow-histories';
import { withClusterAlone } from '../support/workflow-alone';
import { useWorkflowServer, workerModes } from '../support/workflow-server';

const server = useWorkflowServer();

describe.each(workerModes)('a snapshot by schedule, $mode', ({ mode, workerOptions }) => {
  const queue = () => server().workflowQueue(workerOptions);
  const withCluster = (use: Parameters<typeof withClusterAlone>[1]) =>
    withClusterAlone(server(), use);

  const order = { reason: 'by schedule, every 6 h', routine: { keep: 3 } };

  const inputOf = (cluster: ClusterName): TakeSnapshotInput => ({ cluster, actor: 'ada', order });

  /** As the schedule does: each time with an id of its own. */
  const due = async (cluster: ClusterName) =>
    server().client.workflow.start<typeof takeScheduledSnapshot>('takeScheduledSnapshot', {
      workflowId: `${snapshotScheduleId(cluster)}/run-${randomUUID()}`,
      taskQueue: await queue(),
      args: [inputOf(cluster)],
    });

  const ask = async (cluster: ClusterName) =>
    server().client.workflow.start<typeof takeClusterSnapshot>('takeClusterSnapshot', {
      workflowId: snapshotWorkflowId(cluster),
      taskQueue: await queue(),
      args: [{ cluster, actor: 'bob', order: { reason: 'a test' } }],
    });

  const lockOf = (cluster: ClusterName) =>
    server().client.workflow.getHandle(snapshotWorkflowId(cluster));

  it('is taken under the id that is the lock, and left out while another is', async () => {
    await withCluster(async (cluster, scripted) => {
      const first = await due(cluster);
      const end = await first.result();
      const { runId } = await lockOf(cluster).describe();
      expect(end).toMatchObject({
        kind: 'taken',
        snapshot: { id: `${cluster}-routine-${runId.slice(-12)}`, asked: order },
      });

      const held = scripted.holdAny('takeSnapshot');
      const asked = await ask(cluster);
      await held.reached;
      const second = await due(cluster);
      expect(await second.result()).toEqual({
        kind: 'busy',
        workflowId: `snapshot/${cluster}`,
      });
      held.release();
      expect(await asked.result()).toMatchObject({ kind: 'taken' });

      if (process.env['RECORD'] === '1' && mode === 'cached') {
        const histories = await Promise.all(
          [first, second].map((run) => fetchHistories(server().client, run.workflowId)),
        );
        await saveHistories('snapshot-scheduled', histories.flat());
      }
    });
  });

  it('ends with the reason when none can be taken', async () => {
    await withCluster(async (cluster, scripted) => {
      scripted.failAny('takeSnapshot', terminal('space-missing', 'there is no room'));
      expect(await (await due(cluster)).result()).toMatchObject({
        kind: 'failed',
        failure: { code: 'space-missing', message: 'there is no room' },
      });
    });
  });

  // Terminated, the time-skipping server tells its parent nothing: snapshot-schedules.lab.test.ts.
  it('says so when somebody cancels it before it is done', async () => {
    await withCluster(async (cluster, scripted) => {
      const held = scripted.holdAny('takeSnapshot');
      const run = await due(cluster);
      await held.reached;
      await lockOf(cluster).cancel();
      expect(await run.result()).toMatchObject({
        kind: 'failed',
        failure: {
          code: 'snapshot-failed',
          message: `snapshot/${cluster} was ended before it was done`,
        },
      });
    });
  });

  it('is cancelled with what the schedule has started', async () => {
    await withCluster(async (cluster, scripted) => {
      const held = scripted.holdAny('takeSnapshot');
      const run = await due(cluster);
      await held.reached;
      await run.cancel();
      await expect(run.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
      expect((await lockOf(cluster).describe()).status.name).toBe('CANCELLED');
    });
  });
});
