// A control plane whose members are changed as wholes.

import { minor } from '../support/builders';
import { terminal } from '../support/workflow-cluster';
import { useWorkflowServer, workerModes } from '../support/workflow-server';
import { withUpgrade } from '../support/workflow-upgrade';

const server = useWorkflowServer();
const spec = { target: minor('1.29') };

describe.each(workerModes)('whole members, $mode', ({ workerOptions }) => {
  const options = { workerOptions, members: 3, nodes: 1, spec, changedAs: 'member' } as const;

  it('go one after the other, between gates', async () => {
    await withUpgrade(server(), options, async (upgrade) => {
      await upgrade.start();
      const result = await upgrade.result();
      expect(result).toMatchObject({
        outcome: 'completed',
        hops: [
          {
            members: ['cp-1', 'cp-2', 'cp-3'].map((member) => ({ member, component: 'member' })),
          },
        ],
      });
      const gates = upgrade.cluster.trace
        .filter(({ is }) => is === 'done')
        .filter(({ activity }) => /Member(s)?$/.test(activity))
        .map(({ activity, object }) => `${activity} ${object}`.trim());
      expect(gates).toEqual([
        'checkMembers',
        'upgradeControlPlaneMember member cp-1',
        'checkMembers',
        'upgradeControlPlaneMember member cp-2',
        'checkMembers',
        'upgradeControlPlaneMember member cp-3',
        'checkMembers',
      ]);
      await upgrade.record('whole-members');
    });
  });

  it('one that does not come back is put back, and the path stops in the old version', async () => {
    await withUpgrade(server(), options, async (upgrade) => {
      const silent = terminal('member-not-ready', 'member cp-2 does not answer');
      upgrade.cluster.fail('upgradeControlPlaneMember', 'member cp-2', silent);
      await upgrade.start();
      const { gate } = await upgrade.untilGate('hop-1.29/member cp-2');
      expect(gate).toMatchObject({
        failure: {
          code: 'member-put-back',
          message:
            'member cp-2 runs 1.28.15 again, it did not come up: member cp-2 does not answer',
        },
      });
      expect(upgrade.cluster.versions().slice(0, 3)).toEqual([
        'cp-1 1.29.15/1.29.15',
        'cp-2 1.28.15/1.28.15',
        'cp-3 1.28.15/1.28.15',
      ]);
      await upgrade.reject('hop-1.29/member cp-2');
      expect(await upgrade.result()).toMatchObject({ outcome: 'rejected', at: '1.28.15' });
    });
  });
});
