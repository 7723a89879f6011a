// What there is in a cluster beside what a snapshot has, from the keys of both: workloads counted
// by kind and namespace, and by name those objects that something outside of etcd belongs to.
// T1. It grows with kinds and namespaces, and with the names it is bound to keep; never with keys.
// T2. Most keys are of no interest here: what they begin with is enough to pass them by.

import { compareTexts } from '../text-order';
import { storedObject } from './registry-keys';

/** Kinds that run, as resources. Their keys begin with the resource, but for one (T2). */
const workloadResources = [
  'cronjobs',
  'daemonsets',
  'deployments',
  'jobs',
  'pods',
  'replicasets',
  'replicationcontrollers',
  'statefulsets',
] as const;

/** A machine, a disk, or a disk at a machine: they stay as they are whatever etcd returns to. */
const anchorResources = [
  'machines.cluster.x-k8s.io',
  'nodes',
  'persistentvolumes',
  'volumeattachments',
] as const;

type WorkloadResource = (typeof workloadResources)[number];
export type AnchorResource = (typeof anchorResources)[number];

interface SideCounts {
  readonly snapshot: number;
  readonly cluster: number;
}

export interface WorkloadCount extends SideCounts {
  readonly resource: WorkloadResource;
  readonly namespace: string;
}

/** Workloads of both sides. */
export interface Workloads {
  /** Of every kind that there is on either side, in the order of their names. */
  readonly totals: readonly (SideCounts & { readonly resource: WorkloadResource })[];
  /** Where the two sides differ in number; at most `differingMax`, the others are in `more`. */
  readonly differing: readonly WorkloadCount[];
  readonly more: number;
}

export interface AnchorName {
  readonly name: string;
  /** Absent for what is in no namespace. */
  readonly namespace?: string;
}

/** All are counted; the first `anchorNamesMax` in the order of their keys are named. */
export interface AnchorNames {
  readonly count: number;
  readonly names: readonly AnchorName[];
}

/** Objects of one resource on one side only. */
export interface AnchorDifference {
  readonly resource: AnchorResource;
  /** In the cluster, and not in the snapshot. */
  readonly created: AnchorNames;
  /** In the snapshot, and not in the cluster. */
  readonly deleted: AnchorNames;
}

export interface Tally {
  readonly workloads: Workloads;
  /** Resources that differ, in the order of their names. */
  readonly anchors: readonly AnchorDifference[];
}

export const differingMax = 50;
export const anchorNamesMax = 100;
/** Kubernetes allows 253 characters; a foreign key may have any number. */
export const nameLengthMax = 253;

const registryPrefix = '/registry/';
/** What keys of interest have after `/registry/` (T2). */
const beginnings: ReadonlySet<string> = new Set([
  ...workloadResources,
  'cluster.x-k8s.io',
  'controllers',
  'minions',
  'persistentvolumes',
  'volumeattachments',
]);

type Side = keyof SideCounts;

interface Growing {
  readonly resource: WorkloadResource;
  readonly namespace: string;
  readonly counts: Record<Side, number>;
}

interface GrowingNames {
  count: number;
  readonly names: AnchorName[];
}

interface GrowingDifference {
  readonly resource: AnchorResource;
  readonly created: GrowingNames;
  readonly deleted: GrowingNames;
}

/** Takes every key once, in the order of etcd. */
export class KeyTally {
  readonly #groups = new Map<string, Growing>();
  readonly #anchors = new Map<AnchorResource, GrowingDifference>();

  /** `where`: on which side the key is. */
  take(key: string, where: Side | 'both'): void {
    if (!isOfInterest(key)) return;
    const { resource, namespace = '', name } = storedObject(key);
    if (isWorkload(resource)) {
      this.#count({ resource, namespace }, where);
    } else if (isAnchor(resource) && where !== 'both') {
      this.#keep(resource, { name, ...(namespace === '' ? {} : { namespace }) }, where);
    }
  }

  result(): Tally {
    const groups = [...this.#groups.values()].toSorted(
      (a, b) => compareTexts(a.resource, b.resource) || compareTexts(a.namespace, b.namespace),
    );
    const differing = groups.filter(({ counts }) => counts.snapshot !== counts.cluster);
    const told = differing.slice(0, differingMax);
    const anchors = [...this.#anchors.values()];
    return {
      workloads: {
        totals: workloadResources.flatMap((resource) => totalOf(resource, groups)),
        differing: told.map(({ counts, ...group }) => ({ ...group, ...counts })),
        more: differing.length - told.length,
      },
      anchors: anchors.toSorted((a, b) => compareTexts(a.resource, b.resource)),
    };
  }

  #count(of: Pick<Growing, 'resource' | 'namespace'>, where: Side | 'both'): void {
    const id = `${of.resource} ${of.namespace}`;
    const group = this.#groups.get(id) ?? { ...of, counts: { snapshot: 0, cluster: 0 } };
    this.#groups.set(id, group);
    if (where !== 'cluster') group.counts.snapshot += 1;
    if (where !== 'snapshot') group.counts.cluster += 1;
  }

  #keep(resource: AnchorResource, { name, ...placed }: AnchorName, where: Side): void {
    const difference = this.#anchors.get(resource) ?? {
      resource,
      created: { count: 0, names: [] },
      deleted: { count: 0, names: [] },
    };
    this.#anchors.set(resource, difference);
    const list = where === 'cluster' ? difference.created : difference.deleted;
    list.count += 1;
    if (list.names.length < anchorNamesMax) {
      list.names.push({ name: name.slice(0, nameLengthMax), ...placed });
    }
  }
}

function isOfInterest(key: string): boolean {
  if (!key.startsWith(registryPrefix)) return false;
  const end = key.indexOf('/', registryPrefix.length);
  return end > 0 && beginnings.has(key.slice(registryPrefix.length, end));
}

function isWorkload(resource: string): resource is WorkloadResource {
  return workloadResources.some((one) => one === resource);
}

export function isAnchor(resource: string): resource is AnchorResource {
  return anchorResources.some((one) => one === resource);
}

function totalOf(resource: WorkloadResource, groups: readonly Growing[]): Workloads['totals'] {
  const own = groups.filter((group) => group.resource === resource);
  if (own.length === 0) return [];
  const sum = (side: Side): number => own.reduce((total, { counts }) => total + counts[side], 0);
  return [{ resource, snapshot: sum('snapshot'), cluster: sum('cluster') }];
}
