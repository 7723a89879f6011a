// Preflight findings: what was found before a hop, how bad it is, and what to do about it.

import type { AcknowledgementStanding } from '../findings/acknowledgement';
import type { Evidence, Severity } from '../findings/finding';
import type { BudgetRef, MemberName, NodeName, PoolName } from '../names';

export type { Severity } from '../findings/finding';

export type FindingObject =
  | { readonly kind: 'cluster' }
  | { readonly kind: 'member'; readonly name: MemberName }
  | { readonly kind: 'etcd'; readonly name: string }
  | { readonly kind: 'node'; readonly name: NodeName }
  | { readonly kind: 'pool'; readonly name: PoolName }
  | { readonly kind: 'budget'; readonly budget: BudgetRef }
  | { readonly kind: 'namespace'; readonly name: string }
  | { readonly kind: 'lease'; readonly name: string }
  | { readonly kind: 'api'; readonly name: string }
  | { readonly kind: 'webhook'; readonly name: string }
  | { readonly kind: 'definition'; readonly name: string }
  | { readonly kind: 'aggregated-api'; readonly name: string }
  | { readonly kind: 'addon'; readonly name: string }
  | { readonly kind: 'volume-type'; readonly name: string }
  | { readonly kind: 'helm-release'; readonly name: string }
  | { readonly kind: 'snapshot-store'; readonly location: string };

export const findingCodes = [
  'api-server-unobserved',
  'api-server-not-ready',
  'api-server-not-live',
  'controller-unobserved',
  'controller-unhealthy',
  'member-count-even',
  'member-single',
  'members-one-host',
  'members-one-zone',
  'certificate-expires',
  'extension-trust-ends',
  'support-ends',
  'support-unknown',
  'etcd-unobserved',
  'etcd-member-unreachable',
  'etcd-quorum-margin',
  'etcd-no-leader',
  'etcd-learner',
  'etcd-alarm',
  'etcd-hash-mismatch',
  'etcd-version-mixed',
  'etcd-version-unfit',
  'etcd-version-behind',
  'etcd-quota-near',
  'etcd-fragmented',
  'etcd-raft-lag',
  'etcd-place-unknown',
  'etcd-endpoint-unnamed',
  'etcd-member-unnamed',
  'etcd-machine-unobserved',
  'etcd-unit-unfit',
  'lease-stale',
  'version-skew',
  'kubelet-unreported',
  'node-not-ready',
  'node-cordoned-by-other',
  'node-drained',
  'budget-never-satisfiable',
  'budget-sync-failed',
  'budgets-overlap',
  'rollout-drain-limited',
  'snapshot-store-unusable',
  'snapshot-key-missing',
  'snapshot-records-unread',
  'snapshot-unserved',
  'snapshot-etcd-old',
  'machine-unobserved',
  'machine-facts-missing',
  'machine-disk-low',
  'machine-memory-low',
  'machine-swap-on',
  'machine-release-missing',
  'cgroup-v1',
  'container-runtime-old',
  'flag-removed',
  'gate-removed',
  'components-unobserved',
  'breaking-change',
  'clock-skewed',
  'automatic-upgrades',
  'image-absent',
  'api-use-unobserved',
  'removed-api-used',
  'deprecated-api-used',
  'api-requests-rejected',
  'extensions-unobserved',
  'webhook-unanswered',
  'webhook-deadlock',
  'webhook-on-one-node',
  'webhook-guards-heartbeats',
  'webhook-slow',
  'conversion-unanswered',
  'aggregated-api-unavailable',
  'volumes-unobserved',
  'volume-driver-missing',
  'stored-objects-unobserved',
  'stored-api-removed',
  'definition-stored-unserved',
  'definition-storage-unserved',
  'addons-unobserved',
  'addon-incompatible',
  'addon-unknown',
  'addon-files-unread',
  'helm-releases-unobserved',
  'helm-releases-left-out',
  'helm-release-unread',
  'helm-api-removed',
  'helm-api-deprecated',
  'removed-apis-unknown',
  'workloads-unobserved',
  'budget-empty',
  'budget-missing',
  'single-replica',
  'one-node',
  'one-zone',
  'no-readiness-probe',
  'no-pre-stop',
  'empty-dir-data',
  'bare-pod',
  'long-grace',
  'finalizer',
  'host-path',
  'local-volume',
  'drain-stopped',
  'room-short',
  'room-by-preemption',
  'pods-pending',
] as const;

export type FindingCode = (typeof findingCodes)[number];

export interface Finding {
  readonly code: FindingCode;
  readonly severity: Severity;
  readonly object: FindingObject;
  /** One sentence: what was seen, with the figures. */
  readonly message: string;
  /** What to do, as an instruction. */
  readonly remedy: string;
  /** What of the object, where one check may find several things of it: `kube-scheduler`. */
  readonly about?: string;
  /** What was seen, as data, without what changes by itself (identity.ts). */
  readonly evidence?: Evidence;
  /** What else was seen and changes by itself: counts, sizes, times. */
  readonly figures?: Evidence;
  /** Why it matters for this hop, where the check knows better than reasons.ts. */
  readonly why?: string;
  /** Where an acknowledgement of it stands; set by the upgrade, which keeps them. */
  readonly acknowledgement?: AcknowledgementStanding;
}

/** Blocking findings first, then by code and object, so that two runs compare. */
export interface PreflightReport {
  readonly schema: 'ascent.preflight/v1';
  readonly findings: readonly Finding[];
}
