// drainNode: every pod that may leave leaves through the Eviction API (R4), budgets are waited for,
// and the node is looked at again until it is really empty.
// D1. A pod is evicted, never deleted. Nothing here can force one.
// D2. When the policy refuses one pod, none is evicted; the node stays cordoned.
// D3. The deadline counts from the first attempt of the drain, so restarts do not prolong it.
// D4. A node that somebody uncordoned is not drained: its pods would only come back.
// D5. What ends a drain, its first look included, is read from etcd, and so is what is evicted: the
//     eviction of a pod that a StatefulSet has replaced by one of its name takes from the budget
//     for two minutes (disruption controller, DeletionTimeout). Other looks are at what an API
//     server remembers: many nodes are drained at a time, and looked at often.

import type {
  AscentActivities,
  DrainDeadlineDetails,
  DrainInput,
  DrainResult,
} from '../domain/activity-contract';
import { blockerSentence } from '../domain/blocker-sentences';
import type { DrainBlocker } from '../domain/blockers';
import {
  type DaemonSetRef,
  daemonSetsToLookUp,
  type DrainVerdicts,
  drainVerdicts,
  refusalBlockers,
} from '../domain/drain-verdicts';
import { formatDuration } from '../domain/durations';
import { parseLabelSelector } from '../domain/label-selector';
import { type ActivityDependencies, type ActivityRun, runActivity } from './activity-run';
import { DrainLedger, readDrainCheckpoint } from './drain-ledger';
import { terminalFailure } from './failure-mapping';
import { secondsBetween } from './passes';
import { type EvictionAnswer, type PodView, PortError, type ReadFreshness } from './ports';

/** Details of `drain-refused`; without blockers when it is not about pods. */
interface DrainRefusedDetails {
  readonly blockers: readonly DrainBlocker[];
}

/** Evictions of one node asked for at the same time. */
const evictionsAtOnce = 10;
/** While pods are leaving, which takes a second or two for most. */
const leavingPollMs = 400;
/** Longest time without a look at the node. */
const slowestPollMs = 2_000;
const fastestPollMs = 100;
/** How soon it is noticed that somebody uncordoned the node (D4). */
const cordonLookMs = 5_000;
/** How old may be what an API server remembers, at the most (D5). */
const freshLookMs = 5_000;

interface Drain {
  readonly deps: ActivityDependencies;
  readonly run: ActivityRun;
  readonly input: DrainInput;
  readonly ledger: DrainLedger;
  readonly deadlineMs: number;
  /** DaemonSets that were seen; one that goes away meanwhile takes its pods along. */
  readonly daemonSetsSeen: Set<string>;
  /** When the node was last seen cordoned, or missing. */
  cordonSeenAtMs: number;
  /** When its pods were last read from etcd. */
  freshLookAtMs: number;
}

export function drainActivities(deps: ActivityDependencies): Pick<AscentActivities, 'drainNode'> {
  return {
    /**
     * Key: the node. Repeating it lists again and evicts what is left; an empty node is done.
     * Bound: policy.timeoutMs from the first attempt, then `drain-deadline` with what blocks.
     * Heartbeats DrainProgress on every change; cancellation leaves the evicted pods evicted and
     * carries the progress as details. Other failures: `drain-refused`, `credentials-refused`.
     */
    drainNode: (input) =>
      runActivity(
        {
          deps,
          cluster: input.cluster,
          doing: `draining node ${input.node}`,
          code: 'unexpected',
        },
        (run) => {
          seeSelector(input);
          const ledger = new DrainLedger(readDrainCheckpoint(run.resume), deps.ports.clock.nowMs());
          const deadlineMs = ledger.startedAtMs + input.policy.timeoutMs;
          const daemonSetsSeen = new Set<string>();
          return untilEmpty({
            deps,
            run,
            input,
            ledger,
            deadlineMs,
            daemonSetsSeen,
            cordonSeenAtMs: -Infinity,
            freshLookAtMs: -Infinity,
          });
        },
      ),
  };
}

