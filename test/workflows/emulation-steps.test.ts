// A hop in two steps: the new programs serve as the minor before, soak so, then as their own; and
// the ways back from it.

import type { ActivityName } from '../support/workflow-cluster';
import { terminal } from '../support/workflow-cluster';
import { minor } from '../support/builders';
import { useWorkflowServer, workerModes } from '../support/workflow-server';
import { type UpgradeUnderTest, withUpgrade } from '../support/workflow-upgrade';

const server = useWorkflowServer();
const hourMs = 3_600_000;
const spec = {
  target: minor('1.32'),
  controlPlane: {
    memberTimeoutMs: 300_000,
    allowSingleMember: true,
    emulation: [{ hop: minor('1.32'), soakMs: hourMs }],
  },
};
const [old, emulating, own] = ['1.31.14', '1.32.13 as 1.31', '1.32.13'];

interface Asked {
  readonly to: string;
  readonly emulates?: string;
  readonly member?: string;
  readonly component?: string;
}

/** `kube-apiserver cp-1 to 1.32.13 as 1.31`; what was put back, `back to`. */
function changes({ cluster }: UpgradeUnderTest): readonly string[] {
  const told: Partial<Record<ActivityName, string>> = {
    upgradeControlPlaneMember: 'to',
    putBackMember: 'back to',
    restoreSnapshot: 'restored',
  };
  return cluster.calls.flatMap(({ activity, input }) => {
    const way = told[activity];
    if (way === undefined) return [];
    const { member, component, to, emulates } = input as Asked;
    if (member === undefined) return [way];
    return [
      `${component} ${member} ${way} ${to}${emulates === undefined ? '' : ` as ${emulates}`}`,
    ];
  });
}

/** The same change of API servers, then of controllers, by members. */
function all(way: string, servers = ['cp-1', 'cp-2'], controllers = ['cp-2', 'cp-1']) {
  return [
    ...servers.map((member) => `kube-apiserver ${member} ${way}`),
    ...controllers.map((member) => `controllers ${member} ${way}`),
  ];
}

