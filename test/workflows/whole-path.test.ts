import { canonicalJson } from '../../domain/plan/canonical-json';
import { planDigestOf } from '../../domain/plan/digest';
import type { PlanDigest } from '../../domain/names';
import type { UpgradeStatus } from '../../domain/status/progress';
import { aNode, aPool, minor } from '../support/builders';
import { useWorkflowServer, workerModes } from '../support/workflow-server';
import { refusalIn, withUpgrade } from '../support/workflow-upgrade';

const server = useWorkflowServer();

function digestOf({ planDigest }: UpgradeStatus): PlanDigest {
  if (planDigest === undefined) throw new Error('there is no plan');
  return planDigest;
}

describe.each(workerModes)('an upgrade over two minors, $mode', ({ workerOptions }) => {
  it('takes every member and node through both hops and asks between them', async () => {
    await withUpgrade(server(), { workerOptions, members: 3, nodes: 2 }, async (upgrade) => {
      const answer = await upgrade.start();
      if (answer.kind === 'refused') throw new Error('refused');
      expect(answer.plan.digest).toBe(planDigestOf(answer.plan));
      const { status } = await upgrade.untilGate('approve/hop-1.30');
      expect(status).toMatchObject({
        phase: 'waiting-for-approval',
        from: '1.28.15',
        to: '1.30.14',
        planDigest: answer.plan.digest,
        rollBackTo: { hop: 'hop-1.29', at: '1.28.15' },
      });
      expect(upgrade.cluster.versions()).toEqual([
        'cp-1 1.29.15/1.29.15',
        'cp-2 1.29.15/1.29.15',
        'cp-3 1.29.15/1.29.15',
        'worker-1 1.29.15',
        'worker-2 1.29.15',
      ]);
      await upgrade.approve('approve/hop-1.30');
      const result = await upgrade.result();
      expect(result).toMatchObject({
        outcome: 'completed',
        from: '1.28.15',
        to: '1.30.14',
        hops: [
          { hop: 'hop-1.29', outcome: 'completed', from: '1.28.15', to: '1.29.15' },
          { hop: 'hop-1.30', outcome: 'completed', from: '1.29.15', to: '1.30.14' },
        ],
      });
      expect(upgrade.cluster.versions()).toEqual([
        'cp-1 1.30.14/1.30.14',
        'cp-2 1.30.14/1.30.14',
        'cp-3 1.30.14/1.30.14',
        'worker-1 1.30.14',
        'worker-2 1.30.14',
      ]);
      const looks = upgrade.cluster.calls.filter(({ activity }) => activity === 'preflight');
      expect(looks.map(({ input }) => input)).toMatchObject([
        { hop: { to: '1.29.15' }, planned: { pathTo: '1.30.14' } },
        { hop: { to: '1.30.14' }, planned: { pathTo: '1.30.14' } },
      ]);
      expect(await upgrade.events()).toEqual([
        'upgrade.asked',
        'plan.made',
        'hop.begun',
        'snapshot.verified',
        'hop.completed',
        'gate.opened',
        'command.approve',
        'hop.begun',
        'snapshot.verified',
        'hop.completed',
        'upgrade.completed',
      ]);
      await upgrade.record('two-hops');
    });
  });

  it('keeps the order of a hop, with the leaders of the controllers last', async () => {
    const spec = { target: minor('1.29') };
    await withUpgrade(server(), { workerOptions, members: 3, nodes: 1, spec }, async (upgrade) => {
      await upgrade.start();
      await upgrade.result();
      const asked = upgrade.cluster.calls.find(({ activity }) => activity === 'preflight');
      expect(asked?.input).toMatchObject({
        pools: [{ pool: 'workers', nodes: ['worker-1'], atOnce: 1 }],
      });
      const done = upgrade.cluster.trace.filter((line) => line.is === 'done');
      const [snapshotId = ''] = upgrade.cluster.done('takeSnapshot');
      expect(snapshotId).toMatch(/^c\d+-hop-1\.29-from-1\.28\.15-[0-9a-f]{12}$/);
      expect(done.map(({ activity, object }) => `${activity} ${object}`.trim())).toEqual([
        'planUpgrade',
        'preflight',
        `takeSnapshot ${snapshotId}`,
        'checkMembers',
        'upgradeControlPlaneMember kube-apiserver cp-1',
        'checkMembers',
        'upgradeControlPlaneMember kube-apiserver cp-2',
        'checkMembers',
        'upgradeControlPlaneMember kube-apiserver cp-3',
        'findLeaders',
        'checkMembers',
        'upgradeControlPlaneMember controllers cp-3',
        'checkMembers',
        'upgradeControlPlaneMember controllers cp-2',
        'checkMembers',
        'upgradeControlPlaneMember controllers cp-1',
        'checkMembers',
        'taintWaitingNodes worker-1',
        'admitNodes workers',
        'cordonNode worker-1',
        'drainNode worker-1',
        'upgradeNode worker-1',
        'verifyNode worker-1',
        'uncordonNode worker-1',
        'taintWaitingNodes',
        'verifyCluster',
      ]);
    });
  });

  it('sends the canary alone, then never more nodes than the window allows', async () => {
    const spec = { target: minor('1.29'), pools: [aPool({ maxUnavailable: 2 })] };
    await withUpgrade(server(), { workerOptions, nodes: 5, spec }, async (upgrade) => {
      const { cluster } = upgrade;
      const canary = cluster.hold('verifyNode', 'worker-1');
      const pair = ['worker-4', 'worker-2'].map((node) => cluster.hold('verifyNode', node));
      await upgrade.start();
      await canary.reached;
      expect(cluster.done('cordonNode')).toEqual(['worker-1']);
      canary.release();
      // Both are under way before either is let go; nothing else says that two go side by side.
      await Promise.all(pair.map((held) => held.reached));
      expect(cluster.done('cordonNode').toSorted()).toEqual(['worker-1', 'worker-2', 'worker-4']);
      for (const held of pair) held.release();
      const result = await upgrade.result();
      expect(result.outcome).toBe('completed');
      expect(cluster.mostCordoned).toBe(2);
      const turns = cluster.done('uncordonNode');
      expect(turns[0]).toBe('worker-1');
      expect(turns.toSorted()).toEqual([1, 2, 3, 4, 5].map((number) => `worker-${number}`));
    });
  });

  it('needs at most 60 events for a node', async () => {
    const spec = { target: minor('1.29') };
    await withUpgrade(server(), { workerOptions, nodes: 2, spec }, async (upgrade) => {
      await upgrade.start();
      await upgrade.result();
      const histories = await upgrade.histories();
      const nodes = histories.filter(({ workflowId }) => /worker-\d$/.test(workflowId));
      const counts = nodes.map(({ history }) => history.events?.length ?? 0);
      expect(counts).toHaveLength(2);
      expect(Math.max(...counts)).toBeLessThanOrEqual(60);
    });
  });

  it('verifies all through a soak of two days, and its clock is durable', async () => {
    const spec = { target: minor('1.29'), hopSoakMs: 2 * 86_400_000 };
    await withUpgrade(server(), { workerOptions, nodes: 1, spec }, async (upgrade) => {
      await upgrade.start();
      const status = await upgrade.untilPhase('soaking');
      expect(status.hop).toMatchObject({ id: 'hop-1.29', position: 1, count: 1, step: 'soak' });
      const result = await upgrade.resultAfterSoak();
      if (result.outcome !== 'completed') throw new Error(result.outcome);
      expect(result.hops[0]?.stepSeconds['soak']).toBeGreaterThanOrEqual(2 * 86_400);
      // Once before the soak, four times in it.
      expect(upgrade.cluster.done('verifyCluster')).toHaveLength(5);
      await upgrade.record('soak');
    });
  });

  it('answers a second start with the running plan, and refuses another spec', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 1 }, async (upgrade) => {
      const first = await upgrade.start();
      await upgrade.untilGate('approve/hop-1.30');
      const second = await upgrade.start({ requestId: 'start-2', actor: 'bob' });
      expect(canonicalJson(second)).toBe(canonicalJson(first));
      const other = { ...upgrade.spec, target: minor('1.31'), hopSoakMs: 1 };
      const refusal = await refusalIn(upgrade.start({ spec: other, requestId: 'start-3' }));
      expect(refusal).toEqual({ code: 'upgrade-conflict', differences: ['hopSoakMs', 'target'] });
      // A service that asks every minute must not fill the trail.
      await upgrade.start({ requestId: 'start-2', actor: 'bob' });
      const events = await upgrade.events();
      expect(events.filter((event) => event === 'upgrade.asked-again')).toHaveLength(1);
      const malformed = upgrade.start({ requestId: '', actor: 7 as unknown as string });
      expect(await refusalIn(malformed)).toEqual({
        code: 'request-malformed',
        problems: ['requestId must not be empty', 'actor must be a text'],
      });
    });
  });

  it('begins no second hop when the re-plan finds more nodes than were approved', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 1 }, async (upgrade) => {
      await upgrade.start();
      const before = await upgrade.untilGate('approve/hop-1.30');
      upgrade.cluster.addNode(aNode('worker-9', '1.29.15'));
      await upgrade.approve('approve/hop-1.30');
      await upgrade.untilDone('planUpgrade', 3);
      const after = await upgrade.untilGate('approve/hop-1.30');
      const events = await upgrade.events();
      expect(events.slice(-4)).toEqual([
        'command.approve',
        'plan.changed',
        'approval.void',
        'gate.opened',
      ]);
      const given = digestOf(before.status);
      const current = digestOf(after.status);
      expect(current).not.toBe(given);
      const stale = upgrade.approve('approve/hop-1.30', { planDigest: given });
      expect(await refusalIn(stale)).toEqual({ code: 'digest-stale', given, current });
      await upgrade.approve('approve/hop-1.30');
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed', from: '1.28.15' });
      expect(upgrade.cluster.versions()).toEqual([
        'cp-1 1.30.14/1.30.14',
        'worker-1 1.30.14',
        'worker-9 1.30.14',
      ]);
      await upgrade.record('plan-changed');
    });
  });
});
