// Words for a record: what it is of, what is missing in it. No locale and no clock: who writes
// times as texts hands over how.

import { count } from '../counts';
import type { Words } from '../words';
import { say } from '../words';
import type { MissingPart, RecordedUpgrade } from './record';

/** How a time since 1970, in milliseconds, is written. */
export type TimeText = (atMs: number) => string;

const stateTexts: Readonly<Record<RecordedUpgrade['state'], string>> = {
  running: 'is not finished',
  completed: 'was completed',
  blocked: 'was not begun: no plan could be made',
  rejected: 'was ended by a person',
  cancelled: 'was cancelled',
  'rolled-back': 'was rolled back',
  failed: 'failed, and has told no result',
  terminated: 'was terminated in Temporal, and has told no result',
  'timed-out': 'timed out in Temporal, and has told no result',
  unknown: 'has ended, and its result could not be read',
};

/** `the upgrade of prod from 1.28.15 to 1.30.14 was completed`. */
export function recordSentence({ cluster, from, to, state }: RecordedUpgrade): string {
  const way = from === undefined || to === undefined ? '' : ` from ${from} to ${to}`;
  return `the upgrade of ${cluster}${way} ${stateTexts[state]}`;
}

/** What is missing, and why. */
export function missingSentence(part: MissingPart, time: TimeText): string {
  const words: Words<MissingPart> = {
    'trail-beginning': ({ sinceMs }) =>
      `the audit trail before ${time(sinceMs)}: the upgrade keeps its last lines only, and no` +
      ' history of an earlier run has them any more',
    'trail-gap': ({ afterMs, beforeMs }) =>
      `lines of the audit trail between ${time(afterMs)} and ${time(beforeMs)}: there were more` +
      ' than the upgrade keeps',
    'history-gone': ({ workflowId, runId }) =>
      `the history of ${workflowId} (run ${runId}): Temporal does not have it any more; with it` +
      ' requests as they arrived, when steps began, and findings',
    'histories-unread': ({ count: number }) =>
      `${number} more ${number === 1 ? 'history' : 'histories'}: a record does not read so many`,
    'plans-gone': ({ count: number }) =>
      `${count(number, 'earlier plan')}: the trail has the digest, no history has the plan`,
    'steps-untimed': ({ hop }) =>
      `when steps of ${hop} began: how long each took is known, so they are laid one behind the` +
      ' other',
    'findings-unknown': ({ hop }) =>
      `what the preflight of ${hop} found: the history of the hop is gone`,
  };
  return say(words, part);
}
