// Applies the demo's workloads and says when all of them are available.

import { forEachAtOnce } from '../activities/at-once';
import type { KubeRest } from './kube-rest';
import type { LabFile } from './lab-file';
import { demoManifests, labLabel, type Manifest } from './workload-manifests';

const applyAtOnce = 8;

export interface Availability {
  readonly available: number;
  readonly wanted: number;
}

interface Owner {
  readonly metadata: { readonly generation?: number };
  readonly spec: { readonly replicas?: number };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly availableReplicas?: number;
    readonly numberAvailable?: number;
    readonly desiredNumberScheduled?: number;
  };
}

/** May be repeated: server-side apply changes nothing that is already so. */
export async function applyWorkloads(
  kube: KubeRest,
  lab: LabFile,
  signal?: AbortSignal,
): Promise<void> {
  const manifests = demoManifests({ pods: lab.pods, nodes: lab.nodes.length });
  const apply = ({ path, object }: Manifest): Promise<void> => kube.apply(path, object, signal);
  await forEachAtOnce(manifests.namespaces, applyAtOnce, apply);
  await forEachAtOnce(manifests.objects, applyAtOnce, apply);
}

function availabilityOf(owner: Owner, nodes: number): Availability {
  const { metadata, spec, status } = owner;
  const wanted = spec.replicas ?? Math.max(nodes, status?.desiredNumberScheduled ?? 0);
  if ((status?.observedGeneration ?? 0) < (metadata.generation ?? 0)) {
    return { available: 0, wanted };
  }
  return { available: status?.availableReplicas ?? status?.numberAvailable ?? 0, wanted };
}

/** Pods of Deployments, StatefulSets and DaemonSets; the Job's are not counted: they end. */
export async function workloadAvailability(
  kube: KubeRest,
  lab: LabFile,
  signal?: AbortSignal,
): Promise<Availability> {
  const selector = encodeURIComponent(`${labLabel.key}=${labLabel.value}`);
  const lists = await Promise.all(
    ['deployments', 'statefulsets', 'daemonsets'].map(async (kind) => {
      const { body } = await kube.must({
        method: 'GET',
        path: `/apis/apps/v1/${kind}?labelSelector=${selector}`,
        ...(signal === undefined ? {} : { signal }),
      });
      return (body as { readonly items: readonly Owner[] }).items;
    }),
  );
  return lists
    .flat()
    .map((owner) => availabilityOf(owner, lab.nodes.length))
    .reduce(
      (sum, one) => ({ available: sum.available + one.available, wanted: sum.wanted + one.wanted }),
      { available: 0, wanted: 0 },
    );
}
