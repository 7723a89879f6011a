// Words for everything else that waits, refuses or goes on: findings, gates, refusals and where an
// upgrade stands. No locale and no clock: who wants to read durations passes `nowMs`.
// S1. Each sentence names the object and says what to do next, or that nothing needs to be done.

import { clusterTaskQueue, type StartRefusal } from './activity-contract';
import { blockerSentence, budgetText } from './blocker-sentences';
import type { CommandRefusal, Gate } from './control';
import { formatDuration, formatSeconds } from './durations';
import type { FailureInfo } from './failures';
import type { Finding, FindingObject } from './findings';
import type { ClusterName } from './names';
import type { UnsettledActivity, UpgradeResult, UpgradeStatus } from './progress';
import type { Words } from './words';
import { say } from './words';

/** What statusSentence reads of a status: everything but its own answer. */
export type StatusFacts = Omit<UpgradeStatus, 'schema' | 'sentence'>;

/** `node worker-3`, `disruption budget web/web-budget`. */
export function findingObjectText(object: FindingObject): string {
  switch (object.kind) {
    case 'cluster':
      return 'cluster';
    case 'member':
      return `member ${object.name}`;
    case 'etcd':
      return `etcd ${object.name}`;
    case 'node':
      return `node ${object.name}`;
    case 'budget':
      return `disruption budget ${budgetText(object.budget)}`;
    case 'lease':
      return `lease ${object.name}`;
    case 'snapshot-store':
      return `snapshot store ${object.location}`;
  }
}

/** `node worker-3: it is not Ready - look at its kubelet`. */
export function findingSentence(finding: Finding): string {
  return `${findingObjectText(finding.object)}: ${finding.message} - ${finding.remedy}`;
}

/** What happened and what to do about it. */
export function failureSentence(failure: FailureInfo): string {
  return `${failure.message} - ${failure.remedy}`;
}

/** What a gate waits for and how it can be answered. */
export function gateSentence(gate: Gate, nowMs?: number): string {
  const sinceThen = (now: string, past: string): string =>
    nowMs === undefined ? now : `${past} for ${formatDuration(nowMs - gate.sinceMs)}`;
  switch (gate.kind) {
    case 'approval':
      return (
        `${gate.hop} ${sinceThen('waits', 'has waited')} for an approval` +
        ` - approve or reject ${gate.id}`
      );
    case 'step': {
      const findings = gate.findings.filter((finding) => finding.severity === 'blocks');
      const found = findings.map((finding) => `; ${findingSentence(finding)}`).join('');
      return (
        `step ${gate.step} of ${gate.hop} ${sinceThen('is stopped', 'has been stopped')}:` +
        ` ${failureSentence(gate.failure)}${found}` +
        ` - approve ${gate.id} to try the step again, ${otherAnswers(gate)}`
      );
    }
    case 'node': {
      const blockers = gate.blockers.map((one) => `; ${blockerSentence(one, nowMs)}`).join('');
      return (
        `node ${gate.node} of pool ${gate.pool} ${sinceThen('is held', 'has been held')}:` +
        ` ${failureSentence(gate.failure)}${blockers}` +
        ` - retry, skip or quarantine node ${gate.node}, or roll back ${gate.hop}`
      );
    }
  }
}

/** Steps before a hop has changed anything, and of a rollback: there is nothing to roll back. */
const stepsWithoutWayBack = /^(?:plan|preflight|snapshot|rollback\b.*)$/;

function otherAnswers({ step, hop }: Extract<Gate, { readonly kind: 'step' }>): string {
  return stepsWithoutWayBack.test(step)
    ? 'or reject it to end here'
    : `reject it to end here, or roll back ${hop}`;
}

const rollBackReasons = {
  'no-snapshot-yet': 'its snapshot is not verified yet, and nothing has changed so far',
  'next-hop-begun': 'a later hop has begun, and only the latest can be rolled back',
  'not-begun': 'it has not begun',
  'already-rolling-back': 'it is being rolled back already',
} as const;

const refusalWords: Words<CommandRefusal> = {
  'gate-unknown': ({ gate, open }) =>
    `no gate ${gate} is open - ` +
    (open.length === 0 ? 'nothing waits for an answer' : `these are: ${open.join(', ')}`),
  'digest-stale': ({ given, current }) =>
    `the plan has changed: its digest is ${current}, not ${given}` +
    ' - look at the plan as it is now, then answer with its digest',
  'already-paused': () => 'the upgrade is paused already - resume it to go on',
  'not-paused': () => 'the upgrade is not paused - there is nothing to resume',
  'node-not-waiting': ({ node, waiting }) =>
    `node ${node} does not wait for a decision - ` +
    (waiting.length === 0 ? 'no node does' : `these do: ${waiting.join(', ')}`),
  'rollback-unavailable': ({ hop, why }) => `${hop} cannot be rolled back: ${rollBackReasons[why]}`,
  'not-planned-yet': () => 'the plan is not made yet - ask again in a few seconds',
  'upgrade-ended': ({ outcome }) =>
    `the upgrade has ended (${outcome}) - start another one to change the cluster`,
  'request-malformed': ({ problems }) =>
    `the request is malformed: ${problems.join('; ')} - correct it and send it again`,
  'upgrade-conflict': ({ differences }) =>
    `an upgrade of this cluster with another spec runs; they differ in ${differences.join(', ')}` +
    ' - wait for its end, reject it or roll it back, then start again',
};

/** Why a command was refused, and what to do instead. */
export function refusalSentence(refusal: CommandRefusal): string {
  return say(refusalWords, refusal);
}

const startWords: Words<StartRefusal> = {
  blocked: ({ blockers }) =>
    `no plan can be made: ${blockers.map((one) => blockerSentence(one)).join('; ')}`,
  'worker-missing': ({ taskQueue, waitedSeconds }) =>
    `no worker took work from ${taskQueue} within ${formatSeconds(waitedSeconds)}` +
    ' - start a worker that serves this cluster, then start again',
  'planning-failed': ({ failure }) =>
    `the cluster could not be looked at: ${failureSentence(failure)}`,
};

/** Why an upgrade was not started, all reasons at once. */
export function startRefusalSentence(refusal: StartRefusal): string {
  return say(startWords, refusal);
}

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
        ` in ${result.hops.length} ${result.hops.length === 1 ? 'hop' : 'hops'}`
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
