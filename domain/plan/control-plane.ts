// What the members of the control plane run, and why that may be no place to start from.

import type { PlanBlocker } from '../blockers';
import type { MemberName } from '../names';
import type { MemberObservation, Observation } from '../observation';
import { byName } from '../text-order';
import { type Hop, stopsApiServer } from './plan';
import type { UpgradeSpec } from '../spec';
import type { KubeVersion } from '../versions';
import { compareVersions, minorOf } from '../versions';

export interface ControlPlane {
  /** What the API servers run; the oldest where they differ (which is a blocker). */
  readonly apiServer: KubeVersion;
  /** By name. */
  readonly members: readonly {
    readonly name: MemberName;
    readonly oldestController: KubeVersion;
  }[];
}

/** Undefined when no API server could be observed: then no path can be told. */
export function observedControlPlane(
  members: readonly MemberObservation[],
): ControlPlane | undefined {
  const sorted = members.toSorted(byName);
  const [apiServer] = sorted
    .flatMap((member) => apiServerVersion(member) ?? [])
    .toSorted(compareVersions);
  if (apiServer === undefined) return undefined;
  return {
    apiServer,
    members: sorted.map((member) => ({
      name: member.name,
      // An unobserved controller is a blocker of its own, so the stand-in is never used.
      oldestController:
        controllersOf(member)
          .map(({ at }) => at)
          .toSorted(compareVersions)[0] ?? apiServer,
    })),
  };
}

function apiServerVersion({ apiServer }: MemberObservation): KubeVersion | undefined {
  return apiServer.kind === 'observed' ? apiServer.version : undefined;
}

function componentsOf(member: MemberObservation) {
  return [
    { component: 'kube-apiserver', seen: member.apiServer },
    { component: 'kube-controller-manager', seen: member.controllerManager },
    { component: 'kube-scheduler', seen: member.scheduler },
  ] as const;
}

function controllersOf(member: MemberObservation) {
  return componentsOf(member).flatMap(({ component, seen }) =>
    component === 'kube-apiserver' || seen.kind === 'unobserved'
      ? []
      : [{ component, at: seen.version }],
  );
}

/**
 * `no-members`, `member-unobserved`, `mixed-control-plane`, `controller-skewed`, `member-emulates`.
 * Controllers one minor behind are legal skew, and what emulates is legal, but either is a state in
 * the middle of somebody's hop: an upgrade that was interrupted there is resumed or rolled back by
 * its own workflow, not begun again.
 */
export function controlPlaneBlockers({ cluster, members }: Observation): readonly PlanBlocker[] {
  if (members.length === 0) return [{ code: 'no-members', cluster }];
  const versions = members.toSorted(byName).flatMap((member) => {
    const at = apiServerVersion(member);
    return at === undefined ? [] : [{ member: member.name, at }];
  });
  const isMixed = new Set(versions.map(({ at }) => at)).size > 1;
  return [
    ...members.flatMap(unobservedComponents),
    ...(isMixed ? [{ code: 'mixed-control-plane', versions } as const] : []),
    ...members.flatMap(skewedControllers),
    ...members.flatMap(leftEmulating),
  ];
}

function unobservedComponents(member: MemberObservation): readonly PlanBlocker[] {
  return componentsOf(member).flatMap(({ component, seen }) =>
    seen.kind === 'observed'
      ? []
      : [
          {
            code: 'member-unobserved',
            member: member.name,
            component,
            problem: seen.problem.message,
          } as const,
        ],
  );
}

function skewedControllers(member: MemberObservation): readonly PlanBlocker[] {
  const apiServer = apiServerVersion(member);
  if (apiServer === undefined) return [];
  return controllersOf(member)
    .filter(({ at }) => minorOf(at) !== minorOf(apiServer))
    .map(({ component, at }) => ({
      code: 'controller-skewed',
      member: member.name,
      component,
      at,
      apiServer,
    }));
}

/** A hop ends none that it has not begun: what is to become of it is for a person to say. */
function leftEmulating({ name: member, apiServer }: MemberObservation): readonly PlanBlocker[] {
  if (apiServer.kind === 'unobserved' || apiServer.emulates === undefined) return [];
  const { version: at, emulates } = apiServer;
  return [{ code: 'member-emulates', member, at, emulates }];
}

/** Only where the one API server goes down (or no path tells): finishing the nodes spares it. */
export function singleMember(
  spec: UpgradeSpec,
  { members }: Observation,
  hops: readonly Hop[] | undefined,
): readonly PlanBlocker[] {
  const [member, another] = members;
  if (member === undefined || another !== undefined) return [];
  const isTouched = hops === undefined || hops.some((hop) => hop.steps.some(stopsApiServer));
  return isTouched && !spec.controlPlane.allowSingleMember
    ? [{ code: 'single-member-not-allowed', member: member.name }]
    : [];
}
