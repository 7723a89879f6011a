// drainNode: every pod that may leave leaves through the Eviction API (R4), budgets are waited for,
// and the node is looked at again until it is really empty (drain-looks.ts, drain-evictions.ts).
// D1. A pod is evicted, never deleted, unless a named person has that very pod forced.
// D2. When the policy refuses one pod, none is evicted; the node stays cordoned.
// D3. The deadline counts from the first attempt of the drain, so restarts do not prolong it. An
//     attempt that begins after it asks once for what is left: a person is told reasons of now.
// D4. A node that somebody uncordoned is not drained: its pods would only come back.
// D5. Nothing is waited for by rote: a change of the node, of a pod or of a budget is told by
//     watches. Where none is open, or something is due at a time, the clock says when to look.

import type {
  AscentActivities,
  DrainDeadlineDetails,
  DrainInput,
  DrainResult,
} from '../../domain/activity-contract';
import { blockerGroups, groupSentence } from '../../domain/drain/blocker-groups';
import type { DrainBlocker } from '../../domain/blockers';
import type { Deadlock } from '../../domain/drain/drain-deadlock';
import { refusalBlockers } from '../../domain/drain/drain-verdicts';
import { formatDuration } from '../../domain/durations';
import { type StuckPod, stuckPods } from '../../domain/drain/force';
import { parseLabelSelector } from '../../domain/drain/label-selector';
import { boundedList } from '../../domain/lists';
import { type ActivityDependencies, runActivity } from '../activity-run';
import { type Drain, evict } from './drain-evictions';
import { DrainExplanations } from './drain-explanations';
import { DrainForce } from './drain-force';
import { DrainLedger, readDrainCheckpoint } from './drain-ledger';
import { DrainLooks, type NodePods } from './drain-looks';
import { DrainSurges } from './drain-surges';
import { DrainVolumes } from './drain-volumes';
import { DrainYield } from './drain-yield';
import { terminalFailure } from '../failure-mapping';
import { secondsBetween } from '../passes';

/** Details of `drain-refused`; without blockers when it is not about pods. */
interface DrainRefusedDetails {
  readonly blockers: readonly DrainBlocker[];
  /** Those that the blockers name. */
  readonly pods?: readonly StuckPod[];
}

/** While pods are leaving, which takes a second or two for most; where no watch tells of it. */
const leavingPollMs = 400;
/** Longest time without a look at the node. */
const slowestPollMs = 2_000;
const fastestPollMs = 100;
/** How long a drain that did not end well tries to put back what it raised. */
const putBackMs = 10_000;

export function drainActivities(deps: ActivityDependencies): Pick<AscentActivities, 'drainNode'> {
  return {
    /**
     * Key: the node. Repeating it lists again and evicts what is left; an empty node is done.
     * Bound: policy.timeoutMs from the first attempt, then `drain-deadline` with what blocks.
     * Heartbeats DrainProgress on every change; cancellation leaves the evicted pods evicted and
     * carries the progress as details. Other failures: `drain-refused`, `credentials-refused`, and
     * `drain-yielded` where the input allows it.
     * Pods of `force` are deleted, each once, past their budgets.
     */
    drainNode: (input) =>
      runActivity(
        {
          deps,
          cluster: input.cluster,
          doing: `draining node ${input.node}`,
          code: 'unexpected',
        },
        async (run) => {
          seeSelector(input);
          const { clock, kube } = deps.ports;
          const before = readDrainCheckpoint(run.resume);
          const ledger = new DrainLedger(before, clock.nowMs());
          const deadlineMs = ledger.startedAtMs + input.policy.timeoutMs;
          const follower = kube.followNode(input.node);
          try {
            const explanations = new DrainExplanations(follower, clock);
            const force = new DrainForce(input.force ?? [], before?.forced ?? []);
            ledger.tellForce(force.forced(), force.failing());
            const { signal, resume } = run;
            const { node } = input;
            const volumes = new DrainVolumes({ kube, clock, follower, node, signal, resume });
            const surges = new DrainSurges({ kube, clock, input, ledger, follower, signal });
            const parts = { ledger, explanations, force, volumes, surges };
            return await puttingBack({ deps, run, input, follower, deadlineMs, ...parts });
          } finally {
            follower.close();
          }
        },
      ),
  };
}

