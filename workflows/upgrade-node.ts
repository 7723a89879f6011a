// One node: cordon, drain, upgrade, verify, uncordon.
// N1. Safe points are before the cordon, all through the drain, and before the upgrade. Once the
//     kubelet may have changed the node goes on until it serves again, paused or not.
// N2. A failure holds the node at a gate; a person retries, skips or quarantines it. A node that
//     does not exist any more needs nobody: it is skipped. A drain that yields to another one needs
//     nobody either: its node serves again, and its pool takes it later. Nor does one that the
//     policy of its pool sets aside.
// N3. Cancelled, it leaves a node that serves or a cordon with a reason (R8): an untouched kubelet
//     is uncordoned, a change under way is finished and verified.
// N4. At most 60 history events on the way without holds.

import {
  allHandlersFinished,
  CancellationScope,
  condition,
  isCancellation,
  workflowInfo,
} from '@temporalio/workflow';

import type { CordonInput, DrainInput, DrainProgress } from '../domain/activity-contract';
import { quarantineCordonReason, setAsideCordonReason } from '../domain/drain/cordon-reasons';
import type { FailureInfo } from '../domain/failures';
import { forcedText } from '../domain/drain/force';
import { nodeGateId } from '../domain/status/gates';
import type { NodeOutcome } from '../domain/status/progress';
import {
  drainBlockersIn,
  drainPodsIn,
  drainProgressIn,
  failureOf,
  isTimeout,
} from './activity-failures';
import { activity, cleanupMs, drainMarginMs } from './activity-options';
import type { NodeDecision } from './family-messages';
import { isSetAside } from './node-aside';
import {
  enter,
  type NodeEnd,
  type NodeTurn,
  openTurn,
  outcomeOf,
  returnOf,
  tellCordonKept,
  tellPool,
  type UpgradeNodeInput,
} from './node-turn';
import { endOf, valueOf, watch } from './settled';
import { endSurges, raises, tellSurges, type TellSurge } from './surges';

/** Upgrades one node, or returns it in a rollback; ends with what came of it. */
export async function upgradeNode(input: UpgradeNodeInput): Promise<NodeEnd> {
  const run = openTurn(input);
  let outcome: NodeEnd;
  try {
    outcome = await takeStages(run);
  } catch (error) {
    if (!isCancellation(error)) throw error;
    outcome = await CancellationScope.nonCancellable(() => windDown(run));
  }
  await CancellationScope.nonCancellable(async () => {
    await run.line.whenQuiet();
    await condition(allHandlersFinished);
  });
  return outcome;
}

const stages = ['cordon', 'drain', 'upgrade', 'verify', 'uncordon'] as const;
type Stage = (typeof stages)[number];

async function takeStages(run: NodeTurn): Promise<NodeEnd> {
  let next = stages.indexOf(run.input.begin);
  for (;;) {
    const stage = stages[next];
    if (stage === undefined) return outcomeOf(run, run.changed ? 'upgraded' : 'already-done');
    // A pause may have lasted for days: the cordon is looked at again (N1).
    if (run.kubelet === 'old' && (await pausedHere(run))) next = 0;
    else {
      const end = await takeStage(run, stage);
      if (end === 'drain-paused') next = 0;
      else if (end === undefined) next += 1;
      else {
        const ended = await afterFailure(run, end);
        if (ended !== undefined) return ended;
        // Somebody may have uncordoned the node while it was held.
        next = run.kubelet === 'old' ? 0 : next;
      }
    }
  }
}

/** Waits as long as the upgrade is paused; whether it waited at all. */
async function pausedHere(run: NodeTurn): Promise<boolean> {
  if (!run.paused) return false;
  enter(run, 'paused');
  tellPool(run, 'paused');
  await condition(() => !run.paused);
  tellPool(run, 'moving');
  return true;
}

interface StageFailure {
  readonly failure: FailureInfo;
  readonly error: unknown;
}

/** Undefined when the stage is done. Throws only the cancellation of this workflow. */
async function takeStage(
  run: NodeTurn,
  stage: Stage,
): Promise<StageFailure | 'drain-paused' | undefined> {
  try {
    switch (stage) {
      case 'cordon':
        return await cordon(run, wordsOf(run));
      case 'drain':
        return await drain(run);
      case 'upgrade':
        return await upgrade(run);
      case 'verify':
        return await verify(run, run.input.nodeSoakMs);
      case 'uncordon':
        return await uncordon(run);
    }
  } catch (error) {
    if (isCancellation(error)) throw error;
    return { failure: failureOf(error), error };
  }
}

