// The drain of one node outside of an upgrade: cordon with a reason that names who asked, drain,
// end. The node stays cordoned; `undo` stops the drain and uncordons it.
// D1. It never fails: how it ends is data (DrainEnd), and nothing is forced.
// D2. A node that an upgrade has in work is refused before anything is done to it.
// D3. Undone or cancelled in the middle, the pods that were evicted stay evicted, and the node
//     serves again; a cordon of somebody else stays.

import {
  allHandlersFinished,
  CancellationScope,
  condition,
  isCancellation,
  setHandler,
} from '@temporalio/workflow';

import { type CordonResult, clusterTaskQueue } from '../domain/activity-contract';
import type { DrainProgress } from '../domain/activity-contract';
import { cordonPurpose, drainCordonReason } from '../domain/drain/cordon-reasons';
import {
  type DrainAnswer,
  type DrainEnd,
  drainFailure,
  type DrainRefusal,
  type DrainRequest,
  policyDifferences,
} from '../domain/drain/node-drain';
import { drainBlockersIn, drainProgressIn, failureOf } from './activity-failures';
import { activity, drainMarginMs } from './activity-options';
import { engineActor } from './audit-trail';
import { requestProblems } from './request-problems';
import { type DrainNodeInput, drainUpdate } from './messages';
import {
  askedBounds,
  close,
  countsOf,
  enter,
  type NodeRun,
  note,
  openNodeRun,
  refused,
  undone,
  undoneBy,
} from './node-run';
import { endOf, valueOf, watch } from './settled';
import { endSurges, raises, tellSurges, type TellSurge } from './surges';

interface DrainRun {
  readonly input: DrainNodeInput;
  readonly node: NodeRun;
  /** Set when the node is cordoned, or why it is not. */
  answer:
    | { readonly kind: 'draining' }
    | { readonly kind: 'refused'; refusal: DrainRefusal }
    | undefined;
}

/** Drains one node as an upgrade does, and leaves it cordoned; see docs/concepts.md. */
export async function drainNode(input: DrainNodeInput): Promise<DrainEnd> {
  const run: DrainRun = {
    input,
    node: openNodeRun(input, { phase: 'cordoning', asked: 'drain' }),
    answer: undefined,
  };
  registerDrain(run);
  let end: DrainEnd;
  try {
    end = await conduct(run);
  } catch (error) {
    if (!isCancellation(error)) throw error;
    end = await CancellationScope.nonCancellable(() => cancelled(run));
  }
  close(run.node, end);
  await CancellationScope.nonCancellable(() => condition(allHandlersFinished));
  return end;
}

function registerDrain(run: DrainRun): void {
  setHandler(drainUpdate, (request) => answerDrain(run, request), {
    validator: (request) => {
      const refusal = drainRefusal(run, request);
      if (refusal !== undefined) throw refused(refusal);
    },
  });
}

function drainRefusal({ input, node }: DrainRun, request: DrainRequest): DrainRefusal | undefined {
  const problems = [
    ...requestProblems(request),
    ...(typeof request?.policy === 'object' ? [] : ['policy must be an object']),
  ];
  if (problems.length > 0) return { code: 'request-malformed', problems };
  if (node.undo !== undefined) return { code: 'being-undone', by: node.undo.actor };
  if (node.end !== undefined) return { code: 'drain-ended' };
  const differences = policyDifferences(input.policy, request.policy);
  if (request.joins === 'any' || differences.length === 0) return undefined;
  return { code: 'drain-conflict', differences };
}

/** Waits for the cordon, unless somebody has it undone meanwhile. */
async function answerDrain(run: DrainRun, request: DrainRequest): Promise<DrainAnswer> {
  const { node, input } = run;
  const joined = request.requestId !== input.requestId;
  if (joined && !node.audit.some((entry) => entry.requestId === request.requestId)) {
    const { actor, requestId } = request;
    const text = `${actor} asked for the drain that runs already`;
    note(node, { actor, event: 'command.drain', text, requestId, node: input.node });
  }
  await CancellationScope.nonCancellable(() =>
    condition(() => run.answer !== undefined || node.undo !== undefined || node.end !== undefined),
  );
  if (run.answer?.kind === 'draining') return { kind: 'draining', joined };
  if (run.answer !== undefined) return run.answer;
  if (node.undo === undefined) return { kind: 'refused', refusal: { code: 'drain-ended' } };
  return { kind: 'refused', refusal: { code: 'being-undone', by: node.undo.actor } };
}

