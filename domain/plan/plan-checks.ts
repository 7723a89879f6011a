// Judges a plan without the planner's code, so that a mistake there does not agree with itself.
// The activity that plans asks it each time and hands out no plan with a violation.
// J1. The judge restates its rules from the sources (version skew policy, plan.ts P1 to P3,
//     R1, R5, R6) instead of sharing them; only the order of versions is shared.
// J2. It walks through the plan in the order of execution, one member or node after the other, and
//     looks at the skew before the first step and after every change.

import { planDigestOf } from './digest';
import type { Observation } from '../observation';
import type { Hop, Plan, Step } from './plan';
import { walkPlan } from './plan-simulation';
import type { PlanViolation } from './plan-violations';
import { oldestApiServer, startOf } from './plan-state';
import { checkWindows } from './plan-windows';
import type { UpgradeSpec } from '../spec';
import type { KubeMinor, KubeVersion } from '../versions';
import { compareVersions, minorOf, minorsBetween } from '../versions';

export interface JudgedPlan {
  readonly plan: Plan;
  readonly spec: UpgradeSpec;
  readonly observation: Observation;
  /** As given to the planner: hops that the upgrade has behind it. */
  readonly hopsDone?: number;
}

/** Every violation, in the order of the plan; empty for a plan that may be executed. */
export function checkPlan(judged: JudgedPlan): readonly PlanViolation[] {
  const { plan, observation } = judged;
  const violations = [
    ...checkEnds(judged),
    ...plan.hops.flatMap((hop) => [
      ...checkShape(hop, judged.spec),
      ...checkUnits(hop, observation),
      ...checkImages(hop, observation),
      ...checkEmulation(hop, judged.spec),
    ]),
  ];
  const state = startOf(observation);
  if (state === undefined) {
    const [expected, actual] = ['every version observed', 'not every version observed'];
    const object = `cluster ${observation.cluster}`;
    return [
      ...violations,
      { code: 'observation-incomplete', where: 'start', object, expected, actual },
    ];
  }
  return [
    ...violations,
    ...checkPath(judged, oldestApiServer(state)),
    ...walkPlan({ ...judged, state }),
    ...checkWindows(judged),
  ];
}

/** `hop-1.29/pool web: node worker-1 should be at 1.28.15, is at 1.27.3 (step-version-wrong)`. */
export function violationSentence(violation: PlanViolation): string {
  const { code, where, object, expected, actual } = violation;
  return `${where}: ${object} should be ${expected}, is ${actual} (${code})`;
}

function* checkEnds({ plan, spec }: JudgedPlan): Generator<PlanViolation> {
  const where = 'plan';
  const digest = planDigestOf(plan);
  if (digest !== plan.digest) {
    yield { code: 'digest-wrong', where, object: 'digest', expected: digest, actual: plan.digest };
  }
  const reached = plan.hops.at(-1)?.to ?? plan.from;
  const isExact = spec.target.split('.').length === 3;
  for (const at of new Set([plan.to, reached])) {
    if ((isExact ? at : minorOf(at)) === spec.target) continue;
    yield { code: 'target-missed', where, object: 'target', expected: spec.target, actual: at };
  }
  if (plan.to !== reached) {
    yield { code: 'target-missed', where, object: 'last hop', expected: plan.to, actual: reached };
  }
}

function* checkPath(
  { plan, spec, observation, hopsDone = 0 }: JudgedPlan,
  start: KubeVersion,
): Generator<PlanViolation> {
  let at = start;
  if (plan.from !== at) {
    yield {
      code: 'hop-disconnected',
      where: 'plan',
      object: 'from',
      expected: at,
      actual: plan.from,
    };
  }
  for (const [index, hop] of plan.hops.entries()) {
    yield* checkHopVersions(hop, at, plan.hops.length === 1);
    const listed = observation.availableVersions;
    if (listed !== undefined && hop.to !== hop.from && !listed.includes(hop.to)) {
      const expected = listed.join(', ');
      yield { code: 'release-unavailable', where: hop.id, object: 'to', expected, actual: hop.to };
    }
    const isLater = index + hopsDone > 0;
    const isOneWay = hop.steps.some(({ kind }) => kind === 'replace-members');
    const isAsked =
      spec.approvals === 'every-hop' || (spec.approvals === 'between-hops' && isLater);
    const expected = isAsked || isOneWay ? 'required' : 'none';
    if (hop.approval !== expected) {
      const actual = hop.approval;
      yield { code: 'approval-wrong', where: hop.id, object: 'approval', expected, actual };
    }
    at = hop.to;
  }
}

