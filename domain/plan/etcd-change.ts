// Which hops change etcd, to what, and whether its members may go there from what they run.
// E1. Only where the spec says so: a Kubernetes release works with several etcds, and an etcd
//     minor is a migration of its own.
// E2. One minor at a time and never back (etcd.io/docs/v3.6/upgrades/upgrading-etcd). From 3.6
//     there is a way back to 3.5 through a downgrade that is enabled first; that is not Ascent's
//     way, which is the snapshot of the hop.
// E3. From 3.5 to 3.6 only from 3.5.26 on: before it, members that were removed long ago may come
//     back as voters (etcd.io/blog/2025/zombie_members_upgrade).

import type { EtcdChangeFault, PlanBlocker } from '../blockers';
import type { MemberName } from '../names';
import type { EtcdObservation, Observation } from '../observation';
import type { EtcdTarget } from '../spec';
import { compareTexts } from '../text-order';
import type { KubeVersion } from '../versions';
import { compareVersions, minorOf, minorsBetween, parseVersion } from '../versions';
import type { EtcdStep } from './plan';

/** Minors whose migration was looked into. */
const knownMinors: readonly string[] = ['3.5', '3.6'];
const cleanMembership = '3.5.26' as KubeVersion;

interface EtcdMember {
  readonly name: MemberName;
  readonly at: KubeVersion;
}

export interface EtcdChangesInput {
  readonly wanted: readonly EtcdTarget[];
  readonly observation: Pick<Observation, 'etcd' | 'availableEtcdVersions'>;
  /** The release of each hop; undefined when there is no path. */
  readonly targets: readonly KubeVersion[] | undefined;
  /** Whether hops that `wanted` may be about are behind this upgrade. */
  readonly isUnderWay: boolean;
  readonly timeoutMs: number;
}

export interface EtcdChanges {
  /** By index of the hop. */
  readonly steps: ReadonlyMap<number, EtcdStep>;
  readonly blockers: readonly PlanBlocker[];
}

/** Members that run what is wanted already are left out; a hop without others has no such step. */
export function etcdChanges(input: EtcdChangesInput): EtcdChanges {
  const { wanted, targets } = input;
  const steps = new Map<number, EtcdStep>();
  if (wanted.length === 0) return { steps, blockers: [] };
  const seen = membersOf(input.observation.etcd);
  if (seen === undefined) {
    const { hop, version } = wanted[0] as EtcdTarget;
    return { steps, blockers: [{ code: 'etcd-change-unusable', hop, version, why: 'unobserved' }] };
  }
  const blockers: PlanBlocker[] = misplaced(input);
  let members = seen;
  for (const [index, target] of (targets ?? []).entries()) {
    const change = wanted.find(({ hop }) => hop === minorOf(target));
    if (change === undefined) continue;
    const { hop, version, order } = change;
    const changing = members.filter(({ at }) => at !== version);
    const [first] = changing.map(({ at }) => at).toSorted(compareVersions);
    if (first === undefined) continue;
    blockers.push(
      ...faultsOf(change, changing, input).map((fault): PlanBlocker => ({
        code: 'etcd-change-unusable',
        hop,
        version,
        ...fault,
      })),
    );
    steps.set(index, {
      kind: 'etcd',
      members: changing.map(({ name }) => name),
      order: 'leader-last',
      from: first,
      to: version,
      timeoutMs: input.timeoutMs,
      ...(order === undefined ? {} : { place: order }),
    });
    members = members.map(({ name }) => ({ name, at: version }));
  }
  return { steps, blockers };
}

/** By name; undefined unless every one of them told a version. */
function membersOf(etcd: EtcdObservation): readonly EtcdMember[] | undefined {
  if (etcd.kind === 'unobserved' || etcd.unreachable.length > 0) return undefined;
  const members = etcd.members.flatMap(({ name, version }) => {
    const at = parseVersion(version);
    return at === undefined ? [] : [{ name: name as MemberName, at }];
  });
  if (members.length < etcd.members.length) return undefined;
  return members.toSorted((a, b) => compareTexts(a.name, b.name));
}

/** In mid-upgrade the hop that it is about may be behind. */
function misplaced({ wanted, targets, isUnderWay }: EtcdChangesInput): PlanBlocker[] {
  const minors = new Set(targets?.map(minorOf));
  return wanted.flatMap(({ hop, version }, index): readonly PlanBlocker[] => {
    if (wanted.findIndex((one) => one.hop === hop) !== index) {
      return [{ code: 'etcd-change-unusable', hop, version, why: 'duplicate-hop' }];
    }
    const isMissed = targets !== undefined && !isUnderWay && !minors.has(hop);
    return isMissed ? [{ code: 'etcd-change-unusable', hop, version, why: 'not-on-path' }] : [];
  });
}

/** One at most: the first that has to be put right. */
function faultsOf(
  { version }: EtcdTarget,
  members: readonly EtcdMember[],
  { observation }: EtcdChangesInput,
): readonly EtcdChangeFault[] {
  const versions = members.map(({ at }) => at).toSorted(compareVersions);
  const oldest = versions[0] as KubeVersion;
  const newest = versions.at(-1) as KubeVersion;
  if (compareVersions(newest, version) > 0) return [{ why: 'goes-back', at: newest }];
  if (minorsBetween(oldest, version) > 1) return [{ why: 'skips-minor', at: oldest }];
  const isKnown = [oldest, version].every((one) => knownMinors.includes(minorOf(one)));
  if (!isKnown) return [{ why: 'unsupported', at: oldest }];
  if (minorOf(oldest) !== minorOf(version) && compareVersions(oldest, cleanMembership) < 0) {
    return [{ why: 'patch-too-old', at: oldest, needed: cleanMembership }];
  }
  const { availableEtcdVersions: available } = observation;
  const isThere = available === undefined || available.includes(version);
  return isThere ? [] : [{ why: 'not-available', at: oldest }];
}
