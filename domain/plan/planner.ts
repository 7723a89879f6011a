// Turns what is asked, what was seen and what can be had into a plan or into every reason why there
// is none (R1, R3). Pure: no clock, no randomness, and the order of the observation's lists does
// not matter (O1).
// Q1. What runs already is not planned again. An upgrade that was interrupted after its control
//     plane is finished by a hop inside the minor: snapshot, lagging nodes, verification.
// Q2. Control-plane nodes outside every pool are never touched, but their kubelets count for skew.

import type { PlanBlocker } from '../blockers';
import { blockerCodes } from '../blockers';
import { canonicalJson } from './canonical-json';
import { controlPlaneBlockers, observedControlPlane, singleMember } from './control-plane';
import type { ControlPlane } from './control-plane';
import { planDigestOf } from './digest';
import { emulations, type HopEmulation } from './emulation';
import { etcdChanges } from './etcd-change';
import { imagesSteps } from './images-step';
import { ladderFault } from '../drain/drain-ladder';
import { parseLabelSelector } from '../drain/label-selector';
import { laneChanges } from './lanes';
import type { HopId, NodeName, SnapshotId } from '../names';
import { orderLabelBlockers, windowOf } from '../pool/node-listing';
import type { NodeObservation, Observation } from '../observation';
import { resolvePath } from './path';
import type { EtcdStep, Hop, Plan, PlanResult, PoolStep, Step } from './plan';
import { apiServerRestartMs } from './planned-time';
import { resolveMaxUnavailable } from '../pool/pool-limits';
import { type ResolvedPool, resolvePools } from './pools';
import { controlPlaneObjectBlockers, replaceMembersSteps } from './replaced-members';
import { rolloutBlockers, rolloutStep } from './rollouts';
import { installableOn } from './releases';
import { isKubeletTooNew, isKubeletTooOld, oldestKubeletMinor } from './skew';
import type { UpgradeSpec } from '../spec';
import { undrivenChanges } from './undriven-changes';
import { compareVersions, type KubeVersion, minorOf, oldest } from '../versions';

export interface PlanningInput {
  readonly spec: UpgradeSpec;
  readonly observation: Observation;
  /** Known releases; used only when the observation does not say what can be installed. */
  readonly releases: readonly KubeVersion[];
  /**
   * Hops that this upgrade has behind it; 0 when absent. With it the rest of a plan that is made
   * again in mid-upgrade equals the rest of the plan as first made.
   */
  readonly hopsDone?: number;
}

/**
 * The plan, or all blockers at once, in a stable order. Nothing is thrown. Rules: R5, R6, K1 to K3,
 * P1 to P3; plan-checks.ts judges them again without this code.
 */
export function planUpgrade(input: PlanningInput): PlanResult {
  const { spec, observation } = input;
  const { controlPlaneObject: object } = observation;
  const controlPlane = observedControlPlane(observation.members);
  const resolved = resolvePools(spec.pools, observation.nodes);
  const structural = [
    ...controlPlaneBlockers(observation),
    ...unreportedKubelets(observation),
    ...resolved.blockers,
    ...unknownNamespaces(input),
    ...unorderedNodes(input, resolved.pools),
    ...unreadableSelectors(spec),
    ...endlessLadders(spec),
  ];
  if (controlPlane === undefined) return blockedBy(structural);

  const installable = installableOn(observation.availableVersions, input.releases);
  const path = resolvePath({ spec, current: controlPlane.apiServer, installable });
  const etcd = etcdChanges({
    wanted: spec.controlPlane.etcd ?? [],
    observation,
    targets: path.targets,
    isUnderWay: input.hopsDone !== undefined,
    timeoutMs: spec.controlPlane.memberTimeoutMs,
  });
  const emulation = emulations({
    wanted: spec.controlPlane.emulation ?? [],
    current: controlPlane.apiServer,
    targets: path.targets,
    isUnderWay: input.hopsDone !== undefined,
    changedAs: observation.changedAs,
  });
  const parts = { controlPlane, pools: resolved.pools, etcd: etcd.steps };
  const hops = buildHops({ ...input, ...parts, emulation: emulation.hops }, path.targets ?? []);
  const blockers = [
    ...structural,
    ...path.blockers,
    ...etcd.blockers,
    ...emulation.blockers,
    ...tooNewKubelets(observation.nodes, controlPlane.apiServer),
    ...tooOldKubelets({ ...resolved, controlPlane, hops, replaced: object?.nodes }),
    ...singleMember(spec, observation, path.targets === undefined ? undefined : hops),
    ...undrivenChanges(observation, hops),
    ...controlPlaneObjectBlockers(object, hops, controlPlane.apiServer),
    ...rolloutBlockers({
      pools: resolved.pools,
      deployments: observation.machineDeployments,
      hops,
      apiServer: controlPlane.apiServer,
    }),
  ];
  if (blockers.length > 0) return blockedBy(blockers);
  const last = hops.at(-1);
  if (last === undefined) {
    return blockedBy([
      { code: 'already-at-target', cluster: spec.cluster, at: controlPlane.apiServer },
    ]);
  }
  const draft: Omit<Plan, 'digest'> = {
    schema: 'ascent.plan/v1',
    cluster: spec.cluster,
    from: controlPlane.apiServer,
    to: last.to,
    hops,
  };
  return { kind: 'planned', plan: { ...draft, digest: planDigestOf(draft) } };
}

