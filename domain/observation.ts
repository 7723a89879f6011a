// What was seen of a cluster at one moment: the only input of planner and preflight besides the
// spec. Plain JSON, so that it can be written to a file and a plan be reviewed in a pull request.
// O1. Lists are in no particular order; whoever depends on order sorts.
// O2. Nothing secret is in here: no Secret, no environment, no token, no pod spec.
// O3. What could not be read is said as a Problem, never left out.

import type { ApiExtensionsObservation } from './api-extensions';
import type { AddonsObservation } from './addons';
import type { ConfigMapsObservation, StaticPodOptions } from './component-options';
import type { HelmReleasesObservation } from './helm-releases';
import type { StoredObjectsObservation } from './stored-objects';
import type { VolumesObservation } from './volumes-in-use';
import type { MemberDeprecatedUse } from './deprecated-apis';
import type { EtcdPlaces } from './etcd-places';
import type { MachineFacts } from './machine-observation';
import type { BudgetRef, ClusterName, MemberName, NodeName, PodRef, PoolName } from './names';
import type { KubeMinor, KubeVersion } from './versions';

/** Why something could not be observed: a stable code and a sentence without secrets. */
export interface Problem {
  readonly code: 'unreachable' | 'unauthorized' | 'forbidden' | 'timeout' | 'unexpected';
  readonly message: string;
}

/** Asked of each API server directly, never through the load balancer. */
export type ApiServerObservation =
  | {
      readonly kind: 'observed';
      readonly version: KubeVersion;
      /** Minor that it serves as by `--emulated-version`; absent: its own. */
      readonly emulates?: KubeMinor;
      readonly ready: boolean;
      /** Names of failing checks of `/readyz?verbose`. */
      readonly failingChecks: readonly string[];
      /** Those of `/livez?verbose`; absent when it is live, or was not asked. */
      readonly failingLiveChecks?: readonly string[];
    }
  | { readonly kind: 'unobserved'; readonly problem: Problem };

/**
 * kube-controller-manager or kube-scheduler beside an API server. Neither tells whether it serves
 * as another minor (as of 1.33): what started it knows.
 */
export type ControllerObservation =
  | { readonly kind: 'observed'; readonly version: KubeVersion; readonly healthy: boolean }
  | { readonly kind: 'unobserved'; readonly problem: Problem };

/** A serving certificate as its server shows it: when it, or an authority above it, expires. */
export interface CertificateObservation {
  /** RFC 3339. */
  readonly expiresAt: string;
  /** From the moment of the observation; negative when it is over. */
  readonly expiresInSeconds: number;
}

export interface MemberObservation {
  readonly name: MemberName;
  /** `https://127.0.0.1:6443`. */
  readonly endpoint: string;
  readonly apiServer: ApiServerObservation;
  readonly controllerManager: ControllerObservation;
  readonly scheduler: ControllerObservation;
  /** Of those that showed theirs; absent in observations that were written before it was asked. */
  readonly certificates?: Readonly<Partial<Record<MemberComponent, CertificateObservation>>>;
}

export const memberComponents = [
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
] as const;

export type MemberComponent = (typeof memberComponents)[number];

export interface EtcdMemberObservation {
  readonly name: string;
  readonly endpoint: string;
  readonly version: string;
  /**
   * The version that all of its cluster agreed on, `3.5.0`: of the oldest minor among the members.
   * Absent when it did not tell, or was not asked.
   */
  readonly clusterVersion?: string;
  readonly isLeader: boolean;
  readonly isLearner: boolean;
  /** Alarm names: NOSPACE, CORRUPT. */
  readonly alarms: readonly string[];
  readonly dbSizeBytes: number;
  readonly dbSizeInUseBytes: number;
  /** 0 when the server does not tell (before 3.6). */
  readonly quotaBytes: number;
  readonly raftIndex: number;
  readonly raftAppliedIndex: number;
  /** What it shows clients; absent when it showed none, or was not asked. */
  readonly certificate?: CertificateObservation;
}

export type EtcdObservation =
  | {
      readonly kind: 'observed';
      /** Members that the member list names. */
      readonly memberCount: number;
      readonly members: readonly EtcdMemberObservation[];
      /** Members of the list that did not answer. */
      readonly unreachable: readonly {
        readonly name: string;
        readonly endpoint: string;
        readonly problem: Problem;
      }[];
      /** HashKV of all reachable members at one revision was the same. */
      readonly hashesAgree: boolean;
    }
  | { readonly kind: 'unobserved'; readonly problem: Problem };

/** A leader-election Lease of kube-system. */
export interface LeaseObservation {
  readonly component: 'kube-controller-manager' | 'kube-scheduler';
  /** Empty when nobody holds it. */
  readonly holder: string;
  readonly renewedSecondsAgo: number;
  readonly durationSeconds: number;
}

