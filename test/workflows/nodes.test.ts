import type { NodeName } from '../../domain/names';
import type { NodeOutcome } from '../../domain/status/progress';
import { blockersQuery, nodeStatusQuery, poolStatusQuery } from '../../workflows/messages';
import { aPool, minor } from '../support/builders';
import { onePodLeft } from '../support/drain-blockers';
import { terminal } from '../support/workflow-cluster';
import { useWorkflowServer, workerModes } from '../support/workflow-server';
import { outcomesOf, refusalIn, withUpgrade } from '../support/workflow-upgrade';

const server = useWorkflowServer();
const oneHop = { target: minor('1.29') };
const deadline = () => terminal('drain-deadline', 'node worker-2 was not empty', onePodLeft);

function shortly({ node, outcome, after }: NodeOutcome): string {
  return `${node} ${outcome} ${after}`;
}

describe.each(workerModes)('a node that cannot go on, $mode', ({ workerOptions }) => {
  it('is held with its blockers, and nothing further begins until it is retried', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 3, spec: oneHop }, async (upgrade) => {
      const { cluster } = upgrade;
      cluster.fail('drainNode', 'worker-2', deadline());
      await upgrade.start();
      const { gate, status } = await upgrade.untilGate('node/worker-2');
      const { blockers } = onePodLeft.progress;
      expect(gate).toMatchObject({
        kind: 'node',
        hop: 'hop-1.29',
        pool: 'workers',
        node: 'worker-2',
        failure: { code: 'drain-deadline' },
        blockers,
      });
      expect(status.phase).toBe('needs-operator');
      expect(await upgrade.handle.query(blockersQuery)).toEqual(blockers);
      expect(cluster.cordonReason('worker-2')).toBe('ascent: hop-1.29, to 1.29.15');
      expect(cluster.done('cordonNode')).toEqual(['worker-1', 'worker-2']);
      const held = await upgrade.child('hop-1.29/workers/worker-2').query(nodeStatusQuery);
      expect(held).toMatchObject({ node: 'worker-2', phase: 'held', gate: { id: gate.id } });
      const pool = await upgrade.child('hop-1.29/workers').query(poolStatusQuery);
      expect(pool).toMatchObject({ pool: 'workers', total: 3, pending: 1, paused: false });
      expect(pool.active.map(({ node }) => node)).toEqual(['worker-2']);
      await upgrade.node('retry', 'worker-2');
      const result = await upgrade.result();
      expect(outcomesOf(result).map(shortly)).toEqual([
        'worker-1 upgraded 1.29.15',
        'worker-2 upgraded 1.29.15',
        'worker-3 upgraded 1.29.15',
      ]);
      // Three of the drain that gave up, ten of the one that did not.
      expect(outcomesOf(result)[1]).toMatchObject({ evicted: 13, refusals: 40 });
      await upgrade.record('node-retried');
    });
  });

  it('is uncordoned and left behind when it is skipped', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 3, spec: oneHop }, async (upgrade) => {
      upgrade.cluster.fail('drainNode', 'worker-2', deadline());
      await upgrade.start();
      await upgrade.untilGate('node/worker-2');
      await upgrade.node('skip', 'worker-2');
      const result = await upgrade.result();
      expect(outcomesOf(result).map(shortly)).toEqual([
        'worker-1 upgraded 1.29.15',
        'worker-2 skipped 1.28.15',
        'worker-3 upgraded 1.29.15',
      ]);
      expect(upgrade.cluster.versions()).toContain('worker-2 1.28.15');
      await upgrade.record('node-skipped');
    });
  });

  it('stays cordoned when it is quarantined, and no later hop touches it', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 2 }, async (upgrade) => {
      const { cluster } = upgrade;
      const broken = terminal('node-not-ready', 'worker-2 does not come back');
      cluster.fail('verifyNode', 'worker-2', broken);
      await upgrade.start();
      await upgrade.untilGate('node/worker-2');
      await upgrade.node('quarantine', 'worker-2');
      await upgrade.untilGate('approve/hop-1.30');
      expect(cluster.cordonReason('worker-2')).toBe(
        'ascent: quarantined by ada: a test; node-not-ready: worker-2 does not come back',
      );
      await upgrade.approve('approve/hop-1.30');
      const result = await upgrade.result();
      expect(outcomesOf(result).map(shortly)).toEqual([
        'worker-1 upgraded 1.29.15',
        'worker-2 quarantined 1.29.15',
        'worker-2 quarantined 1.29.15',
        'worker-1 upgraded 1.30.14',
      ]);
      expect(cluster.versions()).toEqual([
        'cp-1 1.30.14/1.30.14',
        'worker-1 1.30.14',
        'worker-2 1.29.15 cordoned',
      ]);
      await upgrade.record('node-quarantined');
    });
  });

  it('is upgraded where a person had drained it, and stays cordoned for that person', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 2, spec: oneHop }, async (upgrade) => {
      const { cluster } = upgrade;
      const reason = 'ascent: drained by ada: new memory';
      cluster.changeNode('worker-2', { cordon: { kind: 'ours', reason } });
      await upgrade.start();
      const result = await upgrade.result();
      expect(outcomesOf(result).map(shortly)).toEqual([
        'worker-1 upgraded 1.29.15',
        'worker-2 upgraded 1.29.15',
      ]);
      expect(cluster.versions()).toContain('worker-2 1.29.15 cordoned');
      expect(cluster.cordonReason('worker-2')).toBe(reason);
    });
  });

  it('is left out when it does not exist any more, without asking anybody', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 2, spec: oneHop }, async (upgrade) => {
      const first = upgrade.cluster.hold('cordonNode', 'worker-1');
      await upgrade.start();
      await first.reached;
      upgrade.cluster.removeNode('worker-2');
      first.release();
      const result = await upgrade.result();
      expect(outcomesOf(result).map(shortly)).toEqual([
        'worker-1 upgraded 1.29.15',
        'worker-2 skipped 1.28.15',
      ]);
      const missing = (await upgrade.audit()).filter((entry) => entry.event === 'node.missing');
      expect(missing.map(({ node }) => node)).toEqual(['worker-2']);
    });
  });

  it('tells of pods that were broken before it came, and goes on', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 2, spec: oneHop }, async (upgrade) => {
      const pods = ['agent-a', 'agent-b'].map((name) => ({ namespace: 'kube-system', name }));
      upgrade.cluster.brokenBefore.set('worker-2', pods);
      await upgrade.start();
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
      const told = (await upgrade.audit()).filter(({ event }) => event === 'pods.broken-before');
      expect(told.map(({ node, text }) => ({ node, text }))).toEqual([
        {
          node: 'worker-2',
          text:
            'not waited for on worker-2, not Ready since before its cordon:' +
            ' kube-system/agent-a, kube-system/agent-b',
        },
      ]);
    });
  });

  it('lets the nodes that are in work go on while one is held', async () => {
    const spec = { ...oneHop, pools: [aPool({ maxUnavailable: 2 })] };
    await withUpgrade(server(), { workerOptions, nodes: 4, spec }, async (upgrade) => {
      const { cluster } = upgrade;
      const [second, third] = ['worker-4', 'worker-2'];
      cluster.fail('drainNode', second, deadline());
      const moving = cluster.hold('drainNode', third);
      await upgrade.start();
      await moving.reached;
      await upgrade.untilGate(`node/${second}`);
      await upgrade.untilPoolHolds('hop-1.29/workers');
      moving.release();
      const pool = upgrade.child('hop-1.29/workers');
      // Two nodes, and which was next before each.
      await upgrade.untilActed(pool, 4);
      expect(await pool.query(poolStatusQuery)).toMatchObject({
        pending: 1,
        active: [{ node: second }],
      });
      expect(cluster.done('uncordonNode')).toEqual(['worker-1', third]);
      expect(cluster.done('cordonNode')).toHaveLength(3);
      await upgrade.node('retry', second);
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
      expect(cluster.mostCordoned).toBe(2);
    });
  });

  it('is answered only when it waits', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 2, spec: oneHop }, async (upgrade) => {
      upgrade.cluster.fail('drainNode', 'worker-1', deadline());
      await upgrade.start();
      const { gate } = await upgrade.untilGate('node/worker-1');
      expect(await refusalIn(upgrade.node('skip', 'worker-2'))).toEqual({
        code: 'node-not-waiting',
        node: 'worker-2',
        waiting: ['worker-1' as NodeName],
      });
      // A node gate has answers of its own.
      expect(await refusalIn(upgrade.approve(gate.id))).toEqual({
        code: 'gate-unknown',
        gate: 'node/worker-1',
        open: [],
      });
    });
  });

  it('opens a gate of its pool when its workflow was cancelled, and is tried again', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 2, spec: oneHop }, async (upgrade) => {
      const { cluster } = upgrade;
      const draining = cluster.hold('drainNode', 'worker-1');
      await upgrade.start();
      await draining.reached;
      await upgrade.child('hop-1.29/workers/worker-1').cancel();
      const { gate } = await upgrade.untilGate('hop-1.29/pool workers');
      expect(gate).toMatchObject({ failure: { code: 'unexpected' } });
      expect(cluster.done('cordonNode')).toEqual(['worker-1']);
      expect(cluster.versions()).toContain('worker-1 1.28.15');
      await upgrade.approve('hop-1.29/pool workers');
      const result = await upgrade.result();
      expect(outcomesOf(result).map(shortly)).toEqual([
        'worker-1 upgraded 1.29.15',
        'worker-2 upgraded 1.29.15',
      ]);
    });
  });
});
