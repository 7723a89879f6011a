// Runs the hop or its rollback as a child of the root and waits for its end, or for whatever ends
// it sooner: a decision of a person, or the cancellation of the root.

import {
  CancellationScope,
  CancelledFailure,
  condition,
  ParentClosePolicy,
  startChild,
} from '@temporalio/workflow';

import { failureInfo } from '../domain/failure-remedies';
import type { FailureInfo } from '../domain/failures';
import { leavableEmulation } from '../domain/plan/emulation';
import { plannedMs } from '../domain/plan/planned-time';
import { stepGateId } from '../domain/status/gates';
import type { SnapshotId } from '../domain/names';
import type { Hop, SnapshotStep } from '../domain/plan/plan';
import type { NodeOutcome, UpgradeResult } from '../domain/status/progress';
import type { KubeVersion } from '../domain/versions';
import { hopWorkflowId, nameOfRun, rollBackWorkflowId } from '../domain/workflow-ids';
import { failureOf } from './activity-failures';
import { engineActor } from './audit-trail';
import { controlSignal } from './family-messages';
import { type RollBackEnd, rollBackHop, type RollBackHopInput } from './roll-back-hop';
import { limitsOf, type Root } from './root';
import { endOf, type Settled, watch } from './settled';
import { undoneOutcome } from './undone-outcome';
import { upgradeHop, type UpgradeHopInput } from './upgrade-hop';
import {
  type Decision,
  isGateOpen,
  noted,
  type WayBack,
  withChildEnded,
  withGate,
  withHopBegun,
  withOutcome,
  withRollBackBegun,
} from './upgrade-state';

/** Runs the hop to its end. `decided`: state.decision says how the upgrade ends. */
export async function runHop(root: Root, hop: Hop): Promise<'completed' | 'decided'> {
  let resumed: UpgradeHopInput['resumed'];
  for (;;) {
    root.state = withHopBegun(root.state, hop, Date.now());
    const input = hopInput(root, hop, resumed);
    const end = await supervise(root, {
      workflowId: hopWorkflowId(root.state.spec.cluster, hop.id),
      hop,
      start: (workflowId) =>
        startChild(upgradeHop, {
          workflowId,
          args: [input],
          parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
          staticSummary: `${hop.id}: ${hop.from} → ${hop.to}`,
        }),
      endsFor: (decision) => decision !== undefined,
    });
    const outcome = end.kind === 'resolved' ? end.value : undefined;
    if (outcome !== undefined) root.state = withOutcome(root.state, outcome, Date.now());
    throwIfCancelled();
    if (root.state.decision !== undefined) return 'decided';
    if (outcome?.outcome === 'completed') return 'completed';
    await untilRetried(root, hop, 'hop', lossOf(end, hop));
    if (root.state.decision !== undefined) return 'decided';
    resumed = outcome === undefined ? {} : { outcome };
  }
}

function hopInput(root: Root, hop: Hop, resumed: UpgradeHopInput['resumed']): UpgradeHopInput {
  const { plan, spec, setAside } = root.state;
  const step = hop.steps.find((one): one is SnapshotStep => one.kind === 'snapshot');
  if (plan === undefined || step === undefined) throw new Error(`${hop.id} has no snapshot step`);
  return {
    cluster: spec.cluster,
    upgrade: root.upgrade,
    hop,
    planDigest: plan.digest,
    snapshotId: nameOfRun(step.snapshotId, root.upgrade) as SnapshotId,
    setAside,
    actor: root.input.actor,
    paused: root.state.paused !== undefined,
    laterMs: plannedMs(plan.hops.slice(plan.hops.findIndex(({ id }) => id === hop.id) + 1)),
    pathTo: (plan.hops.at(-1) ?? hop).to,
    ...changedLimits(root, hop),
    ...acknowledged(root),
    ...(resumed === undefined ? {} : { resumed }),
  };
}

