// What became of a cluster by a restore: workloads counted against the snapshot, and orphans, which
// are objects without the thing outside of etcd that they stand for, and such things without their
// object. Pure in two looks, one before data moves and one after it.
// A1. A restored etcd is the snapshot: it knows nothing of what was created since. That is known
//     only from the look before; what of it has come back by itself is known from the look after.
// A2. What could not be looked at is told as a gap, never taken for nothing.

import type { NodeName, PodRef } from '../names';
import type { Words } from '../words';
import { say } from '../words';
import type {
  AnchorDifference,
  AnchorName,
  AnchorNames,
  AnchorResource,
  WorkloadCount,
  Workloads,
} from './key-tally';
import type { ReportLimits } from './report-limits';

/** The look before data moves: what the cluster has and the snapshot has not, and the reverse. */
export interface RestoreNote {
  readonly madeAtMs: number;
  readonly anchors: readonly AnchorDifference[];
  /** Absent when all keys were seen. */
  readonly cutShortBy?: keyof ReportLimits;
}

/** A pod that is bound to a node without a Node object. */
export interface StrandedPod {
  readonly pod: PodRef;
  readonly node: NodeName;
}

/** The look after the restore. */
export interface RestoreCount {
  readonly workloads: Workloads;
  readonly anchors: readonly AnchorDifference[];
  /** All are counted; the first `strandedPodsMax` are told. */
  readonly stranded: { readonly count: number; readonly pods: readonly StrandedPod[] };
  readonly cutShortBy?: keyof ReportLimits;
}

/** A look that could not be taken. */
export interface NotLooked {
  readonly problem: string;
}

export const strandedPodsMax = 100;

type Thing = 'machine' | 'node' | 'volume' | 'attachment';

/**
 * `unknown`: made since the snapshot, so that no object stands for it any more. `returned`: removed
 * since, so that its object is there again without it.
 */
export type OrphanCode = 'pod-without-node' | `${Thing}-${'unknown' | 'returned'}`;

interface OrphanObject extends AnchorName {
  /** Of a pod: where it is bound to. */
  readonly node?: NodeName;
}

export interface OrphanGroup {
  readonly code: OrphanCode;
  readonly count: number;
  /** The first of them. */
  readonly objects: readonly OrphanObject[];
}

/** Why an account is not complete (A2). */
export type AccountGap =
  | { readonly code: 'not-noted'; readonly problem: string }
  | { readonly code: 'noted-in-part'; readonly limit: keyof ReportLimits }
  | { readonly code: 'not-counted'; readonly problem: string }
  | { readonly code: 'counted-in-part'; readonly limit: keyof ReportLimits };

export interface RestoreAccount {
  readonly schema: 'ascent.restore-account/v1';
  /** Absent when they could not be counted. */
  readonly workloads?: Workloads;
  /** Kinds of which there are any. */
  readonly orphans: readonly OrphanGroup[];
  /** Empty when everything was looked at. */
  readonly gaps: readonly AccountGap[];
}

const things: Readonly<Record<AnchorResource, Thing>> = {
  'machines.cluster.x-k8s.io': 'machine',
  nodes: 'node',
  persistentvolumes: 'volume',
  volumeattachments: 'attachment',
};

export function restoreAccount(
  before: RestoreNote | NotLooked,
  after: RestoreCount | NotLooked,
): RestoreAccount {
  const noted = 'problem' in before ? [] : before.anchors;
  const now = 'problem' in after ? [] : after.anchors;
  const stranded = 'problem' in after ? [] : strandedGroup(after.stranded);
  return {
    schema: 'ascent.restore-account/v1',
    ...('problem' in after ? {} : { workloads: after.workloads }),
    orphans: [...stranded, ...noted.flatMap((difference) => orphansOf(difference, now))],
    gaps: [...noteGaps(before), ...countGaps(after)],
  };
}

/** What a restore now would leave over, from what differs before it. */
export function foreseenOrphans(anchors: readonly AnchorDifference[]): readonly OrphanGroup[] {
  return anchors.flatMap((difference) => orphansOf(difference, []));
}

function strandedGroup(stranded: RestoreCount['stranded']): readonly OrphanGroup[] {
  if (stranded.count === 0) return [];
  const objects = stranded.pods.map(({ pod: { namespace, name }, node }) => ({
    name,
    namespace,
    node,
  }));
  return [{ code: 'pod-without-node', count: stranded.count, objects }];
}

/** A1: without what was created, or deleted, once more since the restore. */
function orphansOf(
  { resource, created, deleted }: AnchorDifference,
  now: readonly AnchorDifference[],
): readonly OrphanGroup[] {
  const again = now.find((one) => one.resource === resource);
  const thing = things[resource];
  const groups: readonly OrphanGroup[] = [
    { code: `${thing}-unknown`, ...without(created, again?.created) },
    { code: `${thing}-returned`, ...without(deleted, again?.deleted) },
  ];
  return groups.filter((group) => group.count > 0);
}

function without(all: AnchorNames, gone: AnchorNames | undefined): Omit<OrphanGroup, 'code'> {
  const left = new Set(gone?.names.map(anchorText));
  const objects = all.names.filter((name) => !left.has(anchorText(name)));
  return { count: all.count - (all.names.length - objects.length), objects };
}

