// What a rollback would undo, as it is shown before somebody confirms it, and what the digest of
// such a report stands for.
// P1. The digest covers what a person decides by: snapshot, nodes that are returned, and objects by
//     resource and namespace. It leaves out what a cluster changes by itself (registry-keys.ts,
//     Weight), so that it holds while nothing happens that somebody has done.
//     Whether data is kept is in it: the way back of a hop in two steps changes with its switch.
// P2. What is in the digest has names, so that a difference can be told by them.

import type { ClusterName, HopId, NodeName, SnapshotId } from '../names';
import { canonicalJson } from '../plan/canonical-json';
import { apiServerRestartMs } from '../plan/planned-time';
import { sha256Hex } from '../plan/digest';
import type { KubeVersion } from '../versions';
import type { RestoreNote } from './account';
import type { Counts, ObjectGroup } from './key-diff';
import type { AnchorDifference } from './key-tally';
import type { NodeBefore } from './kubelets';
import { weightOf } from './registry-keys';
import type { ReportLimits } from './report-limits';
import type { RungChoice } from './rungs';

/** Groups in a report: Temporal carries it, in one payload of at most 2 MiB. */
export const groupsMax = 1_000;
/** Nodes in a report by name. */
export const reportNodesMax = 500;

/** What was compared. */
export interface ComparedObjects {
  /** Most weighty first; at most `groupsMax`, the others are counted in `more`. */
  readonly groups: readonly ObjectGroup[];
  readonly more?: Counts & { readonly groups: number };
  /**
   * Nodes, machines, volumes and attachments on one side only, by their names. Absent when there
   * are none. Not in the digest: a cluster makes and removes them by itself.
   */
  readonly anchors?: readonly AnchorDifference[];
  readonly comparedKeys: number;
  readonly seconds: number;
  /** Those that it was made within. A confirmation looks again within the same. */
  readonly limits: ReportLimits;
  /** Why the comparison ended before all keys were seen; absent when it did not. */
  readonly cutShortBy?: keyof ReportLimits;
}

export interface NewerNode {
  readonly node: NodeName;
  readonly kubelet: string;
}

export interface ReturningNode extends NewerNode {
  /** Release that it ran before the hop, which is what it returns to. */
  readonly to: KubeVersion;
}

/** What of an upgrade a report is about. */
export interface RollBackTarget {
  readonly hop: HopId;
  /** Release that the control plane would return to. */
  readonly at: KubeVersion;
  readonly snapshotId: SnapshotId;
  /** Nodes that the rollback returns where they are newer. */
  readonly takes: readonly NodeBefore[];
  readonly cheapest: RungChoice;
}

export interface RollBackFacts {
  readonly cluster: ClusterName;
  readonly hop: HopId;
  /** Release that the control plane returns to. */
  readonly at: KubeVersion;
  readonly snapshot: {
    readonly id: SnapshotId;
    readonly takenAt: string;
    readonly revision: number;
    readonly keys: number;
  };
  readonly objects: ComparedObjects;
  /** Nodes of the hop with a newer kubelet than before: they are drained and returned first. */
  readonly nodes: readonly ReturningNode[];
  /** Nodes beyond those named. */
  readonly moreNodes: number;
  /** Nodes that stay newer than the API server, because they are not the hop's to return. */
  readonly staying: readonly NewerNode[];
  readonly moreStaying: number;
  /** What going back took when the report was made. */
  readonly cheapest: RungChoice;
}

export interface RollBackReport extends RollBackFacts {
  readonly schema: 'ascent.rollback-report/v1';
  readonly madeAtMs: number;
  /** Hex SHA-256 over what P1 says. */
  readonly digest: string;
  readonly expected: ExpectedSeconds;
}

/** An estimate, and from what. */
export interface ExpectedSeconds {
  /** Without an API; 0 where nothing is restored. */
  readonly restore: number;
  /** From the number of keys, by what small machines needed; a drill measures it. */
  readonly restoreFrom: 'keys';
  /** Without an API, while the only member takes its old programs; absent where others serve. */
  readonly onlyMember?: number;
  /** All of them one after the other; absent when no node of this upgrade was timed yet. */
  readonly nodes?: number;
}

/** Seconds of a restore that has nothing to do, and keys that it gets through in one more. */
const restoreBaseSeconds = 6;
const restoreKeysPerSecond = 8_000;

/**
 * The report; `nodeSeconds` is how long a node took on the way up, where that is known, `members`
 * how many the control plane has.
 */
