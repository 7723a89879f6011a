// One hop: the steps of the plan in their order. How steps are paused, retried and told is in
// step-run.ts.
// H1. Nothing changes before the snapshot is verified (R6); the plan's order says so (P2).
// H2. Cancelled, it finishes the member upgrade under way (member-steps.ts); for a rollback it cuts
//     that short. Either way it ends with what was done so far.
// H3. Nodes are tainted from before the first pool until after the last, or until the hop ends.
// H4. A pool that is tried again looks at its nodes first, and touches none that is done (R2).

import {
  CancellationScope,
  defineQuery,
  isCancellation,
  setHandler,
  sleep,
} from '@temporalio/workflow';

import type { SnapshotRecord } from '../domain/activity-contract';
import { upgradeCordonReason } from '../domain/drain/cordon-reasons';
import { formatDuration } from '../domain/durations';
import type { Acknowledgement } from '../domain/findings/acknowledgement';
import type { ClusterName, NodeName, PlanDigest, PoolName, SnapshotId } from '../domain/names';
import { nodeNames } from '../domain/observation';
import { leavableEmulation } from '../domain/plan/emulation';
import { type Hop, isOfMachines, isPreparing, type NodeChange } from '../domain/plan/plan';
import type { MachinesStep, PoolStep, PreparingStep, SoakStep, Step } from '../domain/plan/plan';
import type { HopOutcome, HopStatus, MemberOutcome, NodeOutcome } from '../domain/status/progress';
import { stepLabel } from '../domain/status/step-labels';
import { type KubeMinor, type KubeVersion, minorOf } from '../domain/versions';
import { activity } from './activity-options';
import { isOfEmulation, lookAtSwitch, takeEndEmulation } from './emulation-steps';
import { takeEtcd } from './etcd-steps';
import { takeImages } from './images-step';
import { takeApiServer, takeControllers } from './member-steps';
import { runPool } from './pool-runs';
import { lookBefore } from './preflight-step';
import { takeReplacement, takeRollout } from './rollout-steps';
import {
  closeStepRun,
  type Limits,
  openStepRun,
  type StepProblem,
  type StepRun,
  stepStatus,
  takeStep,
} from './step-run';
import { taintsNodes, taintWaitingNodes } from './waiting-taints';

export interface UpgradeHopInput {
  readonly cluster: ClusterName;
  /** First run id of the root. */
  readonly upgrade: string;
  readonly hop: Hop;
  readonly planDigest: PlanDigest;
  /** Suffixed for this upgrade, see docs/adr/0005. */
  readonly snapshotId: SnapshotId;
  /** Set aside by a person in an earlier hop: not touched. */
  readonly setAside: readonly NodeName[];
  readonly paused: boolean;
  /** Who asked for the upgrade; absent for a hop begun before records said so. */
  readonly actor?: string;
  /** How long the hops after it take as planned; absent for a hop begun before it was known. */
  readonly laterMs?: number;
  /** What the path ends at; absent as `laterMs` is. */
  readonly pathTo?: KubeVersion;
  /** Changed limits of its pools; see domain/pool/pool-limits.ts. */
  readonly limits?: Limits;
  /** What people answer for as it begins; absent where nobody has. */
  readonly acknowledgements?: readonly Acknowledgement[];
  /** Set when the workflow of this hop was lost; `outcome` is what it had told. */
  readonly resumed?: { readonly outcome?: HopOutcome };
}

interface HopRun {
  readonly input: UpgradeHopInput;
  readonly run: StepRun;
  readonly startedAtMs: number;
  readonly members: MemberOutcome[];
  readonly nodes: Map<NodeName, NodeOutcome>;
  readonly rolledOut: Map<PoolName, readonly NodeName[]>;
  snapshot: SnapshotRecord | undefined;
  /** H3. `unknown`: a workflow of this hop that was lost may have left its taints. */
  taints: 'none' | 'placed' | 'unknown';
  isSwitching: boolean;
}