function* checkHopVersions(hop: Hop, at: KubeVersion, isOnly: boolean): Generator<PlanViolation> {
  const where = hop.id;
  const { from, to } = hop;
  const id = `hop-${minorOf(to)}`;
  if (where !== id) {
    yield { code: 'hop-misnamed', where, object: 'id', expected: id, actual: where };
  }
  if (from !== at) {
    yield { code: 'hop-disconnected', where, object: 'from', expected: at, actual: from };
  }
  if (compareVersions(to, from) < 0) {
    yield { code: 'hop-goes-back', where, object: 'to', expected: `${from} or newer`, actual: to };
  }
  const minors = minorsBetween(from, to);
  if (minors > 1 || (minors === 0 && !isOnly)) {
    const expected = `one minor after ${from}`;
    yield { code: 'hop-skips-minor', where, object: 'to', expected, actual: to };
  }
}

/** Its soak in emulation is another step than the one at the end of the hop. */
type StepPlace = Step['kind'] | 'emulation-soak';

const placeOrder: readonly StepPlace[] = [
  'preflight',
  'images',
  'snapshot',
  'api-server',
  'member',
  'replace-members',
  'controllers',
  'emulation-soak',
  'end-emulation',
  'etcd',
  'pool',
  'rollout',
  'verify',
  'soak',
];
const onceInEachHop: readonly StepPlace[] = ['preflight', 'snapshot', 'verify', 'soak'];

function placeOf(step: Step): StepPlace {
  return step.kind === 'soak' && step.of === 'emulation' ? 'emulation-soak' : step.kind;
}

/** Where the spec has etcd change first, it does so right after the snapshot. */
function rankOf(place: StepPlace, hop: Hop, { controlPlane: { etcd = [] } }: UpgradeSpec) {
  const wanted = etcd.find((one) => one.hop === minorOf(hop.to));
  const isFirst = place === 'etcd' && wanted?.order === 'before-api-servers';
  return isFirst ? placeOrder.indexOf('snapshot') + 0.5 : placeOrder.indexOf(place);
}

/** P2 and R6. */
function* checkShape(hop: Hop, spec: UpgradeSpec): Generator<PlanViolation> {
  const kinds = hop.steps.map(placeOf);
  const rank = (place: StepPlace): number => rankOf(place, hop, spec);
  const expected = kinds.toSorted((a, b) => rank(a) - rank(b)).join(', ');
  const actual = kinds.join(', ');
  if (actual !== expected) {
    yield { code: 'step-order-wrong', where: hop.id, object: 'steps', expected, actual };
  }
  for (const kind of onceInEachHop) {
    const count = kinds.filter((one) => one === kind).length;
    if (count === 1) continue;
    const object = `step ${kind}`;
    yield { code: 'step-count-wrong', where: hop.id, object, expected: 'one', actual: `${count}` };
  }
  const changing: readonly StepPlace[] = [
    'api-server',
    'member',
    'replace-members',
    'controllers',
    'end-emulation',
    'etcd',
    'pool',
    'rollout',
  ];
  const change = kinds.findIndex((kind) => changing.includes(kind));
  const snapshot = kinds.indexOf('snapshot');
  if (change >= 0 && (snapshot < 0 || snapshot > change)) {
    const place = snapshot < 0 ? 'nowhere' : 'after it';
    yield {
      code: 'snapshot-missing',
      where: hop.id,
      object: 'snapshot',
      expected: 'before the first change',
      actual: place,
    };
  }
}

/**
 * Nobody could change a component by itself where members are changed as wholes, or a whole; nor a
 * node by itself where machines are replaced, or the other way round.
 */
