// At which hops of a path a finding is told, when the whole path is looked at before it begins. The
// cluster is seen once, as it is now; a later hop is held against the same evidence.

import type { FindingCode } from './findings';

/**
 * `first-hop`: about the cluster as it is now. A later hop is looked at again before it begins, and
 * nothing is gained by saying it of each until then. `each-hop`: about a minor; each hop that it
 * matters to needs something else. `once`: about a thing that some hop of the path meets: told of
 * the first one that does, and again where what was seen, or how bad it is, differs.
 */
export type Horizon = 'first-hop' | 'each-hop' | 'once';

const horizons: Readonly<Record<FindingCode, Horizon>> = {
  'api-server-unobserved': 'first-hop',
  'api-server-not-ready': 'first-hop',
  'api-server-not-live': 'first-hop',
  'controller-unobserved': 'first-hop',
  'controller-unhealthy': 'first-hop',
  'member-count-even': 'first-hop',
  'member-single': 'first-hop',
  'members-one-host': 'first-hop',
  'members-one-zone': 'first-hop',
  'certificate-expires': 'once',
  'etcd-unobserved': 'first-hop',
  'etcd-member-unreachable': 'first-hop',
  'etcd-quorum-margin': 'first-hop',
  'etcd-no-leader': 'first-hop',
  'etcd-learner': 'first-hop',
  'etcd-alarm': 'first-hop',
  'etcd-hash-mismatch': 'first-hop',
  'etcd-version-mixed': 'first-hop',
  'etcd-version-unfit': 'once',
  'etcd-version-behind': 'first-hop',
  'etcd-quota-near': 'first-hop',
  'etcd-fragmented': 'first-hop',
  'etcd-raft-lag': 'first-hop',
  'etcd-place-unknown': 'first-hop',
  'etcd-endpoint-unnamed': 'first-hop',
  'etcd-member-unnamed': 'first-hop',
  'etcd-machine-unobserved': 'first-hop',
  'etcd-unit-unfit': 'first-hop',
  'lease-stale': 'first-hop',
  // Members and nodes run what the hop before has left; the planner sees to the skew on the way.
  'version-skew': 'first-hop',
  'kubelet-unreported': 'first-hop',
  'node-not-ready': 'first-hop',
  'node-cordoned-by-other': 'first-hop',
  'node-drained': 'first-hop',
  'budget-never-satisfiable': 'first-hop',
  'budget-sync-failed': 'first-hop',
  'budgets-overlap': 'first-hop',
  'rollout-drain-limited': 'first-hop',
  'snapshot-store-unusable': 'first-hop',
  'snapshot-key-missing': 'first-hop',
  'snapshot-records-unread': 'first-hop',
  'snapshot-unserved': 'each-hop',
  'snapshot-etcd-old': 'first-hop',
  'machine-unobserved': 'first-hop',
  'machine-facts-missing': 'once',
  'machine-disk-low': 'first-hop',
  'machine-memory-low': 'first-hop',
  'machine-swap-on': 'first-hop',
  'machine-release-missing': 'each-hop',
  'cgroup-v1': 'once',
  'container-runtime-old': 'once',
  'flag-removed': 'each-hop',
  'gate-removed': 'each-hop',
  'components-unobserved': 'once',
  'breaking-change': 'each-hop',
  'clock-skewed': 'first-hop',
  'automatic-upgrades': 'first-hop',
  // Images of later hops come with those hops.
  'image-absent': 'first-hop',
  'api-use-unobserved': 'first-hop',
  'removed-api-used': 'once',
  'deprecated-api-used': 'once',
  'extensions-unobserved': 'first-hop',
  'webhook-unanswered': 'first-hop',
  'webhook-deadlock': 'first-hop',
  'webhook-on-one-node': 'first-hop',
  'webhook-guards-heartbeats': 'first-hop',
  'webhook-slow': 'first-hop',
  'conversion-unanswered': 'first-hop',
  'aggregated-api-unavailable': 'first-hop',
  'volumes-unobserved': 'first-hop',
  'volume-driver-missing': 'each-hop',
  'stored-objects-unobserved': 'once',
  'stored-api-removed': 'each-hop',
  'definition-stored-unserved': 'first-hop',
  'definition-storage-unserved': 'first-hop',
  'addons-unobserved': 'first-hop',
  'addon-incompatible': 'each-hop',
  'addon-unknown': 'each-hop',
  'helm-releases-unobserved': 'first-hop',
  'helm-releases-left-out': 'first-hop',
  'helm-release-unread': 'first-hop',
  'helm-api-removed': 'once',
  'helm-api-deprecated': 'once',
  'removed-apis-unknown': 'each-hop',
};

export function horizonOf(code: FindingCode): Horizon {
  return horizons[code];
}