/** Takes the cluster one minor further, or as far as it gets before it is cancelled. */
export async function upgradeHop(input: UpgradeHopInput): Promise<HopOutcome> {
  const hop = openHop(input);
  let outcome: HopOutcome['outcome'] = 'completed';
  try {
    // Only where the plan has the step, and the hop began again: it needs no patch.
    if (input.resumed !== undefined && hasSwitch(input.hop)) await lookAtSwitch(hop);
    for (const step of stepsLeft(hop)) await takeOne(hop, step);
  } catch (error) {
    if (!isCancellation(error)) throw error;
    outcome = 'stopped';
  }
  // A rollback takes them back itself, at its end: it must not wait for an API that is away.
  if (hop.taints === 'placed' && !hop.run.abortsMembers) {
    await CancellationScope.nonCancellable(() => taint(hop, []));
  }
  await closeStepRun(hop.run);
  const { snapshot, members, nodes, run, startedAtMs } = hop;
  return {
    hop: input.hop.id,
    from: input.hop.from,
    to: input.hop.to,
    outcome,
    ...(snapshot === undefined ? {} : { snapshot }),
    members,
    nodes: [...nodes.values()],
    stepSeconds: run.stepSeconds,
    ...(outcome === 'stopped' ? stillEmulating(hop) : {}),
    startedAtMs,
    endedAtMs: Date.now(),
  };
}

function hasSwitch({ steps }: Hop): boolean {
  return steps.some(({ kind }) => kind === 'end-emulation');
}

/** As the hop begins: what it has ended it does not emulate again. */
function stepsLeft({ input, isSwitching }: HopRun): readonly Step[] {
  const { steps } = input.hop;
  return isSwitching ? steps.filter((step) => !isOfEmulation(step)) : steps;
}

/** A hop that began again may have done more than it tells. */
function stillEmulating({ input, isSwitching }: HopRun): Pick<HopOutcome, 'emulates'> {
  const emulates = leavableEmulation(input.hop);
  const isKnown = !isSwitching && input.resumed === undefined;
  return isKnown && emulates !== undefined ? { emulates } : {};
}

function openHop(input: UpgradeHopInput): HopRun {
  const { cluster, upgrade, paused, limits = {}, acknowledgements } = input;
  const before = input.resumed?.outcome;
  const hopId = input.hop.id;
  const run = openStepRun({ cluster, hop: hopId, upgrade, paused, limits, acknowledgements });
  Object.assign(run.stepSeconds, before?.stepSeconds);
  const hop: HopRun = {
    input,
    run,
    startedAtMs: before?.startedAtMs ?? Date.now(),
    members: [...(before?.members ?? [])],
    nodes: new Map(nodesBehind(input).map((node) => [node.node, node])),
    rolledOut: new Map(),
    snapshot: before?.snapshot,
    taints: input.resumed === undefined ? 'none' : 'unknown',
    isSwitching: false,
  };
  setHandler(defineQuery<HopStatus>('status'), () => ({
    ...stepStatus(run),
    members: hop.members,
  }));
  return hop;
}

async function takeOne(hop: HopRun, step: Step): Promise<void> {
  const label = stepLabel(step);
  const { run } = hop;
  if (isBehind(hop, step)) return;
  if (isOfMachines(step)) return takeMachines(hop, step);
  if (isPreparing(step)) return prepare(hop, step);
  switch (step.kind) {
    case 'api-server':
    case 'member':
      return takeApiServer(hop, step);
    case 'controllers':
      return takeControllers(hop, step);
    case 'end-emulation':
      return takeEndEmulation(hop, step);
    case 'etcd':
      return takeEtcd(hop, step);
    case 'verify':
      return takeStep(run, {
        label,
        take: (attempt) => (mayBeTainted(hop) ? untaintAndVerify(hop) : verify(hop, attempt)),
      });
    case 'soak':
      return takeSoak(hop, step);
  }
}

function prepare(hop: HopRun, step: PreparingStep): Promise<void> {
  if (step.kind === 'images') return takeImages(hop, step);
  const take = () => (step.kind === 'preflight' ? lookBefore(hop) : snapshot(hop));
  return takeStep(hop.run, { label: stepLabel(step), take });
}

function takeMachines(hop: HopRun, step: MachinesStep): Promise<void> {
  if (step.kind === 'replace-members') return takeReplacement(hop, step);
  if (step.kind === 'rollout') return takeRollout(hop, step);
  const take = (attempt: number): Promise<StepProblem | undefined> => takePool(hop, step, attempt);
  return takeStep(hop.run, { label: stepLabel(step), take });
}

