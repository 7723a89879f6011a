// Words for the drain of one node outside of an upgrade: why it is refused, where it stands, how it
// ended. S1 of sentences.ts: each names the node and says what to do next, or that nothing is.

import { formatDuration, formatSeconds } from '../durations';
import type { DrainEnd, DrainRefusal, DrainStatus } from './node-drain';
import { failureSentence } from '../status/sentences';
import type { Words } from '../words';
import { say } from '../words';

const refusalWords: Words<DrainRefusal> = {
  'node-missing': ({ node }) => `node ${node} does not exist - see its name`,
  'node-in-upgrade': ({ node, cluster, hop, phase, cordon }) => {
    const where = [hop, phase].filter((part) => part !== undefined).join(', ');
    const words = cordon === undefined ? '' : `; its cordon says "${cordon}"`;
    return (
      `the upgrade of ${cluster} has node ${node} in work${where === '' ? '' : ` (${where})`}` +
      `${words} - let it finish the node, or answer there: pause, skip-node, rollback`
    );
  },
  'worker-missing': ({ taskQueue, waitedSeconds }) =>
    `no worker took work from ${taskQueue} within ${formatSeconds(waitedSeconds)}` +
    ' - start a worker that serves this cluster, then try again',
  'drain-conflict': ({ differences }) =>
    `a drain of this node with another policy runs; they differ in ${differences.join(', ')}` +
    ' - follow it by drain --follow, or uncordon the node to stop it',
  'being-undone': ({ by }) =>
    `${by} has the node uncordoned just now - drain it again when that is done`,
  'cordon-failed': ({ failure }) => `the node was not touched: ${failureSentence(failure)}`,
  'drain-ended': () => 'the drain has ended just now - send it again',
  'request-malformed': ({ problems }) =>
    `the request is malformed: ${problems.join('; ')} - correct it and send it again`,
};

/** Why a node is not drained or not uncordoned, and what to do instead. */
export function drainRefusalSentence(refusal: DrainRefusal): string {
  return say(refusalWords, refusal);
}

const uncordonTexts = {
  removed: 'is uncordoned',
  'not-cordoned': 'was not cordoned',
  'left-foreign': 'stays cordoned: somebody else did that, not Ascent',
  'left-ours': 'stays cordoned: an upgrade has it in work',
  'node-missing': 'does not exist',
} as const;

/** How it ended: `node web-2 is drained: 10 pods evicted in 1 min; it stays cordoned`. */
export function drainEndSentence(node: string, end: DrainEnd): string {
  switch (end.outcome) {
    case 'drained':
      return (
        `node ${node} is drained: pods evicted: ${end.evicted}, in ${formatSeconds(end.seconds)};` +
        (end.cordon === 'ours'
          ? ' it stays cordoned'
          : ' it stays cordoned, by somebody else than Ascent')
      );
    case 'not-drained':
      return `node ${node} is not drained and stays cordoned: ${failureSentence(end.failure)}`;
    case 'refused':
      return drainRefusalSentence(end.refusal);
    case 'undone':
      return `node ${node} ${uncordonTexts[end.uncordon]}${evictedText(end.evicted)}`;
    case 'not-undone':
      return (
        `node ${node} could not be uncordoned: ${failureSentence(end.failure)}` +
        evictedText(end.evicted)
      );
  }
}

function evictedText(evicted: number): string {
  return evicted === 0 ? '' : `; its drain was stopped, pods evicted before: ${evicted}`;
}

const phaseTexts = {
  cordoning: 'is being cordoned',
  draining: 'is being drained',
  undoing: 'is being uncordoned',
} as const;

/** Where it stands. With `nowMs` also for how long; there is no clock in here. */
export function drainStatusSentence(status: DrainStatus, nowMs?: number): string {
  const { node, by, reason } = status;
  if (status.phase === 'ended') return drainEndSentence(node, status.end);
  const since = nowMs === undefined ? '' : ` for ${formatDuration(nowMs - status.phaseSinceMs)}`;
  return `node ${node} ${phaseTexts[status.phase]}${since}, asked for by ${by} (${reason})`;
}
