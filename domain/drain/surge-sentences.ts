// Words for what a drain raises by a temporary replica, for why it does not, and for what came of
// it. They follow a sentence about a pod or a node.

import { count } from '../counts';
import { formatDuration } from '../durations';
import type { LadderStand, SurgeEnd, SurgeRefusal, UndoneSurge } from './surge';
import { surgedText } from './surge';
import type { Words } from '../words';
import { say } from '../words';

/** `Deployment shop/web is raised from 3 to 4 replicas for it`. With `nowMs`: in how long. */
export function ladderStandText(stand: LadderStand, nowMs?: number): string {
  if (stand.rung === 'surge') {
    const { raised, from, to, by } = stand;
    const whose = by === undefined ? 'for it' : `for the drain of ${by}`;
    return `${surgedText(raised)} is raised from ${from} to ${count(to, 'replica')} ${whose}`;
  }
  if ('notRaised' in stand) return `no temporary replica: ${say(refusalWords, stand.notRaised)}`;
  const leftMs = nowMs === undefined ? 0 : stand.surgeAtMs - nowMs;
  const when = leftMs > 0 ? ` in ${formatDuration(leftMs)}` : '';
  return `it gets a temporary replica${when}`;
}

const refusalWords: Words<SurgeRefusal> = {
  owner: ({ owner }) =>
    owner === undefined
      ? 'nothing owns the pod'
      : `only Deployments are raised, and it belongs to ${owner.kind} ${owner.name}`,
  'no-help': () => 'the budget would let no pod leave with one more either',
  recreates: ({ deployment }) =>
    `Deployment ${deployment} has the strategy Recreate, so two of its pods at a time may be wrong`,
  'autoscaler-at-max': ({ autoscaler, max }) =>
    `HorizontalPodAutoscaler ${autoscaler} allows no more than ${count(max, 'replica')}`,
  undone: () => 'it was undone once, and is not tried again in this drain',
  forbidden: ({ message }) =>
    `the worker has no right to it (${message}); docs/deploy.md names the rights`,
  failing: ({ message }) => `it failed (${message})`,
};

/** `what is the matter - what to do`, as every blocker's. */
export function undoneSurgeText({ raised, from, to, found, by }: UndoneSurge): string {
  const who = by === undefined ? 'somebody' : by;
  const what =
    found === to
      ? `${who} took away the annotation that says so`
      : `${who} set ${count(found, 'replica')} meanwhile`;
  return (
    `${surgedText(raised)} was raised from ${from} to ${count(to, 'replica')} for it,` +
    ` but ${what}; it is not raised again - add a replica where that is decided,` +
    ' such as its Git repository, or relax the budget'
  );
}

/** What the audit trail says of a surge that is over. */
export function surgeEndText(ended: SurgeEnd): string {
  const raised = surgedText(ended.raised);
  switch (ended.end) {
    case 'put-back':
      return `${raised} is back from ${ended.to} to ${count(ended.from, 'replica')}`;
    case 'gone':
      return `${raised}, which was raised to ${count(ended.to, 'replica')}, is gone`;
    case 'left': {
      const who = ended.by === undefined ? 'somebody' : ended.by;
      return (
        `${raised} was raised to ${count(ended.to, 'replica')}; ${who} set ${ended.found}` +
        ' meanwhile, which stays'
      );
    }
  }
}