/** What the drain raises is put back, however it ends (drain-surges.ts). */
async function puttingBack(drain: Drain): Promise<DrainResult> {
  const { run, surges } = drain;
  let result: DrainResult;
  try {
    await surges.goOn(run.resume);
    result = await untilEmpty(drain);
  } catch (error) {
    // The drain may end because it is told to, or because the API is away: that is what counts, and
    // what is left is found by its marks.
    await surges.end(AbortSignal.timeout(putBackMs)).catch(() => undefined);
    throw error;
  }
  const ended = await surges.end(run.signal);
  return ended.length === 0 ? result : { ...result, surges: ended };
}

async function untilEmpty(drain: Drain): Promise<DrainResult> {
  const { deps, run, ledger, volumes, follower, deadlineMs } = drain;
  const { clock } = deps.ports;
  const looks = looksOf(drain);
  const yields = new DrainYield(drain.input, follower);
  for (let isFirst = true; ; isFirst = false) {
    const isOver = clock.nowMs() >= deadlineMs;
    const mayEnd = isOver || volumes.areDetached;
    const pods = await lookAndNote(drain, looks, isOver);
    if (mayEnd && ledger.remaining === 0 && volumes.areDetached) {
      const { evicted, refusals, forced } = ledger.progress();
      const seconds = secondsBetween(ledger.startedAtMs, clock.nowMs());
      return { evicted, refusals, seconds, ...(forced === undefined ? {} : { forced }) };
    }
    if (isOver && !isFirst) throw deadlinePassed(drain, pods);
    const deadlock = yields.dueAt(clock.nowMs());
    if (deadlock !== undefined) throw yieldedTo(drain, deadlock);
    try {
      await forceDue(drain);
      const order = await volumes.order(ledger.due(clock.nowMs()));
      beatWhenChanged(drain);
      await evict(isOver ? { ...drain, deadlineMs: Infinity } : drain, order);
      if (!isOver) await drain.surges.advance();
    } finally {
      beatWhenChanged(drain);
    }
    run.signal.throwIfAborted();
    await follower.changed(pauseMs(drain), run.signal);
  }
}

function looksOf({ deps, run, input, ledger, volumes, follower }: Drain): DrainLooks {
  const { kube, clock } = deps.ports;
  return new DrainLooks({
    kube,
    clock,
    follower,
    node: input.node,
    policy: input.policy,
    startedAtMs: ledger.startedAtMs,
    signal: run.signal,
    isDue: (pod) => ledger.isDue(pod, clock.nowMs()) && !volumes.isHeldBack(pod),
    mayEnd: () => volumes.areDetached,
  });
}

/** Leaves in the ledger what is on the node; throws when that may not be drained. */
async function lookAndNote(drain: Drain, looks: DrainLooks, isOver: boolean): Promise<NodePods> {
  const { deps, ledger, force, volumes } = drain;
  const [all, isUncordoned] = await Promise.all([looks.pods(isOver), looks.isUncordoned()]);
  if (isUncordoned) throw notCordoned(drain);
  const seen = force.take(all, deps.ports.clock.nowMs());
  if (seen.refuse.length > 0) throw refusedByPolicy(drain, seen.refuse);
  ledger.look(seen, deps.ports.clock.nowMs(), looks.node);
  await volumes.look(seen, isOver);
  beatWhenChanged(drain);
  return seen;
}

async function forceDue({ deps, run, force, ledger }: Drain): Promise<void> {
  try {
    await force.deleteDue(deps.ports, run.signal);
  } finally {
    ledger.tellForce(force.forced(), force.failing());
  }
}

