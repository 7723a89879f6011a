// Nodes that the policy of their pool sets aside at the deadline of their drain.

import type { DrainDeadlineDetails } from '../../domain/activity-contract';
import { poolStatusQuery } from '../../workflows/messages';
import { aDrainPolicy, aPool, minor } from '../support/builders';
import { onePodLeft } from '../support/drain-blockers';
import { terminal } from '../support/workflow-cluster';
import { useWorkflowServer, workerModes } from '../support/workflow-server';
import { evictionsOf, withUpgrade } from '../support/workflow-upgrade';

const server = useWorkflowServer();
const drain = { ...aDrainPolicy, ladder: ['quarantine'] } as const;
const spec = { target: minor('1.29'), pools: [aPool({ drain })] };

/** One pod does not go, and no budget has to do with it. */
const stuck: DrainDeadlineDetails = {
  progress: {
    evicted: 3,
    refusals: 0,
    remaining: 1,
    blockers: [
      {
        code: 'pod-terminating',
        pod: { namespace: 'web', name: 'web-0' },
        finalizers: [],
        gracePeriodSeconds: 30,
        cause: 'node-not-ready',
        sinceMs: 0,
      },
    ],
    startedAtMs: 0,
  },
};

function deadline(node: string, details: DrainDeadlineDetails = stuck) {
  return terminal('drain-deadline', `node ${node} was not empty`, details);
}

describe.each(workerModes)('a node that its policy sets aside, $mode', ({ workerOptions }) => {
  it('stays cordoned and told of while the others go on, and is taken again', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 3, spec }, async (upgrade) => {
      const { cluster } = upgrade;
      cluster.fail('drainNode', 'worker-2', deadline('worker-2'));
      const third = cluster.hold('drainNode', 'worker-3');
      await upgrade.start();
      await third.reached;
      expect(cluster.cordonReason('worker-2')).toBe(
        "ascent: quarantined by the pool's policy: its drain ended at its deadline in hop-1.29",
      );
      const pool = upgrade.child('hop-1.29/workers');
      expect(await pool.query(poolStatusQuery)).toMatchObject({
        active: [{ node: 'worker-3' }],
        setAside: [
          {
            node: 'worker-2',
            sinceMs: expect.any(Number) as number,
            why: 'node worker-2 was not empty',
          },
        ],
      });
      third.release();
      const result = await upgrade.result();
      expect(evictionsOf(result)).toEqual([
        'worker-1 upgraded 10',
        'worker-3 upgraded 10',
        // Three of the drain that gave up, ten of the one that did not.
        'worker-2 upgraded 13',
      ]);
      expect(cluster.versions().filter((one) => one.includes('cordoned'))).toEqual([]);
      const told = (await upgrade.audit()).filter(({ node }) => node === 'worker-2');
      expect(told.map(({ event, text }) => `${event}: ${text}`)).toEqual([
        'node.set-aside: node worker-2 was not empty; node worker-2 is set aside until the others' +
          ' are done',
        'node.taken-again: node worker-2 was set aside and is taken again',
      ]);
      await upgrade.record('node-set-aside');
    });
  });

  it('is held where a budget may lack pods, the second time, and over the bound', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 4, spec }, async (upgrade) => {
      const { cluster } = upgrade;
      cluster.fail('drainNode', 'worker-1', deadline('worker-1', onePodLeft));
      // One after the other by zone: worker-1, worker-4, worker-2, worker-3.
      cluster.fail('drainNode', 'worker-4', deadline('worker-4'));
      cluster.fail('drainNode', 'worker-4', deadline('worker-4'));
      cluster.fail('drainNode', 'worker-2', deadline('worker-2'));
      await upgrade.start();
      await upgrade.untilGate('node/worker-1');
      await upgrade.node('retry', 'worker-1');
      // One of four nodes may be set aside, and worker-4 is.
      await upgrade.untilGate('node/worker-2');
      expect(cluster.cordonReason('worker-2')).toBe('ascent: hop-1.29, to 1.29.15');
      await upgrade.node('retry', 'worker-2');
      await upgrade.untilGate('node/worker-4');
      expect(cluster.cordonReason('worker-4')).toBe('ascent: hop-1.29, to 1.29.15');
      await upgrade.node('retry', 'worker-4');
      expect(evictionsOf(await upgrade.result())).toEqual([
        'worker-1 upgraded 13',
        'worker-2 upgraded 13',
        'worker-3 upgraded 10',
        'worker-4 upgraded 16',
      ]);
    });
  });

  it('serves again when the upgrade is cancelled before its pool comes back to it', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 3, spec }, async (upgrade) => {
      const { cluster } = upgrade;
      cluster.fail('drainNode', 'worker-2', deadline('worker-2'));
      const third = cluster.hold('drainNode', 'worker-3');
      await upgrade.start();
      await third.reached;
      await upgrade.handle.cancel();
      expect(evictionsOf(await upgrade.result())).toEqual([
        'worker-1 upgraded 10',
        'worker-3 undone 2',
        'worker-2 undone 3',
      ]);
      expect(cluster.versions().filter((one) => one.includes('cordoned'))).toEqual([]);
      await upgrade.record('set-aside-cancelled');
    });
  });

  it('is held where there is no other one to go on with', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 1, spec }, async (upgrade) => {
      upgrade.cluster.fail('drainNode', 'worker-1', deadline('worker-1'));
      await upgrade.start();
      await upgrade.untilGate('node/worker-1');
      await upgrade.node('skip', 'worker-1');
      expect(evictionsOf(await upgrade.result())).toEqual(['worker-1 skipped 3']);
    });
  });
});
