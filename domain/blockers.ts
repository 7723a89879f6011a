// Why a plan cannot be made, or a drain cannot go on: one variant per reason, with everything that
// a person needs to remove it (R3). sentences.ts turns each into words; nothing else does.

import type { BudgetExplanation } from './drain/budget-explanation';
import type { BudgetRef, ClusterName, HopId, MemberName, NodeName } from './names';
import type { PodRef, PoolName } from './names';
import type { ControlPlaneHold, LimitedDriver, PlannedChange, RolloutHold } from './observation';
import type { LadderFault } from './drain/drain-ladder';
import type { LadderStand, UndoneSurge } from './drain/surge';
import type { KubeMinor, KubeVersion } from './versions';

/** Why no plan can be made. */
export type PlanBlocker =
  | { readonly code: 'already-at-target'; readonly cluster: ClusterName; readonly at: KubeVersion }
  | { readonly code: 'target-lower'; readonly at: KubeVersion; readonly target: string }
  | { readonly code: 'target-unknown'; readonly target: string; readonly newestKnown: KubeVersion }
  | { readonly code: 'release-missing'; readonly minor: KubeMinor }
  | {
      /** The cluster runs, or shall run, a minor that this version of Ascent does not know. */
      readonly code: 'hop-unsupported';
      readonly minor: KubeMinor;
      readonly oldest: KubeMinor;
      readonly newest: KubeMinor;
    }
  | {
      readonly code: 'via-unusable';
      readonly version: KubeVersion;
      readonly why: 'not-on-path' | 'duplicate-minor' | 'not-available';
    }
  | ({
      /** The spec wants another etcd, which the members may not or cannot go to. */
      readonly code: 'etcd-change-unusable';
      readonly hop: KubeMinor;
      readonly version: KubeVersion;
    } & EtcdChangeFault)
  | ({
      /** The spec wants a hop in two steps that cannot be. */
      readonly code: 'emulation-unusable';
      readonly hop: KubeMinor;
    } & EmulationFault)
  | {
      /** Its API server was left serving as another minor than its own. */
      readonly code: 'member-emulates';
      readonly member: MemberName;
      readonly at: KubeVersion;
      readonly emulates: KubeMinor;
    }
  | { readonly code: 'no-members'; readonly cluster: ClusterName }
  | {
      readonly code: 'single-member-not-allowed';
      readonly member: MemberName;
    }
  | {
      readonly code: 'member-unobserved';
      readonly member: MemberName;
      readonly component: 'kube-apiserver' | 'kube-controller-manager' | 'kube-scheduler';
      readonly problem: string;
    }
  | {
      readonly code: 'mixed-control-plane';
      readonly versions: readonly { readonly member: MemberName; readonly at: KubeVersion }[];
    }
  | {
      readonly code: 'controller-skewed';
      readonly member: MemberName;
      readonly component: 'kube-controller-manager' | 'kube-scheduler';
      readonly at: KubeVersion;
      readonly apiServer: KubeVersion;
    }
  | {
      readonly code: 'kubelet-too-old';
      readonly node: NodeName;
      readonly at: KubeVersion;
      readonly oldestAllowed: KubeMinor;
      readonly apiServer: KubeVersion;
    }
  | {
      readonly code: 'kubelet-too-new';
      readonly node: NodeName;
      readonly at: KubeVersion;
      readonly apiServer: KubeVersion;
    }
  | {
      readonly code: 'kubelet-unreported';
      readonly node: NodeName;
      /** What stands in place of the version; empty when nothing does. */
      readonly reported: string;
    }
  | {
      readonly code: 'pool-empty';
      readonly pool: PoolName;
      /** The pools before it that take every node it selects; absent when it selects none. */
      readonly takenBy?: readonly PoolName[];
    }
  | { readonly code: 'node-without-pool'; readonly node: NodeName }
  | {
      /** The drain policy says what happens in a namespace that does not exist. */
      readonly code: 'namespace-unknown';
      readonly pool: PoolName;
      readonly namespace: string;
    }
  | {
      /** Nodes of the pool lack the label that says in which order they go. */
      readonly code: 'order-label-missing';
      readonly pool: PoolName;
      readonly label: string;
      readonly nodes: readonly [NodeName, ...NodeName[]];
    }
  | {
      readonly code: 'pod-selector-unreadable';
      readonly pool: PoolName;
      readonly podSelector: string;
      /** Each with its column. */
      readonly mistakes: readonly [string, ...string[]];
    }
  | {
      /** The drain policy's ladder leads nowhere: nobody decides at the deadline. */
      readonly code: 'ladder-endless';
      readonly pool: PoolName;
      readonly ladder: readonly string[];
      readonly why: LadderFault;
    }
  | {
      /** The hop takes a change that the driver of the cluster has no command for. */
      readonly code: 'change-undriven';
      readonly hop: HopId;
      readonly change: PlannedChange;
      /** Whose limit it is; absent where a command is missing. */
      readonly driver?: LimitedDriver;
    }
  | ({
      /** What replaces the members cannot be asked to, or must not. */
      readonly code: 'control-plane-unusable';
    } & ControlPlaneFault)
  | ({
      /** What replaces the nodes of the pool cannot be asked to, or must not. */
      readonly code: 'rollout-unusable';
      readonly pool: PoolName;
    } & RolloutFault)
  | {
      readonly code: 'plan-digest-changed';
      readonly expected: string;
      readonly actual: string;
    };

