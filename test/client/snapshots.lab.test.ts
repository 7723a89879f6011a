// Snapshots outside of hops through a real Temporal server.

import { AscentClient } from '../../client';
import type { SnapshotId } from '../../domain/names';
import { startUpgradeServer, type UpgradeServer } from './support/upgrade-server';

jest.setTimeout(120_000);

describe('a snapshot that somebody asks for', () => {
  let server: UpgradeServer;
  let client: AscentClient;

  beforeAll(async () => {
    server = await startUpgradeServer();
    ({ client } = server);
  });
  afterAll(async () => {
    await server.close();
  });

  const ada = { actor: 'ada', reason: 'before the move' };

  it('is not begun where nobody runs workflows', async () => {
    const impatient = { address: server.address, env: {}, callTimeoutMs: 2_000 };
    const hurried = await AscentClient.connect(impatient);
    await expect(hurried.takeSnapshot('prod', ada)).rejects.toMatchObject({
      code: 'worker-missing',
    });
    await hurried.close();
    await server.workflowWorker();
  });

  it('is taken, one at a time, and what is too much is removed', async () => {
    const { name, cluster } = await server.cluster();
    const asked = { reason: ada.reason };
    expect(await client.takeSnapshot(name, ada)).toMatchObject({
      kind: 'taken',
      snapshot: { asked, location: expect.stringContaining(`${name}-asked-`) as string },
    });
    cluster.surplus = ['a'] as readonly string[] as readonly SnapshotId[];
    const held = cluster.hold('pruneSnapshots', '');
    const pruning = client.pruneSnapshots(name, { actor: 'ada' });
    await held.reached;
    expect(await client.takeSnapshot(name, ada)).toEqual({
      kind: 'busy',
      workflowId: `snapshot/${name}`,
    });
    held.release();
    expect(await pruning).toMatchObject({ kind: 'pruned', dryRun: false, removed: ['a'] });
    expect(await client.pruneSnapshots(name, { actor: 'ada', dryRun: true })).toMatchObject({
      kind: 'pruned',
      dryRun: true,
    });
  });
});
