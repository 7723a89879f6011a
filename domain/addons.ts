// Add-ons as they are seen in a cluster: workloads with an image that the catalogue knows. Evidence
// only; which of them the hop does not go with, domain/preflight says.

import type { Problem } from './observation';

/** Kinds that add-ons run as. */
export const addonKinds = ['daemonsets', 'deployments', 'statefulsets'] as const;

export type AddonKind = (typeof addonKinds)[number];

export interface AddonWorkload {
  /** `DaemonSet kube-system/calico-node`. */
  readonly workload: string;
  /** Those of its images that the catalogue knows. */
  readonly images: readonly string[];
  /** Its label app.kubernetes.io/version. */
  readonly version?: string;
}

export interface AddonsObservation {
  readonly workloads: readonly AddonWorkload[];
  readonly unlisted: readonly { readonly kind: AddonKind; readonly problem: Problem }[];
}
