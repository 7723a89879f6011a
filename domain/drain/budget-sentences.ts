// Words for what keeps a disruption budget from allowing an eviction.

import type { BudgetExplanation, UnhealthyPod } from './budget-explanation';
import { formatDuration } from '../durations';
import type { Words } from '../words';
import { say } from '../words';

/**
 * `allows no eviction now: 2 of 3 pods are healthy, 2 must be; … - it goes on by itself …`:
 * follows the name of the budget. With `nowMs` also for how long each pod has been unhealthy.
 */
export function budgetExplanationText(explanation: BudgetExplanation, nowMs?: number): string {
  const { healthy, wanted, expected, missing, neverBy } = explanation;
  if (neverBy !== undefined) {
    return (
      `wants ${wanted} of ${expected} pods healthy (${neverBy}), so it lets none leave while` +
      ' there are no more - add a replica, or let the budget spare at least one pod'
    );
  }
  const facts = [
    `${healthy} of ${expected} pods ${isOrAre(healthy)} healthy, ${wanted} must be`,
    ...explanation.pods.map((pod) => unhealthyPodText(pod, nowMs)),
    ...othersTexts(explanation),
  ];
  return (
    `allows no eviction now: ${facts.join('; ')} - it goes on by itself when ${missing} more of` +
    ` its pods ${isOrAre(missing)} Ready; else mend those that are not, add replicas or relax it`
  );
}

function othersTexts({ more, absent }: BudgetExplanation): readonly string[] {
  return [
    ...(more === 0 ? [] : [`${more} more ${isOrAre(more)} not healthy`]),
    ...(absent === 0 ? [] : [`${absent} ${absent === 1 ? 'does' : 'do'} not exist yet`]),
  ];
}

function isOrAre(number: number): string {
  return number === 1 ? 'is' : 'are';
}

/** `web-7 (ReplicaSet web-5d, on worker-2) is not Ready for 3 min: …`; the budget's namespace. */
function unhealthyPodText(unhealthy: UnhealthyPod, nowMs: number | undefined): string {
  const { pod, node, owner, sinceMs, trouble } = unhealthy;
  const about = [
    ...(owner === undefined ? [] : [`${owner.kind} ${owner.name}`]),
    ...(node === undefined ? [] : [`on ${node}`]),
  ];
  const where = about.length === 0 ? '' : ` (${about.join(', ')})`;
  const isTimed = nowMs !== undefined && sinceMs !== undefined;
  const stood = isTimed ? ` for ${formatDuration(nowMs - sinceMs)}` : '';
  const why = say(troubleWords, trouble);
  return `${pod.name}${where} ${states[trouble.code]}${stood}${why === '' ? '' : ` (${why})`}`;
}

const states = {
  unscheduled: 'is not scheduled',
  'container-waiting': 'is not Ready',
  'container-ended': 'is not Ready',
  'not-ready': 'is not Ready',
  terminating: 'is terminating',
} as const satisfies Record<UnhealthyPod['trouble']['code'], string>;

const troubleWords: Words<UnhealthyPod['trouble']> = {
  unscheduled: ({ reason, message }) => withMessage(reason, message),
  'container-waiting': ({ container, reason, message }) =>
    withMessage(`container ${container} waits: ${reason}`, message),
  'container-ended': ({ container, reason, exitCode }) =>
    `container ${container} ended: ${reason}, exit code ${exitCode}`,
  'not-ready': ({ reason, message }) => [reason, message].filter(Boolean).join(': '),
  terminating: ({ finalizers }) =>
    finalizers.length === 0 ? '' : `held by finalizers: ${finalizers.join(', ')}`,
};

function withMessage(text: string, message: string | undefined): string {
  return message === undefined ? text : `${text}: ${message}`;
}
