// How long an upgrade will still take, from the durations that were seen so far.
// G1. Steps of a kind that was seen take the median of what was seen; kinds that were not seen yet
//     take the first guess of the table below.
// G2. Soaks take as long as the plan says. Time that people take to answer is not foreseen.
// G3. A pool under way goes on at the pace of its nodes since the first one is through, which goes
//     alone; a node in work counts for half. It is never faster than with as many nodes in work as
//     may be, and never slower than with one: what people were waited for says nothing of the rest.

import type { HopId } from '../names';
import { turnsOf } from '../plan/images-step';
import { type Hop, isOfMachines, isPreparing, type Plan } from '../plan/plan';
import type { MachinesStep, PreparingStep, Step } from '../plan/plan';
import type { HopOutcome, NodeOutcome, PoolStatus } from './progress';
import {
  controllersLabel,
  endEmulationControllersLabel,
  endEmulationLabel,
  etcdLabel,
  stepLabel,
} from './step-labels';

/** The hop that runs now. */
export interface HopUnderWay {
  readonly hop: HopId;
  /** Label of the current step. */
  readonly step: string;
  readonly stepSinceMs: number;
  /** Steps of this hop that are done, as in HopStatus. */
  readonly stepSeconds: Readonly<Record<string, number>>;
  /** Nodes of this hop that are done, also those of the current step. */
  readonly nodes?: readonly NodeOutcome[];
}

export interface ProgressSoFar {
  readonly plan: Plan;
  readonly hops: readonly HopOutcome[];
  readonly current?: HopUnderWay;
  /** Epoch milliseconds. */
  readonly nowMs: number;
}

/**
 * First guesses in seconds, until the first of a kind is done. Measured with three members and
 * nine nodes on two cores: an API server 8.4 s, a whole hop of the control plane 35 to 42 s.
 */
export const firstGuessSeconds = {
  preflight: 3,
  // Of so many machines as pull at once: half a gigabyte each, over a line that is shared.
  images: 60,
  snapshot: 5,
  'api-server': 10,
  member: 60,
  controllers: 5,
  'end-emulation': 10,
  'end-emulation-controllers': 5,
  etcd: 15,
  node: 30,
  // Of one machine: somebody has to boot it.
  rollout: 300,
  'replace-members': 300,
  verify: 5,
} as const;

type Kind = keyof typeof firstGuessSeconds;

/** Whole seconds. */
export interface TimeLeft {
  readonly secondsLeft: number;
  /** Of these, those of the pool under way, if one is; nothing of it need be done. */
  readonly poolSecondsLeft?: number;
  /** Of these, those of another step under way, and when that was so: they pass by themselves. */
  readonly stepSecondsLeft?: number;
  readonly leftAtMs?: number;
}

/** Undefined before anything was seen. */
export function timeLeft(progress: ProgressSoFar): TimeLeft | undefined {
  const seen = durationsSeen(progress);
  if (Object.values(seen).every((durations) => durations.length === 0)) return undefined;
  const { current } = progress;
  const done = new Set(progress.hops.map((outcome) => outcome.hop));
  const left = progress.plan.hops
    .filter((hop) => !done.has(hop.id))
    .flatMap((hop) => hop.steps.flatMap((step) => partsLeft(hop, step, current)));
  const secondsOf = ({ step, part }: (typeof left)[number]): number =>
    Math.max(0, expectedSeconds(step, part, seen) - elapsedSeconds(part, progress));
  const underWay = left.find(
    ({ part }) => part.hop === current?.hop && part.label === current.step,
  );
  const secondsLeft = Math.round(left.reduce((sum, one) => sum + secondsOf(one), 0));
  if (underWay === undefined) return { secondsLeft };
  const seconds = Math.round(secondsOf(underWay));
  return underWay.step.kind === 'pool'
    ? { secondsLeft, poolSecondsLeft: seconds }
    : { secondsLeft, stepSecondsLeft: seconds, leftAtMs: progress.nowMs };
}

/** Of a step that is no pool and goes on: what has passed of it since is not left any more. */
export function passedSecondsLeft(foreseen: Partial<TimeLeft>, nowMs: number): number | undefined {
  const { secondsLeft: whole, stepSecondsLeft: ofStep, leftAtMs } = foreseen;
  if (whole === undefined || ofStep === undefined || leftAtMs === undefined) return whole;
  const passed = Math.max(0, nowMs - leftAtMs) / 1_000;
  return Math.round(whole - Math.min(ofStep, passed));
}

/** The pool under way, or its chunk, as its own workflow tells it. */
export interface PoolUnderWay extends Pick<PoolStatus, 'total' | 'done' | 'active'> {
  readonly maxUnavailable: number;
  readonly startedAtMs: number;
  /** Nodes of the step in other chunks. */
  readonly nodesBefore: number;
  readonly nodesLater: number;
}

/** `foreseen` with the pool under way by its pace (G3); as foreseen until a node is upgraded. */
export function pacedSecondsLeft(
  foreseen: Partial<TimeLeft>,
  pool: PoolUnderWay,
  nowMs: number,
): number | undefined {
  const { secondsLeft: whole, poolSecondsLeft: ofPool } = foreseen;
  if (whole === undefined || ofPool === undefined) return whole;
  const { nodesBefore, total, nodesLater, done } = pool;
  const nodes = nodesBefore + total + nodesLater;
  const left = total - done.length + nodesLater;
  const perNode = secondsPerNode(pool, nowMs) ?? ofPool / Math.max(1, nodes);
  return Math.max(0, Math.round(whole - ofPool + left * perNode));
}

