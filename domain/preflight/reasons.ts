// Why a finding matters for the hop at hand: one sentence by check, where the finding itself does
// not say it.

import type { KubeVersion } from '../versions';
import { minorOf } from '../versions';
import type { Finding, FindingCode } from './findings';

interface HopVersions {
  readonly from: KubeVersion;
  readonly to: KubeVersion;
}

type Reason = string | ((hop: HopVersions) => string);

const oneAway = 'while a member changes, the others carry the cluster; this one would not';
const noEtcd = 'nothing can be written, and no snapshot taken, without an etcd that answers';
const wrongRestore = 'a restore would bring back something else than what API servers read';
const stuckDrain = 'the drain of a node waits for pods that are never let go';
const steersNodes = 'its steps on that machine would fail in the middle of the hop';
const notReached = 'while nodes are drained, requests that need its answer are refused';
const movedPods = 'its pods move when nodes are drained, each node of theirs once';
const notKnown = 'what could not be looked at may stop the hop all the same';

const reasons: Readonly<Record<FindingCode, Reason>> = {
  'api-server-unobserved': 'whether its version and its state fit the hop is not known',
  'api-server-not-ready': oneAway,
  'api-server-not-live': oneAway,
  'controller-unobserved': oneAway,
  'controller-unhealthy': oneAway,
  'member-count-even': 'while one member changes, the loss of another is borne less well',
  'member-single': 'nobody can ask or change anything while its API server is away',
  'members-one-host': 'one host that fails during the hop takes them all along',
  'members-one-zone': 'one zone that fails during the hop takes the quorum along',
  'certificate-expires': 'what shows it is trusted by nobody from then on, in mid-change or not',
  'extension-trust-ends': 'API servers refuse its answers from then on, as if nobody answered',
  'support-ends': 'from then on nobody mends what is found in it, and the next path is urgent',
  'support-unknown': 'the path may end at a minor that nobody mends any more',
  'etcd-unobserved': noEtcd,
  'etcd-member-unreachable': 'one more loss, which a change can bring, may stop etcd',
  'etcd-quorum-margin': 'the loss of one more stops all writes, and the way back with them',
  'etcd-no-leader': noEtcd,
  'etcd-learner': 'a member that does not vote cannot replace one that is away',
  'etcd-alarm': 'etcd refuses writes, or its data is not to be trusted',
  'etcd-hash-mismatch': 'a snapshot would keep one of two truths, and perhaps the wrong one',
  'etcd-version-mixed': 'another change of etcd is under way, and two at once mix its data',
  'etcd-version-unfit': ({ to }) =>
    `API servers of ${minorOf(to)} would run on an etcd unfit for them`,
  'etcd-version-behind': 'etcd is not through its change, and API servers come next',
  'etcd-quota-near': 'etcd takes no writes from its quota on, and an upgrade writes much',
  'etcd-fragmented': 'each snapshot and each restore carries what is not in use',
  'etcd-raft-lag': 'a member that is behind may answer with what is no longer so',
  'etcd-place-unknown': wrongRestore,
  'etcd-endpoint-unnamed': wrongRestore,
  'etcd-member-unnamed': wrongRestore,
  'etcd-machine-unobserved': 'a restore must reach that machine',
  'etcd-unit-unfit': 'a restore needs it so',
  'lease-stale': 'no controller may lead, and drained pods are not replaced without one',
  'version-skew': ({ from, to }) => `the hop from ${from} to ${to} would break the skew policy`,
  'kubelet-unreported': 'whether its kubelet works with the new API servers is not known',
  'node-not-ready': 'pods of drained nodes need places, and the pool may stop at this one',
  'node-cordoned-by-other': 'pods of drained nodes find no place on it',
  'node-drained': 'pods of drained nodes find no place on it',
  'budget-never-satisfiable': stuckDrain,
  'budget-sync-failed': stuckDrain,
  'budgets-overlap': stuckDrain,
  'rollout-drain-limited': 'pods may be deleted past their budgets while machines are replaced',
  'snapshot-store-unusable': 'no hop begins without a verified snapshot',
  'snapshot-key-missing': 'a snapshot without its key is no way back',
  'snapshot-records-unread': 'a snapshot whose record is damaged is not found when it is needed',
  'snapshot-unserved': 'that an API server reads what is restored is not tried before it must',
  'snapshot-etcd-old': 'the snapshot of the hop cannot be verified, so the hop cannot begin',
  'machine-unobserved': steersNodes,
  'machine-facts-missing': notKnown,
  'machine-disk-low': steersNodes,
  'machine-memory-low': 'the kernel may end a program in the middle of a change',
  'machine-swap-on': ({ to }) => `its kubelet of ${minorOf(to)} would not start again`,
  'machine-release-missing': steersNodes,
  'cgroup-v1': ({ to }) => `it is the kubelet of ${minorOf(to)} that decides whether it starts so`,
  'container-runtime-old': ({ to }) => `kubelets of ${minorOf(to)} are not made for it`,
  'flag-removed': 'the component would not start again in its new version',
  'gate-removed': 'the component would not start again in its new version',
  'components-unobserved': notKnown,
  'breaking-change': ({ to }) => `from ${minorOf(to)} on it is no longer as it was`,
  'clock-skewed': 'certificates and leases are judged by clocks that differ',
  'automatic-upgrades': 'a package that changes by itself leaves the order of the plan',
  'image-absent': 'it is pulled while the node is out of service',
  'api-use-unobserved': notKnown,
  'removed-api-used': ({ to }) => `API servers of ${minorOf(to)} answer such requests with 404`,
  'deprecated-api-used': 'a later hop takes it away; its clients have until then',
  'api-requests-rejected': 'while a member is away, the others get its requests as well',
  'extensions-unobserved': notKnown,
  'webhook-unanswered': 'drains, and the pods that come after them, are refused',
  'webhook-deadlock': 'nothing that a person does later brings its pods back by itself',
  'webhook-on-one-node': notReached,
  'webhook-guards-heartbeats': 'while its pods move, nodes may become NotReady all at once',
  'webhook-slow': 'each drain and each new pod may wait that long',
  'conversion-unanswered': 'API servers that start again read all its objects anew',
  'volumes-unobserved': notKnown,
  'volume-driver-missing': 'pods of drained nodes cannot mount it where they come next',
  'stored-objects-unobserved': notKnown,
  'stored-api-removed': ({ to }) => `API servers of ${minorOf(to)} refuse what is written so`,
  'definition-stored-unserved': 'its objects may be unreadable once its add-on is upgraded',
  'definition-storage-unserved': 'each look at its objects needs its conversion to work',
  'addons-unobserved': notKnown,
  'addon-incompatible': ({ to }) => `its project does not say that it works with ${minorOf(to)}`,
  'addon-unknown': notKnown,
  'addon-files-unread': 'what they know better than the catalogue is not looked at',
  'helm-releases-unobserved': notKnown,
  'helm-releases-left-out': notKnown,
  'helm-release-unread': notKnown,
  'helm-api-removed': ({ to }) =>
    `Helm reads the old manifest again, and ${minorOf(to)} refuses it`,
  'helm-api-deprecated': 'a later hop takes it away, and Helm reads the old manifest again',
  'removed-apis-unknown': notKnown,
  'workloads-unobserved': notKnown,
  'budget-empty': 'what it was meant for may lose all of its pods at once',
  'budget-missing': 'a window of drains may take all of its pods at once',
  'single-replica': movedPods,
  'one-node': movedPods,
  'one-zone': movedPods,
  'no-readiness-probe': movedPods,
  'no-pre-stop': movedPods,
  'empty-dir-data': movedPods,
  'bare-pod': 'nobody makes it again when its node is drained',
  'long-grace': stuckDrain,
  finalizer: stuckDrain,
  'host-path': movedPods,
  'local-volume': stuckDrain,
  'drain-stopped': stuckDrain,
  'room-short': 'pods of drained nodes stay without a place, and their budgets wait for them',
  'room-by-preemption': 'pods of lower priority make room, and look for a place themselves',
  'pods-pending': 'pods of drained nodes look for room where there is none already',
  'aggregated-api-unavailable': 'namespaces stay in removal, and who lists all APIs fails',
};

/** For findings of a hop; a finding that says it itself knows better. */
export function whyItMatters({ code, why }: Pick<Finding, 'code' | 'why'>, hop: HopVersions) {
  if (why !== undefined) return why;
  const reason = reasons[code];
  return typeof reason === 'string' ? reason : reason(hop);
}
