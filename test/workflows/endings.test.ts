import type { PlanDigest } from '../../domain/names';
import { minor } from '../support/builders';
import { terminal } from '../support/workflow-cluster';
import { useWorkflowServer, workerModes } from '../support/workflow-server';
import { withUpgrade } from '../support/workflow-upgrade';

const server = useWorkflowServer();
const oneHop = { target: minor('1.29') };

describe.each(workerModes)('an upgrade ends, $mode', ({ workerOptions }) => {
  it('blocked, within the wait for a worker, when nobody serves the cluster', async () => {
    const input = { workerTimeoutMs: 1_000 };
    const options = { workerOptions, nodes: 1, hasActivityWorker: false, input };
    await withUpgrade(server(), options, async (upgrade) => {
      const refusal = {
        code: 'worker-missing',
        taskQueue: `cluster/${upgrade.spec.cluster}`,
        waitedSeconds: 1,
      };
      expect(await upgrade.start()).toEqual({ kind: 'refused', refusal });
      expect(await upgrade.result()).toEqual({ outcome: 'blocked', refusal });
    });
  });

  it('blocked, with every reason, when no plan can be made', async () => {
    const spec = { target: minor('1.27') };
    await withUpgrade(server(), { workerOptions, nodes: 1, spec }, async (upgrade) => {
      const refusal = {
        code: 'blocked',
        blockers: [{ code: 'target-lower', at: '1.28.15', target: '1.27' }],
      };
      expect(await upgrade.start()).toEqual({ kind: 'refused', refusal });
      expect(await upgrade.result()).toEqual({ outcome: 'blocked', refusal });
      await upgrade.record('blocked');
    });
  });

  it('blocked when the cluster cannot be looked at', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 1 }, async (upgrade) => {
      upgrade.cluster.fail('planUpgrade', '', terminal('credentials-refused', '401 from the API'));
      expect(await upgrade.start()).toEqual({
        kind: 'refused',
        refusal: {
          code: 'planning-failed',
          failure: {
            code: 'credentials-refused',
            message: '401 from the API',
            remedy: expect.any(String),
          },
        },
      });
    });
  });

  it('blocked when the plan is not the one that was reviewed', async () => {
    const expectedDigest = 'a1b2' as PlanDigest;
    const options = { workerOptions, nodes: 1, input: { expectedDigest } };
    await withUpgrade(server(), options, async (upgrade) => {
      const answer = await upgrade.start({ expectedDigest });
      expect(answer).toEqual({
        kind: 'refused',
        refusal: {
          code: 'blocked',
          blockers: [
            {
              code: 'plan-digest-changed',
              expected: 'a1b2',
              actual: expect.stringMatching(/^[0-9a-f]{64}$/),
            },
          ],
        },
      });
      expect(await upgrade.result()).toMatchObject({ outcome: 'blocked' });
      expect(upgrade.cluster.done('preflight')).toEqual([]);
    });
  });

  it('cancelled in mid-drain: the node serves again', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 2, spec: oneHop }, async (upgrade) => {
      const { cluster } = upgrade;
      const draining = cluster.hold('drainNode', 'worker-1');
      await upgrade.start();
      await draining.reached;
      await upgrade.handle.cancel();
      expect(await upgrade.result()).toMatchObject({
        outcome: 'cancelled',
        at: '1.29.15',
        hops: [
          {
            outcome: 'stopped',
            nodes: [{ node: 'worker-1', outcome: 'undone', after: '1.28.15', evicted: 2 }],
          },
        ],
      });
      expect(cluster.versions()).toEqual([
        'cp-1 1.29.15/1.29.15',
        'worker-1 1.28.15',
        'worker-2 1.28.15',
      ]);
      await upgrade.record('cancelled-in-drain');
    });
  });

  it('cancelled while a kubelet changes: it ends, is verified, and the node serves', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 2, spec: oneHop }, async (upgrade) => {
      const { cluster } = upgrade;
      const changing = cluster.hold('upgradeNode', 'worker-1');
      await upgrade.start();
      await changing.reached;
      await upgrade.handle.cancel();
      await upgrade.untilCancelRequested('hop-1.29/workers/worker-1');
      changing.release();
      expect(await upgrade.result()).toMatchObject({
        outcome: 'cancelled',
        hops: [{ nodes: [{ node: 'worker-1', outcome: 'upgraded', after: '1.29.15' }] }],
      });
      expect(cluster.done('verifyNode')).toEqual(['worker-1']);
      expect(cluster.versions()).toEqual([
        'cp-1 1.29.15/1.29.15',
        'worker-1 1.29.15',
        'worker-2 1.28.15',
      ]);
    });
  });

  it('cancelled while a member changes: that member is finished', async () => {
    const options = { workerOptions, members: 3, nodes: 1, spec: oneHop };
    await withUpgrade(server(), options, async (upgrade) => {
      const { cluster } = upgrade;
      const changing = cluster.hold('upgradeControlPlaneMember', 'kube-apiserver cp-2');
      await upgrade.start();
      await changing.reached;
      await upgrade.handle.cancel();
      await upgrade.untilCancelRequested('hop-1.29');
      changing.release();
      expect(await upgrade.result()).toMatchObject({ outcome: 'cancelled', at: '1.28.15' });
      expect(cluster.done('upgradeControlPlaneMember')).toEqual([
        'kube-apiserver cp-1',
        'kube-apiserver cp-2',
      ]);
    });
  });

  it('cancelled at a held node: it is uncordoned', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 1, spec: oneHop }, async (upgrade) => {
      upgrade.cluster.fail('drainNode', 'worker-1', terminal('drain-deadline', 'not empty'));
      await upgrade.start();
      await upgrade.untilGate('node/worker-1');
      await upgrade.handle.cancel();
      expect(await upgrade.result()).toMatchObject({ outcome: 'cancelled' });
      expect(upgrade.cluster.versions()).toEqual(['cp-1 1.29.15/1.29.15', 'worker-1 1.28.15']);
      expect((await upgrade.status()).gates).toEqual([]);
    });
  });

  it('completed at once when the next hop finds the cluster at its target', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 1 }, async (upgrade) => {
      await upgrade.start();
      await upgrade.untilGate('approve/hop-1.30');
      upgrade.cluster.becomes('1.30.14');
      await upgrade.approve('approve/hop-1.30');
      expect(await upgrade.result()).toMatchObject({
        outcome: 'completed',
        to: '1.30.14',
        hops: [{ hop: 'hop-1.29' }],
      });
    });
  });
});
