// Random clusters and specs for property tests. Most are plannable; some are wrong on purpose, so
// that properties of refusals are exercised as well.

import fc from 'fast-check';

import type { MemberObservation, NodeObservation, Observation } from '../../domain/observation';
import { knownReleases } from '../../domain/plan/releases';
import type { PoolSpec, UpgradeSpec } from '../../domain/spec';
import type { KubeVersion } from '../../domain/versions';
import { minorOf } from '../../domain/versions';
import { aCluster, aMember, aNode, anEtcd, aPool, aSpec, poolName, version } from './builders';

export interface Situation {
  readonly spec: UpgradeSpec;
  readonly observation: Observation;
  readonly releases: readonly KubeVersion[];
}

/** A patch of the minor, from the first to the newest that is known. */
function patchOf(newest: KubeVersion): fc.Arbitrary<KubeVersion> {
  const patches = Number(newest.split('.')[2]);
  return fc
    .integer({ min: 0, max: patches })
    .map((patch) => version(`${minorOf(newest)}.${patch}`));
}

const minorIndex = fc.nat({ max: knownReleases.length - 1 });

function releaseAt(index: number): KubeVersion {
  return knownReleases[Math.max(0, Math.min(index, knownReleases.length - 1))] ?? version('1.28.0');
}

/** Kubelets from four minors behind (too old) to one ahead (too new), mostly in between. */
function kubeletNear(start: number): fc.Arbitrary<KubeVersion> {
  const shift = fc.oneof(
    { weight: 60, arbitrary: fc.constantFrom(0, -1, -2) },
    { weight: 1, arbitrary: fc.constantFrom(-4, -3, 1) },
  );
  return shift.chain((by) => patchOf(releaseAt(start + by)));
}

function nodesNear(start: number): fc.Arbitrary<readonly NodeObservation[]> {
  const node = fc.record({
    at: kubeletNear(start),
    zone: fc.constantFrom('a', 'b', 'c'),
    role: fc.constantFrom('web', 'db', 'none'),
    order: fc.oneof(
      { weight: 30, arbitrary: fc.constantFrom('1', '2.5', '9', '10', 'last', '1e3') },
      { weight: 1, arbitrary: fc.constant(undefined) },
    ),
    isControlPlane: fc.oneof(
      { weight: 9, arbitrary: fc.constant(false) },
      { weight: 1, arbitrary: fc.constant(true) },
    ),
  });
  return fc.array(node, { minLength: 1, maxLength: 12 }).map((drawn) =>
    drawn.map(({ at, zone, role, order, isControlPlane }, index) => {
      const labels = order === undefined ? { role } : { role, order };
      return aNode(`node-${index}`, at, { zone, isControlPlane, labels });
    }),
  );
}

/** Controllers may be a patch off; now and then one member is off by a minor or silent. */
function membersAt(at: KubeVersion, next: KubeVersion): fc.Arbitrary<MemberObservation[]> {
  const problem = { code: 'unreachable', message: 'connection refused' } as const;
  const member = fc.oneof(
    { weight: 100, arbitrary: fc.constant<Partial<MemberObservation>>({}) },
    {
      weight: 3,
      arbitrary: patchOf(at).map((patch) => ({
        scheduler: { kind: 'observed' as const, version: patch, healthy: true },
      })),
    },
    { weight: 1, arbitrary: fc.constant({ apiServer: aMember('x', next).apiServer }) },
    {
      weight: 1,
      arbitrary: fc.constant({ controllerManager: { kind: 'unobserved', problem } as const }),
    },
  );
  return fc
    .array(member, { minLength: 1, maxLength: 5 })
    .map((drawn) => drawn.map((overrides, index) => aMember(`cp-${index}`, at, overrides)));
}

const poolOptions: fc.Arbitrary<Partial<PoolSpec>> = fc
  .record({
    lane: fc.constantFrom('every-hop', 'fewest-drains'),
    maxUnavailable: fc.constantFrom<PoolSpec['maxUnavailable']>(1, 2, '10%', '50%'),
    zones: fc.constantFrom('one-at-a-time', 'any'),
    ordering: fc.constantFrom({}, {}, { orderLabel: 'order' }),
  })
  .map(({ ordering, ...options }) => ({ ...options, ...ordering }));

// A value that is named several times is drawn more often.
const shapes = fc.constantFrom('all', 'all', 'all', 'web-first', 'web-first', 'web-only');
const minorsAhead = fc.constantFrom(-1, 0, 1, 1, 2, 2, 2, 3, 4, 5);

const pools: fc.Arbitrary<readonly PoolSpec[]> = fc
  .tuple(poolOptions, poolOptions, shapes)
  .map(([one, two, shape]) => {
    const web = aPool({ ...one, name: poolName('web'), nodeSelector: { role: 'web' } });
    const rest = aPool({ ...two, name: poolName('rest') });
    if (shape === 'all') return [rest];
    return shape === 'web-first' ? [web, rest] : [web];
  });

/** A cluster at some minor and a spec to some minor, usually a later one. */
export const situations: fc.Arbitrary<Situation> = fc
  .record({ start: minorIndex, by: minorsAhead, isExact: fc.boolean() })
  .chain(({ start, by, isExact }) => {
    const target = releaseAt(start + by);
    return patchOf(releaseAt(start)).chain((at) =>
      fc.record({
        members: membersAt(at, releaseAt(start + 1)),
        nodes: nodesNear(start),
        pools,
        approvals: fc.constantFrom('none', 'between-hops', 'every-hop'),
        allowSingleMember: fc.constantFrom(true, true, true, false),
        available: fc.option(fc.shuffledSubarray([...knownReleases], { minLength: 7 }), {
          nil: undefined,
          freq: 2,
        }),
        target: fc.constant(isExact ? target : minorOf(target)),
      }),
    );
  })
  .map((drawn) => ({
    spec: aSpec({
      target: drawn.target,
      pools: drawn.pools,
      approvals: drawn.approvals,
      controlPlane: { memberTimeoutMs: 60_000, allowSingleMember: drawn.allowSingleMember },
    }),
    observation: aCluster()
      .with({
        members: drawn.members,
        etcd: anEtcd(drawn.members.length),
        nodes: drawn.nodes,
        ...(drawn.available === undefined ? {} : { availableVersions: drawn.available }),
      })
      .observation(),
    releases: knownReleases,
  }));

/** The same observation with every list in another order. */
export function shuffled(observation: Observation): fc.Arbitrary<Observation> {
  const anyOrder = <Item>(items: readonly Item[]) =>
    fc.shuffledSubarray([...items], { minLength: items.length, maxLength: items.length });
  return fc
    .record({
      members: anyOrder(observation.members),
      nodes: anyOrder(observation.nodes),
      leases: anyOrder(observation.leases),
      available: anyOrder(observation.availableVersions ?? []),
    })
    .map(({ members, nodes, leases, available }) => ({
      ...observation,
      members,
      nodes,
      leases,
      ...(observation.availableVersions === undefined ? {} : { availableVersions: available }),
    }));
}
