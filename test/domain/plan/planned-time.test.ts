import { plannedMs } from '../../../domain/plan/planned-time';
import { aCluster, aPlan, aPool, aSpec, minor, version } from '../../support/builders';

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

it('takes longer where etcd changes, for each of its members', () => {
  const seen = aCluster().withNodes(1).observation();
  const plain = aSpec();
  const etcd = [{ hop: minor('1.29'), version: version('3.5.35') }];
  const spec = aSpec({ controlPlane: { ...plain.controlPlane, etcd } });
  const [without, withEtcd] = [plain, spec].map((one) => plannedMs(aPlan(one, seen).hops));

  expect((withEtcd ?? 0) - (without ?? 0)).toBe(3 * 15_000);
});

it('takes longer in two steps, by the soak and another start of every member', () => {
  const seen = aCluster().withMembers(3, '1.31.14').withNodes(1, '1.31.14').observation();
  const plain = aSpec({ target: minor('1.32') });
  const emulation = [{ hop: minor('1.32'), soakMs: 60_000 }];
  const spec = { ...plain, controlPlane: { ...plain.controlPlane, emulation } };
  const [once, twice] = [plain, spec].map((one) => plannedMs(aPlan(one, seen).hops));

  expect((twice ?? 0) - (once ?? 0)).toBe(60_000 + 3 * (10_000 + 5_000));
});