/** Done before the workflow was lost; in mid-hop a preflight would blame the hop itself. */
function isBehind({ input, snapshot: taken }: HopRun, step: Step): boolean {
  if (input.resumed === undefined || taken === undefined) return false;
  return isPreparing(step);
}

async function snapshot(hop: HopRun): Promise<undefined> {
  const { cluster, snapshotId, planDigest, actor } = hop.input;
  const { id, from } = hop.input.hop;
  const call = activity(cluster, 'takeSnapshot', { summary: `snapshot ${snapshotId}` });
  const record = await call({ cluster, snapshotId, hop: id, kubeVersion: from, planDigest, actor });
  hop.snapshot = record;
  hop.run.line.report({ kind: 'snapshot', record });
}

/** H3. */
async function taint(hop: HopRun, waiting: readonly NodeName[]): Promise<void> {
  const { input, run } = hop;
  hop.taints = waiting.length > 0 ? 'placed' : 'none';
  await taintWaitingNodes({ cluster: input.cluster, hop: run.hop, line: run.line }, waiting);
}

function nodesToCome({ input, nodes }: HopRun): readonly NodeName[] {
  return input.hop.steps.flatMap((step) => {
    if (step.kind !== 'pool') return [];
    const names = step.nodes.map(({ name }) => name);
    return names.filter((name) => !nodes.has(name) && !input.setAside.includes(name));
  });
}

/** Whether the node needs no further look in this hop. */
function isSettled({ outcome }: NodeOutcome): boolean {
  return outcome !== 'undone';
}

/** A node that its cancelled workflow left cordoned is nobody's decision: it is looked at again. */
function nodesBehind({ resumed, setAside }: UpgradeHopInput): readonly NodeOutcome[] {
  return (resumed?.outcome?.nodes ?? []).filter(
    (node) => isSettled(node) && (node.outcome !== 'quarantined' || setAside.includes(node.node)),
  );
}

async function takePool(
  hop: HopRun,
  step: PoolStep,
  attempt: number,
): Promise<StepProblem | undefined> {
  const { input, nodes } = hop;
  const waiting = hop.taints === 'placed' ? [] : nodesToCome(hop);
  if (waiting.length > 0 && taintsNodes()) await taint(hop, waiting);
  for (const change of step.nodes) {
    if (input.setAside.includes(change.name) && !nodes.has(change.name)) {
      nodes.set(change.name, untouched(change, 'quarantined'));
    }
  }
  const left = step.nodes.filter(({ name }) => {
    const outcome = nodes.get(name);
    return outcome === undefined || !isSettled(outcome);
  });
  const isRepeated = attempt > 1 || input.resumed !== undefined;
  const todo = isRepeated ? await lookAgain(hop, left) : { changes: left, verifyOnly: [] };
  const isProven = step.nodes.some(({ name }) => nodes.get(name)?.outcome === 'upgraded');
  return runPool(hop.run, {
    upgrade: input.upgrade,
    step: { ...step, nodes: todo.changes },
    hasCanary: !isProven,
    verifyOnly: todo.verifyOnly,
    cordonReason: upgradeCordonReason(input.hop),
    onNodes: (ended) => {
      for (const outcome of ended) nodes.set(outcome.node, outcome);
    },
  });
}

/** H4. */
async function lookAgain(
  hop: HopRun,
  left: readonly NodeChange[],
): Promise<{ readonly changes: readonly NodeChange[]; readonly verifyOnly: readonly NodeName[] }> {
  if (left.length === 0) return { changes: [], verifyOnly: [] };
  const { cluster } = hop.input;
  const call = activity(cluster, 'observeCluster', { summary: 'which nodes are done' });
  const observation = await call({ cluster });
  const there = nodeNames(observation);
  const seen = new Map(observation.nodes.map((node) => [node.name, node]));
  const changes: NodeChange[] = [];
  const verifyOnly: NodeName[] = [];
  for (const change of left) {
    const node = seen.get(change.name);
    const isThere = node?.kubeletVersion === change.to;
    if (!there.has(change.name)) {
      dropMissing(hop, change);
    } else if (isThere && node.ready && node.cordon.kind === 'none') {
      hop.nodes.set(change.name, untouched({ ...change, from: change.to }, 'already-done'));
    } else {
      changes.push(change);
      if (isThere) verifyOnly.push(change.name);
    }
  }
  return { changes, verifyOnly };
}