/** Nothing where nobody has changed any. */
function changedLimits(root: Root, hop: Hop): Pick<UpgradeHopInput, 'limits'> {
  if (root.state.limits === undefined) return {};
  return { limits: Object.fromEntries(limitsOf(root, hop)) };
}

/** Nothing where nobody has acknowledged anything. */
function acknowledged({ state }: Root): Pick<UpgradeHopInput, 'acknowledgements'> {
  const { acknowledgements } = state;
  return acknowledgements === undefined ? {} : { acknowledgements };
}

interface Supervised<End> {
  readonly workflowId: string;
  readonly hop: Hop;
  start(workflowId: string): Promise<{ result(): Promise<End> }>;
  /** Whether the child must end now because of what was decided. */
  endsFor(decision: Decision | undefined): boolean;
}

/** Waits for the end of the child in any case: it leaves the cluster as R8 wants. */
async function supervise<End>(root: Root, child: Supervised<End>): Promise<Settled<End>> {
  const outer = CancellationScope.current();
  return CancellationScope.nonCancellable(async () => {
    const scope = new CancellationScope();
    const { workflowId, hop } = child;
    const run = async (): Promise<End> => {
      const toldPaused = root.state.paused !== undefined;
      const toldLimits = new Map(limitsOf(root, hop));
      const toldAcknowledgements = root.state.acknowledgements;
      const told = {
        workflowId,
        hop,
        toldPaused,
        toldLimits,
        toldAcknowledgements,
        isStarted: false,
      };
      root.child = told;
      const handle = await child.start(workflowId);
      told.isStarted = true;
      return handle.result();
    };
    const running = watch(scope.run(run));
    const mustEnd = (): boolean => outer.consideredCancelled || child.endsFor(root.state.decision);
    await condition(() => running.end !== undefined || mustEnd());
    if (running.end === undefined) {
      if (root.state.decision?.kind === 'roll-back') {
        root.line.send(workflowId, controlSignal, { kind: 'abort-members' });
      }
      scope.cancel();
    }
    const end = await endOf(running);
    root.child = undefined;
    root.state = withChildEnded(root.state);
    return end;
  });
}

function throwIfCancelled(): void {
  if (CancellationScope.current().consideredCancelled) {
    throw new CancelledFailure('the upgrade was cancelled');
  }
}

function lossOf(end: Settled<unknown>, hop: Hop): FailureInfo {
  if (end.kind === 'rejected') return failureOf(end.error);
  return failureInfo('unexpected', `the workflow of ${hop.id} was cancelled by somebody`);
}

/** A child was lost: a person decides whether it is started again. */
async function untilRetried(
  root: Root,
  hop: Hop,
  step: string,
  failure: FailureInfo,
): Promise<void> {
  const id = stepGateId(hop.id, step);
  const sinceMs = Date.now();
  const gate = { kind: 'step', id, hop: hop.id, step, failure, findings: [], sinceMs } as const;
  root.state = withGate(root.state, { gate }, sinceMs);
  const decidedBefore = root.state.decision;
  await condition(() => !isGateOpen(root.state, id) || root.state.decision !== decidedBefore);
}

/** Returns the cluster to before the hop; not cancellable. Rejected at a gate, it ends there. */
export async function rollBack(root: Root, way: WayBack): Promise<UpgradeResult> {
  const startedAtMs = Date.now();
  tellCancellation(root, way);
  return CancellationScope.nonCancellable(async () => {
    for (;;) {
      root.state = withRollBackBegun(root.state, way, Date.now());
      const input = rollBackInput(root, way);
      const end = await supervise(root, {
        workflowId: rollBackWorkflowId(root.state.spec.cluster, way.hop.id),
        hop: way.hop,
        start: (workflowId) =>
          startChild(rollBackHop, {
            workflowId,
            args: [input],
            parentClosePolicy: ParentClosePolicy.ABANDON,
            staticSummary: `${way.hop.id} back to ${way.hop.from}`,
          }),
        endsFor: (decision) => decision?.kind === 'stop',
      });
      if (end.kind === 'resolved') return resultOf(root, way, end.value, startedAtMs);
      await untilRetried(root, way.hop, 'rollback', lossOf(end, way.hop));
      if (root.state.decision?.kind === 'stop') return rejected(root, way.hop.to);
    }
  });
}

