import { pauseSignal, resumeSignal } from '../../workflows/messages';
import { minor } from '../support/builders';
import { useWorkflowServer, workerModes } from '../support/workflow-server';
import { refusalIn, withUpgrade } from '../support/workflow-upgrade';

const server = useWorkflowServer();
const oneHop = { target: minor('1.29') };

describe.each(workerModes)('a pause, $mode', ({ workerOptions }) => {
  it('stops a drain in the middle, keeps the cordon, and a resume drains again', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 2, spec: oneHop }, async (upgrade) => {
      const { cluster } = upgrade;
      const draining = cluster.hold('drainNode', 'worker-1');
      await upgrade.start();
      await draining.reached;
      const answer = await upgrade.pause({ actor: 'bob', reason: 'a look at the budgets' });
      expect(answer.effect).toBe(
        'work under way ends at the next safe point, then nothing begins until it is resumed',
      );
      const status = await upgrade.untilPhase('paused');
      expect(status.paused).toMatchObject({ by: 'bob', reason: 'a look at the budgets' });
      expect(status.sentence).toContain('is paused by bob (a look at the budgets)');
      expect(cluster.trace.at(-1)).toEqual({
        activity: 'drainNode',
        object: 'worker-1',
        is: 'cancelled',
      });
      expect(cluster.cordonReason('worker-1')).toBe('ascent: hop-1.29, to 1.29.15');
      await upgrade.resume();
      const result = await upgrade.result();
      if (result.outcome !== 'completed') throw new Error(result.outcome);
      // Two before the pause, ten after it.
      expect(result.hops[0]?.nodes[0]).toMatchObject({ outcome: 'upgraded', evicted: 12 });
      const events = await upgrade.events();
      expect(events.filter((event) => event === 'upgrade.paused')).toHaveLength(1);
      await upgrade.record('paused-in-drain');
    });
  });

  it('lets a kubelet change end and the node serve again before it takes effect', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 2, spec: oneHop }, async (upgrade) => {
      const { cluster } = upgrade;
      const changing = cluster.hold('upgradeNode', 'worker-1');
      await upgrade.start();
      await changing.reached;
      await upgrade.pause();
      await upgrade.untilPhase('pausing');
      await upgrade.untilTold('hop-1.29/workers/worker-1');
      changing.release();
      await upgrade.untilPhase('paused');
      expect(cluster.versions()).toEqual([
        'cp-1 1.29.15/1.29.15',
        'worker-1 1.29.15',
        'worker-2 1.28.15',
      ]);
      expect(cluster.done('cordonNode')).toEqual(['worker-1']);
      await upgrade.resume();
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
    });
  });

  it('takes effect between two members of the control plane', async () => {
    const options = { workerOptions, members: 3, nodes: 1, spec: oneHop };
    await withUpgrade(server(), options, async (upgrade) => {
      const { cluster } = upgrade;
      const first = cluster.hold('upgradeControlPlaneMember', 'kube-apiserver cp-1');
      await upgrade.start();
      await first.reached;
      await upgrade.pause();
      await upgrade.untilTold('hop-1.29');
      first.release();
      await upgrade.untilPhase('paused');
      expect(cluster.done('upgradeControlPlaneMember')).toEqual(['kube-apiserver cp-1']);
      await upgrade.resume();
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
    });
  });

  it('does not prolong a soak, and the next hop does not begin', async () => {
    const spec = { hopSoakMs: 3_600_000, approvals: 'none' } as const;
    await withUpgrade(server(), { workerOptions, nodes: 1, spec }, async (upgrade) => {
      await upgrade.start();
      await upgrade.untilPhase('soaking');
      await upgrade.pause();
      await upgrade.untilPhase('paused');
      await upgrade.sleep(3_700_000);
      // In the run of the next hop this plan is the first thing that ends.
      await upgrade.untilDone('planUpgrade', 2);
      await upgrade.untilActed(upgrade.handle, 1);
      const status = await upgrade.status();
      expect(status).toMatchObject({ phase: 'paused', hops: [{ hop: 'hop-1.29' }] });
      expect(upgrade.cluster.done('preflight')).toHaveLength(1);
      await upgrade.resume();
      const result = await upgrade.resultAfterSoak();
      expect(result).toMatchObject({ outcome: 'completed', to: '1.30.14' });
      await upgrade.record('paused-in-soak');
    });
  });

  it('has the same answer for the same request, also in the next run', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 1 }, async (upgrade) => {
      const snapshot = upgrade.cluster.hold('preflight', '');
      await upgrade.start();
      await snapshot.reached;
      const request = { requestId: 'pause-once', actor: 'ada', reason: 'lunch' };
      const first = await upgrade.pause(request);
      expect(await upgrade.pause(request)).toEqual(first);
      const another = upgrade.pause({ ...request, requestId: 'pause-twice' });
      expect(await refusalIn(another)).toEqual({ code: 'already-paused' });
      await upgrade.resume();
      expect(await upgrade.pause(request)).toEqual(first);
      expect(await refusalIn(upgrade.resume())).toEqual({ code: 'not-paused' });
      snapshot.release();
      // The gate opens in the next run.
      await upgrade.untilGate('approve/hop-1.30');
      expect(await upgrade.pause(request)).toEqual(first);
      expect((await upgrade.status()).paused).toBeUndefined();
      expect(await refusalIn(upgrade.resume(request))).toEqual({
        code: 'request-malformed',
        problems: ['requestId pause-once was used for pause already'],
      });
    });
  });

  it('works by signal too, and a refused signal is in the trail', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 1, spec: oneHop }, async (upgrade) => {
      const planning = upgrade.cluster.hold('planUpgrade', '');
      const started = upgrade.start();
      await planning.reached;
      // It stands in the history before the plan does: the upgrade hears it without one.
      await upgrade.handle.signal(pauseSignal, upgrade.request());
      const preflight = upgrade.cluster.hold('preflight', '');
      planning.release();
      await started;
      await preflight.reached;
      await upgrade.handle.signal(pauseSignal, upgrade.request());
      await upgrade.untilTold('hop-1.29');
      preflight.release();
      await upgrade.untilPhase('paused');
      expect(upgrade.cluster.done('takeSnapshot')).toEqual([]);
      await upgrade.handle.signal(resumeSignal, upgrade.request());
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
      const told = (await upgrade.audit()).filter(({ event }) => event.startsWith('command.'));
      expect(told.map(({ event, text }) => `${event}: ${text}`)).toEqual([
        'command.refused: pause was refused: the plan is not made yet - ask again in a few seconds',
        expect.stringContaining('command.pause: ada asked to pause (a test)'),
        expect.stringContaining('command.resume: ada asked to resume (a test)'),
      ]);
    });
  });

  it('keeps an approved hop from beginning until it is resumed', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 1 }, async (upgrade) => {
      await upgrade.start();
      await upgrade.untilGate('approve/hop-1.30');
      await upgrade.pause();
      await upgrade.untilPhase('paused');
      const answer = await upgrade.approve('approve/hop-1.30');
      expect(answer.effect).toBe('hop-1.30 begins once the upgrade is resumed');
      await upgrade.untilDone('planUpgrade', 3);
      await upgrade.untilActed(upgrade.handle, 2);
      expect((await upgrade.status()).hop).toBeUndefined();
      expect(upgrade.cluster.done('preflight')).toHaveLength(1);
      await upgrade.resume();
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed', to: '1.30.14' });
    });
  });
});
