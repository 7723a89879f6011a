// Carries out a plan on paper, one member or node after the other, and says where a rule breaks:
// the walking half of plan-checks.ts, whose rules J1 and J2 hold here.

import type { NodeObservation } from '../observation';
import type {
  ApiServerStep,
  ControllersStep,
  EndEmulationStep,
  EtcdStep,
  Hop,
  ImagesStep,
  MemberStep,
  Plan,
  PoolStep,
  ReplaceMembersStep,
  RolloutStep,
  Step,
} from './plan';
import { isPreparing, replacesMachines } from './plan';
import { checkKubelet, checkSkew, kubeletMinorsBehind } from './plan-skew';
import type { ClusterState, Running } from './plan-state';
import type { PlanViolation } from './plan-violations';
import type { PoolSpec, UpgradeSpec } from '../spec';
import type { KubeVersion } from '../versions';
import { compareVersions, minorOf, minorsBetween } from '../versions';

interface Walk {
  readonly plan: Plan;
  readonly spec: UpgradeSpec;
  readonly state: ClusterState;
}

/** Changes `state` as the plan says; yields a skew where it first appears only. */
export function* walkPlan(walk: Walk): Generator<PlanViolation> {
  const seen = new Set<string>();
  for (const violation of walkHops(walk)) {
    const key = `${violation.code} ${violation.object}`;
    if (violation.code.endsWith('-skewed') && seen.has(key)) continue;
    seen.add(key);
    yield violation;
  }
}

function* walkHops(walk: Walk): Generator<PlanViolation> {
  const { plan, state } = walk;
  yield* checkSkew(state, 'start');
  for (const [index, hop] of plan.hops.entries()) {
    for (const step of hop.steps) yield* walkStep(walk, hop, step);
    yield* checkMembers(state, hop);
    const next = plan.hops[index + 1];
    yield* checkNodes(walk, hop, next);
    if (next !== undefined) yield* checkPatience(hop, next);
  }
}

function* walkStep(walk: Walk, hop: Hop, step: Step): Generator<PlanViolation> {
  if (replacesMachines(step)) {
    yield* walkMachines(walk, hop, step);
    return;
  }
  if (isPreparing(step)) {
    if (step.kind === 'images') yield* walkImages(walk, hop, step);
    return;
  }
  switch (step.kind) {
    case 'api-server':
      yield* walkApiServer(walk.state, hop, step);
      break;
    case 'member':
      yield* walkMember(walk.state, hop, step);
      break;
    case 'controllers':
      yield* walkControllers(walk.state, hop, step);
      break;
    case 'end-emulation':
      yield* walkSwitch(walk.state, hop, step);
      break;
    case 'etcd':
      yield* walkEtcd(walk, hop, step);
      break;
    case 'pool':
      yield* walkPool(walk, hop, step);
      break;
    case 'verify':
    case 'soak':
      break;
  }
}

function* walkApiServer(
  state: ClusterState,
  hop: Hop,
  step: ApiServerStep,
): Generator<PlanViolation> {
  const where = `${hop.id}/api-server ${step.member}`;
  const running = state.apiServers.get(step.member);
  if (running === undefined) {
    yield unknownObject('member-unknown', where, step.member);
    return;
  }
  yield* change(running, step, hop, where);
  running.emulates = step.emulates;
  yield* checkSkew(state, where);
}

/** Its controllers talk to the API server beside them only. */
function* walkMember(state: ClusterState, hop: Hop, step: MemberStep): Generator<PlanViolation> {
  const where = `${hop.id}/member ${step.member}`;
  const apiServer = state.apiServers.get(step.member);
  const controllers = state.controllers.get(step.member);
  if (apiServer === undefined || controllers === undefined) {
    yield unknownObject('member-unknown', where, step.member);
    return;
  }
  for (const one of [apiServer, ...controllers]) {
    // `from` is the oldest of the three.
    const from = compareVersions(one.at, step.from) > 0 ? one.at : step.from;
    yield* change(one, { from, to: step.to }, hop, where);
  }
  yield* checkSkew(state, where);
}

/**
 * One member after the other, each with the node that it is on: a new one comes before an old one
 * goes, so that in between there is one more, of the versions that are there anyhow. Controllers
 * come with their API server, which they talk to alone.
 */
function* walkReplacement(state: ClusterState, hop: Hop, step: ReplaceMembersStep) {
  const where = `${hop.id}/replace-members`;
  for (const apiServer of state.apiServers.values()) {
    yield* change(apiServer, step, hop, where);
    yield* checkSkew(state, where);
  }
  for (const one of [...state.controllers.values()].flat()) {
    // A patch more or less of a controller is legal, and goes with its machine.
    yield* change(one, { from: one.at, to: step.to }, hop, where);
  }
  yield* checkSkew(state, where);
  for (const kubelet of state.kubelets.values()) {
    if (!state.replaced.has(kubelet.node.name)) continue;
    kubelet.at = step.to;
    yield* checkKubelet(state, kubelet, where);
  }
}