export function rollBackReport(
  facts: RollBackFacts,
  made: { readonly atMs: number; readonly nodeSeconds?: number; readonly members: number },
): RollBackReport {
  const { atMs, nodeSeconds, members } = made;
  const count = facts.nodes.length + facts.moreNodes;
  const isKept = facts.cheapest.keepsData === true;
  const restore = isKept ? 0 : restoreSeconds(facts.snapshot.keys);
  const away = isKept && members === 1 ? { onlyMember: apiServerRestartMs / 1_000 } : {};
  const timed = nodeSeconds === undefined ? {} : { nodes: Math.round(nodeSeconds * count) };
  return {
    schema: 'ascent.rollback-report/v1',
    ...facts,
    madeAtMs: atMs,
    digest: sha256Hex(canonicalJson(parts(facts))),
    expected: { restore, restoreFrom: 'keys', ...away, ...timed },
  };
}

/** What a rollback notes before data moves, as this report has seen it; see account.ts. */
export function noteOfReport({ madeAtMs, objects }: RollBackReport): RestoreNote {
  const { anchors = [], cutShortBy } = objects;
  return { madeAtMs, anchors, ...(cutShortBy === undefined ? {} : { cutShortBy }) };
}

function restoreSeconds(keys: number): number {
  return Math.round(restoreBaseSeconds + keys / restoreKeysPerSecond);
}

/** Groups as a report carries them: those that tell of a person first. */
export function boundedGroups(
  groups: readonly ObjectGroup[],
): Pick<ComparedObjects, 'groups' | 'more'> {
  const ranks = { content: 0, status: 1, upkeep: 2 } as const;
  const ranked = groups.toSorted(
    (a, b) => ranks[weightOf(a.resource)] - ranks[weightOf(b.resource)],
  );
  const rest = ranked.slice(groupsMax);
  if (rest.length === 0) return { groups: ranked };
  return { groups: ranked.slice(0, groupsMax), more: { groups: rest.length, ...sumOf(rest) } };
}

/** Everything that was created, changed and deleted. */
export function sumOf(groups: readonly Counts[]): Counts {
  const sum = (of: keyof Counts): number => groups.reduce((total, one) => total + one[of], 0);
  return { created: sum('created'), changed: sum('changed'), deleted: sum('deleted') };
}

/**
 * What differs materially between the report that was confirmed and a new one, by its names, in
 * order; empty when the new one would be confirmed, too (P2).
 */
export function reportDifferences(confirmed: RollBackFacts, now: RollBackFacts): readonly string[] {
  const before = parts(confirmed);
  const after = parts(now);
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].toSorted().flatMap((name) => {
    if (before[name] === after[name]) return [];
    return [`${name}: ${before[name] ?? 'nothing'}, now ${after[name] ?? 'nothing'}`];
  });
}

/** Name → what the digest covers of it, in words. */
function parts(facts: RollBackFacts): Readonly<Record<string, string>> {
  const { cluster, hop, at, snapshot, objects, nodes, moreNodes, staying, moreStaying } = facts;
  const { cheapest } = facts;
  return {
    cluster,
    hop: `${hop} back to ${at}`,
    snapshot: snapshot.id,
    ...(cheapest.keepsData === true ? { data: 'kept' } : {}),
    nodes: nodesPart(nodes, moreNodes),
    'nodes that stay newer': nodesPart(staying, moreStaying),
    ...objectParts(objects),
  };
}

function nodesPart(nodes: readonly NewerNode[], more: number): string {
  const names = nodes.map(({ node }) => node).toSorted();
  const text = names.length === 0 ? 'none' : names.join(' ');
  return more === 0 ? text : `${text} and ${more} more`;
}

/** A comparison that was cut short says little about what comes after the cut. */
function objectParts(objects: ComparedObjects): Readonly<Record<string, string>> {
  if (objects.cutShortBy !== undefined) {
    return { objects: `not all compared (limit of ${objects.cutShortBy})` };
  }
  const told = objects.groups.flatMap((group): readonly (readonly [string, string])[] => {
    const text = materialText(group);
    return text === undefined ? [] : [[groupName(group), text]];
  });
  return Object.fromEntries(told);
}

/** `configmaps in default`, `clusterroles`. */
export function groupName({ resource, namespace }: ObjectGroup): string {
  return namespace === undefined ? resource : `${resource} in ${namespace}`;
}

function materialText(group: ObjectGroup): string | undefined {
  const weight = weightOf(group.resource);
  if (weight === 'upkeep') return undefined;
  const changed = weight === 'status' ? 0 : group.changed;
  const told = countsText({ ...group, changed });
  return told === '' ? undefined : told;
}

/** `2 created, 1 deleted`; empty when there is nothing. */
export function countsText({ created, changed, deleted }: Counts): string {
  return [
    created === 0 ? '' : `${created} created`,
    changed === 0 ? '' : `${changed} changed`,
    deleted === 0 ? '' : `${deleted} deleted`,
  ]
    .filter((text) => text !== '')
    .join(', ');
}
