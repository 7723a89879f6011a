// Judges what temporary replicas leave behind: nothing.

import type { LogEntry } from './cluster-log';
import type { Situation, Workload } from './situation';

const mark = 'ascent.dev/surge';

/**
 * Deployments that are still marked as raised, and those that have another number of replicas in
 * the end than they were made with or a fault gave them; each in words. Entries by revision.
 */
export function surgeProblems(
  entries: readonly LogEntry[],
  { namespaces, workloads, faults }: Pick<Situation, 'namespaces' | 'workloads' | 'faults'>,
): readonly string[] {
  const last = new Map(
    entries
      .filter(({ kind, type }) => kind === 'deployments' && type === 'there')
      .filter(({ object }) => namespaces.includes(object.metadata.namespace ?? ''))
      .map(({ object }) => [`${object.metadata.namespace}/${object.metadata.name}`, object]),
  );
  const wantedOf = (workload: Workload): readonly number[] => [
    workload.replicas,
    ...faults.flatMap(({ action }) =>
      action.kind === 'scaled' && action.workload === workload ? [action.to] : [],
    ),
  ];
  return workloads.flatMap((workload) => {
    const name = `${workload.namespace}/${workload.name}`;
    const deployment = last.get(name);
    if (deployment === undefined) return [];
    const { annotations = {} } = deployment.metadata;
    const { replicas = 1 } = deployment.spec ?? {};
    const isWanted = wantedOf(workload).includes(replicas);
    return [
      ...(annotations[mark] === undefined ? [] : [`Deployment ${name} is still marked as raised`]),
      ...(isWanted ? [] : [`Deployment ${name} has ${replicas} replicas in the end`]),
    ];
  });
}

/** How often a Deployment was raised: each says so in words of its own. */
export function surgesIn(entries: readonly LogEntry[]): number {
  const marks = entries.flatMap(({ kind, object: { metadata } }) => {
    const said = kind === 'deployments' ? metadata.annotations?.[mark] : undefined;
    return said === undefined ? [] : [`${metadata.uid} ${said}`];
  });
  return new Set(marks).size;
}
