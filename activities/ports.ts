// What activities need from the outside world. Adapters implement these interfaces; tests use
// fakes of them. A port speaks in terms of what upgrades need, not of one client library.
// Every method takes an AbortSignal: cancelled activities stop their requests at once.
// Adapters throw PortError, or the signal's reason once it is aborted; nothing else may leave them.

import type { ApiExtensionsObservation } from '../domain/api-extensions';
import type { AddonsObservation } from '../domain/addons';
import type { HelmReleasesObservation } from '../domain/helm-releases';
import type { ComponentOptions, ConfigMapsObservation } from '../domain/component-options';
import type { DeprecatedUse } from '../domain/deprecated-apis';
import type { PodTrouble } from '../domain/drain/budget-explanation';
import type { BudgetRef, MemberName, NodeName, PodRef } from '../domain/names';
import type {
  ApiServerObservation,
  BudgetObservation,
  ControllerObservation,
  EtcdObservation,
  LeaseObservation,
  MemberObservation,
  Problem,
} from '../domain/observation';
import type { HardTaint, NodeAllocatable, PodDemand } from '../domain/pool/pod-room';
import type { StoredObjectsObservation } from '../domain/stored-objects';
import type { VolumesObservation } from '../domain/volumes-in-use';
import type {
  ControlPlaneDriver,
  MemberReplacer,
  NodeDriver,
  ReleaseSource,
  RolloutDriver,
} from './driver-ports';
import type { ScaleApi } from './drain/scale-api';
import type { SimulationSource } from './simulate';
import type {
  EtcdSnapshotFacts,
  SnapshotComparer,
  SnapshotDriller,
  SnapshotStore,
  SnapshotVerifier,
} from './snapshot-ports';

