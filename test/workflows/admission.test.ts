import type { AdmitNodesInput } from '../../domain/activity-contract';
import { aPool, minor, nodeName } from '../support/builders';
import { onePodLeft } from '../support/drain-blockers';
import { type ScriptedCluster, terminal } from '../support/workflow-cluster';
import { useWorkflowServer, workerModes } from '../support/workflow-server';
import { evictionsOf, withUpgrade } from '../support/workflow-upgrade';

const server = useWorkflowServer();
const oneHop = { target: minor('1.29'), pools: [aPool({ maxUnavailable: 2 })] };

function asked(cluster: ScriptedCluster): readonly unknown[] {
  const calls = cluster.calls.filter(({ activity }) => activity === 'admitNodes');
  return calls.map(({ input }) => {
    const { waiting, inWork, free, zone, waitMs } = input as AdmitNodesInput;
    return { waiting, inWork, free, zone, waitMs };
  });
}

describe.each(workerModes)('the choice of the next node, $mode', ({ workerOptions }) => {
  it('is asked for the canary, then for every place that is free', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 3, spec: oneHop }, async (upgrade) => {
      const { cluster } = upgrade;
      cluster.admit = ({ waiting, free }) =>
        waiting
          .toReversed()
          .slice(0, free)
          .map((node) => ({ node }));
      await upgrade.start();
      expect(evictionsOf(await upgrade.result())[0]).toBe('worker-3 upgraded 10');
      const minute = 60_000;
      // By zone in the plan: worker-1, worker-2 and worker-3 are in a, b and c.
      expect(asked(cluster)).toEqual([
        { waiting: ['worker-1', 'worker-2', 'worker-3'], inWork: [], free: 1, waitMs: minute },
        { waiting: ['worker-1', 'worker-2'], inWork: [], free: 2, zone: 'c', waitMs: minute },
      ]);
    });
  });

  it('is asked again with what is in work by then, and less and less often', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 2, spec: oneHop }, async (upgrade) => {
      const { cluster } = upgrade;
      let questions = 0;
      cluster.admit = ({ waiting, free }) => {
        questions += 1;
        return questions < 4 ? [] : waiting.slice(0, free).map((node) => ({ node }));
      };
      await upgrade.start();
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
      const waits = asked(cluster).map((question) => (question as AdmitNodesInput).waitMs);
      expect(waits).toEqual([60_000, 120_000, 240_000, 480_000, 60_000]);
      await upgrade.record('admission-waited');
    });
  });

  it('is told in the audit trail where a node begins in spite of something', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 1, spec: oneHop }, async (upgrade) => {
      const inWork = nodeName('worker-9');
      const despite = [{ code: 'control-plane-alone', inWork }] as const;
      upgrade.cluster.admit = ({ waiting }) => waiting.map((node) => ({ node, despite }));
      await upgrade.start();
      await upgrade.result();
      const told = (await upgrade.audit()).filter(({ event }) => event === 'node.admitted-despite');
      expect(told.map(({ node, text }) => ({ node, text }))).toEqual([
        {
          node: 'worker-1',
          text:
            'node worker-1 begins although a control-plane node goes alone, and worker-9 is in' +
            ' work: no node was in work, and nothing changed',
        },
      ]);
    });
  });

  it('does not hold for a node while the upgrade is paused', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 2, spec: oneHop }, async (upgrade) => {
      const { cluster } = upgrade;
      const choosing = cluster.hold('admitNodes', 'workers');
      await upgrade.start();
      await choosing.reached;
      await upgrade.pause();
      await upgrade.untilTold('hop-1.29/workers');
      choosing.release();
      await upgrade.untilPhase('paused');
      expect(cluster.done('cordonNode')).toEqual([]);
      await upgrade.resume();
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
    });
  });

  it('fails the step, not the upgrade, where it may not look at the cluster', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 1, spec: oneHop }, async (upgrade) => {
      const refused = terminal('credentials-refused', 'choosing the next node: may not watch');
      upgrade.cluster.fail('admitNodes', 'workers', refused);
      await upgrade.start();
      const { gate } = await upgrade.untilGate('hop-1.29/pool workers');
      expect(gate).toMatchObject({ kind: 'step', failure: { code: 'credentials-refused' } });
      await upgrade.approve('hop-1.29/pool workers');
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
    });
  });

  it('ends with the upgrade', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 1, spec: oneHop }, async (upgrade) => {
      const choosing = upgrade.cluster.hold('admitNodes', 'workers');
      await upgrade.start();
      await choosing.reached;
      await upgrade.handle.cancel();
      expect(await upgrade.result()).toMatchObject({ outcome: 'cancelled' });
      expect(upgrade.cluster.done('cordonNode')).toEqual([]);
    });
  });
});

describe.each(workerModes)('a node whose drain yields, $mode', ({ workerOptions }) => {
  it('serves again, and is taken alone when all others are through', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 4, spec: oneHop }, async (upgrade) => {
      const { cluster } = upgrade;
      cluster.fail('drainNode', 'worker-2', terminal('drain-yielded', 'they waited', onePodLeft));
      await upgrade.start();
      const nodes = evictionsOf(await upgrade.result());
      expect(nodes.at(-1)).toBe('worker-2 upgraded 13');
      expect(nodes.toSorted()).toEqual([
        'worker-1 upgraded 10',
        'worker-2 upgraded 13',
        'worker-3 upgraded 10',
        'worker-4 upgraded 10',
      ]);
      expect(cluster.done('uncordonNode').filter((node) => node === 'worker-2')).toHaveLength(2);
      const drains = cluster.calls.filter(({ activity, input }) => {
        return activity === 'drainNode' && (input as { node: string }).node === 'worker-2';
      });
      expect(drains.map(({ input }) => input)).toEqual([
        expect.objectContaining({ mayYield: true }),
        expect.not.objectContaining({ mayYield: true }),
      ]);
      const told = (await upgrade.audit()).filter(({ event }) => event === 'node.yielded');
      expect(told.map(({ text }) => text)).toEqual([
        'they waited; it is taken again when no other node is in work',
      ]);
      await upgrade.record('node-yielded');
    });
  });
});
