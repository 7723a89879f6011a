// What the rung "surge" needs from a cluster: who decides about the replicas of a pod's owner, and
// one write that changes them together with the annotation that says so (domain/drain/surge.ts).

import type { SurgedObject, SurgeMark } from '../../domain/drain/surge';

/** Annotation on what was raised; its value is a SurgeMark as JSON. */
export const surgeAnnotation = 'ascent.dev/surge';
/**
 * Under this name Ascent's writes stand in `metadata.managedFields`. An annotation that stands
 * there under another name was copied (`kubectl rollout undo` brings those of a ReplicaSet back).
 */
export const surgeManager = 'ascent-surge';

export interface OwnerRef {
  readonly kind: string;
  readonly name: string;
}

/** What may be raised, or is. */
export interface ScaleView {
  readonly object: SurgedObject;
  /** The Deployment that it is, or that it scales; absent of an autoscaler of something else. */
  readonly deployment?: string;
  readonly resourceVersion: string;
  /** `spec.replicas`; of an autoscaler `spec.minReplicas`. */
  readonly replicas: number;
  /** Field manager that wrote `replicas` last; absent when nobody says so. */
  readonly replicasBy?: string;
  /** Only one that Ascent itself wrote. */
  readonly mark?: SurgeMark;
}

export interface DeploymentView extends ScaleView {
  /** Its strategy is Recreate. */
  readonly recreates: boolean;
  /** All the pods that it wants are there and Ready, as its controller last saw it. */
  readonly isWhole: boolean;
}

export interface AutoscalerView extends ScaleView {
  readonly maxReplicas: number;
}

/** Every method throws PortError, or the signal's reason. */
export interface ScaleApi {
  /** The controller of the ReplicaSet; undefined without one, and when there is no such set. */
  ownerOfReplicaSet(
    namespace: string,
    name: string,
    signal: AbortSignal,
  ): Promise<OwnerRef | undefined>;
  /** Undefined when it does not exist. */
  getDeployment(
    namespace: string,
    name: string,
    signal: AbortSignal,
  ): Promise<DeploymentView | undefined>;
  listAutoscalers(namespace: string, signal: AbortSignal): Promise<readonly AutoscalerView[]>;
  /** Undefined when it does not exist. */
  getScale(object: SurgedObject, signal: AbortSignal): Promise<ScaleView | undefined>;
  /** Everything in the cluster that has a mark. Reads all Deployments and autoscalers. */
  listSurged(signal: AbortSignal): Promise<readonly ScaleView[]>;
  /**
   * One write: the replicas, when they are given, and the mark, whose absence removes it. A change
   * by somebody else since the view was read is a conflict.
   */
  setScale(
    view: ScaleView,
    change: { readonly replicas?: number; readonly mark?: SurgeMark },
    signal: AbortSignal,
  ): Promise<void>;
}