async function untilEmpty(drain: Drain): Promise<DrainResult> {
  const { deps, run, ledger, deadlineMs } = drain;
  const { clock } = deps.ports;
  for (;;) {
    const isOver = clock.nowMs() >= deadlineMs;
    await lookAndNote(drain, isOver);
    if (ledger.remaining === 0) {
      const { evicted, refusals } = ledger.progress();
      return { evicted, refusals, seconds: secondsBetween(ledger.startedAtMs, clock.nowMs()) };
    }
    if (isOver) throw deadlinePassed(drain);
    await evictDue(drain);
    run.signal.throwIfAborted();
    await clock.sleep(pauseMs(drain), run.signal);
  }
}

/** Leaves in the ledger what is on the node; throws when that may not be drained. */
async function lookAndNote(drain: Drain, isOver: boolean): Promise<void> {
  const { deps, ledger } = drain;
  const [seen] = await Promise.all([lookAtNode(drain, isOver), seeCordon(drain)]);
  if (seen.refuse.length > 0) throw refusedByPolicy(drain, seen.refuse);
  ledger.look(seen, deps.ports.clock.nowMs());
  beatWhenChanged(drain);
}

function pauseMs({ deps, ledger, deadlineMs }: Drain): number {
  const nowMs = deps.ports.clock.nowMs();
  const wantedMs = ledger.hasLeavingPods ? leavingPollMs : slowestPollMs;
  const dueMs = ledger.msUntilDue(nowMs) ?? wantedMs;
  return Math.max(fastestPollMs, Math.min(wantedMs, dueMs, deadlineMs - nowMs));
}

type NodePods = DrainVerdicts<PodView>;

/**
 * The pods of the node by verdict; a node that does not exist has none. What is going to be acted
 * on was read from etcd: what is remembered may be of the past, in either direction (D5).
 */
async function lookAtNode(drain: Drain, isOver: boolean): Promise<NodePods> {
  const { clock } = drain.deps.ports;
  const isFreshEnough = clock.nowMs() - drain.freshLookAtMs < freshLookMs;
  if (isFreshEnough && !isOver) {
    const remembered = await lookAtPods(drain, 'cached');
    if (!isActedOn(drain, remembered)) return remembered;
  }
  drain.freshLookAtMs = clock.nowMs();
  return lookAtPods(drain, 'now');
}

/** Whether such pods end the drain, or one of them would be evicted now. */
function isActedOn({ deps, ledger }: Drain, { refuse, evict, wait }: NodePods): boolean {
  const nowMs = deps.ports.clock.nowMs();
  // Pods that leave later leave after something that is here now.
  const isEmpty = evict.length === 0 && wait.length === 0;
  return isEmpty || refuse.length > 0 || evict.some((pod) => ledger.isDue(pod, nowMs));
}