/** At least one; the order is that of the catalogue, then of the objects. */
function blockedBy(blockers: readonly PlanBlocker[]): PlanResult {
  const sorted = blockers.toSorted(
    (a, b) =>
      blockerCodes.indexOf(a.code) - blockerCodes.indexOf(b.code) ||
      (canonicalJson(a) < canonicalJson(b) ? -1 : 1),
  );
  return { kind: 'blocked', blockers: sorted as [PlanBlocker, ...PlanBlocker[]] };
}

/** Only before an upgrade: a namespace that goes away in the middle of one must not stop it. */
function unknownNamespaces(input: PlanningInput): readonly PlanBlocker[] {
  const { namespaces } = input.observation;
  if (namespaces === undefined || input.hopsDone !== undefined) return [];
  const known = new Set(namespaces);
  return input.spec.pools.flatMap(({ name: pool, drain }) =>
    Object.keys(drain.namespaces ?? {})
      .filter((namespace) => !known.has(namespace))
      .map((namespace) => ({ code: 'namespace-unknown', pool, namespace }) as const),
  );
}

/** Only before an upgrade (node-listing.ts, K4). */
function unorderedNodes(
  { hopsDone }: PlanningInput,
  pools: readonly ResolvedPool[],
): readonly PlanBlocker[] {
  if (hopsDone !== undefined) return [];
  return pools.flatMap(({ spec, nodes }) => orderLabelBlockers(spec, nodes));
}

/** An upgrade file has been read with this in mind; other clients write specs of their own. */
function unreadableSelectors({ pools }: UpgradeSpec): readonly PlanBlocker[] {
  return pools.flatMap(({ name: pool, drain: { podSelector = '' } }) => {
    const selector = parseLabelSelector(podSelector);
    if (selector.kind === 'parsed') return [];
    const { mistakes } = selector;
    return [{ code: 'pod-selector-unreadable', pool, podSelector, mistakes } as const];
  });
}

function endlessLadders({ pools }: UpgradeSpec): readonly PlanBlocker[] {
  return pools.flatMap(({ name: pool, drain: { ladder } }) => {
    const why = ladder === undefined ? undefined : ladderFault(ladder);
    return ladder === undefined || why === undefined
      ? []
      : [{ code: 'ladder-endless', pool, ladder, why } as const];
  });
}

interface HopsInput extends PlanningInput {
  readonly controlPlane: ControlPlane;
  readonly pools: readonly ResolvedPool[];
  /** By index of the hop. */
  readonly etcd: ReadonlyMap<number, EtcdStep>;
  /** The same. */
  readonly emulation: ReadonlyMap<number, HopEmulation>;
}

