// A rollback that is tried beside the cluster, on a real Temporal server with the real workflows.

import { AscentClient } from '../../client';
import { terminal } from '../support/workflow-cluster';
import { startUpgradeServer, type UpgradeServer } from './support/upgrade-server';

jest.setTimeout(120_000);

describe('a drill', () => {
  let server: UpgradeServer;
  let client: AscentClient;

  beforeAll(async () => {
    server = await startUpgradeServer();
    ({ client } = server);
  });

  afterAll(async () => {
    await server.close();
  });

  it('is refused while nobody runs workflows', async () => {
    const { name } = await server.cluster();
    const impatient = { address: server.address, env: {}, callTimeoutMs: 2_000 };
    const hurried = await AscentClient.connect(impatient);
    const missing = { code: 'worker-missing', taskQueue: 'ascent', waitedSeconds: 1 };
    await expect(hurried.drill(name)).rejects.toMatchObject(missing);
    await hurried.close();
  });

  it('is what the worker of the cluster tells, with or without an upgrade', async () => {
    const { name } = await server.cluster();
    // A worker that is only starting is waited for.
    const drill = client.drill(name);
    await server.workflowWorker();
    expect(await drill).toMatchObject({
      kind: 'drilled',
      report: { cluster: name, snapshot: { id: 'newest' } },
    });
    expect(await client.drill(name, { snapshot: 'older' })).toMatchObject({
      kind: 'drilled',
      report: { snapshot: { id: 'older' } },
    });
  });

  it('of two who ask at the same time is one', async () => {
    const { name, cluster } = await server.cluster();
    const held = cluster.hold('drillRollBack', 'newest');
    const first = client.drill(name);
    await held.reached;
    const second = client.drill(name, { snapshot: 'older' });
    held.release();
    expect(await second).toEqual(await first);
  });

  it('that cannot be carried out says why, as a value', async () => {
    const { name, cluster } = await server.cluster();
    cluster.failAny('drillRollBack', terminal('credentials-refused', 'the store let nobody in'));
    expect(await client.drill(name)).toMatchObject({
      kind: 'failed',
      failure: { code: 'credentials-refused', message: 'the store let nobody in' },
    });
  });
});
