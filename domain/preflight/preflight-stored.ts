// The part of the preflight that looks at who has written objects in versions that the hop takes
// away.

import { count } from '../counts';
import type { ApiEntry, Knowledge } from '../knowledge/knowledge';
import { shippedKnowledge } from '../knowledge/shipped';
import { boundedList } from '../lists';
import type { Observation } from '../observation';
import { anyKind, resourceText, storedKindsFor, type StoredUse } from '../stored-objects';
import { compareTexts } from '../text-order';
import type { KubeMinor } from '../versions';
import { compareMinors, isOnTheWay, minorOf } from '../versions';
import type { Finding } from './findings';
import type { PreflightFacts } from './preflight-cluster';

interface StoredFacts {
  readonly observation: Pick<Observation, 'storedObjects'>;
  readonly hop: PreflightFacts['hop'];
  readonly isAhead?: boolean;
  readonly knowledge?: Knowledge;
}

export function storedFindings({
  observation: { storedObjects },
  hop,
  isAhead = false,
  knowledge = shippedKnowledge,
}: StoredFacts): readonly Finding[] {
  if (storedObjects === undefined) return [];
  const { until, unlisted } = storedObjects;
  const ends = { after: minorOf(hop.from), until: minorOf(hop.to) };
  const resources = storedKindsFor(knowledge, ends).map(resourceText);
  const isSeen = until === undefined ? !isAhead : compareMinors(ends.until, until) <= 0;
  if (!isSeen) return unseenFindings(resources, ends.until);
  const gone = goneBy(hop, knowledge);
  const own = unlisted.filter((one) => [...resources, anyKind].includes(one.resource));
  return [
    ...own.map(({ resource, problem }): Finding => ({
      code: 'stored-objects-unobserved',
      severity: 'warns',
      object: { kind: 'cluster' },
      message: `who writes objects of ${resource} was not looked at: ${problem.message}`,
      remedy: `allow the worker to list ${resource}, as deploy/rbac/planner.yaml does for others`,
      about: resource,
    })),
    ...[...gone].flatMap(([name, entry]) => {
      const all = storedObjects.uses.filter((use) => `${use.apiVersion} ${use.kind}` === name);
      return all.length === 0 ? [] : [storedFinding(name, all, entry, hop)];
    }),
  ];
}

/** Observations of older releases are about the next minor only. */
function unseenFindings(resources: readonly string[], to: KubeMinor): readonly Finding[] {
  if (resources.length === 0) return [];
  return [
    {
      code: 'stored-objects-unobserved',
      severity: 'notes',
      object: { kind: 'cluster' },
      message:
        `who writes objects in versions that ${to} takes away was not looked at:` +
        ` ${boundedList(resources.toSorted(compareTexts))}`,
      remedy: 'look at the cluster again: ascent observe',
      evidence: { minor: to },
    },
  ];
}

/** What the hop takes away: not what was gone before it, nor what goes later. */
function goneBy(hop: PreflightFacts['hop'], knowledge: Knowledge): ReadonlyMap<string, ApiEntry> {
  const entries = knowledge.flatMap(({ apis = [] }) => apis);
  return new Map(
    entries
      .filter(({ removed }) => removed !== undefined && isOnTheWay(removed, hop))
      .map((entry) => [`${entry.group}/${entry.version} ${entry.kind}`, entry]),
  );
}

function storedFinding(
  name: string,
  uses: readonly StoredUse[],
  { replacement }: ApiEntry,
  hop: PreflightFacts['hop'],
): Finding {
  const objects = boundedList(uses.map(({ object }) => object).toSorted(compareTexts));
  const all = new Set(uses.flatMap(({ writers }) => writers));
  const writers = boundedList([...all].toSorted(compareTexts));
  const instead =
    replacement === undefined ? 'stop: nothing takes its place' : `use ${replacement}`;
  return {
    code: 'stored-api-removed',
    severity: 'warns',
    object: { kind: 'api', name },
    message:
      `${count(uses.length, 'object')} ${uses.length === 1 ? 'was' : 'were'} written in it` +
      ` (${objects}) by ${writers};` +
      ` ${minorOf(hop.to)} does not serve it`,
    remedy: `have who writes them ${instead}; objects stay, and are converted`,
  };
}