/** What an adapter throws: what was being done to which object, and a stable code. */
export class PortError extends Error {
  readonly code: Problem['code'] | 'not-found' | 'conflict' | 'rejected' | 'full';
  /** Seconds that the server asked to wait, when it did. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: PortError['code'],
    message: string,
    options: { readonly cause?: unknown; readonly retryAfterSeconds?: number } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'PortError';
    this.code = code;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/**
 * A Pod as far as drains and checks need it. `nodeSelector`, `requests`, `tolerations`: shared by
 * the pods that have the same.
 */
export interface PodView extends PodDemand {
  readonly ref: PodRef;
  readonly uid: string;
  readonly node: string;
  readonly phase: string;
  readonly ready: boolean;
  /** Since when it says itself that it is not ready, or not scheduled; epoch milliseconds. */
  readonly notReadySinceMs?: number;
  /** Only of pods that are neither ready nor finished: a large cluster's pods are all in memory. */
  readonly trouble?: PodTrouble;
  readonly labels: Readonly<Record<string, string>>;
  /** `spec.priority`; absent is 0. */
  readonly priority?: number;
  /** What its annotation `ascent.dev/drain` says. */
  readonly drainAnnotation?: string;
  readonly isMirror: boolean;
  readonly hasEmptyDir: boolean;
  readonly controller?: { readonly kind: string; readonly name: string };
  /** Set when the pod is terminating; epoch milliseconds. */
  readonly deletionTimestampMs?: number;
  readonly deletionGracePeriodSeconds?: number;
  readonly finalizers: readonly string[];
  /** PersistentVolumeClaims of its namespace that it uses; absent when it uses none. */
  readonly claims?: readonly string[];
  /** Only of static pods of kube-system that run a component: how they start it. */
  readonly options?: ComponentOptions;
}

export interface NodeView {
  readonly name: NodeName;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly taintKeys: readonly string[];
  /** Those that keep pods away; absent when it has none. */
  readonly taints?: readonly HardTaint[];
  readonly unschedulable: boolean;
  readonly ready: boolean;
  readonly kubeletVersion: string;
  /** Volumes that its kubelet reports in use, as it names them; absent when there are none. */
  readonly volumesInUse?: readonly string[];
  /** Absent when its kubelet has told none. */
  readonly allocatable?: NodeAllocatable;
}

/** A budget with its selector already compiled. */
export interface BudgetView extends BudgetObservation {
  /** While it stays the same, so does what is selected; absent when that is not known. */
  readonly selectsAs?: string;
  selects(pod: PodView): boolean;
}

/** A VolumeAttachment of a PersistentVolume; `volume` is that one's name. */
export interface AttachmentView {
  readonly name: string;
  readonly node: string;
  readonly volume: string;
}

/** A PersistentVolume. */
export interface VolumeView {
  /** Absent when no claim is bound to it. */
  readonly claim?: { readonly namespace: string; readonly name: string };
  /** How kubelets name it in `volumesInUse`; absent when that is not known. */
  readonly inUseAs?: string;
  /** Zones that it can be reached from; absent: any, or not said. */
  readonly zones?: readonly string[];
}

/** Every answer of the Eviction API that a drain tells apart (its server side). */
export type EvictionAnswer =
  | { readonly kind: 'evicted' }
  | { readonly kind: 'gone' }
  | { readonly kind: 'replaced' }
  | { readonly kind: 'budget'; readonly budget?: BudgetRef; readonly message: string }
  | {
      readonly kind: 'budget-not-observed';
      readonly message: string;
      readonly retryAfterSeconds: number;
    }
  | { readonly kind: 'budgets-overlap'; readonly message: string }
  | { readonly kind: 'throttled'; readonly retryAfterSeconds: number }
  | { readonly kind: 'namespace-terminating' }
  /** `by`: the 403 concerns a budget (details.kind), not the rights of the worker. */
  | { readonly kind: 'forbidden'; readonly by?: 'budget'; readonly message: string }
  | { readonly kind: 'failed'; readonly message: string };

/**
 * `cached`: as one API server remembers it, which costs it next to nothing and may be of the past;
 * `now`: no older than the question, which costs it more.
 */
export type ReadFreshness = 'cached' | 'now';

/** A budget with those of its pods that are unhealthy. */
export interface BudgetShortfall {
  readonly budget: BudgetView;
  readonly unhealthy: readonly PodView[];
}

/** Nodes, pods and budgets of a cluster at one moment. */
export interface ClusterView {
  nodes(): readonly NodeView[];
  /** Undefined when it does not exist. */
  node(name: string): NodeView | undefined;
  podsOnNode(node: string): readonly PodView[];
  budgetsOf(pod: PodView): readonly BudgetView[];
  /** Pods on any node, or on none yet, that are unhealthy (domain's isUnhealthy). */
  unhealthyPods(): readonly PodView[];
  /** Pods of an owner (domain's ownerKey) that serve, on any node. */
  servingOf(owner: string): number;
}

/**
 * The cluster as it is told by watches, which all activities of a worker share. What they tell is
 * of moments ago and never goes back in time; undefined while the watches are not open, as in the
 * seconds after a load balancer or an API server went away.
 */
export interface ClusterFollower {
  cluster(): ClusterView | undefined;
  /**
   * Resolves after `ms`, or as soon as a node or a budget changes; at once when one has since the
   * last call. Rejects with the signal's reason.
   */
  changed(ms: number, signal: AbortSignal): Promise<void>;
  close(): void;
}

/** One node of it; what is said of ClusterFollower holds here as well. */
export interface NodeFollower extends ClusterFollower {
  /** Whether the watches are open, so that everything else is told. */
  isOpen(): boolean;
  pods(): readonly PodView[] | undefined;
  /** `missing`: it does not exist. */
  node(): NodeView | 'missing' | undefined;
  /** The budgets that select the pod, with the status that they had when the watch told it. */
  budgetsOf(pod: PodView): readonly BudgetView[] | undefined;
  /** The budget, and those of its pods, on any node, that are unhealthy (domain's isUnhealthy). */
  shortfallOf(budget: BudgetRef): BudgetShortfall | undefined;
  /**
   * Resolves after `ms`, or as soon as the node, one of its pods or a budget that selects one
   * changes; at once when one has since the last call. Rejects with the signal's reason.
   */
  changed(ms: number, signal: AbortSignal): Promise<void>;
}

/** The Kubernetes API through the load balancer. */
export interface KubeApi extends ScaleApi {
  listNodes(signal: AbortSignal): Promise<readonly NodeView[]>;
  /** Undefined when the node does not exist. */
  getNode(name: NodeName, signal: AbortSignal): Promise<NodeView | undefined>;
  /**
   * Sets spec.unschedulable and our annotations in one patch; undefined reason removes them. The
   * patch carries the resourceVersion that was seen, so a foreign change in between is a conflict.
   * Either way the taint of nodes that wait for their upgrade is gone afterwards.
   */
  setCordon(name: NodeName, reason: string | undefined, signal: AbortSignal): Promise<void>;
  /** The taint `waitingTaintKey`, PreferNoSchedule. A node that does not exist needs none. */
  setWaitingTaint(name: NodeName, isPlaced: boolean, signal: AbortSignal): Promise<void>;
  listPodsOnNode(
    name: NodeName,
    freshness: ReadFreshness,
    signal: AbortSignal,
  ): Promise<readonly PodView[]>;
  /** Connects nothing that is awaited; `close` it. */
  followNode(name: NodeName): NodeFollower;
  /** As followNode, for who decides about all of them. */
  followCluster(): ClusterFollower;
  listPods(signal: AbortSignal): Promise<readonly PodView[]>;
  daemonSetExists(namespace: string, name: string, signal: AbortSignal): Promise<boolean>;
  listNamespaces(signal: AbortSignal): Promise<readonly string[]>;
  listBudgets(signal: AbortSignal): Promise<readonly BudgetView[]>;
  listLeaderLeases(signal: AbortSignal): Promise<readonly LeaseObservation[]>;
  /** What is attached to the node, being attached or being detached; reads all of the cluster. */
  listAttachments(node: NodeName, signal: AbortSignal): Promise<readonly AttachmentView[]>;
  /** Whether there is a VolumeAttachment of that name, also one that is being deleted. */
  isAttached(attachment: string, signal: AbortSignal): Promise<boolean>;
  /** A PersistentVolume by its name; undefined when it does not exist. */
  findVolume(name: string, signal: AbortSignal): Promise<VolumeView | undefined>;
  /** Every PersistentVolume, no older than the question: in pages, all of one moment. */
  listVolumes(signal: AbortSignal): Promise<readonly VolumeView[]>;
  /**
   * UID is a precondition: a pod of the same name that came later is `replaced`. It is compared
   * before, by the watch if there is one.
   */
  evict(
    pod: { readonly ref: PodRef; readonly uid: string },
    gracePeriodSeconds: number | undefined,
    signal: AbortSignal,
  ): Promise<EvictionAnswer>;
  /**
   * Past every budget: for what a named person has forced. UID is a precondition. A grace of 0
   * removes the object of a terminating pod at once; undefined is the pod's own.
   */
  deletePod(
    pod: { readonly ref: PodRef; readonly uid: string },
    gracePeriodSeconds: number | undefined,
    signal: AbortSignal,
  ): Promise<'deleted' | 'gone' | 'replaced'>;
}

/** What API servers call while they serve. What may not be read is told in its place. */
export interface ExtensionProbe {
  observe(signal: AbortSignal): Promise<ApiExtensionsObservation>;
}

/** Workloads that run add-ons. What may not be read is told in its place. */
export interface AddonProbe {
  observe(signal: AbortSignal): Promise<AddonsObservation>;
}

/** Who wrote objects in versions that go. What may not be read is told in its place. */
export interface StoredObjectProbe {
  observe(signal: AbortSignal): Promise<StoredObjectsObservation>;
}

/** Volumes whose driver goes. What may not be read is told in its place. */
export interface VolumeProbe {
  observe(signal: AbortSignal): Promise<VolumesObservation>;
}

/** ConfigMaps that tell components what to do. What may not be read is told in its place. */
export interface ComponentProbe {
  observe(signal: AbortSignal): Promise<ConfigMapsObservation>;
}

/** What Helm has stored. What may not be read, or is no good, is told in its place. */
export interface HelmProbe {
  observe(signal: AbortSignal): Promise<HelmReleasesObservation>;
}

export interface MemberEndpoint {
  readonly name: MemberName;
  readonly endpoint: string;
}

/** Each control-plane member, asked directly. */
export interface MemberProbe {
  /** Those that there are now. PortError where they have to be found and cannot be. */
  members(signal: AbortSignal): Promise<readonly MemberEndpoint[]>;
  apiServer(member: MemberName, signal: AbortSignal): Promise<ApiServerObservation>;
  controllerManager(member: MemberName, signal: AbortSignal): Promise<ControllerObservation>;
  scheduler(member: MemberName, signal: AbortSignal): Promise<ControllerObservation>;
  /** What clients have asked it for since it started. */
  deprecatedApis(member: MemberName, signal: AbortSignal): Promise<DeprecatedUse>;
  /** Of those that showed theirs; the others are told by their own observation. */
  certificates(
    member: MemberName,
    signal: AbortSignal,
  ): Promise<NonNullable<MemberObservation['certificates']>>;
}

export interface EtcdApi {
  observe(signal: AbortSignal): Promise<EtcdObservation>;
  /** Of the largest of the members that answer. */
  databaseBytes(signal: AbortSignal): Promise<number>;
  /**
   * Hands the leadership from one member to another, both by name. Returns when the other leads.
   * PortError `conflict` when `from` does not lead.
   */
  moveLeader(from: string, to: string, signal: AbortSignal): Promise<void>;
  /**
   * Streams a snapshot of one healthy member into `file` (hash-checked, `.part` then rename) and
   * tells what it holds. `hashKv` is HashKV of the member at exactly `revision`.
   */
  snapshot(
    file: string,
    onBytes: (bytes: number) => void,
    signal: AbortSignal,
  ): Promise<EtcdSnapshotFacts>;
}

export interface Clock {
  nowMs(): number;
  /** Rejects with the signal's reason when aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** What looking at a cluster takes: any cluster that can be reached has it, driver or not. */
export interface LookingPorts {
  readonly kube: Pick<
    KubeApi,
    | 'listNodes'
    | 'getNode'
    | 'listPods'
    | 'listPodsOnNode'
    | 'daemonSetExists'
    | 'listNamespaces'
    | 'listBudgets'
    | 'listLeaderLeases'
  >;
  readonly members: MemberProbe;
  readonly extensions: ExtensionProbe;
  readonly addons: AddonProbe;
  readonly storedObjects: StoredObjectProbe;
  readonly volumes: VolumeProbe;
  readonly components: ComponentProbe;
  readonly simulation: SimulationSource;
  /** Absent: nobody has asked for Helm's releases to be looked at. */
  readonly helm?: HelmProbe;
  readonly etcd: Pick<EtcdApi, 'observe'>;
  readonly snapshots: Pick<SnapshotStore, 'location' | 'keep' | 'probe' | 'keys' | 'list'>;
  readonly verifier: Pick<SnapshotVerifier, 'minors' | 'etcdVersion'>;
  readonly controlPlane: ReleaseSource;
  readonly clock: Pick<Clock, 'nowMs'>;
}

/** Everything that serves one cluster; built by worker/ from an access file with a driver. */
export interface ClusterPorts extends LookingPorts {
  readonly kube: KubeApi;
  readonly etcd: EtcdApi;
  readonly snapshots: SnapshotStore;
  readonly verifier: SnapshotVerifier;
  readonly comparer: SnapshotComparer;
  readonly driller: SnapshotDriller;
  readonly controlPlane: ControlPlaneDriver;
  readonly nodes: NodeDriver;
  /** Where the machines of pools are replaced; absent elsewhere. */
  readonly rollouts?: RolloutDriver;
  /** Absent where members are changed where they are. */
  readonly replacer?: MemberReplacer;
  readonly clock: Clock;
}