/** One hop a target; hops in which nothing changes are none (only possible inside one minor). */
function buildHops(input: HopsInput, targets: readonly KubeVersion[]): readonly Hop[] {
  const { drives } = input.observation;
  const { memberTimeoutMs } = input.spec.controlPlane;
  return targets.flatMap((to, index): readonly Hop[] => {
    const from = targets[index - 1] ?? input.controlPlane.apiServer;
    const changes = [
      ...membersSteps(input, { index, from, to }),
      ...input.pools.flatMap((pool) => poolSteps(input.observation, pool, targets, index)),
    ];
    if (changes.length === 0) return [];
    const id = `hop-${minorOf(to)}` as HopId;
    const snapshotId = `${input.spec.cluster}-${id}-from-${from}` as SnapshotId;
    const steps: readonly Step[] = [
      { kind: 'preflight' },
      ...imagesSteps({ drives, changes, pools: input.pools, to, timeoutMs: memberTimeoutMs }),
      { kind: 'snapshot', snapshotId },
      ...changes,
      { kind: 'verify' },
      { kind: 'soak', durationMs: input.spec.hopSoakMs },
    ];
    return [{ id, from, to, approval: approvalOf(input, index, steps), steps }];
  });
}

function approvalOf(
  { spec, hopsDone = 0 }: HopsInput,
  index: number,
  steps: readonly Step[],
): Hop['approval'] {
  // Whatever the spec says (replaced-members.ts, D3).
  if (steps.some(({ kind }) => kind === 'replace-members')) return 'required';
  switch (spec.approvals) {
    case 'none':
      return 'none';
    case 'between-hops':
      return index + hopsDone === 0 ? 'none' : 'required';
    case 'every-hop':
      return 'required';
  }
}

interface HopEnds {
  readonly index: number;
  readonly from: KubeVersion;
  readonly to: KubeVersion;
}

/** etcd after the switch, unless it must be first: until then the old programs lead back. */
function membersSteps(input: HopsInput, hop: HopEnds): readonly Step[] {
  const steps = [...controlPlaneSteps(input, hop), ...switchSteps(input, hop)];
  const etcd = input.etcd.get(hop.index);
  if (etcd === undefined) return steps;
  return etcd.place === 'before-api-servers' ? [etcd, ...steps] : [...steps, etcd];
}

function controlPlaneSteps(input: HopsInput, hop: HopEnds): readonly Step[] {
  const { controlPlane, observation } = input;
  const { from, to } = hop;
  const { controlPlaneObject: all } = observation;
  if (all !== undefined) return replaceMembersSteps(all, input.spec, hop);
  if (observation.changedAs === 'member') return wholeMemberSteps(input, hop);
  const emulation = input.emulation.get(hop.index);
  const emulated = emulation === undefined ? {} : { emulates: emulation.emulates };
  const { timeoutMs, downtime } = memberTiming(input);
  const apiServers: readonly Step[] =
    from === to
      ? []
      : controlPlane.members.map(({ name: member }) => ({
          kind: 'api-server',
          member,
          from,
          to,
          ...emulated,
          timeoutMs,
          ...downtime,
        }));
  // Only the first hop finds controllers as they were seen; later ones find them at `from`.
  const behind = controlPlane.members.filter(
    (member) => hop.index > 0 || compareVersions(member.oldestController, to) < 0,
  );
  const found = behind.map((member) => (hop.index > 0 ? from : member.oldestController));
  const [oldestFound] = found.toSorted(compareVersions);
  if (oldestFound === undefined) return apiServers;
  const members = behind.map((member) => member.name);
  const ends = { from: oldestFound, to, ...emulated };
  return [
    ...apiServers,
    { kind: 'controllers', members, order: 'leader-last', ...ends, timeoutMs },
  ];
}

/** A member whose controllers alone are behind is changed as a whole all the same. */
function wholeMemberSteps(input: HopsInput, { index, from, to }: HopEnds): readonly Step[] {
  const { timeoutMs, downtime } = memberTiming(input);
  return input.controlPlane.members.flatMap(({ name: member, oldestController }) => {
    const found = index > 0 ? from : oldest([from, oldestController]);
    if (compareVersions(found, to) >= 0) return [];
    return [{ kind: 'member', member, from: found, to, timeoutMs, ...downtime } as const];
  });
}

/** None in a hop of one step. */
function switchSteps(input: HopsInput, { index, to: at }: HopEnds): readonly Step[] {
  const emulation = input.emulation.get(index);
  if (emulation === undefined) return [];
  const { emulates, soakMs: durationMs } = emulation;
  const members = input.controlPlane.members.map(({ name }) => name);
  const { timeoutMs, downtime } = memberTiming(input);
  const how = { order: 'leader-last', at, emulates, timeoutMs, ...downtime } as const;
  return [
    { kind: 'soak', of: 'emulation', durationMs },
    { kind: 'end-emulation', members, ...how },
  ];
}

