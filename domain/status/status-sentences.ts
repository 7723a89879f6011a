// Words for where an upgrade stands, what does not get on, and how it ended. No locale, no clock.
// S1. Each sentence names the object and says what to do next, or that nothing needs to be done.

import { clusterTaskQueue } from '../activity-contract';
import type { Gate } from './control';
import { count } from '../counts';
import { formatDuration, formatSeconds } from '../durations';
import type { ClusterName } from '../names';
import type { UnsettledActivity, UpgradeResult, UpgradeStatus } from './progress';
import { failureSentence, gateSentence, startRefusalSentence } from './sentences';

/** What statusSentence reads of a status: everything but its own answer. */
export type StatusFacts = Omit<UpgradeStatus, 'schema' | 'sentence'>;

/**
 * Where an upgrade stands, in one sentence for 03:00: what it does, what it waits for, who can
 * unblock it. Pure in `status` and `nowMs`; without `nowMs` (as in the workflow's own details,
 * which must not go stale) it says no durations that grow.
 */
export function statusSentence(status: StatusFacts, nowMs?: number): string {
  switch (status.phase) {
    case 'planning':
      return `planning the upgrade of ${status.cluster}: looking at the cluster`;
    case 'waiting-for-approval':
      return `${status.cluster} waits for a person: ${gatesText(status, nowMs)}${wayBack(status)}`;
    case 'needs-operator':
      return (
        `${status.cluster} needs an operator: ${gatesText(status, nowMs)}` +
        (status.gates.some(isBetweenHops) ? wayBack(status) : '')
      );
    case 'upgrading':
      return `upgrading ${journeyText(status)}${hopText(status, nowMs)}${leftText(status)}`;
    case 'soaking':
      return (
        `soaking ${journeyText(status)}${hopText(status, nowMs)}${leftText(status)}` +
        '; nothing needs to be done, the cluster is checked meanwhile'
      );
    case 'pausing':
      return (
        `pausing ${status.cluster}${pauseText(status, nowMs)}:` +
        ` work under way ends at the next safe point${hopText(status, nowMs)}`
      );
    case 'paused':
      return (
        `${status.cluster} is paused${pauseText(status, nowMs)}${hopText(status, nowMs)}` +
        ' - resume to go on' +
        (status.gates.length === 0 ? '' : `; meanwhile ${gatesText(status, nowMs)}`)
      );
    case 'rolling-back':
      return `rolling back ${status.cluster}${rollBackText(status)}${hopText(status, nowMs)}`;
    case 'ended':
      return endText(status);
  }
}

function gatesText(status: StatusFacts, nowMs?: number): string {
  if (status.gates.length === 0) return 'the gate is being opened';
  return status.gates.map((gate) => gateSentence(gate, nowMs)).join('; ');
}

/** The hop cannot be planned any more: what can be rolled back is the one before it. */
function isBetweenHops(gate: Gate): boolean {
  return gate.kind === 'step' && gate.step === 'plan';
}

function wayBack({ rollBackTo }: StatusFacts): string {
  if (rollBackTo === undefined) return '';
  return `; rolling back ${rollBackTo.hop} would return it to ${rollBackTo.at}`;
}

function journeyText({ cluster, from, to }: StatusFacts): string {
  return from === undefined || to === undefined ? cluster : `${cluster} from ${from} to ${to}`;
}

function hopText({ hop }: StatusFacts, nowMs?: number): string {
  if (hop === undefined) return '';
  const since = nowMs === undefined ? '' : ` for ${formatDuration(nowMs - hop.stepSinceMs)}`;
  return `; hop ${hop.position} of ${hop.count} (${hop.id}), step ${hop.step}${since}`;
}

function leftText({ secondsLeft }: StatusFacts): string {
  return secondsLeft === undefined ? '' : `; about ${formatSeconds(secondsLeft)} left`;
}

function pauseText({ paused }: StatusFacts, nowMs?: number): string {
  if (paused === undefined) return '';
  const since = nowMs === undefined ? '' : ` for ${formatDuration(nowMs - paused.sinceMs)}`;
  return `${since} by ${paused.by} (${paused.reason})`;
}

function rollBackText({ rollBackTo }: StatusFacts): string {
  return rollBackTo === undefined ? '' : ` to ${rollBackTo.at}, from before ${rollBackTo.hop}`;
}

function endText(status: StatusFacts): string {
  const { cluster, result, lastFailure } = status;
  if (result !== undefined) return resultSentence(cluster, result);
  const why = lastFailure === undefined ? '' : `: ${failureSentence(lastFailure)}`;
  return `the upgrade of ${cluster} has ended${why}`;
}

/**
 * Why activities do not get on, and what to do about it: one sentence a reason, about the first of
 * its activities. Without `nowMs` it says no durations.
 */
export function unsettledSentences(
  cluster: ClusterName,
  unsettled: readonly UnsettledActivity[],
  nowMs?: number,
): readonly string[] {
  const reasons = new Map<string, { readonly first: UnsettledActivity; readonly more: number }>();
  for (const one of unsettled) {
    const reason = one.code === 'failing' ? one.message : one.code;
    const known = reasons.get(reason);
    reasons.set(reason, {
      first: known?.first ?? one,
      more: known === undefined ? 0 : known.more + 1,
    });
  }
  return [...reasons.values()].map(({ first, more }) => {
    const others = more === 0 ? '' : ` (and ${more} more)`;
    const what = `${first.activity} of ${first.workflowId}${others}`;
    if (first.code === 'failing') {
      const times = first.failures === 1 ? 'once' : `${first.failures} times`;
      return `${what} has failed ${times} and is tried again: ${first.message}`;
    }
    const waited = nowMs === undefined ? '' : ` for ${formatDuration(nowMs - first.sinceMs)}`;
    return (
      `no worker has taken ${what}${waited}` +
      ` - see that a worker runs that serves ${clusterTaskQueue(cluster)}`
    );
  });
}

/** How an upgrade ended, in one sentence. */
export function resultSentence(cluster: string, result: UpgradeResult): string {
  switch (result.outcome) {
    case 'completed':
      return (
        `${cluster} was upgraded from ${result.from} to ${result.to}` +
        ` in ${count(result.hops.length, 'hop')}`
      );
    case 'blocked':
      return `the upgrade of ${cluster} did not begin: ${startRefusalSentence(result.refusal)}`;
    case 'rejected':
    case 'cancelled':
      return (
        `the upgrade of ${cluster} was ${result.outcome} by ${result.by} (${result.reason});` +
        ` its control plane runs ${result.at}`
      );
    case 'rolled-back':
      return (
        `${cluster} was rolled back to ${result.at}, from before ${result.hop},` +
        ` in ${formatSeconds(result.seconds)}`
      );
  }
}