/** Whoever cancels it reads in the trail that it goes on, and what ends it. */
function tellCancellation(root: Root, { hop }: WayBack): void {
  CancellationScope.current().cancelRequested.catch(() => {
    const text =
      `the upgrade was cancelled through Temporal; ${hop.id} is rolled back all the same:` +
      ' a rollback ends where a person rejects a gate of it';
    const note = { actor: engineActor, event: 'rollback.not-cancelled', text };
    root.state = noted(root.state, note, Date.now());
  });
}

function rollBackInput(root: Root, way: WayBack): RollBackHopInput {
  const { spec, hops, setAside, paused, restoreNote, decision } = root.state;
  const confirmed = decision?.kind === 'roll-back' ? decision.confirmed : undefined;
  const nodes = hops.find((outcome) => outcome.hop === way.hop.id)?.nodes ?? [];
  const isChanged = ({ outcome }: NodeOutcome): boolean =>
    outcome === 'upgraded' || outcome === 'quarantined';
  return {
    cluster: spec.cluster,
    upgrade: root.upgrade,
    hop: way.hop,
    snapshotId: way.snapshot.id,
    restoreId: nameOfRun(way.hop.id, root.upgrade),
    suspects: nodes.filter(isChanged).map((node) => node.node),
    leftOut: nodes.filter((node) => node.outcome === 'skipped').map((node) => node.node),
    setAside,
    paused: paused !== undefined,
    ...(restoreNote === undefined ? {} : { restoreNote }),
    ...(confirmed === undefined ? {} : { confirmed }),
    ...leftBy(root, way),
    ...changedLimits(root, way.hop),
  };
}

/** Whoever decided counts on data that stays; what the hop says at its end counts more. */
function leftBy({ state }: Root, { hop }: WayBack): Pick<RollBackHopInput, 'leaves'> {
  const { decision, hops } = state;
  const emulates = leavableEmulation(hop);
  if (decision?.kind !== 'roll-back' || decision.keepsData !== true || emulates === undefined) {
    return {};
  }
  const isLeavable = hops.find((one) => one.hop === hop.id)?.emulates !== undefined;
  return { leaves: isLeavable ? { emulates } : { emulates, mayHaveEnded: true } };
}

function resultOf(root: Root, way: WayBack, end: RollBackEnd, startedAtMs: number): UpgradeResult {
  const { hop } = way;
  const isBack = end.isRestored || end.keptData === true;
  if (!end.isDone) return givenUp(root, isBack ? hop.from : hop.to);
  const before = root.state.hops.find((one) => one.hop === hop.id);
  const span = { startedAtMs, endedAtMs: Date.now() };
  const outcome = undoneOutcome({ way, before, end, span });
  root.state = withOutcome(root.state, outcome, Date.now());
  const { seconds } = end;
  return { outcome: 'rolled-back', at: hop.from, hop: hop.id, seconds, hops: root.state.hops };
}

/** By whoever rejected its gate; else its own workflow was cancelled, and waited for an answer. */
function givenUp(root: Root, at: KubeVersion): UpgradeResult {
  const { decision, hops } = root.state;
  if (decision?.kind === 'stop') return rejected(root, at);
  const reason = 'the workflow of its rollback was cancelled through Temporal';
  return { outcome: 'cancelled', at, by: 'temporal', reason, hops };
}

/** The end that a person asked for by rejecting a gate. */
export function rejected(root: Root, at: KubeVersion): UpgradeResult {
  const { decision, hops } = root.state;
  const by = decision?.actor ?? 'unknown';
  return { outcome: 'rejected', at, by, reason: decision?.reason ?? '', hops };
}
