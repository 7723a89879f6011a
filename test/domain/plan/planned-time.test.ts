import { plannedMs } from '../../../domain/plan/planned-time';
import { aCluster, aPlan, aPool, aSpec } from '../../support/builders';

it('takes what the plan says of soaks, and the first guesses for the rest', () => {
  const spec = aSpec({
    hopSoakMs: 3_600_000,
    pools: [aPool({ maxUnavailable: 2, nodeSoakMs: 10_000 })],
  });
  const { hops } = aPlan(spec, aCluster().withNodes(5).observation());
  // Preflight, snapshot, three API servers, three members' controllers, three turns, verify, soak.
  const hopMs = 3_000 + 5_000 + 30_000 + 15_000 + 3 * 40_000 + 5_000 + 3_600_000;
  expect(plannedMs(hops.slice(0, 1))).toBe(hopMs);
  expect(plannedMs(hops)).toBe(2 * hopMs);
  expect(plannedMs([])).toBe(0);
});
