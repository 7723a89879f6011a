// How a kind of control plane, or of node, changes its version: the ports that drivers implement
// (drivers/). What ports.ts says of adapters holds here as well.

import type { MemberUpgradeInput } from '../domain/activity-contract';
import type { EtcdPlaces } from '../domain/etcd-places';
import type { MemberName, NodeName, PoolName } from '../domain/names';
import type {
  ControlPlaneObjectObservation,
  DrivenChange,
  MachineDeploymentObservation,
  MachineObservation,
  Observation,
} from '../domain/observation';
import type { LostEtcdMember } from '../domain/rollback-contract';
import type { KubeVersion, Programs } from '../domain/versions';
import type { ImagesStep } from '../domain/plan/plan';
import type { DriverContext, NodeChangeContext } from './driver-context';
import type { RestoreNeed } from './snapshot-ports';

/** What is known of changes without making one. */
export interface ReleaseSource {
  /** As in an Observation: absent where each component is changed by itself. */
  readonly changedAs?: Observation['changedAs'];
  /** What its driver can change; absent: everything. */
  readonly drives?: readonly DrivenChange[];
  /** As in an Observation: whose limits `drives` are, when the access file cannot widen them. */
  readonly driver?: Observation['driver'];
  /** As in an Observation; absent where nodes are changed by themselves. */
  machineDeployments?(signal: AbortSignal): Promise<readonly MachineDeploymentObservation[]>;
  /** As in an Observation; absent where members are changed where they are. */
  controlPlaneObject?(signal: AbortSignal): Promise<ControlPlaneObjectObservation>;
  /** Releases that can be installed here; undefined when nobody can tell. */
  availableVersions(signal: AbortSignal): Promise<readonly KubeVersion[] | undefined>;
  /** The same of etcd. */
  availableEtcdVersions(signal: AbortSignal): Promise<readonly KubeVersion[] | undefined>;
  /** What its machines tell of themselves; absent where it reaches none. Changes nothing there. */
  machineFacts?(signal: AbortSignal): Promise<readonly MachineObservation[]>;
  /** Where etcd runs, as its machines tell it; absent where nobody can. Changes nothing there. */
  etcdPlaces?(signal: AbortSignal): Promise<EtcdPlaces>;
}

/** What is to be on which machines, `timeoutMs` each. */
export type ImageOrder = Omit<ImagesStep, 'kind'>;

export interface PulledImages {
  readonly pulled: number;
  /** Names of those whose tags are not known before the hop. */
  readonly unknown: readonly string[];
}

/**
 * How a kind of control plane changes version. Every method may be called again at any point. What
 * runs and serves as it should stays as it is; serving as another minor is a change like another
 * version.
 */
export interface ControlPlaneDriver extends ReleaseSource {
  /** etcd is no part of a member that is changed as a whole: that one serves without it. */
  readonly etcdIsApart?: true;
  /**
   * An API server: out of the balancer, drained, replaced, started. Controllers:
   * kube-controller-manager and kube-scheduler. A member: all of it as one. Returns when the
   * programs were replaced.
   */
  upgrade(
    member: MemberName,
    component: MemberUpgradeInput['component'],
    to: Programs,
    context: DriverContext,
  ): Promise<void>;
  /** What a restore needs beside etcd; undefined when nobody can tell. */
  restoreNeeds(signal: AbortSignal): Promise<readonly RestoreNeed[] | undefined>;
  /**
   * Brings what a hop will run to the machines, a few at a time; what is there stays. Absent where
   * nothing does (`images` of `drives`). PortError `rejected` names every machine that cannot have
   * an image, and why; the others have theirs then.
   */
  pullImages?(order: ImageOrder, context: DriverContext): Promise<PulledImages>;
  /**
   * The programs that the member ran before, and no data. What is still under way to change the
   * same programs is given up for it. Returns when they were replaced.
   */
  putBack(
    member: MemberName,
    component: MemberUpgradeInput['component'],
    to: Programs,
    context: DriverContext,
  ): Promise<void>;
  /**
   * Other programs on the same data: also back, while the cluster has not moved to the minor. What
   * is still under way to change them is given up for it. Returns when they were replaced.
   */
  changeEtcd(member: MemberName, to: KubeVersion, context: DriverContext): Promise<void>;
  /**
   * Stops every API server and controller, restores every etcd member from the file, and starts
   * the control plane in `version`, etcd in `etcdVersion`, which took the snapshot: programs of an
   * older minor refuse the data of a newer one. PortError `rejected`, and nothing is stopped, when
   * they cannot be had. Journaled under `restoreId`: a repeated call goes on.
   * `snapshotFile` lives as long as the call: a repeated one names another with the same content.
   * A member of etcd that cannot be restored is left behind, and told, as long as the others are a
   * quorum.
   */
  restore(
    options: {
      readonly restoreId: string;
      readonly snapshotFile: string;
      readonly snapshotRevision: number;
      readonly version: KubeVersion;
      readonly etcdVersion: string;
    },
    context: DriverContext,
  ): Promise<{ readonly lost: readonly LostEtcdMember[] }>;
  /**
   * Brings all that a restore needs onto the machines, as long as they can be reached: a way back
   * that needs nobody afterwards. Absent where a restore reaches them without the cluster. Another
   * one that is staged makes room for it; nothing that runs is changed. Throws PortError
   * `rejected` when something is missing there.
   */
  stageRestore?(
    options: Omit<Parameters<ControlPlaneDriver['restore']>[0], 'restoreId'>,
    context: DriverContext,
  ): Promise<void>;
  /** What stageRestore has brought goes, unless a restore uses it. Safe to repeat. */
  unstageRestore?(signal: AbortSignal): Promise<void>;
  /**
   * Removes the etcd member from the list of the members and adds it again, empty; it fetches
   * everything from the others. Returns when it holds the same data. A healthy one stays as it is.
   */
  repairEtcdMember(member: MemberName, context: DriverContext): Promise<void>;
}