function secondsPerNode(pool: PoolUnderWay, nowMs: number): number | undefined {
  const { done, active, maxUnavailable, startedAtMs } = pool;
  const seconds = upgradedSeconds(done);
  const [first] = seconds;
  const one = median(seconds);
  if (first === undefined || one === undefined) return undefined;
  const through = Math.max(0.5, seconds.length - 1 + active.length / 2);
  const pace = ((nowMs - startedAtMs) / 1_000 - first) / through;
  return Math.min(one, Math.max(one / maxUnavailable, pace));
}

/** A step, or one member of a step for several. */
interface Part {
  readonly hop: HopId;
  readonly label: string;
  /** Nodes of a pool that are not done yet. */
  readonly nodesLeft: number;
}

function partsLeft(hop: Hop, step: Step, current: HopUnderWay | undefined) {
  const isCurrentHop = current?.hop === hop.id;
  const done = isCurrentHop ? current.stepSeconds : {};
  const nodesDone = new Set(isCurrentHop ? current.nodes?.map((one) => one.node) : []);
  const labels = labelsOf(step);
  const nodesLeft =
    step.kind === 'pool' ? step.nodes.filter((node) => !nodesDone.has(node.name)).length : 0;
  if (done[stepLabel(step)] !== undefined) return [];
  return labels
    .filter((label) => done[label] === undefined)
    .map((label) => ({ step, part: { hop: hop.id, label, nodesLeft } satisfies Part }));
}

function labelsOf(step: Step): readonly string[] {
  if (step.kind === 'controllers') return step.members.map(controllersLabel);
  if (step.kind === 'end-emulation') {
    const { members } = step;
    return [...members.map(endEmulationLabel), ...members.map(endEmulationControllersLabel)];
  }
  return step.kind === 'etcd' ? step.members.map(etcdLabel) : [stepLabel(step)];
}

function machinesSeconds(step: MachinesStep, { nodesLeft }: Part, seen: Seen): number {
  return step.kind === 'pool'
    ? Math.ceil(nodesLeft / step.maxUnavailable) * expected(seen, 'node')
    : (median(seen[step.kind]) ?? step.replicas * firstGuessSeconds[step.kind]);
}

function preparingSeconds(step: PreparingStep, seen: Seen): number {
  return step.kind === 'images'
    ? (median(seen.images) ?? turnsOf(step) * firstGuessSeconds.images)
    : expected(seen, step.kind);
}

function expectedSeconds(step: Step, part: Part, seen: Seen): number {
  if (isOfMachines(step)) return machinesSeconds(step, part, seen);
  if (isPreparing(step)) return preparingSeconds(step, seen);
  switch (step.kind) {
    case 'soak':
      return step.durationMs / 1_000;
    case 'end-emulation':
      return expected(seen, kindOf<'end-emulation' | 'end-emulation-controllers'>(part.label));
    case 'api-server':
    case 'member':
    case 'controllers':
    case 'etcd':
    case 'verify':
      return expected(seen, step.kind);
  }
}

/** What of the current step is over already; a pool counts its nodes instead. */
function elapsedSeconds({ hop, label }: Part, { current, nowMs }: ProgressSoFar): number {
  const isCurrent = current?.hop === hop && current.step === label && !label.startsWith('pool ');
  return isCurrent ? Math.max(0, nowMs - current.stepSinceMs) / 1_000 : 0;
}

function kindOf<Of extends Kind>(label: string): Of {
  return label.split(' ')[0] as Of;
}

type Seen = Readonly<Record<Kind, readonly number[]>>;

function durationsSeen({ hops, current }: ProgressSoFar): Seen {
  const runs = [...hops, ...(current === undefined ? [] : [current])];
  const labelled = runs.flatMap((run) => Object.entries(run.stepSeconds));
  const of = (kind: Kind) =>
    labelled.filter(([label]) => kindOf(label) === kind).map(([, seconds]) => seconds);
  return {
    preflight: of('preflight'),
    images: of('images'),
    snapshot: of('snapshot'),
    'api-server': of('api-server'),
    member: of('member'),
    controllers: of('controllers'),
    'end-emulation': of('end-emulation'),
    'end-emulation-controllers': of('end-emulation-controllers'),
    etcd: of('etcd'),
    verify: of('verify'),
    rollout: of('rollout'),
    'replace-members': of('replace-members'),
    node: upgradedSeconds(runs.flatMap((run) => run.nodes ?? [])),
  };
}

/** A node that was skipped or undone says nothing about how long one takes. */
function upgradedSeconds(nodes: readonly NodeOutcome[]): readonly number[] {
  return nodes.filter(({ outcome }) => outcome === 'upgraded').map(({ seconds }) => seconds);
}

function expected(seen: Seen, kind: Kind): number {
  return median(seen[kind]) ?? firstGuessSeconds[kind];
}

/** The lower of the two in the middle when the count is even. */
function median(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)];
}