/** What is lost when a worker dies between two of these is found again by the ledger (L1). */
function beatWhenChanged({ run, ledger, explanations, volumes, surges }: Drain): void {
  ledger.explain((budget) => explanations.about(budget));
  ledger.takeOver(volumes.blockers());
  const isNews = [ledger.hasChanged(), volumes.hasChanged()].includes(true);
  if (!isNews) return;
  run.beat({ ...ledger.checkpoint(), ...volumes.checkpoint(), ...surges.checkpoint() });
}

function pauseMs({ deps, ledger, volumes, follower, deadlineMs }: Drain): number {
  const nowMs = deps.ports.clock.nowMs();
  // What was waited for is over: only the last look is left.
  if (ledger.remaining === 0 && volumes.areDetached) return fastestPollMs;
  const isPolled = ledger.hasLeavingPods && !follower.isOpen();
  const wantedMs = isPolled ? leavingPollMs : slowestPollMs;
  const dueMs = ledger.msUntilDue(nowMs, (pod) => volumes.isHeldBack(pod)) ?? wantedMs;
  const checkMs = volumes.msUntilCheck(nowMs) ?? wantedMs;
  return Math.max(fastestPollMs, Math.min(wantedMs, dueMs, checkMs, deadlineMs - nowMs));
}

/** A start by another client may carry a policy that no spec file was read for. */
function seeSelector({ node, policy }: DrainInput): void {
  const selector = parseLabelSelector(policy.podSelector ?? '');
  if (selector.kind === 'parsed') return;
  const details: DrainRefusedDetails = { blockers: [] };
  const why = `podSelector ${policy.podSelector} cannot be read: ${selector.mistakes.join('; ')}`;
  const message = `node ${node} was not drained: its ${why}`;
  throw terminalFailure({ code: 'drain-refused', message, details });
}

/** D4. */
function notCordoned({ input }: Drain): Error {
  const details: DrainRefusedDetails = { blockers: [] };
  const message = `node ${input.node} is not cordoned; its pods would come back`;
  return terminalFailure({ code: 'drain-refused', message, details });
}

function refusedByPolicy({ deps, input }: Drain, refusals: NodePods['refuse']): Error {
  const blockers = refusalBlockers(refusals, deps.ports.clock.nowMs());
  const pods = stuckPods(
    blockers,
    refusals.map(({ pod }) => pod),
  );
  const details: DrainRefusedDetails = { blockers, pods };
  const message = `node ${input.node} was not drained: ${blockersText(blockers)}`;
  return terminalFailure({ code: 'drain-refused', message, details });
}

function leftOn({ evict, wait }: NodePods, blockers: readonly DrainBlocker[]) {
  return stuckPods(blockers, [...evict, ...wait.map(({ pod }) => pod)]);
}

function deadlinePassed({ input, ledger }: Drain, pods: NodePods): Error {
  ledger.tellAllLeaving();
  const progress = ledger.progress();
  const details: DrainDeadlineDetails = { progress, pods: leftOn(pods, progress.blockers) };
  const { evicted, remaining, blockers } = progress;
  const took = formatDuration(input.policy.timeoutMs);
  const message =
    `node ${input.node} was not empty after ${took}:` +
    ` pods left: ${remaining}, evicted: ${evicted}` +
    (blockers.length === 0 ? '' : `; ${blockersText(blockers)}`);
  return terminalFailure({ code: 'drain-deadline', message, details });
}

function yieldedTo({ input, ledger }: Drain, { waitsFor }: Deadlock): Error {
  const details: DrainDeadlineDetails = { progress: ledger.progress() };
  const message =
    `the drain of node ${input.node} and ${boundedList(waitsFor)} waited for each other` +
    ' without an end, and this one began last';
  return terminalFailure({ code: 'drain-yielded', message, details });
}

const toldAtMost = 3;

/** The first few reasons in words, and how many pods more; all of them are in the details. */
function blockersText(blockers: readonly DrainBlocker[]): string {
  const groups = blockerGroups(blockers);
  const told = groups.slice(0, toldAtMost).map((group) => groupSentence(group));
  const more = groups.slice(toldAtMost).reduce((sum, { pods }) => sum + pods, 0);
  return told.join('; ') + (more > 0 ? `; and ${more} more` : '');
}
