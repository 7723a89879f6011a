import { randomUUID } from 'node:crypto';

import { upgradeWorkflowId } from '../../domain/workflow-ids';
import { type StartRequest, startUpdate } from '../../workflows/messages';
import type { startScheduledUpgrade } from '../../workflows/start-scheduled-upgrade';
import { aCluster, aSpec, clusterName } from '../support/builders';
import { ScriptedCluster } from '../support/workflow-cluster';
import { fetchHistories, saveHistories } from '../support/workflow-histories';
import {
  runActivityWorker,
  runWorkflowWorker,
  useWorkflowServer,
  workerModes,
} from '../support/workflow-server';

const server = useWorkflowServer();

describe.each(workerModes)('startScheduledUpgrade, $mode', ({ mode, workerOptions }) => {
  it('starts the upgrade once, under the id that is the lock of its cluster', async () => {
    const { client } = server();
    const { workflow } = client;
    const name = clusterName(`scheduled-${mode.replaceAll(' ', '-')}`);
    const taskQueue = `workflows-${mode}`;
    const observation = aCluster(name).withMembers(1).withNodes(1).observation();
    const workers = await Promise.all([
      runWorkflowWorker(server(), taskQueue, workerOptions),
      runActivityWorker(server(), name, new ScriptedCluster(observation).activities()),
    ]);
    const spec = aSpec({
      cluster: name,
      approvals: 'every-hop',
      controlPlane: { memberTimeoutMs: 300_000, allowSingleMember: true },
    });
    const request: StartRequest = { spec, actor: 'schedule of ada', requestId: 'of the schedule' };
    const due = async () => {
      const workflowId = `upgrade-schedule/${name}/run-${randomUUID()}`;
      const options = { workflowId, taskQueue, args: [request] as [StartRequest] };
      const run = await workflow.start<typeof startScheduledUpgrade>(
        'startScheduledUpgrade',
        options,
      );
      return { workflowId, start: await run.result() };
    };
    const upgrade = workflow.getHandle(upgradeWorkflowId(name));
    try {
      const first = await due();
      const second = await due();
      const joined = await upgrade.executeUpdate(startUpdate, {
        args: [{ ...request, requestId: 'of a person' }],
      });

      const workflowId = `upgrade/${name}`;
      expect(first.start).toEqual({
        kind: 'started',
        workflowId,
        runId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      });
      expect(second.start).toEqual({ kind: 'already-running', workflowId });
      expect(joined).toMatchObject({ kind: 'planned', plan: { from: '1.28.15', to: '1.30.14' } });
      const { status } = await upgrade.describe();
      expect(status.name).toBe('RUNNING');
      if (process.env['RECORD'] === '1' && mode === 'cached') {
        const histories = await Promise.all(
          [first, second].map((run) => fetchHistories(client, run.workflowId)),
        );
        const own = histories.flat().filter((one) => one.workflowId !== workflowId);
        await saveHistories('scheduled-start', own);
      }
    } finally {
      await upgrade.terminate('the test is over').catch(() => undefined);
      await Promise.all(workers.map((worker) => worker.stop()));
    }
  });
});
