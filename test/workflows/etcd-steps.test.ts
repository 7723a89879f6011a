// The step of a hop that changes etcd: leader last, gates of its own, a member that is put back.

import type { Finding } from '../../domain/preflight/findings';
import { minor, version } from '../support/builders';
import { terminal } from '../support/workflow-cluster';
import { useWorkflowServer, workerModes } from '../support/workflow-server';
import { type UpgradeUnderTest, withUpgrade } from '../support/workflow-upgrade';

const server = useWorkflowServer();
const to = version('3.5.35');
const spec = {
  target: minor('1.29'),
  controlPlane: {
    memberTimeoutMs: 300_000,
    allowSingleMember: true,
    etcd: [{ hop: minor('1.29'), version: to }],
  },
};
const silent = terminal('member-not-ready', 'etcd of etcd-3 does not answer');
const behind: Finding = {
  code: 'etcd-version-behind',
  severity: 'blocks',
  object: { kind: 'etcd', name: 'etcd-1' },
  message: 'it runs etcd 3.5.21',
  remedy: 'look at its log',
};

/** What was done to members, in order; gates left out. */
function changes({ cluster }: UpgradeUnderTest): readonly string[] {
  const names = ['upgradeControlPlaneMember', 'upgradeEtcdMember', 'putBackEtcdMember'];
  return cluster.trace
    .filter(({ activity, is }) => names.includes(activity) && is !== 'begun')
    .map(({ activity, object, is }) =>
      activity === 'putBackEtcdMember' ? `${object} back ${is}` : `${object} ${is}`,
    );
}

describe.each(workerModes)('etcd, $mode', ({ workerOptions }) => {
  const options = { workerOptions, members: 3, nodes: 1, spec };

  it('changes after the controllers, its leader last, between gates of its own', async () => {
    await withUpgrade(server(), options, async (upgrade) => {
      upgrade.cluster.etcdLeader = 'etcd-2';
      await upgrade.start();
      const result = await upgrade.result();

      expect(changes(upgrade).slice(5)).toEqual([
        'controllers cp-1 done',
        'etcd-1 done',
        'etcd-3 done',
        'etcd-2 done',
      ]);
      const gates = upgrade.cluster.calls.filter(({ activity }) => activity === 'checkMembers');
      expect(gates.map(({ input }) => (input as { etcd?: object }).etcd)).toEqual([
        ...Array.from({ length: 7 }, () => undefined),
        { to, stage: 'under-way' },
        { to, stage: 'under-way' },
        { to, stage: 'under-way' },
        { to, stage: 'done' },
      ]);
      if (result.outcome !== 'completed') throw new Error(result.outcome);
      expect(result.hops[0]?.members.slice(-1)).toEqual([
        {
          member: 'etcd-2',
          component: 'etcd',
          before: '3.5.21',
          after: '3.5.35',
          changed: true,
          seconds: 1,
        },
      ]);
      await upgrade.record('etcd-changed');
    });
  });

  it('changes first where the spec says so, which the preflight is told', async () => {
    const etcd = [{ hop: minor('1.29'), version: to, order: 'before-api-servers' } as const];
    const first = { ...spec, controlPlane: { ...spec.controlPlane, etcd } };
    await withUpgrade(server(), { ...options, spec: first }, async (upgrade) => {
      await upgrade.start();
      await upgrade.result();

      expect(changes(upgrade)[0]).toBe('etcd-2 done');
      const asked = upgrade.cluster.calls.find(({ activity }) => activity === 'preflight');
      expect(asked?.input).toMatchObject({ etcd: { to, stage: 'to-come' } });
    });
  });

  it('is put back where it does not come up, and the path waits for a person', async () => {
    await withUpgrade(server(), options, async (upgrade) => {
      const { cluster } = upgrade;
      cluster.fail('upgradeEtcdMember', 'etcd-3', silent);
      await upgrade.start();
      const { gate } = await upgrade.untilGate('hop-1.29/etcd etcd-3');

      expect(gate).toMatchObject({
        step: 'etcd etcd-3',
        failure: {
          code: 'member-put-back',
          message:
            'etcd of etcd-3 runs 3.5.21 again, it did not come up:' +
            ' etcd of etcd-3 does not answer',
        },
      });
      expect(cluster.calls.find(({ activity }) => activity === 'putBackEtcdMember')).toEqual({
        activity: 'putBackEtcdMember',
        input: { cluster: upgrade.spec.cluster, member: 'etcd-3', failed: to, to: '3.5.21' },
      });
      await upgrade.approve('hop-1.29/etcd etcd-3');
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
      expect(changes(upgrade).slice(6)).toEqual([
        'etcd-2 done',
        'etcd-3 failed',
        'etcd-3 back done',
        'etcd-3 done',
        'etcd-1 done',
      ]);
      await upgrade.record('etcd-put-back');
    });
  });

  it('that cannot be put back is told with both reasons', async () => {
    await withUpgrade(server(), options, async (upgrade) => {
      const { cluster } = upgrade;
      cluster.fail('upgradeEtcdMember', 'etcd-1', silent);
      const moved = terminal('member-upgrade-failed', 'all of etcd has moved to 3.6.0');
      cluster.fail('putBackEtcdMember', 'etcd-1', moved);
      await upgrade.start();
      const { gate } = await upgrade.untilGate('hop-1.29/etcd etcd-1');

      expect(gate).toMatchObject({
        failure: {
          code: 'member-not-ready',
          message:
            'etcd of etcd-3 does not answer; nor was it put back to 3.5.21:' +
            ' all of etcd has moved to 3.6.0',
        },
      });
      await upgrade.approve('hop-1.29/etcd etcd-1');
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
    });
  });

  it('keeps the pools from beginning until all of it has moved', async () => {
    await withUpgrade(server(), options, async (upgrade) => {
      upgrade.cluster.memberFindings.push(...Array.from({ length: 10 }, () => []), [behind]);
      await upgrade.start();
      const { gate } = await upgrade.untilGate('hop-1.29/etcd etcd-1');

      expect(gate).toMatchObject({
        failure: {
          code: 'members-unfit',
          message:
            'the members are not fit after the last member of etcd: 1 finding blocks the hop',
        },
        findings: [behind],
      });
      expect(upgrade.cluster.done('cordonNode')).toEqual([]);
      await upgrade.approve('hop-1.29/etcd etcd-1');
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
    });
  });

  it('is put back no further when the hop is rolled back', async () => {
    await withUpgrade(server(), options, async (upgrade) => {
      const { cluster } = upgrade;
      cluster.fail('upgradeEtcdMember', 'etcd-2', silent);
      const back = cluster.hold('putBackEtcdMember', 'etcd-2');
      await upgrade.start();
      await back.reached;
      await upgrade.untilSnapshotTold();
      await upgrade.rollBack('hop-1.29');

      expect(await upgrade.result()).toMatchObject({ outcome: 'rolled-back', at: '1.28.15' });
      expect(changes(upgrade).at(-1)).toBe('etcd-2 back cancelled');
    });
  });
});
