// What a schedule of looks starts, without the schedule. That a run knows what the one before has
// seen: preflight-schedules.lab.test.ts, as this server hands no result on.

import { randomUUID } from 'node:crypto';

import type { ClusterName } from '../../domain/names';
import type { Finding } from '../../domain/preflight/findings';
import { preflightScheduleId } from '../../domain/workflow-ids';
import type { lookAhead } from '../../workflows/look-ahead';
import { aCluster, clusterName, nodeName } from '../support/builders';
import { ScriptedCluster, terminal } from '../support/workflow-cluster';
import {
  runActivityWorker,
  runWorkflowWorker,
  useWorkflowServer,
  workerModes,
} from '../support/workflow-server';

const server = useWorkflowServer();
let clusters = 0;

const silent: Finding = {
  code: 'node-not-ready',
  severity: 'blocks',
  object: { kind: 'node', name: nodeName('worker-1') },
  message: 'it is not Ready',
  remedy: 'look at its kubelet',
};

describe.each(workerModes)('a look by a schedule, $mode', ({ mode, workerOptions }) => {
  const taskQueue = `look-ahead-${mode}`;

  async function withCluster(
    use: (name: ClusterName, scripted: ScriptedCluster) => Promise<void>,
  ): Promise<void> {
    clusters += 1;
    const name = clusterName(`looked-${String(clusters)}`);
    const scripted = new ScriptedCluster(aCluster(name).withMembers(1).withNodes(1).observation());
    const workers = await Promise.all([
      runWorkflowWorker(server(), taskQueue, workerOptions),
      runActivityWorker(server(), name, scripted.activities()),
    ]);
    try {
      await use(name, scripted);
    } finally {
      await Promise.all(workers.map((worker) => worker.stop()));
    }
  }

  const due = (cluster: ClusterName) =>
    server().client.workflow.start<typeof lookAhead>('lookAhead', {
      workflowId: `${preflightScheduleId(cluster)}/run-${randomUUID()}`,
      taskQueue,
      args: [{ cluster, actor: 'ada' }],
    });

  it('ends with what it found, and knows of none before', async () => {
    await withCluster(async (cluster, scripted) => {
      scripted.findings = [silent];
      const end = await (await due(cluster)).result();
      expect(end).toMatchObject({
        kind: 'looked',
        counts: { blocks: 1 },
        findings: [silent],
        memory: { findings: [{ key: 'node-not-ready:node/worker-1' }] },
      });
      expect(end).not.toHaveProperty('since');
      expect(scripted.calls).toEqual([{ activity: 'lookAtHopToCome', input: { cluster } }]);
    });
  });

  it('ends with the reason when it cannot look', async () => {
    await withCluster(async (cluster, scripted) => {
      scripted.failAny('lookAtHopToCome', terminal('credentials-refused', 'who are you?'));
      expect(await (await due(cluster)).result()).toEqual({
        kind: 'failed',
        failure: expect.objectContaining({
          code: 'credentials-refused',
          message: 'who are you?',
        }) as object,
      });
    });
  });

  it('can be cancelled', async () => {
    await withCluster(async (cluster, scripted) => {
      const held = scripted.holdAny('lookAtHopToCome');
      const run = await due(cluster);
      await held.reached;
      await run.cancel();
      await expect(run.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
    });
  });
});
