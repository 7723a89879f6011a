// What is away for a while: Temporal itself, or every worker. A file of its own, because the server
// is killed.

import type { AscentError, UpgradeProgress } from '../../client';
import { AscentClient } from '../../client';
import type { UpgradeServer } from './support/upgrade-server';
import { startUpgradeServer, untilProgress } from './support/upgrade-server';

jest.setTimeout(180_000);

describe('while something is away', () => {
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

  it('a watch goes on after Temporal was killed, and ends with the upgrade', async () => {
    const { name, spec, cluster } = await server.cluster();
    const hold = cluster.hold('drainNode', 'worker-2');
    await client.start({ ...spec, approvals: 'none' }, { actor: 'ada' });
    await hold.reached;
    const outages: AscentError['code'][] = [];
    let recoveries = 0;
    const watch = client.watch(name, {
      intervalMs: 100,
      onOutage: (error) => outages.push(error.code),
      onRecovery: () => (recoveries += 1),
    });
    const first = await watch.next();
    const ended = (async () => {
      let last: UpgradeProgress | undefined;
      for await (const progress of watch) last = progress;
      return last?.status.result?.outcome;
    })();

    await server.kill();
    const deadline = Date.now() + 30_000;
    while (outages.length === 0 && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await server.restart();
    hold.release();

    expect(first.value).toMatchObject({ status: { cluster: name } });
    await expect(ended).resolves.toBe('completed');
    expect(outages).toEqual(['temporal-unreachable']);
    expect(recoveries).toBe(1);
  });

  it('commands and queries say that no worker answers', async () => {
    const { name, spec } = await server.cluster();
    await client.start(spec, { actor: 'ada' });
    await untilProgress(client, name, ({ status }) => status.gates[0]?.id);
    await server.stopWorkers();
    const impatient = await AscentClient.connect({
      address: server.address,
      env: {},
      callTimeoutMs: 3_000,
    });

    const missing = { code: 'worker-missing', taskQueue: 'ascent', waitedSeconds: 3 };
    await expect(
      impatient.pause(name, { actor: 'ada', reason: 'anybody there?' }),
    ).rejects.toMatchObject({
      ...missing,
      remedy:
        'start a worker; pause was handed to Temporal and may take effect then,' +
        ' so look at the status before you send it again',
    });
    await expect(impatient.status(name)).rejects.toMatchObject(missing);
    await impatient.close();
  });
});