export const zoneLabel = 'topology.kubernetes.io/zone';

export interface NodeObservation {
  readonly name: NodeName;
  readonly labels: Readonly<Record<string, string>>;
  /** What `zoneLabel` says, or empty. */
  readonly zone: string;
  /** Carries a control-plane role label or taint. */
  readonly isControlPlane: boolean;
  readonly kubeletVersion: KubeVersion;
  readonly ready: boolean;
  readonly cordon:
    | { readonly kind: 'none' }
    | { readonly kind: 'ours'; readonly reason: string }
    | { readonly kind: 'foreign' };
  /** Pods bound to the node that are neither finished nor of a DaemonSet nor mirrors. */
  readonly evictablePods: number;
  /**
   * Those of them that belong to a StatefulSet or claim a volume; absent in observations that were
   * written before it was looked at.
   */
  readonly statefulPods?: number;
}

/** A Node object whose kubelet has not said its version: made by hand, or left of a machine. */
export interface UnreportedNode {
  readonly name: NodeName;
  /** What stands in place of the version; empty when nothing does. */
  readonly reported: string;
}

export interface BudgetObservation {
  readonly budget: BudgetRef;
  readonly disruptionsAllowed: number;
  readonly currentHealthy: number;
  readonly desiredHealthy: number;
  readonly expectedPods: number;
  /** `status.observedGeneration` has caught up with `metadata.generation`. */
  readonly observed: boolean;
  /** Condition DisruptionAllowed has reason SyncFailed. */
  readonly syncFailed: boolean;
  /** As written in the spec: `1`, `50%`, or undefined. */
  readonly minAvailable?: string;
  readonly maxUnavailable?: string;
}

/** A pod that more than one budget selects: the Eviction API answers 500 for ever. */
export interface BudgetOverlap {
  readonly pod: PodRef;
  readonly budgets: readonly BudgetRef[];
}

/** A machine by the name of its node. */
export type MachineObservation =
  | { readonly kind: 'observed'; readonly name: NodeName; readonly facts: MachineFacts }
  | { readonly kind: 'unobserved'; readonly name: NodeName; readonly problem: Problem };

/** What a command may be able to change, each by its key in an access file. */
export const commandedChanges = [
  'node',
  'apiServer',
  'controllers',
  'member',
  'putBack',
  'etcd',
  'restore',
  'repairEtcd',
] as const;

/** What a driver may be able to change. */
export const drivenChanges = [...commandedChanges, 'reboot', 'images'] as const;

export type CommandedChange = (typeof commandedChanges)[number];
export type DrivenChange = (typeof drivenChanges)[number];

/** What a plan may take of a driver, and is refused without. */
export type PlannedChange = Exclude<DrivenChange, 'repairEtcd' | 'images'>;

/** Drivers with limits of their own, which the access file does not widen. */
export const limitedDrivers = ['kubeadm', 'kubeadm-etcd-units', 'cluster-api'] as const;

export type LimitedDriver = (typeof limitedDrivers)[number];

/**
 * Why its controllers would not replace machines as it says: somebody has paused the Cluster, or
 * it; its version is that of the Cluster's topology; it waits for people to delete machines.
 */
export const rolloutHolds = ['cluster-paused', 'paused', 'topology', 'on-delete'] as const;

export type RolloutHold = (typeof rolloutHolds)[number];

/** A MachineDeployment of Cluster API, whose controllers replace the nodes of a pool. */
export interface MachineDeploymentObservation {
  readonly name: string;
  /** The pool that it serves. */
  readonly pool: PoolName;
  /** Of the machines that it makes; absent where it does not say. */
  readonly version?: KubeVersion;
  readonly replicas: number;
  /** Machines that may be missing at once, resolved. */
  readonly maxUnavailable: number;
  /** Nodes of its Machines. */
  readonly nodes: readonly NodeName[];
  readonly holds: readonly RolloutHold[];
  /** After this its Machines are deleted although pods are left, `10m0s`; absent: never. */
  readonly drainTimeout?: string;
}

/**
 * Why a control plane would not be replaced: somebody has paused the Cluster, or it; its version is
 * that of the Cluster's topology; its members are no machines (a hosted one).
 */
export const controlPlaneHolds = ['cluster-paused', 'paused', 'topology', 'hosted'] as const;

export type ControlPlaneHold = (typeof controlPlaneHolds)[number];

/** What replaces the members of a cluster of Cluster API, one after the other. */
export interface ControlPlaneObjectObservation {
  /** `KubeadmControlPlane prod-control-plane`. */
  readonly object: string;
  /** Of the machines that it makes; absent where it does not say. */
  readonly version?: KubeVersion;
  readonly replicas: number;
  /** Nodes of its Machines. */
  readonly nodes: readonly NodeName[];
  readonly holds: readonly ControlPlaneHold[];
}

