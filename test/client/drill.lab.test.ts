// A rollback that is tried beside the cluster, on a real Temporal server with the real workflows.

import type { AscentClient } from '../../client';
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
    await expect(client.drill(name)).rejects.toMatchObject({ code: 'worker-missing' });
  });

  it('is what the worker of the cluster tells, with or without an upgrade', async () => {
    await server.workflowWorker();
    const { name } = await server.cluster();
    expect(await client.drill(name)).toMatchObject({
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