/** How a kind of node changes its kubelet. */
export interface NodeDriver {
  /**
   * Returns when the kubelet was replaced, and its machine has started again where it is to;
   * whether it is Ready is verified by the activity. Asked again, it starts no second time.
   */
  upgradeNode(node: NodeName, to: KubeVersion, context: NodeChangeContext): Promise<void>;
}

/** One machine of a pool that is replaced. */
export interface MachineView {
  readonly name: string;
  /** Absent until it has joined. */
  readonly node?: NodeName;
  readonly version?: KubeVersion;
  readonly isLeaving: boolean;
  readonly phase: string;
  /** Why it gets no further, in the words of its controllers; may be empty. */
  readonly says: string;
}

/** How far the machines of a pool are replaced. */
export interface RolloutView extends MachineDeploymentObservation {
  /** A change that was made meanwhile has another. */
  readonly revision: string;
  /** Whether the counts are about what it asks for now. */
  readonly isObserved: boolean;
  /** Machines that there are, those of its version, and those that serve. */
  readonly found: number;
  readonly updated: number;
  readonly available: number;
  readonly machines: readonly MachineView[];
  /** Why it is held by us; absent when it is not. */
  readonly held?: string;
}

/** How far the members of a control plane are replaced. */
export interface ControlPlaneView extends ControlPlaneObjectObservation {
  /** A change that was made meanwhile has another. */
  readonly revision: string;
  /** Whether the counts are about what it asks for now. */
  readonly isObserved: boolean;
  /** What it says that all of its members have come to; absent until then. */
  readonly reached?: KubeVersion;
  /** Machines that there are, those of its version, and those that serve. */
  readonly found: number;
  readonly updated: number;
  readonly ready: number;
  readonly machines: readonly MachineView[];
  /** What it says is wrong, each with the name of its condition. */
  readonly says: readonly string[];
}

/** How the members of a control plane are replaced, by controllers of others. */
export interface MemberReplacer {
  look(signal: AbortSignal): Promise<ControlPlaneView>;
  /**
   * Asks for machines of the release. PortError `conflict` when it is no longer as seen;
   * `rejected` when they cannot be had.
   */
  begin(seen: ControlPlaneView, to: KubeVersion, signal: AbortSignal): Promise<void>;
}

/** How the machines of a pool are replaced, by controllers of others. */
export interface RolloutDriver {
  /** Undefined when nothing serves the pool. */
  look(pool: PoolName, signal: AbortSignal): Promise<RolloutView | undefined>;
  /**
   * Asks for machines of the release, and takes back a hold of ours. PortError `conflict` when it
   * is no longer as seen; `rejected` when they cannot be had.
   */
  begin(seen: RolloutView, to: KubeVersion, signal: AbortSignal): Promise<void>;
  /** No further machine is begun with. Throws as begin does. */
  hold(seen: RolloutView, reason: string, signal: AbortSignal): Promise<void>;
}
