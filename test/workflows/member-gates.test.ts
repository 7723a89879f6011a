// Gates before, between and after the members of a control plane, and a member that is put back.

import type { Finding } from '../../domain/preflight/findings';
import { minor } from '../support/builders';
import { terminal } from '../support/workflow-cluster';
import { useWorkflowServer, workerModes } from '../support/workflow-server';
import { type UpgradeUnderTest, withUpgrade } from '../support/workflow-upgrade';

const server = useWorkflowServer();
const spec = { target: minor('1.29') };

const noLeader: Finding = {
  code: 'etcd-no-leader',
  severity: 'blocks',
  object: { kind: 'cluster' },
  message: 'etcd has no leader that all agree on: no member leads',
  remedy: 'wait for an election',
};
const evenCount: Finding = { ...noLeader, code: 'member-count-even', severity: 'warns' };
const silent = terminal('member-not-ready', 'kube-apiserver of cp-2 does not answer');

/** What was done to the members, gates left out. */
function changes({ cluster }: UpgradeUnderTest): readonly string[] {
  const names = ['upgradeControlPlaneMember', 'putBackMember'];
  return cluster.trace
    .filter(({ activity, is }) => names.includes(activity) && is !== 'begun')
    .map(({ activity, object, is }) =>
      activity === 'putBackMember' ? `${object} back ${is}` : `${object} ${is}`,
    );
}

describe.each(workerModes)('members, $mode', ({ workerOptions }) => {
  const options = { workerOptions, members: 3, nodes: 1, spec };

  it('are not touched while those before are not fit; the findings are told', async () => {
    await withUpgrade(server(), options, async (upgrade) => {
      upgrade.cluster.memberFindings.push([evenCount], [noLeader, evenCount]);
      await upgrade.start();
      const { gate, status } = await upgrade.untilGate('hop-1.29/api-server cp-2');
      expect(gate).toMatchObject({
        kind: 'step',
        step: 'api-server cp-2',
        failure: {
          code: 'members-unfit',
          message:
            'the members are not fit before kube-apiserver of cp-2: 1 finding blocks the hop',
          remedy: 'remove what the blocking findings name, then try again',
        },
        findings: [noLeader, evenCount],
      });
      expect(status.phase).toBe('needs-operator');
      expect(changes(upgrade)).toEqual(['kube-apiserver cp-1 done']);
      await upgrade.approve('hop-1.29/api-server cp-2');
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
      await upgrade.record('members-unfit');
    });
  });

  it('that are not fit after the last keep the pools from beginning', async () => {
    await withUpgrade(server(), options, async (upgrade) => {
      upgrade.cluster.memberFindings.push([], [], [], [], [], [], [noLeader, noLeader]);
      await upgrade.start();
      const { gate } = await upgrade.untilGate('hop-1.29/controllers cp-1');
      expect(gate).toMatchObject({
        failure: {
          code: 'members-unfit',
          message: 'the members are not fit after the last member: 2 findings block the hop',
        },
      });
      expect(upgrade.cluster.done('cordonNode')).toEqual([]);
      await upgrade.approve('hop-1.29/controllers cp-1');
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
    });
  });

  it('that do not come back are put back at once, and the path waits for a person', async () => {
    await withUpgrade(server(), options, async (upgrade) => {
      upgrade.cluster.fail('upgradeControlPlaneMember', 'kube-apiserver cp-2', silent);
      await upgrade.start();
      const { gate } = await upgrade.untilGate('hop-1.29/api-server cp-2');
      expect(gate).toMatchObject({
        failure: {
          code: 'member-put-back',
          message:
            'kube-apiserver of cp-2 runs 1.28.15 again, it did not come up:' +
            ' kube-apiserver of cp-2 does not answer',
        },
      });
      expect(upgrade.cluster.calls.find(({ activity }) => activity === 'putBackMember')).toEqual({
        activity: 'putBackMember',
        input: {
          cluster: upgrade.spec.cluster,
          member: 'cp-2',
          component: 'kube-apiserver',
          failed: '1.29.15',
          to: '1.28.15',
        },
      });
      expect(upgrade.cluster.versions().slice(0, 3)).toEqual([
        'cp-1 1.29.15/1.28.15',
        'cp-2 1.28.15/1.28.15',
        'cp-3 1.28.15/1.28.15',
      ]);
      const told = (await upgrade.audit()).find(({ event }) => event === 'member.put-back');
      expect(told?.text).toBe(
        'kube-apiserver of cp-2 was put back to 1.28.15 (kube-apiserver of cp-2 does not answer)',
      );
      await upgrade.approve('hop-1.29/api-server cp-2');
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
      await upgrade.record('member-put-back');
    });
  });

  it('that cannot be put back are told with both reasons', async () => {
    await withUpgrade(server(), options, async (upgrade) => {
      const { cluster } = upgrade;
      cluster.fail('upgradeControlPlaneMember', 'controllers cp-3', silent);
      const lost = terminal('member-upgrade-failed', 'the host does not answer');
      cluster.fail('putBackMember', 'controllers cp-3', lost);
      await upgrade.start();
      const { gate } = await upgrade.untilGate('hop-1.29/controllers cp-3');
      expect(gate).toMatchObject({
        failure: {
          code: 'member-not-ready',
          message:
            'kube-apiserver of cp-2 does not answer; nor was it put back to 1.28.15:' +
            ' the host does not answer',
        },
      });
      await upgrade.approve('hop-1.29/controllers cp-3');
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
    });
  });

  it('are left as they are when the failure says nothing of them', async () => {
    await withUpgrade(server(), options, async (upgrade) => {
      const refused = terminal('credentials-refused', 'HTTP 401');
      upgrade.cluster.fail('upgradeControlPlaneMember', 'kube-apiserver cp-2', refused);
      await upgrade.start();
      const { gate } = await upgrade.untilGate('hop-1.29/api-server cp-2');
      expect(gate).toMatchObject({ failure: { code: 'credentials-refused' } });
      expect(upgrade.cluster.done('putBackMember')).toEqual([]);
      await upgrade.approve('hop-1.29/api-server cp-2');
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
    });
  });

  it('are put back to the end when the upgrade is cancelled meanwhile', async () => {
    await withUpgrade(server(), options, async (upgrade) => {
      const { cluster } = upgrade;
      cluster.fail('upgradeControlPlaneMember', 'kube-apiserver cp-2', silent);
      const back = cluster.hold('putBackMember', 'kube-apiserver cp-2');
      await upgrade.start();
      await back.reached;
      await upgrade.handle.cancel();
      await upgrade.untilCancelRequested('hop-1.29');
      back.release();
      expect(await upgrade.result()).toMatchObject({ outcome: 'cancelled' });
      expect(changes(upgrade)).toEqual([
        'kube-apiserver cp-1 done',
        'kube-apiserver cp-2 failed',
        'kube-apiserver cp-2 back done',
      ]);
    });
  });

  it('are put back no further when the hop is rolled back', async () => {
    await withUpgrade(server(), options, async (upgrade) => {
      const { cluster } = upgrade;
      cluster.fail('upgradeControlPlaneMember', 'kube-apiserver cp-2', silent);
      const back = cluster.hold('putBackMember', 'kube-apiserver cp-2');
      await upgrade.start();
      await back.reached;
      await upgrade.untilSnapshotTold();
      await upgrade.rollBack('hop-1.29');
      expect(await upgrade.result()).toMatchObject({ outcome: 'rolled-back', at: '1.28.15' });
      expect(changes(upgrade).at(-1)).toBe('kube-apiserver cp-2 back cancelled');
    });
  });
});