function* walkControllers(
  state: ClusterState,
  hop: Hop,
  step: ControllersStep,
): Generator<PlanViolation> {
  const where = `${hop.id}/controllers`;
  for (const member of step.members) {
    const running = state.controllers.get(member);
    if (running === undefined) {
      yield unknownObject('member-unknown', where, member);
      continue;
    }
    for (const one of running) {
      // `from` is the oldest of all members; the others may be a patch ahead of it.
      const from = compareVersions(one.at, step.from) > 0 ? one.at : step.from;
      yield* change(one, { from, to: step.to }, hop, where);
      one.emulates = step.emulates;
    }
    yield* checkSkew(state, where);
  }
}

/** All API servers before the first controller. */
function* walkSwitch(
  state: ClusterState,
  hop: Hop,
  step: EndEmulationStep,
): Generator<PlanViolation> {
  const where = `${hop.id}/end-emulation`;
  const code = 'emulation-wrong';
  const servers = step.members.map((name) => [name, [state.apiServers.get(name)]] as const);
  const others = step.members.map((name) => [name, state.controllers.get(name) ?? []] as const);
  for (const [name, running] of [...servers, ...others]) {
    for (const one of running) {
      if (one === undefined) {
        yield unknownObject('member-unknown', where, name);
        continue;
      }
      const [expected, actual] = [servesText(one), servesText(step)];
      if (actual !== expected) yield { code, where, object: one.object, expected, actual };
      one.emulates = undefined;
    }
    yield* checkSkew(state, where);
  }
}

function servesText({ at, emulates }: Pick<Running, 'at' | 'emulates'>): string {
  return emulates === undefined ? `${at} as its own` : `${at} as ${emulates}`;
}

/** What the spec wants for the hop, from what runs, by one minor at most and never back. */
function* walkEtcd({ spec, state }: Walk, hop: Hop, step: EtcdStep): Generator<PlanViolation> {
  const where = `${hop.id}/etcd`;
  const code = 'etcd-version-wrong';
  const wanted = spec.controlPlane.etcd?.find((one) => one.hop === minorOf(hop.to));
  if (wanted?.version !== step.to) {
    const expected = wanted?.version ?? 'left as it is';
    yield { code, where, object: 'etcd', expected, actual: step.to };
  }
  for (const member of step.members) {
    const running = state.etcd.get(member);
    if (running === undefined) {
      yield unknownObject('member-unknown', where, member);
      continue;
    }
    const { object, at } = running;
    const isReachable = compareVersions(at, step.to) < 0 && minorsBetween(at, step.to) <= 1;
    if (!isReachable || compareVersions(at, step.from) < 0) {
      const expected = `from ${step.from} on, and at most one minor before ${step.to}`;
      yield { code, where, object, expected, actual: at };
    }
    running.at = step.to;
  }
}

function* walkPool(walk: Walk, hop: Hop, step: PoolStep): Generator<PlanViolation> {
  const where = `${hop.id}/pool ${step.pool}`;
  const { state, spec } = walk;
  if (!Number.isInteger(step.maxUnavailable) || step.maxUnavailable < 1) {
    const actual = `${step.maxUnavailable}`;
    const expected = 'a whole number from 1';
    yield { code: 'max-unavailable-wrong', where, object: 'maxUnavailable', expected, actual };
  }
  const names = new Set<string>();
  for (const node of step.nodes) {
    const running = state.kubelets.get(node.name);
    if (running === undefined) {
      yield unknownObject('node-unknown', where, node.name);
      continue;
    }
    if (names.has(node.name)) {
      const [expected, actual] = ['once in a step', 'there again'];
      yield { code: 'node-repeated', where, object: `node ${node.name}`, expected, actual };
    }
    names.add(node.name);
    const owner = ownerOf(running.node, spec.pools);
    if (owner?.name !== step.pool || owner.lane !== step.lane) {
      const expected = owner === undefined ? 'in no pool' : `in ${owner.name}, ${owner.lane}`;
      const actual = `in ${step.pool}, ${step.lane}`;
      yield { code: 'pool-wrong', where, object: `node ${node.name}`, expected, actual };
    }
    yield* change(running, node, hop, where);
    yield* checkKubelet(state, running, where);
  }
}

/** Nothing runs in another version for it. */
function* walkImages({ state }: Walk, hop: Hop, step: ImagesStep): Generator<PlanViolation> {
  const where = `${hop.id}/images`;
  if (step.to !== hop.to) {
    const [object, expected, actual] = ['images', hop.to, step.to];
    yield { code: 'step-version-wrong', where, object, expected, actual };
  }
  for (const name of step.members.filter((one) => !state.apiServers.has(one))) {
    yield unknownObject('member-unknown', where, name);
  }
  for (const name of step.nodes.filter((one) => !state.kubelets.has(one))) {
    yield unknownObject('node-unknown', where, name);
  }
}

