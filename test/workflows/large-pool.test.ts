import { poolStatusQuery } from '../../workflows/messages';
import { aPool, minor } from '../support/builders';
import { useWorkflowServer } from '../support/workflow-server';
import { outcomesOf, withUpgrade } from '../support/workflow-upgrade';

const server = useWorkflowServer();

it('takes a pool of 205 nodes in two chunks, and no history comes near its limit', async () => {
  const spec = { target: minor('1.29'), pools: [aPool({ maxUnavailable: 4 })] };
  await withUpgrade(server(), { workerOptions: {}, nodes: 205, spec }, async (upgrade) => {
    await upgrade.start();
    const result = await upgrade.result();
    if (result.outcome !== 'completed') throw new Error(result.outcome);
    expect(outcomesOf(result).filter(({ outcome }) => outcome === 'upgraded')).toHaveLength(205);
    expect(upgrade.cluster.mostCordoned).toBeLessThanOrEqual(4);
    const totals = await Promise.all(
      ['hop-1.29/workers', 'hop-1.29/workers/2'].map(async (path) => {
        const pool = upgrade.child(path);
        const { events } = await pool.fetchHistory();
        const { total } = await pool.query(poolStatusQuery);
        return { total, isShort: (events?.length ?? 0) < 4_096 };
      }),
    );
    expect(totals).toEqual([
      { total: 200, isShort: true },
      { total: 5, isShort: true },
    ]);
  });
});
