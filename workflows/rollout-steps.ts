// The steps of a hop that replace a pool, or the members of the control plane, by machines of the
// next release: controllers of others do it, these steps ask them to and follow. They are there
// only where the plan has them, so that they need no patch.
// R1. Paused or cancelled, the rollout is held: machines on their way go on, no further one begins.
//     Members are replaced to the end: a control plane is not held in the middle (ADR 44).
// R2. A rollout that failed at its gate is left as it is: what is stuck holds itself.

import { CancellationScope, condition, isCancellation } from '@temporalio/workflow';

import type { NodeName, PoolName } from '../domain/names';
import type { Hop, ReplaceMembersStep, RolloutStep } from '../domain/plan/plan';
import type { RollOutResult } from '../domain/rollout-contract';
import type { NodeOutcome } from '../domain/status/progress';
import { stepLabel } from '../domain/status/step-labels';
import { activity, cleanupMs } from './activity-options';
import { checkMembers, type MemberHop } from './member-steps';
import { endOf, watch } from './settled';
import { type StepProblem, type StepRun, takeStep } from './step-run';

/** What of a hop its rollouts need. */
export interface RolloutHop {
  readonly input: { readonly hop: Hop };
  readonly run: StepRun;
  readonly nodes: Map<NodeName, NodeOutcome>;
  /** Nodes of the pools that were rolled out. */
  readonly rolledOut: Map<PoolName, readonly NodeName[]>;
}

export function takeRollout(hop: RolloutHop, step: RolloutStep): Promise<void> {
  const take = async (): Promise<undefined> => tell(hop, step, await rollOut(hop, step));
  return takeStep(hop.run, { label: stepLabel(step), take });
}

/** Gates before the first and after the last member, as around others (docs/adr/0019). */
export function takeReplacement(
  hop: RolloutHop & MemberHop,
  step: ReplaceMembersStep,
): Promise<void> {
  const take = async (): Promise<StepProblem | undefined> => {
    const unfit = await checkMembers(hop, 'before the first is replaced');
    if (unfit !== undefined) return unfit;
    const { replicas, stuckMs, from, to } = step;
    const { cluster } = hop.run;
    const summary = `machines of the control plane: ${from} → ${to}`;
    const call = activity(cluster, 'replaceMembers', {
      summary,
      totalMs: (replicas + 1) * stuckMs,
    });
    const { members, ...result } = await CancellationScope.nonCancellable(() =>
      call({ cluster, from, to, stuckMs }),
    );
    const told = members.map((member) => ({ member, component: 'member', ...result }) as const);
    hop.members.splice(0, hop.members.length, ...told);
    return checkMembers(hop, 'after the last was replaced');
  };
  return takeStep(hop.run, { label: stepLabel(step), take });
}

/** R1. */
async function rollOut(hop: RolloutHop, step: RolloutStep): Promise<RollOutResult> {
  const { run } = hop;
  for (;;) {
    const end = await followed(hop, step);
    if (end !== 'paused') return end;
    await hold(hop, step, `paused during ${hop.input.hop.id}`);
    run.isStill = true;
    await condition(() => !run.paused);
    run.isStill = false;
  }
}

/** `paused`: somebody has paused the upgrade meanwhile, and the activity has ended. */
async function followed(hop: RolloutHop, step: RolloutStep): Promise<RollOutResult | 'paused'> {
  const { run } = hop;
  const { pool, from, to, replicas, stuckMs } = step;
  const scope = new CancellationScope();
  const summary = `machines of pool ${pool}: ${from} → ${to}`;
  // Each machine may take that long without a failure of its own.
  const totalMs = (replicas + 1) * stuckMs;
  const call = activity(run.cluster, 'rollOutPool', { summary, totalMs });
  const asked = { cluster: run.cluster, pool, from, to, stuckMs };
  const running = watch(scope.run(() => call(asked)));
  try {
    await condition(() => running.end !== undefined || run.paused);
  } catch (error) {
    if (!isCancellation(error)) throw error;
    await endOf(running);
    await CancellationScope.nonCancellable(() =>
      hold(hop, step, `the upgrade was stopped during ${hop.input.hop.id}`, cleanupMs),
    );
    throw error;
  }
  const isOurs = running.end === undefined;
  if (isOurs) scope.cancel();
  const end = await endOf(running);
  if (end.kind === 'resolved') return end.value;
  if (isOurs && isCancellation(end.error)) return 'paused';
  throw end.error;
}

async function hold(
  { run }: RolloutHop,
  { pool, to }: RolloutStep,
  reason: string,
  totalMs?: number,
): Promise<void> {
  const { cluster, line } = run;
  const summary = `hold the rollout of pool ${pool}`;
  const bound = totalMs === undefined ? {} : { totalMs };
  const call = activity(cluster, 'holdRollout', { summary, ...bound });
  const result = await call({ cluster, pool, to, reason });
  if (result.hold !== 'placed') return;
  const text = `the rollout of pool ${pool} is held: no further machine of it is replaced`;
  line.report({ kind: 'note', event: 'rollout.held', text });
}

function tell(hop: RolloutHop, { pool, from, to }: RolloutStep, result: RollOutResult): undefined {
  const { nodes: names, changed } = result;
  hop.rolledOut.set(pool, names);
  const outcome = changed ? 'upgraded' : 'already-done';
  const before = changed ? from : to;
  for (const node of names) {
    const figures = { evicted: 0, refusals: 0, seconds: 0 };
    hop.nodes.set(node, { node, outcome, before, after: to, ...figures });
  }
}
