// Add-ons as they are seen in a cluster: workloads with an image that the catalogue knows. Evidence
// only; which of them the hop does not go with, domain/preflight says.

import type { Addon } from './knowledge/addons';
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

/** What users know of add-ons by files of their own. */
export type OwnAddonsObservation =
  /** Each as it is to be known, laid over what ships. */
  | { readonly kind: 'read'; readonly addons: readonly Addon[] }
  /** All of them count for nothing. */
  | { readonly kind: 'unread'; readonly problems: readonly string[] };

export interface AddonsObservation {
  readonly workloads: readonly AddonWorkload[];
  readonly unlisted: readonly { readonly kind: AddonKind; readonly problem: Problem }[];
  /** Absent where the access file names none. */
  readonly own?: OwnAddonsObservation;
}