export interface Observation {
  readonly schema: 'ascent.observation/v1';
  readonly cluster: ClusterName;
  /** RFC 3339. Not part of any digest. */
  readonly observedAt: string;
  readonly members: readonly MemberObservation[];
  readonly etcd: EtcdObservation;
  readonly leases: readonly LeaseObservation[];
  /** Nodes whose kubelet has said its version; the others are in `unreportedNodes`. */
  readonly nodes: readonly NodeObservation[];
  /** Absent when there are none, as in observations that were written before it was known. */
  readonly unreportedNodes?: readonly UnreportedNode[];
  /** Absent in observations that were written before they were looked at. */
  readonly namespaces?: readonly string[];
  readonly budgets: readonly BudgetObservation[];
  readonly budgetOverlaps: readonly BudgetOverlap[];
  /** Releases that the drivers can install; undefined when they cannot tell. */
  readonly availableVersions?: readonly KubeVersion[];
  /**
   * Minors whose snapshots an API server can read here; absent in observations that were written
   * before it was looked at.
   */
  readonly servedMinors?: readonly KubeMinor[];
  /**
   * Release of the etcd that snapshots are restored into to verify them; absent when it does not
   * tell, and in observations that were written before it was asked.
   */
  readonly snapshotEtcd?: KubeVersion;
  /** Releases of etcd that the drivers can install; undefined when they cannot tell. */
  readonly availableEtcdVersions?: readonly KubeVersion[];
  /**
   * `member`: what changes machines replaces API server and controllers of a member as one, whose
   * controllers talk to the API server beside them (kubeadm). Absent: each by itself.
   */
  readonly changedAs?: 'member';
  /** Absent where no driver reaches them, or they were not asked: a preflight does. */
  readonly machines?: readonly MachineObservation[];
  /** What clients ask for, of each member; absent where it was not asked: a preflight does. */
  readonly deprecatedUse?: readonly MemberDeprecatedUse[];
  /** What API servers call while they serve; absent where it was not asked: a preflight does. */
  readonly extensions?: ApiExtensionsObservation;
  /** Workloads of add-ons; absent where nobody looked for them: a preflight does. */
  readonly addons?: AddonsObservation;
  /** Who wrote objects in versions that go; absent where nobody looked: a preflight does. */
  readonly storedObjects?: StoredObjectsObservation;
  /** Volumes whose driver goes; absent where nobody looked for them: a preflight does. */
  readonly volumes?: VolumesObservation;
  /** How static pods start components; absent where nobody asked: a preflight does. */
  readonly staticPods?: readonly StaticPodOptions[];
  /** What components are told by ConfigMaps; absent where nobody asked: a preflight does. */
  readonly configMaps?: ConfigMapsObservation;
  /** What Helm has stored; absent where the access file does not ask for it. */
  readonly helmReleases?: HelmReleasesObservation;
  /** Where etcd runs; absent where no driver can tell, or it was not asked: a preflight does. */
  readonly etcdPlaces?: EtcdPlaces;
  /**
   * What the driver can change; absent: everything but `reboot` and `images`, or nobody has asked
   * it.
   */
  readonly drives?: readonly DrivenChange[];
  /** Whose limits `drives` are; absent where they are what the access file names. */
  readonly driver?: LimitedDriver;
  /** Members are replaced by other machines; absent: they are changed where they are. */
  readonly controlPlaneObject?: ControlPlaneObjectObservation;
  /** Nodes are replaced, a pool at a time; absent: each is changed by itself. */
  readonly machineDeployments?: readonly MachineDeploymentObservation[];
  /** Whether a probe file could be written, read back and removed in the snapshot store. */
  readonly snapshotStore:
    | {
        readonly kind: 'writable';
        readonly location: string;
        /** Absent where the store does not tell: a bucket without a limit. */
        readonly freeBytes?: number;
        /** Where snapshots are made and verified, when that is not the store itself. */
        readonly scratch?: { readonly location: string; readonly freeBytes: number };
        /** The key for new snapshots cannot be used. */
        readonly keyProblem?: Problem;
        /** Its records cannot be read. */
        readonly recordsProblem?: Problem;
        /** Fingerprints of keys that are not at hand; absent when every snapshot can be opened. */
        readonly unopened?: readonly { readonly key: string; readonly snapshots: number }[];
      }
    | { readonly kind: 'unusable'; readonly location: string; readonly problem: Problem };
}

/** Every Node object there is, whether its kubelet has said its version or not. */
export function nodeNames({ nodes, unreportedNodes = [] }: Observation): ReadonlySet<NodeName> {
  return new Set([...nodes, ...unreportedNodes].map(({ name }) => name));
}
