import { minor } from '../support/builders';
import { terminal } from '../support/workflow-cluster';
import { useWorkflowServer, workerModes } from '../support/workflow-server';
import { type UpgradeUnderTest, withUpgrade } from '../support/workflow-upgrade';

const server = useWorkflowServer();
const oneHop = { target: minor('1.29'), hopSoakMs: 0 };
const gate = 'hop-1.29/api-server cp-2';

function failMember({ cluster }: UpgradeUnderTest, name: string): void {
  const failure = terminal('member-not-ready', `kube-apiserver of ${name} is not ready`);
  cluster.fail('upgradeControlPlaneMember', `kube-apiserver ${name}`, failure);
}

describe.each(workerModes)('a hop whose control plane fails, $mode', ({ workerOptions }) => {
  const options = { workerOptions, members: 3, nodes: 1 };

  it('is rolled back at once where the spec says so', async () => {
    const spec = { ...oneHop, rollBack: 'automatic' } as const;
    await withUpgrade(server(), { ...options, spec }, async (upgrade) => {
      failMember(upgrade, 'cp-2');
      await upgrade.start();
      expect(await upgrade.result()).toMatchObject({
        outcome: 'rolled-back',
        at: '1.28.15',
        hop: 'hop-1.29',
      });
      expect(upgrade.cluster.versions()).toEqual([
        'cp-1 1.28.15/1.28.15',
        'cp-2 1.28.15/1.28.15',
        'cp-3 1.28.15/1.28.15',
        'worker-1 1.28.15',
      ]);
      const audit = await upgrade.audit();
      expect(audit.find(({ event }) => event === 'rollback.automatic')).toMatchObject({
        actor: 'ascent',
        text:
          'hop-1.29 is rolled back by the policy of the spec: kube-apiserver of cp-2 runs' +
          ' 1.28.15 again, it did not come up: kube-apiserver of cp-2 is not ready',
      });
      await upgrade.record('rolled-back-automatically');
    });
  });

  it('waits with a proposal where the spec asks', async () => {
    const spec = { ...oneHop, rollBack: 'ask' } as const;
    await withUpgrade(server(), { ...options, spec }, async (upgrade) => {
      failMember(upgrade, 'cp-2');
      await upgrade.start();
      expect((await upgrade.untilGate(gate)).gate).toMatchObject({ proposes: 'rollBack' });
      await upgrade.approve(gate);
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
    });
  });

  it('is not rolled back when its only member was put back: nothing is to be undone', async () => {
    const spec = { ...oneHop, rollBack: 'automatic' } as const;
    await withUpgrade(server(), { ...options, spec }, async (upgrade) => {
      failMember(upgrade, 'cp-1');
      await upgrade.start();
      const { gate: open } = await upgrade.untilGate('hop-1.29/api-server cp-1');
      expect(open).toMatchObject({ failure: { code: 'member-put-back' }, asBefore: true });
      expect(open).not.toHaveProperty('proposes');
      const { rollBackTo } = await upgrade.status();
      expect(rollBackTo?.cheapest).toEqual({ rung: 'none', tooLittle: [] });
      await upgrade.reject('hop-1.29/api-server cp-1');
      expect(await upgrade.result()).toMatchObject({ outcome: 'rejected', at: '1.28.15' });
    });
  });

  it('waits for a person as ever once a pool has begun, or without a policy', async () => {
    const spec = { ...oneHop, rollBack: 'automatic' } as const;
    await withUpgrade(server(), { ...options, spec }, async (upgrade) => {
      upgrade.cluster.fail('verifyCluster', '', terminal('verification-failed', 'not as planned'));
      await upgrade.start();
      const { gate: open } = await upgrade.untilGate('hop-1.29/verify');
      expect(open).not.toHaveProperty('proposes');
      await upgrade.approve('hop-1.29/verify');
      expect(await upgrade.result()).toMatchObject({ outcome: 'completed' });
    });
    await withUpgrade(server(), { ...options, spec: oneHop }, async (upgrade) => {
      failMember(upgrade, 'cp-2');
      await upgrade.start();
      const { gate: open } = await upgrade.untilGate(gate);
      expect(open).not.toHaveProperty('proposes');
    });
  });
});
