// What this client throws. Every error has a stable code, one sentence and what to do about it.
// Refusals of a start are values (StartResult), because a caller always has to handle them.
// E1. Codes are for ever: programs compare them; the classes only add typed fields.
// E2. No message and no field carries a key or a token.

import { distance } from 'fastest-levenshtein';

import type { CommandRefusal } from '../domain/status/control';
import type { UpgradeResult } from '../domain/status/progress';
import { formatSeconds } from '../domain/durations';
import { meantWord } from '../domain/input-words';
import { refusalSentence } from '../domain/status/sentences';
import { resultSentence } from '../domain/status/status-sentences';

export const ascentErrorCodes = [
  /** Temporal did not answer at the address. */
  'temporal-unreachable',
  /** Temporal answered and let nobody in: credentials, certificate or namespace. */
  'temporal-refused',
  /** The connection settings themselves cannot be used: profile, file, certificate path. */
  'connection-invalid',
  /** No upgrade of this cluster is known to Temporal. */
  'upgrade-not-found',
  /** A message came after the end. */
  'upgrade-ended',
  /** The upgrade runs, and refused the command with a reason. */
  'command-refused',
  /** The upgrade runs, and no worker answered for it in time. */
  'worker-missing',
  /** The workflow ended by a failure of its own, a termination or a timeout: no result exists. */
  'upgrade-failed',
  /** No drain or uncordon of this node is known to Temporal. */
  'drain-not-found',
  /** The drain of a node ended by a termination or a timeout: no result exists. */
  'drain-failed',
  /** A schedule of this cluster exists already. */
  'schedule-exists',
  'schedule-not-found',
  'schedule-invalid',
] as const;

export type AscentErrorCode = (typeof ascentErrorCodes)[number];

export interface AscentErrorOptions {
  readonly code: AscentErrorCode;
  readonly message: string;
  /** An instruction, without a full stop. */
  readonly remedy: string;
  readonly cause?: unknown;
}

/** Base of all errors of this client; `code` tells them apart (E1). */
export class AscentError extends Error {
  readonly code: AscentErrorCode;
  readonly remedy: string;

  constructor(options: AscentErrorOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = options.code;
    this.remedy = options.remedy;
  }
}

export class TemporalUnreachableError extends AscentError {
  readonly address: string;

  constructor(address: string, cause?: unknown) {
    super({
      code: 'temporal-unreachable',
      message: `Temporal does not answer at ${address}`,
      remedy: 'see that the server runs there, or name another address or profile',
      cause,
    });
    this.address = address;
  }
}

export class UpgradeNotFoundError extends AscentError {
  readonly cluster: string;

  constructor(cluster: string, cause?: unknown) {
    super({
      code: 'upgrade-not-found',
      message: `no upgrade of cluster ${cluster} is known`,
      remedy: 'see the name of the cluster and the namespace of Temporal; list shows all upgrades',
      cause,
    });
    this.cluster = cluster;
  }
}

/** How an upgrade ended: `outcome` of its result, or how Temporal closed it without one. */
export type EndedOutcome =
  | UpgradeResult['outcome']
  | 'failed'
  | 'terminated'
  | 'timed-out'
  | 'unknown';

export class UpgradeEndedError extends AscentError {
  readonly cluster: string;
  readonly outcome: EndedOutcome;
  /** Absent when the workflow was closed without a result. */
  readonly result: UpgradeResult | undefined;

  constructor(cluster: string, outcome: EndedOutcome, result?: UpgradeResult) {
    super({
      code: 'upgrade-ended',
      message:
        result === undefined
          ? `the upgrade of ${cluster} has ended: ${outcome}`
          : `the upgrade has ended: ${resultSentence(cluster, result)}`,
      remedy: 'start a new one to change the cluster',
    });
    this.cluster = cluster;
    this.outcome = outcome;
    this.result = result;
  }
}

export class CommandRefusedError extends AscentError {
  readonly refusal: CommandRefusal;

  constructor(given: CommandRefusal, cause?: unknown) {
    const refusal = withMeant(given);
    const [what, todo] = splitSentence(refusalSentence(refusal));
    super({ code: 'command-refused', message: what, remedy: todo, cause });
    this.refusal = refusal;
  }
}

/** The upgrade knows its pools; which of them was meant is told by whoever speaks to people. */
function withMeant(refusal: CommandRefusal): CommandRefusal {
  if (refusal.code !== 'pool-unknown') return refusal;
  const meant = meantWord(refusal.pool, refusal.pools, distance);
  return meant === undefined ? refusal : { ...refusal, meant };
}

/** The sentences of the domain have the shape `what is the matter - what to do`. */
function splitSentence(sentence: string): [what: string, todo: string] {
  const at = sentence.indexOf(' - ');
  if (at < 0) return [sentence, 'look at the status of the upgrade'];
  return [sentence.slice(0, at), sentence.slice(at + 3)];
}

export class WorkerMissingError extends AscentError {
  readonly taskQueue: string;
  readonly waitedSeconds: number;

  constructor(options: {
    taskQueue: string;
    waitedSeconds: number;
    remedy?: string;
    cause?: unknown;
  }) {
    super({
      code: 'worker-missing',
      message:
        `no worker answered on task queue ${options.taskQueue}` +
        ` within ${formatSeconds(options.waitedSeconds)}`,
      remedy: options.remedy ?? 'start a worker, or see why the running one does not answer',
      cause: options.cause,
    });
    this.taskQueue = options.taskQueue;
    this.waitedSeconds = options.waitedSeconds;
  }
}

export class UpgradeFailedError extends AscentError {
  readonly cluster: string;
  readonly outcome: 'failed' | 'terminated' | 'timed-out';

  constructor(cluster: string, outcome: UpgradeFailedError['outcome'], cause?: unknown) {
    const why = cause instanceof Error && cause.message !== '' ? ` (${cause.message})` : '';
    super({
      code: 'upgrade-failed',
      message: `the upgrade of ${cluster} ${failedTexts[outcome]} without a result${why}`,
      remedy: 'look at its history in Temporal; nodes may still be cordoned by it',
      cause,
    });
    this.cluster = cluster;
    this.outcome = outcome;
  }
}

export class DrainNotFoundError extends AscentError {
  readonly node: string;

  constructor(cluster: string, node: string, cause?: unknown) {
    super({
      code: 'drain-not-found',
      message: `no drain of node ${node} of ${cluster} is known`,
      remedy: 'see the names of cluster and node, and the namespace of Temporal',
      cause,
    });
    this.node = node;
  }
}

export class DrainFailedError extends AscentError {
  readonly node: string;

  constructor(node: string, outcome: UpgradeFailedError['outcome'], cause?: unknown) {
    super({
      code: 'drain-failed',
      message: `the drain of node ${node} ${failedTexts[outcome]} without a result`,
      remedy: 'look at its history in Temporal; the node may still be cordoned: uncordon it',
      cause,
    });
    this.node = node;
  }
}

const failedTexts = {
  failed: 'failed',
  terminated: 'was terminated',
  'timed-out': 'timed out',
} as const;