/** `at`: what the members run that stands in the way. */
export type EtcdChangeFault =
  | { readonly why: 'unobserved' | 'duplicate-hop' | 'not-on-path' }
  | {
      readonly why: 'goes-back' | 'skips-minor' | 'unsupported' | 'not-available';
      readonly at: KubeVersion;
    }
  | { readonly why: 'patch-too-old'; readonly at: KubeVersion; readonly needed: KubeVersion };

/** `needed`: the first minor whose programs can serve as the one before, `from` that one. */
export type EmulationFault =
  | { readonly why: 'duplicate-hop' | 'not-on-path' | 'whole-members' }
  | { readonly why: 'too-old'; readonly from: KubeMinor; readonly needed: KubeMinor };

/** Why a control plane cannot be replaced. `controlPlane`: what would do it. */
export type ControlPlaneFault =
  | { readonly why: ControlPlaneHold | 'no-version'; readonly controlPlane: string }
  | {
      /** It asks for machines of `version`, while the API servers run `at`. */
      readonly why: 'under-way';
      readonly controlPlane: string;
      readonly version: KubeVersion;
      readonly at: KubeVersion;
    };

/** `deployment`: the MachineDeployment; `at`: the oldest node that is not of its version. */
export type RolloutFault =
  | { readonly why: 'no-deployment' }
  | { readonly why: RolloutHold | 'no-version'; readonly deployment: string }
  | {
      readonly why: 'other-nodes';
      readonly deployment: string;
      readonly nodes: readonly [NodeName, ...NodeName[]];
    }
  | {
      readonly why: 'under-way';
      readonly deployment: string;
      readonly version: KubeVersion;
      readonly at: KubeVersion;
    }
  | {
      readonly why: 'over-limit';
      readonly deployment: string;
      readonly maxUnavailable: number;
      readonly limit: number;
    };

/** Why a terminating pod is still there (drain/stuck-terminating.ts). */
export type TerminatingCause =
  /** Its grace period is long and not over. */
  | 'grace'
  | 'node-not-ready'
  | 'finalizer'
  /** Its containers have ended; the node still has volumes in use, and it claims some. */
  | 'volume'
  /** Nothing else is known: the kubelet has not said that its containers have ended. */
  | 'unconfirmed';

