// What a rollback would undo, and its confirmation, on a real Temporal server with the real
// workflows: which report is confirmed, and what is refused.

import { Client, Connection } from '@temporalio/client';

import type { AscentClient } from '../../client';
import type { RollBackReport } from '../../domain/rollback/report';
import { defaultReportLimits } from '../../domain/rollback/report-limits';
import { rollBackPreviewWorkflowId } from '../../domain/workflow-ids';
import { terminal } from '../support/workflow-cluster';
import type { ServedCluster, UpgradeServer } from './support/upgrade-server';
import { startUpgradeServer, untilProgress } from './support/upgrade-server';

jest.setTimeout(120_000);

const ada = { actor: 'ada', reason: 'a test' };
const hop = 'hop-1.29';
const secret = {
  resource: 'secrets',
  namespace: 'shop',
  created: 1,
  changed: 0,
  deleted: 0,
  createdNames: ['new'],
  deletedNames: [],
};

const joined = [
  {
    resource: 'nodes',
    created: { count: 1, names: [{ name: 'worker-9' }] },
    deleted: { count: 0, names: [] },
  },
] as const;

describe('a rollback that is looked at first', () => {
  let server: UpgradeServer;
  let client: AscentClient;

  beforeAll(async () => {
    server = await startUpgradeServer();
    ({ client } = server);
    await server.workflowWorker();
  });

  afterAll(async () => {
    await server.close();
  });

  /** At the gate between the hops. */
  async function waiting(): Promise<ServedCluster> {
    const served = await server.cluster();
    await client.start(served.spec, { actor: 'ada' });
    await untilProgress(client, served.name, ({ status }) =>
      status.phase === 'waiting-for-approval' ? true : undefined,
    );
    return served;
  }

  async function reportOf(name: string): Promise<RollBackReport> {
    const made = await client.previewRollBack(name);
    if (made.kind === 'failed') throw new Error(made.failure.message);
    return made.report;
  }

  it('is confirmed by the beginning of the digest, also when it is said twice', async () => {
    const { name, cluster } = await waiting();
    cluster.written = [secret];
    cluster.anchors = joined;
    const report = await reportOf(name);
    expect(report).toMatchObject({ hop, at: '1.28.15', objects: { groups: [secret] } });
    expect(report.nodes).toHaveLength(3);

    const request = { ...ada, hop, report: report.digest.slice(0, 12), requestId: 'r-1' };
    const answer = await client.confirmRollBack(name, request);
    expect(await client.confirmRollBack(name, request)).toEqual(answer);

    expect(await client.result(name)).toMatchObject({
      outcome: 'rolled-back',
      at: '1.28.15',
      hops: [{ account: { orphans: [{ code: 'node-unknown', count: 1 }], gaps: [] } }],
    });
    // The report has just seen it.
    expect(cluster.done('noteBeforeRestore')).toEqual([]);
    const audit = await client.audit(name);
    expect(audit.find(({ event }) => event === 'command.rollBack')?.text).toContain(
      `as report ${report.digest} says`,
    );
    expect(await client.confirmRollBack(name, request)).toEqual(answer);
  });

  it('is looked at again within the same limits as before', async () => {
    const { name, cluster } = await waiting();
    const limits = { seconds: 7, keys: 11 };
    const made = await client.previewRollBack(name, { limits });
    if (made.kind === 'failed') throw new Error(made.failure.message);
    cluster.written = [secret];
    const refused = client.confirmRollBack(name, { ...ada, hop, report: made.report.digest });
    await expect(refused).rejects.toMatchObject({ refusal: { code: 'report-changed' } });
    // The second look is what would be confirmed now.
    const { digest } = await reportOf(name);
    await expect(refused).rejects.toMatchObject({ refusal: { current: digest } });
    const asked = cluster.previews.map((one) => one.limits);
    expect(asked).toEqual([limits, limits, defaultReportLimits]);
  });

  it('is refused when somebody has written since, and says what', async () => {
    const { name, cluster } = await waiting();
    const { digest } = await reportOf(name);
    cluster.written = [secret];
    await expect(
      client.confirmRollBack(name, { ...ada, hop, report: digest }),
    ).rejects.toMatchObject({
      code: 'command-refused',
      refusal: {
        code: 'report-changed',
        given: digest,
        differences: ['secrets in shop: nothing, now 1 created'],
      },
    });
    await expect(client.status(name)).resolves.toMatchObject({ phase: 'waiting-for-approval' });
  });

  it('is refused without a report, after another one, and when none can be made', async () => {
    const { name, cluster } = await waiting();
    const unknown = { refusal: { code: 'report-unknown' } };
    const report = '0123456789ab';
    const confirm = (given: string) => client.confirmRollBack(name, { ...ada, hop, report: given });
    await expect(confirm(report)).rejects.toMatchObject(unknown);
    const { digest } = await reportOf(name);
    await expect(confirm(report)).rejects.toMatchObject(unknown);

    cluster.failAny('previewRollBack', terminal('snapshot-missing', 'it is gone'));
    await expect(confirm(digest)).rejects.toMatchObject({
      refusal: { code: 'report-failed', hop, failure: { code: 'snapshot-missing' } },
    });
    // What failed is the last look now: nothing of it can be confirmed.
    await expect(confirm(digest)).rejects.toMatchObject(unknown);
  });

  it('is refused as unknown when the last look was ended from outside', async () => {
    const { name, cluster } = await waiting();
    const { digest } = await reportOf(name);
    const held = cluster.hold('previewRollBack', cluster.previews[0]?.snapshotId ?? '');
    const ended = client.previewRollBack(name).catch((error: unknown) => error);
    await held.reached;
    const connection = await Connection.connect({ address: server.address });
    await new Client({ connection }).workflow
      .getHandle(rollBackPreviewWorkflowId(name))
      .terminate();
    await connection.close();
    held.release();
    expect(await ended).toMatchObject({ cause: { name: 'TerminatedFailure' } });
    await expect(
      client.confirmRollBack(name, { ...ada, hop, report: digest }),
    ).rejects.toMatchObject({ refusal: { code: 'report-unknown' } });
  });

  it('is no rollback of another hop, nor of one that has ended', async () => {
    const { name } = await waiting();
    await expect(client.previewRollBack(name, { hop: 'hop-1.30' })).rejects.toMatchObject({
      refusal: { code: 'rollback-unavailable', hop: 'hop-1.30', why: 'not-begun' },
    });
    await client.rollBack(name, { ...ada, hop });
    await client.result(name);
    await expect(client.previewRollBack(name)).rejects.toMatchObject({
      refusal: { code: 'upgrade-ended', outcome: 'rolled-back' },
    });
  });
});
