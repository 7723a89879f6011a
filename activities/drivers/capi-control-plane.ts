// Control planes of Cluster API: KubeadmControlPlane, and whatever else keeps the contract of
// control planes (cluster-api.sigs.k8s.io/developer/providers/contracts/control-plane).
// V1. Objects of both contracts are read: v1beta1 counts `updatedReplicas`, v1beta2
//     `upToDateReplicas`; conditions of the newer one may stand beside those of the older one.
// V2. Where the infrastructure template is named differs, too: it is written where it stands.

import * as z from 'zod';

import type { ControlPlaneHold } from '../../domain/observation';
import type { NodeName } from '../../domain/names';
import { type KubeVersion, parseVersion } from '../../domain/versions';
import type { ControlPlaneView } from '../driver-ports';
import {
  type CapiCluster,
  conditions,
  controlPlaneLabel,
  type Machine,
  metadata,
  parse,
  pausedAnnotation,
  topologyOwnedLabel,
} from './capi-objects';
import { machineView } from './capi-machines';

const named = z.object({ name: z.string() });

const newer = z.object({ upToDateReplicas: z.number().optional(), conditions }).partial();

const schema = z.object({
  apiVersion: z.string(),
  kind: z.string(),
  metadata,
  spec: z
    .object({
      version: z.string().optional(),
      replicas: z.number().default(1),
      machineTemplate: z
        .object({
          infrastructureRef: named.optional(),
          spec: z.object({ infrastructureRef: named.optional() }).optional(),
        })
        .optional(),
    })
    .prefault({}),
  status: z
    .object({
      observedGeneration: z.number().optional(),
      version: z.string().optional(),
      replicas: z.number().default(0),
      updatedReplicas: z.number().default(0),
      upToDateReplicas: z.number().optional(),
      readyReplicas: z.number().default(0),
      externalManagedControlPlane: z.boolean().default(false),
      conditions,
      v1beta2: newer.optional(),
    })
    .prefault({}),
});

export type ControlPlaneObject = z.infer<typeof schema>;

/** What is merged into it (RFC 7386). */
export interface ControlPlanePatch {
  /** A change in between is a conflict. */
  readonly metadata: { readonly resourceVersion: string };
  readonly spec: { readonly version: string; readonly machineTemplate?: object };
}

export function parseControlPlane(object: unknown): ControlPlaneObject {
  return parse('control plane', schema, object);
}

export function controlPlaneText({ kind, metadata: { name } }: ControlPlaneObject): string {
  return `${kind} ${name}`;
}

/** V2. */
export function controlPlanePatch(
  { metadata: { resourceVersion }, spec }: ControlPlaneObject,
  to: KubeVersion,
  template: string | undefined,
): ControlPlanePatch {
  const infrastructureRef = { name: template };
  const isInner = spec.machineTemplate?.spec?.infrastructureRef !== undefined;
  const inner = isInner ? { spec: { infrastructureRef } } : { infrastructureRef };
  const machines = template === undefined ? {} : { machineTemplate: inner };
  return { metadata: { resourceVersion }, spec: { version: `v${to}`, ...machines } };
}

export function controlPlaneView(
  object: ControlPlaneObject,
  cluster: CapiCluster,
  all: readonly Machine[],
): ControlPlaneView {
  const { spec, status } = object;
  const { resourceVersion: revision, generation } = object.metadata;
  const machines = all.filter(isOfControlPlane).map(machineView);
  const version = parseVersion(spec.version ?? '');
  const reached = parseVersion(status.version ?? '');
  return {
    object: controlPlaneText(object),
    ...(version === undefined ? {} : { version }),
    replicas: spec.replicas,
    nodes: machines.flatMap(({ node }): readonly NodeName[] => (node === undefined ? [] : [node])),
    holds: holdsOf(object, cluster),
    revision,
    // The contract does not ask for it.
    isObserved: (status.observedGeneration ?? generation) >= generation,
    ...(reached === undefined ? {} : { reached }),
    found: status.replicas,
    // V1.
    updated: status.upToDateReplicas ?? status.v1beta2?.upToDateReplicas ?? status.updatedReplicas,
    ready: status.readyReplicas,
    machines,
    says: saysOf(object),
  };
}

export function isOfControlPlane({ metadata: { labels } }: Machine): boolean {
  return labels[controlPlaneLabel] !== undefined;
}

function holdsOf(
  { metadata: { annotations, labels }, status }: ControlPlaneObject,
  { spec: { paused, topology } }: CapiCluster,
): readonly ControlPlaneHold[] {
  const holds: readonly (readonly [ControlPlaneHold, boolean])[] = [
    ['cluster-paused', paused],
    ['paused', annotations[pausedAnnotation] !== undefined],
    ['topology', topology !== undefined || labels[topologyOwnedLabel] !== undefined],
    ['hosted', status.externalManagedControlPlane],
  ];
  return holds.flatMap(([hold, holdsIt]) => (holdsIt ? [hold] : []));
}

/** That are true when something is still to do, in v1beta2. */
const negative = new Set(['RollingOut', 'ScalingUp', 'ScalingDown', 'Remediating']);
/** Sums of the others, which say the same again. */
const sums = new Set(['Ready', 'Paused', 'Deleting']);

/** V1. What is not as it should be, once each. */
function saysOf({ status }: ControlPlaneObject): readonly string[] {
  const all = [...status.conditions, ...(status.v1beta2?.conditions ?? [])];
  const bad = all.filter(({ type, status: is, message, reason }) => {
    const isBad = is === (negative.has(type) ? 'True' : 'False');
    return isBad && !sums.has(type) && (message !== '' || reason !== '');
  });
  return [...new Set(bad.map(({ type, message, reason }) => `${type}: ${message || reason}`))];
}