/** The words of a quarantine by policy are over when the node is taken again. */
function wordsOf({ input }: NodeTurn): Pick<CordonInput, 'reason' | 'over'> {
  const { cordonReason: reason, earlier } = input;
  return earlier?.why === 'quarantined' ? { reason, over: ['quarantine'] } : { reason };
}

async function cordon(
  run: NodeTurn,
  words: Pick<CordonInput, 'reason' | 'over'>,
): Promise<undefined> {
  enter(run, 'cordoning');
  const { cluster, change } = run.input;
  const call = activity(cluster, 'cordonNode', { summary: `cordon ${change.name}` });
  await call({ cluster, node: change.name, ...words });
}

async function drain(run: NodeTurn): Promise<'drain-paused' | undefined> {
  enter(run, 'draining');
  const { cluster, change, drain: policy, mayReturn = false } = run.input;
  if (run.surgesLeft) await putBack(run);
  const scope = new CancellationScope();
  const draining = watch(
    scope.run(() =>
      activity(cluster, 'drainNode', {
        summary: `drain ${change.name}`,
        totalMs: policy.timeoutMs + drainMarginMs,
      })({
        cluster,
        node: change.name,
        policy,
        ...(mayReturn ? { mayYield: true } : {}),
        ...forceOf(run),
      }),
    ),
  );
  await CancellationScope.nonCancellable(() =>
    condition(() => draining.end !== undefined || run.paused),
  );
  const isToldToStop = draining.end === undefined;
  if (isToldToStop) scope.cancel();
  const end = await endOf(draining);
  if (end.kind === 'rejected') {
    const progress = drainProgressIn(end.error);
    addEvictions(run, progress);
    tellForced(run, progress?.forced);
    if (raises(policy)) await putBack(run);
    // A worker that died does not hear that it shall stop; it has stopped all the same.
    const isOver = isCancellation(end.error) || (isToldToStop && isTimeout(end.error));
    if (isOver && !CancellationScope.current().consideredCancelled) return 'drain-paused';
  } else {
    addEvictions(run, end.value);
    tellForced(run, end.value.forced);
    tellSurges(surgeTeller(run), end.value.surges);
  }
  valueOf(end);
  return undefined;
}

function forceOf({ force }: NodeTurn): Pick<DrainInput, 'force'> {
  return force === undefined ? {} : { force: force.pods };
}

/** What was done of what a person had asked for; what is not told was not there any more. */
function tellForced(run: NodeTurn, forced: DrainProgress['forced'] = []): void {
  if (run.force === undefined) return;
  const { actor, reason, pods } = run.force;
  const { name: node } = run.input.change;
  const done = forced.length === 0 ? 'nothing was done' : forcedText(forced);
  const left = pods.length - forced.length;
  const others = left === 0 ? '' : `; pods that were left alone: ${left}`;
  const text = `node ${node}: forced, as ${actor} asked (${reason}): ${done}${others}`;
  run.line.report({ kind: 'note', event: 'pods.forced', text, node });
}

/** What the drain raised and may have left; what cannot be put back now is before the next one. */
async function putBack(run: NodeTurn): Promise<void> {
  const { cluster, change } = run.input;
  run.surgesLeft = !(await endSurges({ cluster, node: change.name }, surgeTeller(run)));
}

function surgeTeller({ input, line }: NodeTurn): TellSurge {
  return (told) => line.report({ kind: 'note', ...told, node: input.change.name });
}

function addEvictions(
  run: NodeTurn,
  counts: Pick<DrainProgress, 'evicted' | 'refusals'> | undefined,
): void {
  run.evicted += counts?.evicted ?? 0;
  run.refusals += counts?.refusals ?? 0;
}

/** Never given up in the middle (N3). */
async function upgrade(run: NodeTurn): Promise<undefined> {
  enter(run, 'upgrading');
  const { cluster, change, upgradeTimeoutMs, reboot } = run.input;
  run.kubelet = 'maybe';
  const result = await CancellationScope.nonCancellable(() =>
    activity(cluster, 'upgradeNode', {
      summary: `${change.name} to ${change.to}`,
      totalMs: upgradeTimeoutMs + (reboot?.timeoutMs ?? 0),
    })({
      cluster,
      node: change.name,
      from: change.from,
      to: change.to,
      ...(reboot === undefined ? {} : { reboot }),
    }),
  );
  run.kubelet = 'new';
  run.changed ||= result.changed;
  if (result.changed) run.before = result.before;
  run.after = result.after;
}

