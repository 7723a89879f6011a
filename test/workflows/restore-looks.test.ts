import { minor, nodeName } from '../support/builders';
import { terminal } from '../support/workflow-cluster';
import { useWorkflowServer, workerModes } from '../support/workflow-server';
import { type UpgradeUnderTest, withUpgrade } from '../support/workflow-upgrade';

const server = useWorkflowServer();
const spec = { target: minor('1.29'), hopSoakMs: 7_200_000 };
const unknownNode = [
  {
    resource: 'nodes',
    created: { count: 1, names: [{ name: 'worker-9' }] },
    deleted: { count: 0, names: [] },
  },
] as const;
const nodeOrphan = { code: 'node-unknown', count: 1, objects: [{ name: 'worker-9' }] };

const report = 'a'.repeat(64);

/** By the clock of the server, which skips. */
async function lastWordMs(upgrade: UpgradeUnderTest): Promise<number> {
  return (await upgrade.audit()).at(-1)?.atMs ?? Number.NaN;
}

describe.each(workerModes)('around the restore of a rollback, $mode', ({ workerOptions }) => {
  const options = { workerOptions, nodes: 1, spec };

  it('the cluster is compared with the snapshot, and what is left over is told', async () => {
    await withUpgrade(server(), options, async (upgrade) => {
      const { cluster } = upgrade;
      await upgrade.start();
      await upgrade.untilPhase('soaking');
      cluster.anchors = unknownNode;
      cluster.workloads = {
        totals: [{ resource: 'pods', snapshot: 12, cluster: 12 }],
        differing: [],
        more: 0,
      };
      const pod = { namespace: 'shop', name: 'web-1' };
      cluster.stranded = [{ pod, node: nodeName('worker-8') }];
      await upgrade.rollBack('hop-1.29');
      const result = await upgrade.result();
      const account = {
        schema: 'ascent.restore-account/v1',
        workloads: cluster.workloads,
        orphans: [
          { code: 'pod-without-node', count: 1, objects: [{ ...pod, node: 'worker-8' }] },
          nodeOrphan,
        ],
        gaps: [],
      };
      expect(result).toMatchObject({
        outcome: 'rolled-back',
        hops: [{ hop: 'hop-1.29', outcome: 'rolled-back', account }],
      });
      const { hops } = await upgrade.status();
      expect(hops[0]?.account).toEqual(account);
      expect(Object.keys(hops[0]?.stepSeconds ?? {})).toEqual(
        expect.arrayContaining(['rollback note', 'rollback count']),
      );
      const audit = await upgrade.audit();
      const told = audit.filter(({ event }) => /^rollback\.(noted|counted)$/.test(event));
      expect(told.map(({ text }) => text)).toEqual([
        'the restore leaves over: node-unknown 1 (worker-9)',
        'workloads as in the snapshot: pods 12;' +
          ' orphans: pod-without-node 1 (shop/web-1 on worker-8), node-unknown 1 (worker-9)',
      ]);
      expect(told.filter((entry) => 'restoreNote' in entry)).toEqual([]);
      await upgrade.record('rolled-back-accounted');
    });
  });

  it('nothing stops where neither look can be taken: it is told as not known', async () => {
    await withUpgrade(server(), options, async (upgrade) => {
      const { cluster } = upgrade;
      await upgrade.start();
      await upgrade.untilPhase('soaking');
      cluster.failAny('noteBeforeRestore', terminal('cluster-unreachable', 'etcd is away'));
      cluster.failAny('countRestored', terminal('snapshot-missing', 'it is gone'));
      await upgrade.rollBack('hop-1.29');
      expect(await upgrade.result()).toMatchObject({
        outcome: 'rolled-back',
        at: '1.28.15',
        hops: [
          {
            account: {
              orphans: [],
              gaps: [
                { code: 'not-noted', problem: 'etcd is away' },
                { code: 'not-counted', problem: 'it is gone' },
              ],
            },
          },
        ],
      });
      expect(await upgrade.events()).not.toContain('gate.opened');
    });
  });

  it('what a report has seen that was just confirmed spares the look before', async () => {
    await withUpgrade(server(), options, async (upgrade) => {
      const { cluster } = upgrade;
      await upgrade.start();
      await upgrade.untilPhase('soaking');
      const note = { madeAtMs: await lastWordMs(upgrade), anchors: unknownNode };
      await upgrade.rollBack('hop-1.29', { report, note });
      expect(await upgrade.result()).toMatchObject({
        outcome: 'rolled-back',
        hops: [{ account: { orphans: [nodeOrphan], gaps: [] } }],
      });
      expect(cluster.done('noteBeforeRestore')).toEqual([]);
      const audit = await upgrade.audit();
      expect(audit.find(({ event }) => event === 'rollback.noted')?.text).toBe(
        'the restore leaves over: node-unknown 1 (worker-9)',
      );
      const { hops } = await upgrade.status();
      expect(Object.keys(hops[0]?.stepSeconds ?? {})).toContain('rollback note');
      await upgrade.record('rolled-back-confirmed');
    });
  });

  it.each([
    ['is a minute old', { agoMs: 60_001 }],
    ['was cut short', { agoMs: 0, cutShortBy: 'keys' }],
  ] as const)('the cluster is looked at again where the report %s', async (_why, seen) => {
    await withUpgrade(server(), options, async (upgrade) => {
      const { cluster } = upgrade;
      await upgrade.start();
      await upgrade.untilPhase('soaking');
      const { agoMs, ...cut } = seen;
      const note = { madeAtMs: (await lastWordMs(upgrade)) - agoMs, anchors: unknownNode, ...cut };
      await upgrade.rollBack('hop-1.29', { report, note });
      expect(await upgrade.result()).toMatchObject({
        outcome: 'rolled-back',
        hops: [{ account: { orphans: [], gaps: [] } }],
      });
      expect(cluster.done('noteBeforeRestore')).toHaveLength(1);
    });
  });

  it('the look before takes little of an outage', async () => {
    await withUpgrade(server(), options, async (upgrade) => {
      const { cluster } = upgrade;
      await upgrade.start();
      await upgrade.untilPhase('soaking');
      cluster.fail('observeCluster', '', terminal('cluster-unreachable', 'no answer'));
      await upgrade.rollBack('hop-1.29');
      expect(await upgrade.result()).toMatchObject({ outcome: 'rolled-back' });
      const looks = cluster.calls.filter(({ activity }) =>
        ['noteBeforeRestore', 'countRestored'].includes(activity),
      );
      expect(looks.map(({ input }) => input)).toMatchObject([
        { limits: { seconds: 15 } },
        { limits: { seconds: 120 } },
      ]);
    });
  });
});
