// What a record says, as people ask for it: worked out from its entries alone, so that a file that
// was checked is drawn as the one that was made (E1 of record.ts).

import type { HopId, NodeName } from '../names';
import type { Plan } from '../plan/plan';
import type { AuditEntry } from '../status/control';
import type { NodeOutcome } from '../status/progress';
import type { KubeVersion } from '../versions';
import type { FindingStory } from './finding-stories';
import { findingStories } from './finding-stories';
import type {
  MissingPart,
  RecordBody,
  RecordedHop,
  RecordedNow,
  RecordedRequest,
  RecordedResult,
  RecordedUpgrade,
} from './record';
import { dataOf, upgradeOf } from './record';
import type { Timeline } from './timeline';
import { timelineOf } from './timeline';

/** Something that a person, or the policy of the spec, asked or decided. */
export interface RecordedDecision {
  /** Counts from 1; the picture has the same numbers. */
  readonly number: number;
  readonly entry: AuditEntry;
  /** As it arrived; absent where the history that had it is gone. */
  readonly request?: RecordedRequest;
}

/** What one part of the cluster ran before the upgrade and after it. */
export interface VersionChange {
  readonly what: string;
  readonly before: KubeVersion;
  readonly after: KubeVersion;
}

/** Why a hop was rolled back, and what came of it. */
export interface RollBackStory {
  readonly hop: RecordedHop;
  /** Who asked for it, or which policy; absent where its line in the trail is gone. */
  readonly decision?: RecordedDecision;
}

/** A node in a hop. */
export interface NodeLine extends NodeOutcome {
  readonly hop: HopId;
}

export interface RecordView {
  readonly upgrade: RecordedUpgrade;
  readonly now?: RecordedNow;
  readonly result?: RecordedResult;
  /** The last one is the one that was, or is, carried out. */
  readonly plans: readonly Plan[];
  readonly decisions: readonly RecordedDecision[];
  readonly trail: readonly AuditEntry[];
  readonly hops: readonly RecordedHop[];
  readonly nodes: readonly NodeLine[];
  readonly findings: readonly FindingStory[];
  readonly rollBacks: readonly RollBackStory[];
  readonly versions: readonly VersionChange[];
  readonly timeline: Timeline;
  readonly missing: readonly MissingPart[];
}

/** Throws a TypeError for what does not begin as a record does. */
export function viewOf(bodies: readonly RecordBody[]): RecordView {
  const upgrade = upgradeOf(bodies);
  const trail = dataOf(bodies, 'event');
  const hops = dataOf(bodies, 'hop');
  const [now] = dataOf(bodies, 'now');
  const [result] = dataOf(bodies, 'result');
  const decisions = decisionsOf(trail, dataOf(bodies, 'request'));
  return {
    upgrade,
    ...(now === undefined ? {} : { now }),
    ...(result === undefined ? {} : { result }),
    plans: dataOf(bodies, 'plan'),
    decisions,
    trail,
    hops,
    nodes: nodeLines(hops, now),
    findings: findingStories(dataOf(bodies, 'look'), dataOf(bodies, 'step')),
    rollBacks: hops.flatMap((hop) => rollBackOf(hop, decisions)),
    versions: versionChanges(upgrade, hops, result),
    timeline: timelineOf(bodies, upgrade.startedAtMs),
    missing: dataOf(bodies, 'missing'),
  };
}

/** What was asked for, what was decided by a policy, and what made a decision void. */
const decisive = /^(command\.|upgrade\.asked|rollback\.automatic$|approval\.void$|finding\.)/;

function decisionsOf(
  trail: readonly AuditEntry[],
  requests: readonly RecordedRequest[],
): readonly RecordedDecision[] {
  const byId = new Map(requests.map((request) => [request.requestId, request]));
  return trail
    .filter(({ event }) => decisive.test(event))
    .map((entry, index) => {
      const request = entry.requestId === undefined ? undefined : byId.get(entry.requestId);
      const number = index + 1;
      return request === undefined ? { number, entry } : { number, entry, request };
    });
}

/** Of two outcomes of a node in one hop the later counts: the hop tells all when it ends. */
function nodeLines(
  hops: readonly RecordedHop[],
  now: RecordedNow | undefined,
): readonly NodeLine[] {
  const ended = hops.flatMap(({ hop, nodes }) => nodes.map((node) => ({ hop, ...node })));
  const running = now?.hop;
  if (running === undefined) return ended;
  return [...ended, ...running.nodes.map((node) => ({ hop: running.id, ...node }))];
}

function rollBackOf(
  hop: RecordedHop,
  decisions: readonly RecordedDecision[],
): readonly RollBackStory[] {
  if (hop.outcome !== 'rolled-back') return [];
  const decision = decisions.findLast(
    ({ entry, request }) =>
      entry.event === 'rollback.automatic' ||
      (entry.event === 'command.rollBack' && (request?.hop ?? hop.hop) === hop.hop),
  );
  return [decision === undefined ? { hop } : { hop, decision }];
}

function versionChanges(
  { from }: RecordedUpgrade,
  hops: readonly RecordedHop[],
  result: RecordedResult | undefined,
): readonly VersionChange[] {
  const changes = new Map<string, VersionChange>();
  const note = (what: string, before: KubeVersion, after: KubeVersion): void => {
    changes.set(what, { what, before: changes.get(what)?.before ?? before, after });
  };
  const end = endOf(result);
  if (from !== undefined && end !== undefined) note('Kubernetes', from, end);
  for (const { members, nodes, outcome } of hops) {
    for (const { component, member, before, after } of members) {
      note(`${component} of ${member}`, before, outcome === 'rolled-back' ? before : after);
    }
    for (const one of nodes) note(nodeText(one.node), one.before, kubeletAfter(one, outcome));
  }
  return [...changes.values()];
}

/**
 * A rollback that began again finds nodes as they should be, and tells nothing of them: those that
 * the hop had changed were verified to be back.
 */
function kubeletAfter(node: NodeOutcome, outcome: RecordedHop['outcome']): KubeVersion {
  const isBack = outcome === 'rolled-back' && node.outcome === 'upgraded';
  return isBack ? node.before : node.after;
}

function nodeText(node: NodeName): string {
  return `kubelet of ${node}`;
}

/** What the control plane runs at the end. */
function endOf(result: RecordedResult | undefined): KubeVersion | undefined {
  if (result === undefined || result.outcome === 'blocked') return undefined;
  return result.outcome === 'completed' ? result.to : result.at;
}