async function verify(run: NodeTurn, soakMs: number): Promise<undefined> {
  enter(run, 'verifying');
  const { cluster, change } = run.input;
  const call = activity(cluster, 'verifyNode', {
    summary: `${change.name} Ready in ${change.to}`,
    extraMs: soakMs,
  });
  const { brokenBefore = [] } = await call({
    cluster,
    node: change.name,
    version: change.to,
    soakMs,
  });
  if (brokenBefore.length === 0) return;
  const pods = brokenBefore.map((pod) => `${pod.namespace}/${pod.name}`).join(', ');
  const text = `not waited for on ${change.name}, not Ready since before its cordon: ${pods}`;
  run.line.report({ kind: 'note', event: 'pods.broken-before', text, node: change.name });
}

async function uncordon(run: NodeTurn, totalMs?: number): Promise<undefined> {
  enter(run, 'uncordoning');
  const { cluster, change } = run.input;
  const bound = totalMs === undefined ? {} : { totalMs };
  const call = activity(cluster, 'uncordonNode', { summary: `uncordon ${change.name}`, ...bound });
  await call({ cluster, node: change.name });
}

/** Undefined: try again. */
async function afterFailure(run: NodeTurn, end: StageFailure): Promise<NodeEnd | undefined> {
  const { name } = run.input.change;
  if (end.failure.code === 'drain-yielded') {
    const text = `${end.failure.message}; it is taken again when no other node is in work`;
    run.line.report({ kind: 'note', event: 'node.yielded', text, node: name });
    await quietly(run, () => uncordon(run, cleanupMs));
    return returnOf(run, 'yielded');
  }
  if (end.failure.code === 'node-missing') {
    const text = `node ${name} does not exist any more; it is left out`;
    run.line.report({ kind: 'note', event: 'node.missing', text, node: name });
    return outcomeOf(run, 'skipped');
  }
  const maySetAside = run.input.maySetAside === true && end.failure.code === 'drain-deadline';
  if (maySetAside && (await isSetAside(run, end))) return setAside(run, end);
  const decision = await hold(run, end);
  switch (decision.kind) {
    case 'retry':
      return undefined;
    case 'force':
      run.force = decision;
      return undefined;
    case 'skip':
      // A kubelet that may have changed is not known to be good: the cordon stays.
      if (run.kubelet === 'old') await quietly(run, () => uncordon(run, cleanupMs));
      return outcomeOf(run, 'skipped');
    case 'quarantine': {
      const reason = quarantineCordonReason(decision, end.failure);
      await quietly(run, () => cordon(run, { reason, over: ['upgrade'] }));
      return outcomeOf(run, 'quarantined');
    }
  }
}

/** By the policy of its pool, which takes it again. */
async function setAside(run: NodeTurn, { failure }: StageFailure): Promise<NodeEnd> {
  const { hop, change } = run.input;
  const text = `${failure.message}; node ${change.name} is set aside until the others are done`;
  run.line.report({ kind: 'note', event: 'node.set-aside', text, node: change.name });
  const reason = setAsideCordonReason(hop);
  await quietly(run, () => cordon(run, { reason, over: ['upgrade'] }));
  return returnOf(run, 'quarantined');
}

async function hold(run: NodeTurn, { failure, error }: StageFailure): Promise<NodeDecision> {
  const { hop, pool, change } = run.input;
  run.decision = undefined;
  run.force = undefined;
  const pods = drainPodsIn(error);
  run.gate = {
    kind: 'node',
    id: nodeGateId(change.name),
    hop,
    pool,
    node: change.name,
    failure,
    blockers: drainBlockersIn(error),
    ...(pods.length === 0 ? {} : { pods }),
    sinceMs: Date.now(),
  };
  enter(run, 'held');
  tellPool(run, 'held');
  run.line.report({ kind: 'gate', gate: run.gate, workflowId: workflowInfo().workflowId });
  let decision: NodeDecision | undefined;
  while (decision === undefined) {
    await condition(() => run.decision !== undefined);
    decision = run.decision;
  }
  run.gate = undefined;
  tellPool(run, 'moving');
  return decision;
}

/** Tidying up that must not keep the upgrade: what fails is told. Cancellation goes through. */
async function quietly(run: NodeTurn, action: () => Promise<undefined>): Promise<boolean> {
  try {
    await action();
    return true;
  } catch (error) {
    if (isCancellation(error)) throw error;
    tellCordonKept(run.line, run.input.change.name, error);
    return false;
  }
}

/** N3, in a scope that cannot be cancelled. */
async function windDown(run: NodeTurn): Promise<NodeOutcome> {
  run.gate = undefined;
  if (run.kubelet === 'old') {
    await quietly(run, () => uncordon(run, cleanupMs));
    return outcomeOf(run, 'undone');
  }
  const isGood =
    run.kubelet === 'new' &&
    (await quietly(run, () => verify(run, 0))) &&
    (await quietly(run, () => uncordon(run, cleanupMs)));
  return outcomeOf(run, isGood ? 'upgraded' : 'quarantined');
}