describe.each(workerModes)('a hop in two steps, $mode', ({ workerOptions }) => {
  const options = { workerOptions, members: 2, nodes: 1, at: old, spec };
  const soaking = async (upgrade: UpgradeUnderTest): Promise<void> => {
    await upgrade.start();
    await upgrade.untilPhase('soaking');
  };

  it('emulates, soaks, ends that, leaders last, and only then moves nodes', async () => {
    await withUpgrade(server(), options, async (upgrade) => {
      await upgrade.start();
      expect(await upgrade.resultAfterSoak()).toMatchObject({ outcome: 'completed', to: own });

      expect(changes(upgrade)).toEqual([...all(`to ${emulating}`), ...all(`to ${own}`)]);
      const { calls } = upgrade.cluster;
      const verified = calls.filter(({ activity }) => activity === 'verifyCluster');
      expect(verified.map(({ input }) => (input as Asked).emulates)).toEqual([
        '1.31',
        '1.31',
        '1.31',
        '1.31',
        undefined,
      ]);
      const order = calls.map(({ activity }) => activity);
      const lastSwitch = order.lastIndexOf('upgradeControlPlaneMember');
      expect(order.indexOf('cordonNode')).toBeGreaterThan(lastSwitch);
      await upgrade.record('two-steps');
    });
  });

  it('tells in its soak that the old programs lead back', async () => {
    await withUpgrade(server(), options, async (upgrade) => {
      await soaking(upgrade);
      const { hop, rollBackTo } = await upgrade.status();

      expect(hop?.step).toBe('emulation-soak');
      expect(rollBackTo?.cheapest).toMatchObject({ rung: 'leave-emulation', keepsData: true });
      expect(await upgrade.wayBack()).toMatchObject({ cheapest: { keepsData: true } });
    });
  });

  it('is rolled back out of its soak by the old programs, controllers first', async () => {
    await withUpgrade(server(), options, async (upgrade) => {
      await soaking(upgrade);
      const answer = await upgrade.rollBack('hop-1.32');
      expect(answer.effect).toBe(
        'hop-1.32 is rolled back: its members return to 1.31.14, and all data stays',
      );
      const result = await upgrade.result();

      expect(result).toMatchObject({
        outcome: 'rolled-back',
        at: old,
        hops: [{ hop: 'hop-1.32', outcome: 'rolled-back', keptData: true }],
      });
      expect(changes(upgrade).slice(4)).toEqual(
        [
          ...['cp-2', 'cp-1'].map((member) => `controllers ${member}`),
          ...['cp-1', 'cp-2'].map((member) => `kube-apiserver ${member}`),
        ].map((what) => `${what} back to ${old}`),
      );
      expect(upgrade.cluster.versions()).toEqual([
        'cp-1 1.31.14/1.31.14',
        'cp-2 1.31.14/1.31.14',
        'worker-1 1.31.14',
      ]);
      for (const lost of ['restoreSnapshot', 'noteBeforeRestore', 'countRestored'] as const) {
        expect(upgrade.cluster.done(lost)).toEqual([]);
      }
      const audit = await upgrade.audit();
      expect(audit.find(({ event }) => event === 'rollback.begun')?.text).toBe(
        'hop-1.32 is rolled back to 1.31.14 by its old programs, on the same data',
      );
      await upgrade.record('emulation-left');
    });
  });

  it('is left while API servers still change, whatever the first of them runs', async () => {
    await withUpgrade(server(), options, async (upgrade) => {
      const { cluster } = upgrade;
      const changing = cluster.hold('upgradeControlPlaneMember', 'kube-apiserver cp-2');
      await upgrade.start();
      await changing.reached;
      await upgrade.untilSnapshotTold();
      await upgrade.rollBack('hop-1.32');

      expect(await upgrade.result()).toMatchObject({ hops: [{ keptData: true }] });
      expect(cluster.done('restoreSnapshot')).toEqual([]);
    });
  });

  it('is left by the policy of the spec, when its soak finds something', async () => {
    const automatic = { ...spec, rollBack: 'automatic' } as const;
    await withUpgrade(server(), { ...options, spec: automatic }, async (upgrade) => {
      upgrade.cluster.fail('verifyCluster', '', terminal('verification-failed', 'not as planned'));
      await upgrade.start();

      expect(await upgrade.resultAfterSoak()).toMatchObject({
        outcome: 'rolled-back',
        hops: [{ keptData: true }],
      });
      expect(changes(upgrade)).not.toContain('restored');
    });
  });

  it('takes a restore once a member serves as its own minor', async () => {
    await withUpgrade(server(), options, async (upgrade) => {
      const { cluster } = upgrade;
      await soaking(upgrade);
      const silent = terminal('member-not-ready', 'it does not answer');
      cluster.fail('upgradeControlPlaneMember', 'kube-apiserver cp-2', silent);
      await upgrade.sleep(2 * hourMs);
      const { gate } = await upgrade.untilGate('hop-1.32/end-emulation cp-2');

      expect(gate).toMatchObject({
        failure: {
          code: 'member-put-back',
          message:
            'kube-apiserver of cp-2 runs 1.32.13 (emulating 1.31) again, it did not come up:' +
            ' it does not answer',
        },
        asBefore: true,
      });
      expect(changes(upgrade).slice(-2)).toEqual([
        `kube-apiserver cp-2 to ${own}`,
        `kube-apiserver cp-2 back to ${emulating}`,
      ]);
      const { rollBackTo } = await upgrade.status();
      expect(rollBackTo?.cheapest).toEqual({
        rung: 'restore-etcd',
        tooLittle: [
          ...['none', 'put-back'].map((rung) => ({
            rung,
            reason: { code: 'members-moved', members: ['cp-1', 'cp-2'] },
          })),
          { rung: 'leave-emulation', reason: { code: 'switch-begun', members: ['cp-1'] } },
        ],
      });
      await upgrade.rollBack('hop-1.32');
      expect(await upgrade.result()).toMatchObject({ outcome: 'rolled-back', at: old });
      expect(cluster.done('restoreSnapshot')).toHaveLength(1);
    });
  });

  it('asks before it restores, where members serve as their own minor meanwhile', async () => {
    await withUpgrade(server(), options, async (upgrade) => {
      await soaking(upgrade);
      upgrade.cluster.becomes(own);
      await upgrade.rollBack('hop-1.32');
      const { gate } = await upgrade.untilGate('hop-1.32/rollback look');

      expect(gate).toMatchObject({
        failure: {
          code: 'emulation-ended',
          message:
            'hop-1.32 cannot go back by its old programs any more: members serve as their own' +
            ' minor; nothing was changed',
        },
      });
      expect(changes(upgrade)).toHaveLength(4);
      await upgrade.approve('hop-1.32/rollback look');
      const result = await upgrade.result();
      expect(result).toMatchObject({ outcome: 'rolled-back', at: old });
      expect(result).not.toHaveProperty('hops.0.keptData');
      expect(changes(upgrade).slice(4)).toEqual(['restored']);
    });
  });

  it('does not emulate again what it has ended, when its workflow was lost', async () => {
    await withUpgrade(server(), options, async (upgrade) => {
      const { cluster } = upgrade;
      await soaking(upgrade);
      const silent = terminal('member-not-ready', 'it does not answer');
      cluster.fail('upgradeControlPlaneMember', 'kube-apiserver cp-2', silent);
      await upgrade.sleep(2 * hourMs);
      await upgrade.untilGate('hop-1.32/end-emulation cp-2');
      await upgrade.child('hop-1.32').cancel();
      await upgrade.untilGate('hop-1.32/hop');
      const before = changes(upgrade).length;
      await upgrade.approve('hop-1.32/hop');

      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
      expect(changes(upgrade).slice(before)).toEqual(all(`to ${own}`));
    });
  });

  it('takes a restore where the hop was lost: nobody knows how far it went', async () => {
    await withUpgrade(server(), options, async (upgrade) => {
      await soaking(upgrade);
      await upgrade.child('hop-1.32').cancel();
      await upgrade.untilGate('hop-1.32/hop');

      expect((await upgrade.status()).rollBackTo?.cheapest).toMatchObject({
        rung: 'restore-etcd',
        tooLittle: [{}, {}, { rung: 'leave-emulation', reason: { code: 'progress-unknown' } }],
      });
    });
  });
});