function* checkUnits(
  hop: Hop,
  { changedAs, controlPlaneObject, machineDeployments }: Observation,
): Generator<PlanViolation> {
  const other = machineDeployments === undefined ? 'rollout' : 'pool';
  for (const { kind } of hop.steps) {
    if (kind !== other) continue;
    const expected = other === 'pool' ? 'pools replaced as wholes' : 'one node at a time';
    yield { code: 'step-kind-wrong', where: hop.id, object: 'steps', expected, actual: kind };
  }
  const own = memberUnit(changedAs, controlPlaneObject);
  for (const { kind } of hop.steps) {
    const unit = unitOf[kind];
    if (unit === undefined || unit === own) continue;
    const expected = unitTexts[own];
    yield { code: 'step-kind-wrong', where: hop.id, object: 'steps', expected, actual: kind };
  }
}

/** One step where the driver brings images, none where it does not; it leaves no machine out. */
function* checkImages(hop: Hop, { drives = [] }: Observation): Generator<PlanViolation> {
  const where = hop.id;
  const there = hop.steps.flatMap((step) => (step.kind === 'images' ? [step] : []));
  const changed = hop.steps.flatMap((step) => {
    if (step.kind === 'member') return [`machine ${step.member}`];
    return step.kind === 'pool' ? step.nodes.map(({ name }) => `machine ${name}`) : [];
  });
  const wanted = drives.includes('images') && changed.length > 0 ? 1 : 0;
  if (there.length !== wanted) {
    const [expected, actual] = [`${wanted}`, `${there.length}`];
    yield { code: 'step-count-wrong', where, object: 'step images', expected, actual };
  }
  const named = new Set(
    there.flatMap(({ members, nodes }) => [...members, ...nodes].map((name) => `machine ${name}`)),
  );
  const [expected, actual] = ['in step images', 'in none'];
  for (const object of wanted === 0 ? [] : changed.filter((one) => !named.has(one))) {
    yield { code: 'images-incomplete', where, object, expected, actual };
  }
}

/** What of the control plane a step changes at once. */
type MemberUnit = 'component' | 'member' | 'all';

const unitOf: Readonly<Partial<Record<Step['kind'], MemberUnit>>> = {
  'api-server': 'component',
  controllers: 'component',
  'end-emulation': 'component',
  member: 'member',
  'replace-members': 'all',
};

const unitTexts: Readonly<Record<MemberUnit, string>> = {
  component: 'one component at a time',
  member: 'whole members',
  all: 'members replaced by other machines',
};

function memberUnit(
  changedAs: Observation['changedAs'],
  object: Observation['controlPlaneObject'],
): MemberUnit {
  if (object !== undefined) return 'all';
  return changedAs ?? 'component';
}

/** A hop to another minor that the spec wants in two steps; no other has anything of them. */
function* checkEmulation(hop: Hop, spec: UpgradeSpec): Generator<PlanViolation> {
  const [code, where] = ['emulation-wrong', hop.id] as const;
  const { emulation = [] } = spec.controlPlane;
  const wanted = emulation.find((one) => one.hop === minorOf(hop.to));
  const isWanted = wanted !== undefined && minorOf(hop.from) !== minorOf(hop.to);
  const own = isWanted ? minorOf(hop.from) : undefined;
  for (const step of hop.steps) {
    if (step.kind !== 'api-server' && step.kind !== 'controllers') continue;
    if (step.emulates === own) continue;
    const object = `step ${step.kind}`;
    const [expected, actual] = [emulatesText(own), emulatesText(step.emulates)];
    yield { code, where, object, expected, actual };
  }
  const switches = hop.steps.filter(({ kind }) => kind === 'end-emulation').length;
  const soaks = hop.steps.flatMap((step) =>
    step.kind === 'soak' && step.of === 'emulation' ? [step.durationMs] : [],
  );
  const expected = isWanted ? `a soak of ${wanted.soakMs} ms, switches: 1` : 'no soak, switches: 0';
  const soaked = soaks.length === 0 ? 'no soak' : `a soak of ${soaks.join(' and ')} ms`;
  const actual = `${soaked}, switches: ${switches}`;
  if (actual !== expected) yield { code, where, object: 'emulation', expected, actual };
}

function emulatesText(minor: KubeMinor | undefined): string {
  return minor === undefined ? 'serving as its own minor' : `serving as ${minor}`;
}
