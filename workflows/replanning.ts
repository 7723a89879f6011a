// Makes the plan, makes it again before each hop, and opens the approval gate.
// A1. An approval is for one digest: when the plan changes, it is void and asked for again.
// A2. The plan is compared by what is left to do, not by its digest, which also covers what is
//     done.

import { condition, isCancellation } from '@temporalio/workflow';

import { clusterTaskQueue, type StartRefusal } from '../domain/activity-contract';
import { blockerSentence } from '../domain/blocker-sentences';
import type { PlanBlocker } from '../domain/blockers';
import { canonicalJson } from '../domain/plan/canonical-json';
import { failureInfo } from '../domain/failure-remedies';
import type { FailureInfo } from '../domain/failures';
import { approvalGateId, stepGateId } from '../domain/status/gates';
import { type Hop, type Plan, type PlanResult, replacesMachines } from '../domain/plan/plan';
import { failureOf } from './activity-failures';
import { activity, firstPlanningMs, workerTimeoutMs } from './activity-options';
import { engineActor } from './audit-trail';
import { digestChange, type Root } from './root';
import { doneCount, hopsLeft, isGateOpen, noted, withGate, withPlan } from './upgrade-state';

/** Makes the first plan; undefined when there is one, else why the upgrade cannot start. */
export async function planFirst(root: Root): Promise<StartRefusal | undefined> {
  const { spec, expectedDigest } = root.input;
  const waitMs = root.input.workerTimeoutMs ?? workerTimeoutMs;
  const call = activity(spec.cluster, 'planUpgrade', {
    summary: `plan ${spec.cluster} to ${spec.target}`,
    totalMs: firstPlanningMs,
    workerTimeoutMs: waitMs,
  });
  let result: PlanResult;
  try {
    result = await call({ spec });
  } catch (error) {
    if (isCancellation(error)) throw error;
    const failure = failureOf(error);
    if (failure.code !== 'worker-missing') return { code: 'planning-failed', failure };
    const taskQueue = clusterTaskQueue(spec.cluster);
    return { code: 'worker-missing', taskQueue, waitedSeconds: Math.round(waitMs / 1_000) };
  }
  if (result.kind === 'blocked') return { code: 'blocked', blockers: result.blockers };
  const changed = digestChange(result.plan, expectedDigest);
  if (changed !== undefined) return { code: 'blocked', blockers: [changed] };
  root.state = withPlan(root.state, result.plan, Date.now());
  return undefined;
}

export type Admission =
  | { readonly kind: 'begin'; readonly hop: Hop }
  /** Somebody ended the upgrade meanwhile: state.decision says how. */
  | { readonly kind: 'decided' }
  /** The cluster is at its target already. */
  | { readonly kind: 'nothing-left' };

/** Waits until the next hop may begin. `isFresh`: the plan was made just now. */
export async function admitHop(root: Root, isFresh: boolean): Promise<Admission> {
  let isApproved = false;
  let isCurrent = isFresh;
  for (;;) {
    if (root.state.decision !== undefined) return { kind: 'decided' };
    if (!isCurrent) {
      const change = await replan(root);
      if (change === 'decided' || change === 'nothing-left') return { kind: change };
      if (change === 'changed' && isApproved) isApproved = voidApproval(root);
      isCurrent = true;
    }
    const [hop] = hopsLeft(root.state);
    if (hop === undefined) return { kind: 'nothing-left' };
    if (hop.approval === 'required' && !isApproved) {
      await untilApproved(root, hop);
      // Days may have passed: what was approved must still be what is (A1).
      isApproved = true;
      isCurrent = false;
    } else if (root.state.paused === undefined) return { kind: 'begin', hop };
    else {
      await condition(() => root.state.paused === undefined || isDecided(root));
      isCurrent = false;
    }
  }
}

function isDecided(root: Root): boolean {
  return root.state.decision !== undefined;
}

function voidApproval(root: Root): false {
  const text = 'the plan changed after it was approved; the approval is void and asked for again';
  const note = { actor: engineActor, event: 'approval.void', text };
  root.state = noted(root.state, note, Date.now());
  return false;
}

/** Returns when the gate was approved, or a decision was made. */
async function untilApproved(root: Root, hop: Hop): Promise<void> {
  const id = approvalGateId(hop.id);
  const oneWay = hop.steps.some(replacesMachines) ? { noWayBack: true as const } : {};
  const gate = { kind: 'approval', id, hop: hop.id, ...oneWay, sinceMs: Date.now() } as const;
  root.state = withGate(root.state, { gate }, Date.now());
  await condition(() => !isGateOpen(root.state, id) || isDecided(root));
}

type Change = 'unchanged' | 'changed' | 'decided' | 'nothing-left';

/** Plans what is left; a cluster that allows no plan waits at the gate `<hop>/plan`. */
async function replan(root: Root): Promise<Change> {
  for (;;) {
    const [hop] = hopsLeft(root.state);
    if (hop === undefined) return 'nothing-left';
    const result = await planAgain(root, hop);
    // Planning takes a while; somebody may have rolled the last hop back meanwhile.
    if (isDecided(root)) return 'decided';
    if (result.kind === 'planned') return adopt(root, result.plan);
    if (result.kind === 'nothing-left') return 'nothing-left';
    const id = stepGateId(hop.id, 'plan');
    const gate = { kind: 'step', id, hop: hop.id, step: 'plan', findings: [] } as const;
    const sinceMs = Date.now();
    root.state = withGate(
      root.state,
      { gate: { ...gate, failure: result.failure, sinceMs } },
      sinceMs,
    );
    await condition(() => !isGateOpen(root.state, id) || isDecided(root));
    if (isDecided(root)) return 'decided';
  }
}

type PlannedAgain =
  | { readonly kind: 'planned'; readonly plan: Plan }
  | { readonly kind: 'nothing-left' }
  | { readonly kind: 'failed'; readonly failure: FailureInfo };

async function planAgain(root: Root, hop: Hop): Promise<PlannedAgain> {
  const { spec } = root.state;
  const call = activity(spec.cluster, 'planUpgrade', { summary: `plan again before ${hop.id}` });
  try {
    const result = await call({ spec, hopsDone: doneCount(root.state) });
    if (result.kind === 'planned') return result;
    if (result.blockers.every((one) => one.code === 'already-at-target')) {
      return { kind: 'nothing-left' };
    }
    return { kind: 'failed', failure: blockedFailure(hop, result.blockers) };
  } catch (error) {
    if (isCancellation(error)) throw error;
    return { kind: 'failed', failure: failureOf(error) };
  }
}

function blockedFailure(hop: Hop, blockers: readonly PlanBlocker[]): FailureInfo {
  const why = blockers.map((blocker) => blockerSentence(blocker)).join('; ');
  return failureInfo('preflight-blocked', `${hop.id} cannot be planned any more: ${why}`);
}

/** A2. */
function adopt(root: Root, plan: Plan): 'unchanged' | 'changed' {
  if (canonicalJson(plan.hops) === canonicalJson(hopsLeft(root.state))) return 'unchanged';
  root.state = withPlan(root.state, plan, Date.now());
  return 'changed';
}