function dropMissing(hop: HopRun, change: NodeChange): void {
  const { name } = change;
  hop.nodes.set(name, untouched(change, 'skipped'));
  const text = `node ${name} does not exist any more; it is left out`;
  hop.run.line.report({ kind: 'note', event: 'node.missing', text, node: name });
}

function untouched(change: NodeChange, outcome: NodeOutcome['outcome']): NodeOutcome {
  const { name: node, from } = change;
  return { node, outcome, before: from, after: from, evicted: 0, refusals: 0, seconds: 0 };
}

function mayBeTainted({ taints }: HopRun): boolean {
  return taints === 'placed' || (taints === 'unknown' && taintsNodes());
}

async function untaintAndVerify(hop: HopRun): Promise<undefined> {
  await taint(hop, []);
  return verify(hop, 1);
}

/** Verifies every member, and every node that this hop brought to its version. */
async function verify(hop: HopRun, attempt: number, emulates?: KubeMinor): Promise<undefined> {
  const { cluster } = hop.input;
  const { id, to } = hop.input.hop;
  // A node that went away for good must not keep the hop for ever.
  if (attempt > 1) await dropVanished(hop);
  const call = activity(cluster, 'verifyCluster', { summary: `${id}: everything runs ${to}` });
  const as = emulates === undefined ? {} : { emulates };
  // Machines of a pool that is replaced come and go: autoscalers and health checks see to that.
  const missing = hop.rolledOut.size === 0 ? {} : { isMissingFine: true as const };
  await call({ cluster, controlPlane: to, ...as, nodes: nodesToVerify(hop), ...missing });
}

function nodesToVerify({ input, nodes, rolledOut }: HopRun) {
  return input.hop.steps.flatMap((step) => {
    if (step.kind === 'rollout') {
      const names = rolledOut.get(step.pool) ?? [];
      return names.map((name) => ({ name, version: step.to }));
    }
    if (step.kind !== 'pool') return [];
    const through = step.nodes.filter(({ name }) => {
      const outcome = nodes.get(name)?.outcome;
      return outcome === 'upgraded' || outcome === 'already-done';
    });
    return through.map(({ name, to }) => ({ name, version: to }));
  });
}

async function dropVanished(hop: HopRun): Promise<void> {
  const { cluster } = hop.input;
  const call = activity(cluster, 'observeCluster', { summary: 'which nodes are still there' });
  const observation = await call({ cluster });
  const seen = nodeNames(observation);
  for (const [name, outcome] of hop.nodes) {
    if (seen.has(name) || outcome.outcome === 'skipped') continue;
    hop.nodes.set(name, { ...outcome, outcome: 'skipped' });
    const text = `node ${name} does not exist any more; it is verified no further`;
    hop.run.line.report({ kind: 'note', event: 'node.missing', text, node: name });
  }
}

/** Shortest time between two looks at the cluster during a soak. */
const soakLookMs = 60_000;

/** A pause does not stop the clock; the cluster is looked at all through, at least at the end. */
async function takeSoak(hop: HopRun, step: SoakStep): Promise<void> {
  const { durationMs, of } = step;
  if (durationMs <= 0) return;
  const emulates = of === 'emulation' ? minorOf(hop.input.hop.from) : undefined;
  const endsAtMs = Date.now() + durationMs;
  const everyMs = Math.max(durationMs / 4, soakLookMs);
  const take = async (attempt: number): Promise<undefined> => {
    // After a failure the first thing to know is whether its cause is gone.
    if (attempt > 1) await verify(hop, attempt, emulates);
    while (Date.now() < endsAtMs) {
      const waitMs = Math.min(everyMs, endsAtMs - Date.now());
      // One timer of several: what is left tells them apart in the Temporal UI.
      const left = `${formatDuration(endsAtMs - Date.now())} of ${formatDuration(durationMs)}`;
      const what = of === undefined ? 'soak' : 'soak of the emulation';
      const summary = `${what} of ${hop.input.hop.id}: ${left} left`;
      hop.run.isStill = true;
      await sleep(waitMs, { summary });
      await verify(hop, 1, emulates);
    }
  };
  await takeStep(hop.run, { label: stepLabel(step), take });
}
