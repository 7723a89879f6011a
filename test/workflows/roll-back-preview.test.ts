import { minor } from '../support/builders';
import { terminal } from '../support/workflow-cluster';
import { useWorkflowServer, workerModes } from '../support/workflow-server';
import { type UpgradeUnderTest, withUpgrade } from '../support/workflow-upgrade';

const server = useWorkflowServer();
const spec = { target: minor('1.29'), hopSoakMs: 7_200_000 };

async function wayBackOf(upgrade: UpgradeUnderTest) {
  await upgrade.start();
  await upgrade.untilPhase('soaking');
  const target = await upgrade.wayBack();
  if (target === undefined) throw new Error('no way back');
  return target;
}

describe.each(workerModes)('a preview of a rollback, $mode', ({ workerOptions }) => {
  it('tells what would be undone while the upgrade goes on, and changes nothing', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 2, spec }, async (upgrade) => {
      const asked = await wayBackOf(upgrade);
      const trace = upgrade.cluster.trace.length;
      const secrets = {
        resource: 'secrets',
        namespace: 'shop',
        created: 1,
        changed: 0,
        deleted: 0,
        createdNames: ['new'],
        deletedNames: [],
      };
      upgrade.cluster.written = [secrets];
      const preview = await (await upgrade.preview(asked)).result();
      if (preview.kind === 'failed') throw new Error(preview.failure.message);
      expect(preview.report).toMatchObject({
        hop: 'hop-1.29',
        at: '1.28.15',
        snapshot: { id: asked.snapshotId },
        objects: { groups: [secrets] },
        nodes: [
          { node: 'worker-1', to: '1.28.15' },
          { node: 'worker-2', to: '1.28.15' },
        ],
        staying: [],
        cheapest: { rung: 'restore-etcd' },
      });
      const done = upgrade.cluster.trace.slice(trace).map(({ activity }) => activity);
      expect(new Set(done)).toEqual(new Set(['previewRollBack']));
      await upgrade.recordPreview('rollback-preview');

      await upgrade.rollBack('hop-1.29', { report: preview.report.digest });
      expect(await upgrade.result()).toMatchObject({ outcome: 'rolled-back' });
      const audit = await upgrade.audit();
      expect(audit.find(({ event }) => event === 'command.rollBack')?.text).toContain(
        `roll back hop-1.29, as report ${preview.report.digest} says`,
      );
    });
  });

  it('ends with the reason when nothing can be compared', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 1, spec }, async (upgrade) => {
      const asked = await wayBackOf(upgrade);
      upgrade.cluster.failAny('previewRollBack', terminal('snapshot-missing', 'it is gone'));
      expect(await (await upgrade.preview(asked)).result()).toMatchObject({
        kind: 'failed',
        failure: { code: 'snapshot-missing', message: 'it is gone' },
      });
    });
  });

  it('of two who ask at the same time is one, and can be cancelled', async () => {
    await withUpgrade(server(), { workerOptions, nodes: 1, spec }, async (upgrade) => {
      const asked = await wayBackOf(upgrade);
      const held = upgrade.cluster.hold('previewRollBack', asked.snapshotId);
      const first = await upgrade.preview(asked);
      await held.reached;
      const second = await upgrade.preview(asked);
      expect(second.firstExecutionRunId).toBe(first.firstExecutionRunId);
      await first.cancel();
      await expect(second.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
    });
  });
});
