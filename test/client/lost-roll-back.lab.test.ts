// A rollback whose workflow is lost, on a real Temporal server: the time-skipping one tells no
// parent that a child was terminated.

import { Client, Connection } from '@temporalio/client';

import type { AscentClient } from '../../client';
import type { ClusterName, HopId } from '../../domain/names';
import { recordProblem } from '../../domain/record/chain';
import { viewOf } from '../../domain/record/record-view';
import { rollBackWorkflowId, upgradeWorkflowId } from '../../domain/workflow-ids';
import { until } from '../support/lab-until';
import { fetchHistories, saveHistories } from '../support/workflow-histories';
import type { UpgradeServer } from './support/upgrade-server';
import { startUpgradeServer, untilProgress } from './support/upgrade-server';

jest.setTimeout(120_000);

const ada = { actor: 'ada', reason: 'a test' };
const hop = 'hop-1.29' as HopId;
const gate = `${hop}/rollback`;

/** The record of the whole, as a real server tells its histories. */
async function expectRecorded(client: AscentClient, name: ClusterName): Promise<void> {
  const record = await client.changeRecord(name);
  expect(recordProblem(record)).toBeUndefined();
  const { upgrade, decisions, rollBacks, timeline, missing } = viewOf(record.entries);
  expect([upgrade.state, missing]).toEqual(['rolled-back', []]);
  expect(decisions.map(({ entry, request }) => `${entry.event} ${request?.reason}`)).toEqual([
    'upgrade.asked undefined',
    'command.rollBack a test',
    'command.approve a test',
  ]);
  expect(timeline.gates.map(({ gate: id, by }) => `${id} ${by?.event}`)).toEqual([
    'approve/hop-1.30 command.rollBack',
    `${gate} command.approve`,
  ]);
  expect(rollBacks.map(({ decision }) => decision?.number)).toEqual([2]);
  expect((await client.changeRecord(name, { runId: upgrade.upgrade })).head).toBe(record.head);
}

describe('a rollback whose workflow is lost', () => {
  let server: UpgradeServer;
  let connection: Connection;
  let temporal: Client;

  beforeAll(async () => {
    server = await startUpgradeServer();
    connection = await Connection.connect({ address: server.address });
    temporal = new Client({ connection });
    await server.workflowWorker();
  });

  afterAll(async () => {
    await connection.close();
    await server.close();
  });

  it('begins again, and accounts for what was seen before data moved', async () => {
    const { client } = server;
    const { name, cluster, spec } = await server.cluster();
    await client.start(spec, { actor: 'ada' });
    await untilProgress(client, name, ({ status }) =>
      status.phase === 'waiting-for-approval' ? true : undefined,
    );
    cluster.anchors = [
      {
        resource: 'nodes',
        created: { count: 1, names: [{ name: 'worker-9' }] },
        deleted: { count: 0, names: [] },
      },
    ];
    const restoring = cluster.holdAny('restoreSnapshot');
    await client.rollBack(name, { ...ada, hop });
    await restoring.reached;
    // The rollback tells it beside its work.
    await until('a note of the rollback', async () => {
      const audit = await client.audit(name);
      return audit.some(({ event }) => event === 'rollback.noted') ? true : undefined;
    });
    const lost = temporal.workflow.getHandle(rollBackWorkflowId(name, hop));
    await lost.terminate('somebody was in a hurry');
    restoring.release();
    const planDigest = await untilProgress(client, name, ({ status }) =>
      status.gates.some(({ id }) => id === gate) ? status.planDigest : undefined,
    );
    // As after a restore: of what was made since nothing is to be seen.
    cluster.anchors = [];
    await client.approve(name, { ...ada, gate, planDigest });

    expect(await client.result(name)).toMatchObject({
      outcome: 'rolled-back',
      hops: [
        {
          account: {
            orphans: [{ code: 'node-unknown', count: 1, objects: [{ name: 'worker-9' }] }],
            gaps: [],
          },
        },
      ],
    });
    expect(cluster.done('noteBeforeRestore')).toHaveLength(1);
    expect(cluster.done('countRestored')).toHaveLength(1);
    await expectRecorded(client, name);
    if (process.env['RECORD'] === '1') {
      const histories = await fetchHistories(temporal, upgradeWorkflowId(name));
      await saveHistories('rolled-back-lost', histories);
    }
  });
});