async function lookAtPods(drain: Drain, freshness: ReadFreshness): Promise<NodePods> {
  const { deps, run, input, ledger } = drain;
  const pods = await deps.ports.kube.listPodsOnNode(input.node, freshness, run.signal);
  const missingDaemonSets = await lookUpDaemonSets(drain, pods);
  const { policy } = input;
  const { startedAtMs } = ledger;
  const nowMs = deps.ports.clock.nowMs();
  return drainVerdicts({ pods, policy, missingDaemonSets, startedAtMs, nowMs });
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

/** D4, at most every few seconds: nodes are large objects. */
async function seeCordon(drain: Drain): Promise<void> {
  const { deps, run, input } = drain;
  const nowMs = deps.ports.clock.nowMs();
  if (nowMs - drain.cordonSeenAtMs < cordonLookMs) return;
  const node = await deps.ports.kube.getNode(input.node, run.signal);
  drain.cordonSeenAtMs = nowMs;
  if (node?.unschedulable !== false) return;
  const details: DrainRefusedDetails = { blockers: [] };
  const message = `node ${input.node} is not cordoned; its pods would come back`;
  throw terminalFailure({ code: 'drain-refused', message, details });
}

async function lookUpDaemonSets(
  { deps, run, daemonSetsSeen }: Drain,
  pods: readonly PodView[],
): Promise<readonly DaemonSetRef[]> {
  const missing: DaemonSetRef[] = [];
  const unknown = daemonSetsToLookUp(pods).filter(
    ({ namespace, name }) => !daemonSetsSeen.has(`${namespace}/${name}`),
  );
  await Promise.all(
    unknown.map(async (owner) => {
      const { namespace, name } = owner;
      const exists = await deps.ports.kube.daemonSetExists(namespace, name, run.signal);
      if (exists) daemonSetsSeen.add(`${namespace}/${name}`);
      else missing.push(owner);
    }),
  );
  return missing;
}

/** Asks for every eviction that is due, a few at a time, until the deadline or a final answer. */
async function evictDue(drain: Drain): Promise<void> {
  const { deps, run, ledger, deadlineMs } = drain;
  const { clock } = deps.ports;
  const queue = [...ledger.due(clock.nowMs())];
  const evictFromQueue = async (): Promise<void> => {
    for (let pod = queue.shift(); pod !== undefined; pod = queue.shift()) {
      if (run.signal.aborted || clock.nowMs() >= deadlineMs) return;
      try {
        await evictOne(drain, pod);
      } catch (error) {
        queue.length = 0;
        throw error;
      }
    }
  };
  const evictors = Array.from({ length: evictionsAtOnce }, evictFromQueue);
  // Evictions under way are let finish and counted before the first failure is told.
  await Promise.allSettled(evictors);
  beatWhenChanged(drain);
  await Promise.all(evictors);
}

async function evictOne(drain: Drain, pod: PodView): Promise<void> {
  const { deps, ledger } = drain;
  const answer = await askForEviction(drain, pod);
  ledger.note(pod, answer, deps.ports.clock.nowMs());
  if (isRefusedForGood(answer)) throw evictionForbidden(drain, pod, answer.message);
}

/** What is lost when a worker dies between two of these is found again by the ledger (L1). */
function beatWhenChanged({ run, ledger }: Drain): void {
  if (ledger.hasChanged()) run.beat(ledger.checkpoint());
}

/**
 * One eviction. What fails for one pod only (a webhook, a connection) is an answer to wait on; when
 * the API is away altogether, the next look at the node fails. Credentials concern every pod.
 */
async function askForEviction({ deps, run, input }: Drain, pod: PodView): Promise<EvictionAnswer> {
  try {
    return await deps.ports.kube.evict(pod, input.policy.gracePeriodSeconds, run.signal);
  } catch (error) {
    if (!(error instanceof PortError) || run.signal.aborted) throw error;
    switch (error.code) {
      case 'unauthorized':
      case 'forbidden':
        throw error;
      case 'not-found':
        return { kind: 'gone' };
      case 'conflict':
        return { kind: 'replaced' };
      case 'unreachable':
      case 'timeout':
      case 'rejected':
      case 'unexpected':
        return { kind: 'failed', message: error.message };
    }
  }
}

/** A budget that cannot be reckoned with may be mended; rights of the worker are another matter. */
function isRefusedForGood(
  answer: EvictionAnswer,
): answer is Extract<EvictionAnswer, { kind: 'forbidden' }> {
  return answer.kind === 'forbidden' && answer.by !== 'budget';
}

function evictionForbidden({ input, ledger }: Drain, pod: PodView, message: string): Error {
  const { namespace, name } = pod.ref;
  return terminalFailure({
    code: 'credentials-refused',
    message: `draining node ${input.node}: may not evict pod ${namespace}/${name}: ${message}`,
    details: { progress: ledger.progress() },
  });
}

function refusedByPolicy({ deps, input }: Drain, refusals: NodePods['refuse']): Error {
  const blockers = refusalBlockers(refusals, deps.ports.clock.nowMs());
  const details: DrainRefusedDetails = { blockers };
  const message = `node ${input.node} was not drained: ${blockersText(blockers)}`;
  return terminalFailure({ code: 'drain-refused', message, details });
}

function deadlinePassed({ input, ledger }: Drain): Error {
  const progress = ledger.progress();
  const details: DrainDeadlineDetails = { progress };
  const { evicted, remaining, blockers } = progress;
  const took = formatDuration(input.policy.timeoutMs);
  const message =
    `node ${input.node} was not empty after ${took}:` +
    ` pods left: ${remaining}, evicted: ${evicted}` +
    (blockers.length === 0 ? '' : `; ${blockersText(blockers)}`);
  return terminalFailure({ code: 'drain-deadline', message, details });
}

const toldAtMost = 3;

/** The first few in words; all of them are in the details. */
function blockersText(blockers: readonly DrainBlocker[]): string {
  const told = blockers.slice(0, toldAtMost).map((blocker) => blockerSentence(blocker));
  const more = blockers.length - toldAtMost;
  return told.join('; ') + (more > 0 ? `; and ${more} more` : '');
}