function memberTiming({ spec, controlPlane }: HopsInput) {
  const timeoutMs = spec.controlPlane.memberTimeoutMs;
  const expectedDowntimeMs = Math.min(apiServerRestartMs, timeoutMs);
  return { timeoutMs, downtime: controlPlane.members.length === 1 ? { expectedDowntimeMs } : {} };
}

function poolSteps(
  { machineDeployments }: Observation,
  pool: ResolvedPool,
  targets: readonly KubeVersion[],
  index: number,
): readonly Step[] {
  return machineDeployments === undefined
    ? poolStep(pool, targets, index)
    : rolloutStep(pool, machineDeployments, targets, index);
}

function poolStep(
  { spec, nodes: poolNodes }: ResolvedPool,
  targets: readonly KubeVersion[],
  index: number,
): readonly PoolStep[] {
  const { name, lane, drain, upgradeTimeoutMs, reboot, nodeSoakMs } = spec;
  const nodes = laneChanges({ lane, nodes: poolNodes, targets }, index);
  if (nodes.length === 0) return [];
  // Of all nodes of the pool, not of those that are left: what may be missing does not shrink.
  const maxUnavailable = resolveMaxUnavailable(spec.maxUnavailable, poolNodes.length);
  const size = nodes.length === poolNodes.length ? {} : { poolSize: poolNodes.length };
  const within = { maxUnavailable, window: windowOf(spec) };
  const restarts = reboot === undefined ? {} : { reboot };
  const timing = { drain, upgradeTimeoutMs, ...restarts, nodeSoakMs };
  return [{ kind: 'pool', pool: name, lane, nodes, ...size, ...within, ...timing }];
}

/** K1 before the first step: nothing that Ascent does would make these legal. */
function tooNewKubelets(
  nodes: readonly NodeObservation[],
  apiServer: KubeVersion,
): readonly PlanBlocker[] {
  return nodes
    .filter(({ kubeletVersion }) => isKubeletTooNew(kubeletVersion, apiServer))
    .map(({ name, kubeletVersion }) => ({
      code: 'kubelet-too-new',
      node: name,
      at: kubeletVersion,
      apiServer,
    }));
}

/** K1 and K2 hold for every kubelet or are not known to hold, pool or not. */
function unreportedKubelets({ unreportedNodes = [] }: Observation): readonly PlanBlocker[] {
  return unreportedNodes.map(({ name, reported }) => ({
    code: 'kubelet-unreported',
    node: name,
    reported,
  }));
}

interface SkewInput {
  readonly controlPlane: ControlPlane;
  readonly hops: readonly Hop[];
  readonly pools: readonly ResolvedPool[];
  readonly unmanaged: readonly NodeObservation[];
  readonly replaced: readonly NodeName[] | undefined;
}

/**
 * K2. Nodes of pools and of replaced members are looked at against the first hop only: they follow.
 * Unmanaged ones stay where they are through every hop (Q2).
 */
function tooOldKubelets({
  controlPlane,
  hops,
  pools,
  unmanaged,
  replaced = [],
}: SkewInput): readonly PlanBlocker[] {
  const first = hops[0]?.to ?? controlPlane.apiServer;
  const reached = [first, ...hops.map((hop) => hop.to)];
  const inPools = pools.flatMap((pool) => pool.nodes);
  return [
    ...inPools.flatMap((node) => tooOld(node, [first])),
    ...unmanaged.flatMap((node) => tooOld(node, replaced.includes(node.name) ? [first] : reached)),
  ];
}

function tooOld(
  { name, kubeletVersion: at }: NodeObservation,
  reached: readonly KubeVersion[],
): readonly PlanBlocker[] {
  const apiServer = reached.find((version) => isKubeletTooOld(at, version));
  if (apiServer === undefined) return [];
  const oldestAllowed = oldestKubeletMinor(apiServer);
  return [{ code: 'kubelet-too-old', node: name, at, oldestAllowed, apiServer }];
}