/** Why a pod does not leave its node now. `sinceMs`: epoch milliseconds of the first refusal. */
export type DrainBlocker =
  | {
      readonly code: 'budget-exhausted';
      readonly pod: PodRef;
      /** Undefined when the API server's answer did not name it. */
      readonly budget?: BudgetRef;
      readonly message: string;
      /** Once for each budget of a drain, at the pod that waits longest; where watches tell it. */
      readonly explanation?: BudgetExplanation;
      /** Beside it: what the ladder does about this budget. */
      readonly ladder?: LadderStand;
      readonly sinceMs: number;
    }
  | {
      readonly code: 'budget-not-observed';
      readonly pod: PodRef;
      readonly message: string;
      readonly sinceMs: number;
    }
  | {
      readonly code: 'budgets-overlap';
      readonly pod: PodRef;
      readonly message: string;
      readonly sinceMs: number;
    }
  | {
      readonly code: 'api-throttled';
      readonly pod: PodRef;
      readonly retryAfterSeconds: number;
      readonly sinceMs: number;
    }
  | { readonly code: 'namespace-terminating'; readonly pod: PodRef; readonly sinceMs: number }
  | {
      readonly code: 'eviction-forbidden';
      readonly pod: PodRef;
      readonly message: string;
      readonly sinceMs: number;
    }
  | {
      readonly code: 'eviction-failing';
      readonly pod: PodRef;
      readonly message: string;
      readonly sinceMs: number;
    }
  | {
      /**
       * `sinceMs`: when its grace period was over; with the cause `grace`, which is over at
       * `untilMs`, when its deletion was asked for.
       */
      readonly code: 'pod-terminating';
      readonly pod: PodRef;
      readonly finalizers: readonly string[];
      readonly gracePeriodSeconds: number;
      /** Absent in what workers told that did not know causes. */
      readonly cause?: TerminatingCause;
      readonly untilMs?: number;
      readonly sinceMs: number;
    }
  | {
      /** The pod has left; `sinceMs`: since when. The next pod with volumes waits for this. */
      readonly code: 'volume-attached';
      readonly pod: PodRef;
      /** The PersistentVolume. */
      readonly volume: string;
      readonly claim: string;
      /** The VolumeAttachment. */
      readonly attachment: string;
      readonly sinceMs: number;
    }
  | {
      /** It has attached volumes, and those of `before` are waited for. */
      readonly code: 'volume-awaited';
      readonly pod: PodRef;
      readonly before: PodRef;
      readonly sinceMs: number;
    }
  | {
      /** Keeps nothing back: pods with volumes leave as others do. */
      readonly code: 'volumes-unobserved';
      readonly pod: PodRef;
      readonly message: string;
      readonly sinceMs: number;
    }
  | { readonly code: 'pod-unmanaged'; readonly pod: PodRef; readonly sinceMs: number }
  | { readonly code: 'pod-emptydir'; readonly pod: PodRef; readonly sinceMs: number }
  | {
      readonly code: 'daemonset-missing';
      readonly pod: PodRef;
      readonly daemonSet: string;
      readonly sinceMs: number;
    }
  | {
      /** Its Job may finish until `untilMs`; it is evicted then. Epoch milliseconds. */
      readonly code: 'job-running';
      readonly pod: PodRef;
      readonly job: string;
      readonly untilMs: number;
      readonly sinceMs: number;
    }
  | {
      /** It is not evicted: it leaves by itself, or the drain comes to its deadline. */
      readonly code: 'pod-awaited';
      readonly pod: PodRef;
      readonly by: TreatmentSource;
      readonly sinceMs: number;
    }
  | {
      readonly code: 'pod-held';
      readonly pod: PodRef;
      readonly by: TreatmentSource;
      readonly sinceMs: number;
    }
  | {
      /** The annotation that says what a drain does with it says nothing that is known. */
      readonly code: 'drain-annotation-unreadable';
      readonly pod: PodRef;
      /** What it says; the beginning when that is long. */
      readonly value: string;
      readonly sinceMs: number;
    }
  | (UndoneSurge & {
      /** What was raised so that it can leave was put back by somebody else, or changed. */
      readonly code: 'surge-undone';
      readonly pod: PodRef;
      readonly sinceMs: number;
    });

/** Who says what happens to a pod: its own annotation, or the policy for its namespace. */
export type TreatmentSource = 'annotation' | 'namespace';

export type Blocker = PlanBlocker | DrainBlocker;

/** Every code, for documentation and for the tests that keep it complete. */
export const blockerCodes = [
  'already-at-target',
  'target-lower',
  'target-unknown',
  'release-missing',
  'hop-unsupported',
  'via-unusable',
  'etcd-change-unusable',
  'emulation-unusable',
  'no-members',
  'single-member-not-allowed',
  'member-unobserved',
  'mixed-control-plane',
  'controller-skewed',
  'member-emulates',
  'kubelet-too-old',
  'kubelet-too-new',
  'kubelet-unreported',
  'pool-empty',
  'node-without-pool',
  'namespace-unknown',
  'order-label-missing',
  'pod-selector-unreadable',
  'ladder-endless',
  'change-undriven',
  'control-plane-unusable',
  'rollout-unusable',
  'plan-digest-changed',
  'budget-exhausted',
  'budget-not-observed',
  'budgets-overlap',
  'api-throttled',
  'namespace-terminating',
  'eviction-forbidden',
  'eviction-failing',
  'pod-terminating',
  'volume-attached',
  'volume-awaited',
  'volumes-unobserved',
  'pod-unmanaged',
  'pod-emptydir',
  'daemonset-missing',
  'job-running',
  'pod-awaited',
  'pod-held',
  'drain-annotation-unreadable',
  'surge-undone',
] as const satisfies readonly Blocker['code'][];
