// What a schedule of looks starts, without the schedule. That a run knows what the one before has
// seen: preflight-schedules.lab.test.ts, as this server hands no result on.

import { randomUUID } from 'node:crypto';

import type { ClusterName } from '../../domain/names';
import type { Finding } from '../../domain/preflight/findings';
import { preflightScheduleId } from '../../domain/workflow-ids';
import type { lookAhead } from '../../workflows/look-ahead';
import { nodeName } from '../support/builders';
import { terminal } from '../support/workflow-cluster';
import { withClusterAlone } from '../support/workflow-alone';
import { useWorkflowServer, workerModes } from '../support/workflow-server';

const server = useWorkflowServer();

const silent: Finding = {
  code: 'node-not-ready',
  severity: 'blocks',
  object: { kind: 'node', name: nodeName('worker-1') },
  message: 'it is not Ready',
  remedy: 'look at its kubelet',
};

describe.each(workerModes)('a look by a schedule, $mode', ({ workerOptions }) => {
  const queue = () => server().workflowQueue(workerOptions);
  const withCluster = (use: Parameters<typeof withClusterAlone>[1]) =>
    withClusterAlone(server(), use);

  const due = async (cluster: ClusterName) =>
    server().client.workflow.start<typeof lookAhead>('lookAhead', {
      workflowId: `${preflightScheduleId(cluster)}/run-${randomUUID()}`,
      taskQueue: await queue(),
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