function walkMachines(walk: Walk, hop: Hop, step: ReplaceMembersStep | RolloutStep) {
  return step.kind === 'rollout'
    ? walkRollout(walk, hop, step)
    : walkReplacement(walk.state, hop, step);
}

/** Every node of the pool: which is next its MachineDeployment decides. */
function* walkRollout({ state, spec }: Walk, hop: Hop, step: RolloutStep) {
  const where = `${hop.id}/rollout ${step.pool}`;
  const kubelets = [...state.kubelets.values()];
  const owned = kubelets.filter(({ node }) => ownerOf(node, spec.pools)?.name === step.pool);
  const lane = spec.pools.find(({ name }) => name === step.pool)?.lane;
  if (owned.length === 0 || lane !== step.lane) {
    const expected = owned.length === 0 ? 'a pool with nodes' : `in lane ${String(lane)}`;
    const object = `pool ${step.pool}`;
    yield { code: 'pool-wrong', where, object, expected, actual: step.lane } as const;
  }
  for (const running of owned) {
    // `from` is the oldest; of a rollout that was interrupted some are there already.
    const from = compareVersions(running.at, step.from) > 0 ? running.at : step.from;
    yield* change(running, { from, to: step.to }, hop, where);
    yield* checkKubelet(state, running, where);
  }
}

/** Compares a change with what runs, then makes it. */
function* change(
  running: Running,
  wanted: { readonly from: KubeVersion; readonly to: KubeVersion },
  hop: Hop,
  where: string,
): Generator<PlanViolation> {
  const { object, at } = running;
  if (wanted.from !== at) {
    yield { code: 'step-version-wrong', where, object, expected: at, actual: wanted.from };
  }
  if (wanted.to !== hop.to) {
    yield { code: 'step-version-wrong', where, object, expected: hop.to, actual: wanted.to };
  }
  running.at = wanted.to;
}

function unknownObject(
  code: 'member-unknown' | 'node-unknown',
  where: string,
  name: string,
): PlanViolation {
  return { code, where, object: name, expected: 'observed', actual: 'unknown' };
}

/** The first pool whose labels are all on the node; control-plane nodes must be asked for. */
function ownerOf(node: NodeObservation, pools: readonly PoolSpec[]): PoolSpec | undefined {
  return pools.find(({ nodeSelector }) => {
    const keys = Object.keys(nodeSelector);
    const named = keys.some((key) =>
      /^(node-role\.kubernetes\.io\/(control-plane|master)|kubernetes\.io\/hostname)$/.test(key),
    );
    if (node.isControlPlane && !named) return false;
    return keys.every((key) => node.labels[key] === nodeSelector[key]);
  });
}

/** After a hop the whole control plane is in its version (R5). */
function* checkMembers(
  { apiServers, controllers }: ClusterState,
  hop: Hop,
): Generator<PlanViolation> {
  for (const running of [...apiServers.values(), ...[...controllers.values()].flat()]) {
    const { object, at, emulates } = running;
    if (emulates !== undefined) {
      const [expected, actual] = [`serving as ${minorOf(at)}`, `serving as ${emulates}`];
      yield { code: 'emulation-wrong', where: hop.id, object, expected, actual };
    }
    // A controller may have been a patch ahead from the start; it is not taken back.
    const isReached = object.startsWith('API') ? at === hop.to : compareVersions(at, hop.to) >= 0;
    if (isReached) continue;
    yield {
      code: 'member-left-behind',
      where: hop.id,
      object,
      expected: hop.to,
      actual: at,
    };
  }
}

/** Lanes: every node is where its pool must be after the hop. */
function* checkNodes(
  { state, spec }: Walk,
  hop: Hop,
  next: Hop | undefined,
): Generator<PlanViolation> {
  for (const { object, at, node } of state.kubelets.values()) {
    const lane = ownerOf(node, spec.pools)?.lane;
    const mustBeThere = lane === 'every-hop' || (lane !== undefined && next === undefined);
    if (!mustBeThere || compareVersions(at, hop.to) >= 0) continue;
    yield { code: 'node-left-behind', where: hop.id, object, expected: hop.to, actual: at };
  }
}

/** `fewest-drains` drains a node in no hop after which it could have waited for the next. */
function* checkPatience(hop: Hop, next: Hop): Generator<PlanViolation> {
  const went = hop.steps.flatMap((step) => {
    if (step.kind !== 'pool' && step.kind !== 'rollout') return [];
    if (step.lane !== 'fewest-drains') return [];
    if (step.kind === 'rollout') return [{ object: `pool ${step.pool}`, from: step.from }];
    return step.nodes.map(({ name, from }) => ({ object: `node ${name}`, from }));
  });
  for (const { object, from } of went) {
    if (minorsBetween(from, next.to) > kubeletMinorsBehind(from)) continue;
    const expected = `left at ${from}, which ${next.to} supports`;
    yield { code: 'node-too-early', where: hop.id, object, expected, actual: 'drained' };
  }
}
