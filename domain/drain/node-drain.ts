// The drain of one node outside of an upgrade, and its undoing: what is asked, where it stands and
// how it ends. Both workflows have the id `drain/<cluster>/<node>`, the lock of the node.
// N1. Nothing is forced: at its deadline the drain ends, and the node stays cordoned with a reason.
// N2. A node that an upgrade has in work belongs to the upgrade: it is neither drained nor
//     uncordoned from outside.

import type { UncordonResult } from '../activity-contract';
import type { DrainBlocker } from '../blockers';
import { canonicalJson } from '../plan/canonical-json';
import type { Request } from '../status/control';
import type { FailureInfo } from '../failures';
import type { ClusterName, NodeName } from '../names';
import type { UnsettledActivity } from '../status/progress';
import type { DrainPolicy } from '../spec';

/** What the caller saw of the cluster's upgrade just before it asked. */
export interface UpgradeSeen {
  /** With one that runs, a cordon for an upgrade is its own; else it was left behind (N2). */
  readonly upgradeRuns: boolean;
}

/** Argument of the update `drain`, and a part of the workflow's input. */
export interface DrainRequest extends Request, UpgradeSeen {
  readonly policy: DrainPolicy;
  /** `any`: whoever asks only wants to follow; a drain with another policy is joined, too. */
  readonly joins: 'same-policy' | 'any';
}

/** Argument of the update and signal `undo`, and a part of the workflow's input. */
export interface UndoRequest extends Request, UpgradeSeen {}

/** Why a node is not drained, or not uncordoned; nothing has changed. */
export type DrainRefusal =
  | { readonly code: 'node-missing'; readonly node: NodeName }
  | {
      /** N2. `hop` and `phase`: where it stands there; `cordon`: the words on the node. */
      readonly code: 'node-in-upgrade';
      readonly node: NodeName;
      readonly cluster: ClusterName;
      readonly hop?: string;
      readonly phase?: string;
      readonly cordon?: string;
    }
  | { readonly code: 'worker-missing'; readonly taskQueue: string; readonly waitedSeconds: number }
  | {
      /** A drain of the node runs; its policy differs in these fields. */
      readonly code: 'drain-conflict';
      readonly differences: readonly string[];
    }
  | { readonly code: 'being-undone'; readonly by: string }
  /** The node could not be cordoned: its cluster does not answer, or refuses. */
  | { readonly code: 'cordon-failed'; readonly failure: FailureInfo }
  | { readonly code: 'drain-ended' }
  | { readonly code: 'request-malformed'; readonly problems: readonly string[] };

export const drainRefusalCodes = [
  'node-missing',
  'node-in-upgrade',
  'worker-missing',
  'drain-conflict',
  'being-undone',
  'cordon-failed',
  'drain-ended',
  'request-malformed',
] as const satisfies readonly DrainRefusal['code'][];

/** Answer of the update `drain`, once the node is cordoned. `joined`: it ran already. */
export type DrainAnswer =
  | { readonly kind: 'draining'; readonly joined: boolean }
  | { readonly kind: 'refused'; readonly refusal: DrainRefusal };

interface Counts {
  readonly evicted: number;
  /** Evictions that were refused by a budget and tried again. */
  readonly refusals: number;
  readonly seconds: number;
}

/** Result of both workflows. */
export type DrainEnd =
  /** `foreign`: somebody else had cordoned the node before; `undo` leaves that cordon. */
  | (Counts & { readonly outcome: 'drained'; readonly cordon: 'ours' | 'foreign' })
  | (Counts & {
      readonly outcome: 'not-drained';
      readonly failure: FailureInfo;
      readonly blockers: readonly DrainBlocker[];
    })
  | { readonly outcome: 'refused'; readonly refusal: DrainRefusal }
  | (Counts & {
      readonly outcome: 'undone';
      readonly by: string;
      readonly reason: string;
      readonly uncordon: UncordonResult['uncordon'];
      /** The words of the cordon that was removed, or left for being ours. */
      readonly cordon?: string;
    })
  | (Counts & {
      readonly outcome: 'not-undone';
      readonly by: string;
      readonly reason: string;
      readonly failure: FailureInfo;
    });

export type DrainPhase = 'cordoning' | 'draining' | 'undoing';

/** What is done about the node, and by whom. */
interface DrainFacts {
  readonly cluster: ClusterName;
  readonly node: NodeName;
  readonly phaseSinceMs: number;
  readonly startedAtMs: number;
  readonly by: string;
  readonly reason: string;
  /** Absent where the node is only uncordoned. */
  readonly policy?: DrainPolicy;
}

/** Answer of the query `status` of both workflows. */
export type DrainStatus = DrainFacts &
  (
    | { readonly phase: DrainPhase; readonly end?: never }
    | { readonly phase: 'ended'; readonly end: DrainEnd }
  );

/** A drain as the client puts it together; counts and blockers while pods are leaving. */
export interface DrainLook {
  readonly status: DrainStatus;
  readonly evicted?: number;
  readonly remaining?: number;
  readonly blockers: readonly DrainBlocker[];
  /** Activities that do not get on; absent when all do. */
  readonly unsettled?: readonly UnsettledActivity[];
}

/** Fields in which two policies differ, in the order of the alphabet. */
export function policyDifferences(one: DrainPolicy, other: DrainPolicy): readonly string[] {
  const a: Readonly<Record<string, unknown>> = { ...one };
  const b: Readonly<Record<string, unknown>> = { ...other };
  const fields = [...new Set([...Object.keys(a), ...Object.keys(b)])].toSorted();
  const text = (value: unknown): string => canonicalJson({ value });
  return fields.filter((field) => text(a[field]) !== text(b[field]));
}

/** Outside of an upgrade nobody retries or skips: what to do about it reads otherwise there. */
const remedies: Readonly<Partial<Record<FailureInfo['code'], string>>> = {
  'drain-deadline': 'remove what its blockers name and drain the node again, or uncordon it',
  'drain-refused':
    'let these pods leave by a flag, or remove them yourself; then drain the node again',
  'node-missing': 'see the name of the node',
};

/** The failure as it stands in the end of a drain of its own. */
export function drainFailure(failure: FailureInfo): FailureInfo {
  return { ...failure, remedy: remedies[failure.code] ?? failure.remedy };
}
