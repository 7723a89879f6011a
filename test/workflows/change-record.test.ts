// The change record of upgrades that really ran: what of them is kept, and what histories add.

import { AscentClient } from '../../client';
import { recordProblem } from '../../domain/record/chain';
import { compareRecords } from '../../domain/record/compare-records';
import type { ChangeRecord } from '../../domain/record/record';
import { dataOf, upgradeOf } from '../../domain/record/record';
import { viewOf } from '../../domain/record/record-view';
import { useWorkflowServer } from '../support/workflow-server';
import type { UpgradeUnderTest } from '../support/workflow-upgrade';
import { withUpgrade } from '../support/workflow-upgrade';

const server = useWorkflowServer();

function recordOf({ spec }: UpgradeUnderTest, runId?: string): Promise<ChangeRecord> {
  const client = new AscentClient(server().client);
  return client.changeRecord(spec.cluster, runId === undefined ? {} : { runId });
}

const disk = {
  code: 'machine-disk-low',
  severity: 'blocks',
  object: { kind: 'member', name: 'cp-1' },
  message: 'it is full',
  remedy: 'make room',
} as const;

describe('the change record', () => {
  it('of two hops, the second rolled back, tells of both runs and of a gate', async () => {
    await withUpgrade(server(), { workerOptions: {}, nodes: 2 }, async (upgrade) => {
      const { cluster } = upgrade;
      await upgrade.start();
      await upgrade.untilGate('approve/hop-1.30');
      cluster.findings = [disk as never];
      await upgrade.approve('approve/hop-1.30');
      await upgrade.untilGate('hop-1.30/preflight');
      const early = await recordOf(upgrade);
      cluster.findings = [];
      const draining = cluster.hold('drainNode', 'worker-2');
      await upgrade.approve('hop-1.30/preflight');
      await draining.reached;
      await upgrade.untilSnapshotTold();
      await upgrade.rollBack('hop-1.30');
      await upgrade.result();
      const record = await recordOf(upgrade);

      expect(recordProblem(record)).toBeUndefined();
      expect(dataOf(record.entries, 'missing')).toEqual([]);
      const view = viewOf(record.entries);
      expect(view.upgrade).toMatchObject({ state: 'rolled-back', from: '1.28.15', to: '1.30.14' });
      expect(
        view.decisions.map(({ entry, request }) => `${entry.event} ${request?.reason}`),
      ).toEqual([
        'upgrade.asked undefined',
        'command.approve a test',
        'command.approve a test',
        'command.rollBack a test',
      ]);
      expect(
        view.timeline.gates.map(({ gate, by }) => `${gate} ${by?.event} ${by?.actor}`),
      ).toEqual(['approve/hop-1.30 command.approve ada', 'hop-1.30/preflight command.approve ada']);
      expect(view.findings.map(({ finding, hop, end }) => `${hop} ${finding.code} ${end}`)).toEqual(
        ['hop-1.30 machine-disk-low gone'],
      );
      expect(view.rollBacks.map(({ hop, decision }) => [hop.hop, decision?.number])).toEqual([
        ['hop-1.30', 4],
      ]);
      const labels = view.timeline.lanes.map(({ steps }) => steps.map(({ label }) => label));
      expect(labels[1]).toEqual([
        'preflight',
        'snapshot',
        'api-server cp-1',
        'controllers',
        'controllers cp-1',
        'pool workers',
        'rollback look',
        'rollback pool workers',
        'rollback note',
        'rollback restore',
        'rollback verify',
        'rollback cordons',
        'rollback count',
      ]);
      expect(view.timeline.lanes.flatMap(({ steps }) => steps).some((one) => one.isLaidOut)).toBe(
        false,
      );

      // Made while it ran, it says so, and what it says is still told.
      expect(upgradeOf(early.entries).state).toBe('running');
      expect(dataOf(early.entries, 'now')[0]?.hop).toMatchObject({
        id: 'hop-1.30',
        step: 'preflight',
      });
      expect(compareRecords(early, record)).toMatchObject({ kind: 'same', notCompared: [] });
      // By the id of any of its runs it is the same record.
      const { upgrade: firstRun } = upgradeOf(record.entries);
      expect(await recordOf(upgrade, firstRun)).toEqual(record);
    });
  });

  it('of an upgrade that could not begin says why', async () => {
    const options = { workerOptions: {}, nodes: 1, at: '1.30.14' };
    await withUpgrade(server(), options, async (upgrade) => {
      await upgrade.start();
      await upgrade.result();
      const record = await recordOf(upgrade);
      expect(upgradeOf(record.entries).state).toBe('blocked');
      expect(dataOf(record.entries, 'result')).toMatchObject([
        { outcome: 'blocked', refusal: { code: 'blocked' } },
      ]);
    });
  });

  it('of an upgrade that never was is refused', async () => {
    const client = new AscentClient(server().client);
    await expect(client.changeRecord('nobody')).rejects.toMatchObject({
      code: 'upgrade-not-found',
    });
  });
});