async function conduct(run: DrainRun): Promise<DrainEnd> {
  const { node } = run;
  const scope = new CancellationScope();
  const work = watch(scope.run(() => cordonAndDrain(run)));
  await CancellationScope.nonCancellable(() =>
    condition(() => work.end !== undefined || (node.undo !== undefined && allHandlersFinished())),
  );
  if (work.end === undefined) scope.cancel();
  const end = await endOf(work);
  const { undo } = node;
  if (undo === undefined) return valueOf(end);
  const options = { by: undo.actor, reason: undo.reason, undoes: undoneBy(undo) };
  return CancellationScope.nonCancellable(() => undone(node, options));
}

/** Temporal does not say who asked. Only what this drain is for is undone. */
function cancelled({ node }: DrainRun): Promise<DrainEnd> {
  const reason = 'its workflow was cancelled through Temporal';
  return undone(node, { by: 'temporal', reason, undoes: ['drain'] });
}

async function cordonAndDrain(run: DrainRun): Promise<DrainEnd> {
  const cordon = await cordoned(run);
  if ('code' in cordon) {
    run.answer = { kind: 'refused', refusal: cordon };
    return { outcome: 'refused', refusal: cordon };
  }
  run.answer = { kind: 'draining' };
  return drain(run, cordon.cordon === 'foreign' ? 'foreign' : 'ours');
}

/** D2. Throws only cancellation. */
async function cordoned({ input, node: run }: DrainRun): Promise<CordonResult | DrainRefusal> {
  const { cluster, node, upgradeRuns } = input;
  enter(run, 'cordoning');
  const bounds = askedBounds(run);
  try {
    const call = activity(cluster, 'cordonNode', { summary: `cordon ${node}`, ...bounds });
    const over = upgradeRuns ? (['drain'] as const) : (['drain', 'upgrade'] as const);
    const result = await call({ cluster, node, reason: drainCordonReason(input), over });
    const { reason } = result;
    const isOfUpgrade = reason !== undefined && cordonPurpose(reason) === 'upgrade';
    return isOfUpgrade ? { code: 'node-in-upgrade', node, cluster, cordon: reason } : result;
  } catch (error) {
    if (isCancellation(error)) throw error;
    const failure = drainFailure(failureOf(error));
    if (failure.code === 'node-missing') return { code: 'node-missing', node };
    if (failure.code !== 'worker-missing') return { code: 'cordon-failed', failure };
    const waitedSeconds = Math.round(bounds.workerTimeoutMs / 1_000);
    return { code: 'worker-missing', taskQueue: clusterTaskQueue(cluster), waitedSeconds };
  }
}

/** Throws only cancellation; pods that were evicted until then are counted. */
async function drain(
  { input, node: run }: DrainRun,
  cordon: 'ours' | 'foreign',
): Promise<DrainEnd> {
  const { cluster, node, policy } = input;
  enter(run, 'draining');
  const tell: TellSurge = (told) => note(run, { actor: engineActor, ...told, node });
  try {
    const call = activity(cluster, 'drainNode', {
      summary: `drain ${node}`,
      totalMs: policy.timeoutMs + drainMarginMs,
    });
    const result = await call({ cluster, node, policy });
    count(run, result);
    tellSurges(tell, result.surges);
    return { outcome: 'drained', cordon, ...countsOf(run) };
  } catch (error) {
    count(run, drainProgressIn(error));
    if (raises(policy)) await endSurges({ cluster, node }, tell);
    if (isCancellation(error)) throw error;
    const failure = drainFailure(failureOf(error));
    const blockers = drainBlockersIn(error);
    return { outcome: 'not-drained', failure, blockers, ...countsOf(run) };
  }
}

function count(
  run: NodeRun,
  drained: Pick<DrainProgress, 'evicted' | 'refusals'> | undefined,
): void {
  run.evicted += drained?.evicted ?? 0;
  run.refusals += drained?.refusals ?? 0;
}
