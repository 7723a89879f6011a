// Judges which nodes were in work at the same time: as many of a pool as its spec allows, and of
// one zone where it says so. Only what the nodes themselves say counts: a cordon for an upgrade.

import type { PoolSpec } from '../../../domain/spec';
import type { LogEntry, LoggedObject } from './cluster-log';

const zoneLabel = 'topology.kubernetes.io/zone';
const reasonAnnotation = 'ascent.dev/cordon-reason';
/** Nodes that are set aside say something else. */
const inWork = 'ascent: hop-';

interface Pool {
  readonly spec: PoolSpec;
  readonly limit: number;
}

/** What was too much, each in words; entries in the order of revisions. */
export function windowProblems(
  entries: readonly LogEntry[],
  specs: readonly PoolSpec[],
): readonly string[] {
  const changes = entries.filter(({ kind }) => kind === 'nodes');
  const nodes = new Map(changes.map(({ object }) => [object.metadata.name, object]));
  const pools = specs.map((spec): Pool => {
    const size = [...nodes.values()].filter((node) => poolOf(node, specs) === spec).length;
    return { spec, limit: limitOf(spec, size) };
  });
  const working = new Map<string, LoggedObject>();
  const problems = new Set<string>();
  for (const { object, type, revision } of changes) {
    const { name } = object.metadata;
    const isBeginning = type === 'there' && isInWork(object) && !working.has(name);
    if (type === 'there' && isInWork(object)) working.set(name, object);
    else working.delete(name);
    if (!isBeginning) continue;
    for (const pool of pools) {
      const beside = [...working.values()].filter((node) => poolOf(node, specs) === pool.spec);
      for (const problem of tooMany(pool, beside)) problems.add(`${problem} (at ${revision})`);
    }
  }
  return [...problems];
}

function isInWork({ metadata, spec }: LoggedObject): boolean {
  const reason = metadata.annotations?.[reasonAnnotation] ?? '';
  return spec?.unschedulable === true && reason.startsWith(inWork);
}

function poolOf({ metadata }: LoggedObject, specs: readonly PoolSpec[]): PoolSpec | undefined {
  return specs.find(({ nodeSelector }) =>
    Object.entries(nodeSelector).every(([key, value]) => metadata.labels?.[key] === value),
  );
}

/** Percentages round down, and one node may always go. */
function limitOf({ maxUnavailable }: PoolSpec, size: number): number {
  if (typeof maxUnavailable === 'number') return maxUnavailable;
  return Math.max(1, Math.floor((Number.parseInt(maxUnavailable, 10) * size) / 100));
}

function tooMany({ spec, limit }: Pool, beside: readonly LoggedObject[]): readonly string[] {
  const names = beside.map(({ metadata }) => metadata.name).join(', ');
  const zones = new Set(beside.map(({ metadata }) => metadata.labels?.[zoneLabel]));
  return [
    ...(beside.length > limit ? [`pool ${spec.name} had ${names} in work, ${limit} may be`] : []),
    ...(spec.zones !== 'any' && zones.size > 1
      ? [`pool ${spec.name} had ${names} of several zones in work`]
      : []),
  ];
}
