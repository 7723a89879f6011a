import { poolStatusQuery, setPoolSignal } from '../../workflows/messages';
import type { PoolName } from '../../domain/names';
import { aPool, minor } from '../support/builders';
import { terminal } from '../support/workflow-cluster';
import { useWorkflowServer, workerModes } from '../support/workflow-server';
import { refusalIn, type UpgradeUnderTest, withUpgrade } from '../support/workflow-upgrade';

const server = useWorkflowServer();
const oneHop = { target: minor('1.29') };
const poolOfHop = 'hop-1.29/workers';

/** What the pool says: nodes in work, and how many wait for their turn. */
async function inWork(upgrade: UpgradeUnderTest, path = poolOfHop) {
  const { active, pending } = await upgrade.child(path).query(poolStatusQuery);
  return { active: active.map(({ node }) => node), pending };
}

// Five workers in three zones go in the order 1, 4, 2, 5, 3.
describe.each(workerModes)('a limit that is changed, $mode', ({ workerOptions }) => {
  it('raised lets more nodes begin at once, and leaves the plan as it was reviewed', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 5, spec: oneHop }, async (upgrade) => {
      const { cluster } = upgrade;
      const drains = ['worker-4', 'worker-2', 'worker-5'].map((node) =>
        cluster.hold('drainNode', node),
      );
      await upgrade.start();
      await drains[0]?.reached;
      const before = await upgrade.status();
      expect(before.limits).toBeUndefined();
      const request = { actor: 'bob', reason: 'quiet at night', requestId: 'faster' };
      const answer = await upgrade.setPool('workers', '60%', request);
      expect(answer).toEqual({
        requestId: 'faster',
        effect: 'pool workers goes on with at most 3 nodes at once, not 1',
      });
      await Promise.all(drains.map(({ reached }) => reached));
      expect(await inWork(upgrade)).toEqual({
        active: ['worker-4', 'worker-2', 'worker-5'],
        pending: 1,
      });
      const after = await upgrade.status();
      expect(after.planDigest).toBe(before.planDigest);
      expect(after.limits).toEqual([
        {
          pool: 'workers',
          asked: '60%',
          by: 'bob',
          reason: 'quiet at night',
          sinceMs: expect.any(Number),
          maxUnavailable: 3,
          planned: 1,
        },
      ]);
      expect((await upgrade.audit()).at(-1)).toEqual({
        atMs: expect.any(Number),
        actor: 'bob',
        event: 'command.setPool',
        text:
          'bob asked to change maxUnavailable of pool workers from 1 to 60% (quiet at night):' +
          ' pool workers goes on with at most 3 nodes at once, not 1',
        requestId: 'faster',
        pool: 'workers',
      });
      for (const drain of drains) drain.release();
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
      expect(cluster.mostCordoned).toBe(3);
      await upgrade.record('pool-set');
    });
  });

  it('lowered lets nodes in work go on, and begins none until fewer are', async () => {
    const spec = { ...oneHop, pools: [aPool({ maxUnavailable: 3 })] };
    await withUpgrade(server(), { workerOptions, nodes: 5, spec }, async (upgrade) => {
      const { cluster } = upgrade;
      const [first, ...others] = ['worker-4', 'worker-2', 'worker-5'].map((node) =>
        cluster.hold('drainNode', node),
      );
      await upgrade.start();
      await Promise.all([first?.reached, ...others.map(({ reached }) => reached)]);
      const answer = await upgrade.setPool('workers', 1);
      expect(answer.effect).toBe(
        'pool workers goes on with at most 1 node at once, not 3; nodes in work go on',
      );
      await upgrade.untilLimited(poolOfHop, 1);
      first?.release();
      // Two nodes, and which was next before each.
      await upgrade.untilActed(upgrade.child(poolOfHop), 4);
      expect(await inWork(upgrade)).toEqual({ active: ['worker-2', 'worker-5'], pending: 1 });
      for (const drain of others) drain.release();
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
      const turns = cluster.trace.filter(({ activity, is, object }) => {
        const isLast = activity === 'cordonNode' && object === 'worker-3';
        return is === 'done' && (isLast || activity === 'uncordonNode');
      });
      expect(turns.map(({ activity }) => activity)).toEqual([
        ...Array.from({ length: 4 }, () => 'uncordonNode'),
        'cordonNode',
        'uncordonNode',
      ]);
    });
  });

  it('passes neither the canary nor a pause', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 4, spec: oneHop }, async (upgrade) => {
      const { cluster } = upgrade;
      const canary = cluster.hold('upgradeNode', 'worker-1');
      await upgrade.start();
      await canary.reached;
      await upgrade.setPool('workers', 2);
      await upgrade.untilLimited(poolOfHop, 2);
      expect(await inWork(upgrade)).toEqual({ active: ['worker-1'], pending: 3 });
      await upgrade.pause();
      await upgrade.untilTold(poolOfHop);
      const answer = await upgrade.setPool('workers', 3);
      expect(answer.effect).toBe(
        'pool workers goes on with at most 3 nodes at once, not 2;' +
          ' none begins until the upgrade is resumed',
      );
      await upgrade.untilLimited(poolOfHop, 3);
      canary.release();
      await upgrade.untilPhase('paused');
      expect(await inWork(upgrade)).toEqual({ active: [], pending: 3 });
      const drains = ['worker-4', 'worker-2', 'worker-3'].map((node) =>
        cluster.hold('drainNode', node),
      );
      await upgrade.resume();
      await Promise.all(drains.map(({ reached }) => reached));
      for (const drain of drains) drain.release();
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
      expect(cluster.mostCordoned).toBe(3);
    });
  });

  it('does not pass a held node', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 5, spec: oneHop }, async (upgrade) => {
      const { cluster } = upgrade;
      cluster.fail('drainNode', 'worker-4', terminal('drain-deadline', 'it was not empty'));
      await upgrade.start();
      await upgrade.untilGate('node/worker-4');
      const answer = await upgrade.setPool('workers', 3);
      expect(answer.effect).toBe(
        'pool workers goes on with at most 3 nodes at once, not 1;' +
          ' none begins until node/worker-4 is answered',
      );
      await upgrade.untilLimited(poolOfHop, 3);
      expect(await inWork(upgrade)).toEqual({ active: ['worker-4'], pending: 3 });
      const drains = ['worker-2', 'worker-5', 'worker-3'].map((node) =>
        cluster.hold('drainNode', node),
      );
      await upgrade.node('skip', 'worker-4');
      await Promise.all(drains.map(({ reached }) => reached));
      for (const drain of drains) drain.release();
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
    });
  });

  it('holds for the next hop, in its next run, and voids no approval', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 4 }, async (upgrade) => {
      const { cluster } = upgrade;
      const preflight = cluster.hold('preflight', '');
      await upgrade.start();
      await preflight.reached;
      const { planDigest } = await upgrade.status();
      const answer = await upgrade.setPool('workers', '75%');
      expect(answer.effect).toBe('hop-1.29 takes pool workers with at most 3 nodes at once, not 1');
      const drainsOfThree = () =>
        ['worker-4', 'worker-2', 'worker-3'].map((node) => cluster.hold('drainNode', node));
      const first = drainsOfThree();
      preflight.release();
      await Promise.all(first.map(({ reached }) => reached));
      for (const drain of first) drain.release();
      const { status } = await upgrade.untilGate('approve/hop-1.30');
      expect(status.limits).toMatchObject([{ asked: '75%', maxUnavailable: 3, planned: 1 }]);
      expect(status.planDigest).toBe(planDigest);
      expect(cluster.mostCordoned).toBe(3);
      const second = drainsOfThree();
      await upgrade.approve('approve/hop-1.30');
      await Promise.all(second.map(({ reached }) => reached));
      for (const drain of second) drain.release();
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed', to: '1.30.14' });
      expect(cluster.mostCordoned).toBe(3);
    });
  });

  it('is told to a pool that is behind for the next hop, and holds for a rollback', async () => {
    const spec = { hopSoakMs: 3_600_000, approvals: 'none' } as const;
    await withUpgrade(server(), { workerOptions, nodes: 4, spec }, async (upgrade) => {
      const { cluster } = upgrade;
      await upgrade.start();
      await upgrade.untilPhase('soaking');
      const answer = await upgrade.setPool('workers', 3);
      expect(answer.effect).toBe(
        'pool workers is done in hop-1.29;' +
          ' hop-1.30 takes pool workers with at most 3 nodes at once, not 1',
      );
      expect(cluster.mostCordoned).toBe(1);
      const drains = ['worker-1', 'worker-4', 'worker-2'].map((node) =>
        cluster.hold('drainNode', node),
      );
      await upgrade.rollBack('hop-1.29');
      await Promise.all(drains.map(({ reached }) => reached));
      const slower = await upgrade.setPool('workers', 1);
      expect(slower.effect).toBe(
        'pool workers goes on with at most 1 node at once, not 3; nodes in work go on',
      );
      expect((await upgrade.status()).limits).toBeUndefined();
      await upgrade.untilLimited('hop-1.29/rollback/workers', 1);
      for (const drain of drains) drain.release();
      expect(await upgrade.result()).toMatchObject({ outcome: 'rolled-back', at: '1.28.15' });
      expect(cluster.mostCordoned).toBe(3);
    });
  });

  it('is refused with every reason, counts once, and comes by signal too', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 2, spec: oneHop }, async (upgrade) => {
      const preflight = upgrade.cluster.hold('preflight', '');
      await upgrade.start();
      await preflight.reached;
      expect(await refusalIn(upgrade.setPool('wokers', 2))).toEqual({
        code: 'pool-unknown',
        pool: 'wokers',
        pools: ['workers'],
      });
      expect(await refusalIn(upgrade.setPool('wokers', '120%', { actor: '' }))).toEqual({
        code: 'request-malformed',
        problems: [
          'actor must not be empty',
          'maxUnavailable: expected a number of nodes from 1 or a percentage from "1%" to "100%",' +
            ' got the string "120%"',
          'no pool of this upgrade is called wokers - name one of workers',
        ],
      });
      const once = await upgrade.setPool('workers', 2, { requestId: 'once' });
      expect(await upgrade.setPool('workers', 2, { requestId: 'once' })).toEqual(once);
      const again = await upgrade.setPool('workers', 2);
      expect(again.effect).toBe('maxUnavailable of pool workers is 2 already; nothing changes');
      const pool = 'workers' as PoolName;
      const zero = { ...upgrade.request(), pool, maxUnavailable: 0 };
      await upgrade.handle.signal(setPoolSignal, zero);
      await upgrade.handle.signal(setPoolSignal, {
        ...upgrade.request({ actor: 'bob' }),
        pool,
        maxUnavailable: 1,
      });
      preflight.release();
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
      const commands = (await upgrade.audit()).filter(({ event }) => event.startsWith('command.'));
      expect(commands.map(({ actor, text }) => `${actor}: ${text}`)).toEqual([
        'ada: ada asked to change maxUnavailable of pool workers from 1 to 2 (a test):' +
          ' hop-1.29 takes pool workers with at most 2 nodes at once, not 1',
        'ada: setPool was refused: the request is malformed: maxUnavailable: expected a number of' +
          ' nodes from 1 or a percentage from "1%" to "100%", got the number 0 - correct it and' +
          ' send it again',
        'bob: bob asked to change maxUnavailable of pool workers from 2 to 1 (a test):' +
          ' hop-1.29 takes pool workers with at most 1 node at once, not 2',
      ]);
    });
  });
});