function noteGaps(before: RestoreNote | NotLooked): readonly AccountGap[] {
  if ('problem' in before) return [{ code: 'not-noted', problem: before.problem }];
  const { cutShortBy: limit } = before;
  return limit === undefined ? [] : [{ code: 'noted-in-part', limit }];
}

function countGaps(after: RestoreCount | NotLooked): readonly AccountGap[] {
  if ('problem' in after) return [{ code: 'not-counted', problem: after.problem }];
  const { cutShortBy: limit } = after;
  return limit === undefined ? [] : [{ code: 'counted-in-part', limit }];
}

/** `shop/web-1`, `worker-9`. */
function anchorText({ namespace, name }: AnchorName): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** `shop/web-1 on worker-9`. */
function orphanText(object: OrphanObject): string {
  const where = object.node === undefined ? '' : ` on ${object.node}`;
  return `${anchorText(object)}${where}`;
}

const orphanNouns: Readonly<Record<OrphanCode, string>> = {
  'pod-without-node': 'pods of a node that is not there',
  'machine-unknown': 'machines made after the snapshot, not in it',
  'machine-returned': 'machines removed after the snapshot, back with it',
  'node-unknown': 'nodes that joined after the snapshot, not in it',
  'node-returned': 'nodes removed after the snapshot, back with it',
  'volume-unknown': 'PersistentVolumes made after the snapshot, not in it',
  'volume-returned': 'PersistentVolumes deleted after the snapshot, back with it',
  'attachment-unknown': 'attachments made after the snapshot, not in it',
  'attachment-returned': 'attachments ended after the snapshot, back with it',
};

const orphanRemedies: Readonly<Record<OrphanCode, string>> = {
  'pod-without-node': 'the garbage collector removes them; delete those that stay',
  'machine-unknown': 'the infrastructure still has them: adopt them, or remove them there',
  'machine-returned': 'the infrastructure may have them no more: see whether they are made anew',
  'node-unknown': 'restart the kubelet, or join it again',
  'node-returned': 'delete the Node object where its machine is gone',
  'volume-unknown': 'their disks are still there: import them, or delete them in the storage',
  'volume-returned': 'their disks may be gone: look before a pod needs one',
  'attachment-unknown': 'the disk may still be attached: detach it in the storage',
  'attachment-returned': 'the disk may be elsewhere by now: look before a pod needs it',
};

/** `nodes that joined … (2): worker-8, worker-9 - restart …`. */
export function orphanSentence({ code, count: all, objects }: OrphanGroup): string {
  const names = firstOf(objects.map(orphanText), all);
  return `${orphanNouns[code]} (${all}): ${names} - ${orphanRemedies[code]}`;
}

const shownMax = 5;

/** `a, b and 2 more`: the first of `all`. None is left where all that were named have come back. */
function firstOf(texts: readonly string[], all: number): string {
  const shown = texts.slice(0, shownMax);
  if (shown.length === 0) return `${all} not named`;
  const more = all - shown.length;
  return `${shown.join(', ')}${more === 0 ? '' : ` and ${more} more`}`;
}

const gapWords: Words<AccountGap> = {
  'not-noted': ({ problem }) =>
    `what was made since the snapshot is not known, it could not be compared: ${problem}`,
  'noted-in-part': ({ limit }) =>
    `what was made since the snapshot is known in part, the limit of ${limit} was reached`,
  'not-counted': ({ problem }) => `nothing was counted after the restore: ${problem}`,
  'counted-in-part': ({ limit }) =>
    `not all was counted after the restore, the limit of ${limit} was reached`,
};

export function gapSentence(gap: AccountGap): string {
  return say(gapWords, gap);
}

/** `workloads as in the snapshot: deployments 3, pods 12`. */
export function workloadsSentence({ totals, differing, more }: Workloads): string {
  const all = totals.map(({ resource, snapshot }) => `${resource} ${snapshot}`).join(', ');
  const of = all === '' ? 'none' : all;
  if (differing.length === 0) return `workloads as in the snapshot: ${of}`;
  const where = firstOf(differing.map(differingText), differing.length + more);
  return `workloads in the snapshot: ${of}; differing now: ${where}`;
}

function differingText({ resource, namespace, snapshot, cluster }: WorkloadCount): string {
  return `${resource} in ${namespace} ${cluster} instead of ${snapshot}`;
}

/** `node-unknown 7 (worker-1, worker-2 and 5 more)`. */
function groupSummary({ code, count, objects }: OrphanGroup): string {
  return `${code} ${count} (${firstOf(objects.map(orphanText), count)})`;
}

/** One line for the trail. */
export function accountSummary({ workloads, orphans, gaps }: RestoreAccount): string {
  const left = orphans.map(groupSummary);
  return [
    ...(workloads === undefined ? [] : [workloadsSentence(workloads)]),
    left.length === 0 ? 'no orphans' : `orphans: ${left.join(', ')}`,
    ...gaps.map(gapSentence),
  ].join('; ');
}

/** The same of the look before. */
export function noteSummary(note: RestoreNote | NotLooked): string {
  if ('problem' in note) return gapSentence({ code: 'not-noted', problem: note.problem });
  const told = foreseenOrphans(note.anchors).map(groupSummary);
  const all = told.length === 0 ? 'no node, machine or volume' : told.join(', ');
  const gaps = noteGaps(note).map(gapSentence);
  return [`the restore leaves over: ${all}`, ...gaps].join('; ');
}
