// Kubernetes objects as the ports see them. Pure; what is absent in an object gets the meaning that
// the API gives to its absence.

import type {
  V1Lease,
  V1Node,
  V1ObjectMeta,
  V1Pod,
  V1PodDisruptionBudget,
  V1PodDisruptionBudgetSpec,
  V1PodDisruptionBudgetStatus,
} from '@kubernetes/client-node';

import { drainAnnotation } from '../../domain/drain/drain-verdicts';
import { compileSelector } from '../../domain/label-match';
import type { NodeName } from '../../domain/names';
import type { LeaseObservation } from '../../domain/observation';
import type { BudgetView, NodeView, PodView } from '../ports';
import { optionsOfContainers } from './component-words';
import { notReadySince, troubleOf } from './pod-trouble';
import { allocatableOf, demandOf, hardTaintsOf } from './room-views';
import { claimsOf, volumesInUseOf } from './volume-views';

const mirrorAnnotation = 'kubernetes.io/config.mirror';

/**
 * Typed as a Date, but the client library leaves a MicroTime as the text that came, and so are all
 * times in the objects of a watch.
 */
export function timeMs(time: Date | string): number {
  return new Date(time).getTime();
}

type Conditions = readonly { readonly type: string; readonly status: string }[] | undefined;

function isTrue(conditions: Conditions, type: string): boolean {
  return conditions?.some((item) => item.type === type && item.status === 'True') === true;
}

export function nodeView({ metadata = {}, spec = {}, status = {} }: V1Node): NodeView {
  const { name = '', labels = {}, annotations = {} } = metadata;
  return {
    name: name as NodeName,
    labels,
    annotations,
    taintKeys: spec.taints?.map(({ key }) => key) ?? [],
    unschedulable: spec.unschedulable === true,
    ready: isTrue(status.conditions, 'Ready'),
    kubeletVersion: status.nodeInfo?.kubeletVersion ?? '',
    ...hardTaintsOf(spec),
    ...allocatableOf(status),
    ...volumesInUseOf(status),
  };
}

export function podView({ metadata = {}, spec, status = {} }: V1Pod): PodView {
  const { namespace = '', name = '', uid = '', labels = {}, finalizers = [] } = metadata;
  return {
    ref: { namespace, name },
    uid,
    node: spec?.nodeName ?? '',
    phase: status.phase ?? 'Unknown',
    ready: isTrue(status.conditions, 'Ready'),
    labels,
    isMirror: isMirror(metadata),
    hasEmptyDir: hasEmptyDir(spec),
    finalizers,
    ...drainingOf(metadata, spec),
    ...notReadySinceOf(status),
    ...troubleOf(status),
    ...controllerOf(metadata),
    ...deletionOf(metadata),
    ...demandOf(spec),
    ...claimsOf(spec, name),
    ...staticOptionsOf(metadata, spec),
  };
}

function isMirror({ annotations }: V1ObjectMeta): boolean {
  return annotations?.[mirrorAnnotation] !== undefined;
}

/** Of other pods nothing: they are many. */
function staticOptionsOf(metadata: V1ObjectMeta, spec: V1Pod['spec']): Pick<PodView, 'options'> {
  if (metadata.namespace !== 'kube-system' || !isMirror(metadata)) return {};
  const options = optionsOfContainers(spec?.containers ?? []);
  return options === undefined ? {} : { options };
}

type Draining = Pick<PodView, 'priority' | 'drainAnnotation'>;

function drainingOf({ annotations = {} }: V1ObjectMeta, spec: V1Pod['spec']): Draining {
  const said = annotations[drainAnnotation];
  return {
    ...(spec?.priority === undefined ? {} : { priority: spec.priority }),
    ...(said === undefined ? {} : { drainAnnotation: said }),
  };
}

function notReadySinceOf(status: NonNullable<V1Pod['status']>): Pick<PodView, 'notReadySinceMs'> {
  const since = notReadySince(status);
  return since === undefined ? {} : { notReadySinceMs: timeMs(since) };
}

function hasEmptyDir(spec: V1Pod['spec']): boolean {
  return spec?.volumes?.some(({ emptyDir }) => emptyDir !== undefined) === true;
}

/** The owner that manages the object, where one does. */
export function controllerOf({ ownerReferences = [] }: V1ObjectMeta): Pick<PodView, 'controller'> {
  const owner = ownerReferences.find(({ controller }) => controller === true);
  return owner === undefined ? {} : { controller: { kind: owner.kind, name: owner.name } };
}

type Deletion = Pick<PodView, 'deletionTimestampMs' | 'deletionGracePeriodSeconds'>;

function deletionOf(metadata: V1ObjectMeta): Deletion {
  const { deletionTimestamp, deletionGracePeriodSeconds } = metadata;
  return {
    ...(deletionTimestamp === undefined ? {} : { deletionTimestampMs: timeMs(deletionTimestamp) }),
    ...(deletionGracePeriodSeconds === undefined ? {} : { deletionGracePeriodSeconds }),
  };
}

export function budgetView(budget: V1PodDisruptionBudget): BudgetView {
  const { metadata = {}, spec = {} } = budget;
  const { namespace = '', name = '', uid = '', generation = 0 } = metadata;
  const { observedGeneration = 0, conditions, ...status }: BudgetStatus = budget.status ?? {};
  const matches = compileSelector(spec.selector);
  return {
    budget: { namespace, name },
    ...countsOf(status),
    observed: observedGeneration >= generation,
    syncFailed: hasSyncFailed(conditions),
    ...limitsOf(spec),
    // The generation counts changes of the spec; a status has none.
    selectsAs: `${uid}/${generation}`,
    selects: (pod) => pod.ref.namespace === namespace && matches(pod.labels),
  };
}

type BudgetStatus = Partial<V1PodDisruptionBudgetStatus>;
type Counts = 'disruptionsAllowed' | 'currentHealthy' | 'desiredHealthy' | 'expectedPods';

function countsOf(status: BudgetStatus): Pick<BudgetView, Counts> {
  const { disruptionsAllowed = 0, currentHealthy = 0, desiredHealthy = 0 } = status;
  const { expectedPods = 0 } = status;
  return { disruptionsAllowed, currentHealthy, desiredHealthy, expectedPods };
}

type Limits = Pick<BudgetView, 'minAvailable' | 'maxUnavailable'>;

function limitsOf({ minAvailable, maxUnavailable }: V1PodDisruptionBudgetSpec): Limits {
  return {
    ...(minAvailable === undefined ? {} : { minAvailable: String(minAvailable) }),
    ...(maxUnavailable === undefined ? {} : { maxUnavailable: String(maxUnavailable) }),
  };
}

function hasSyncFailed(
  conditions: readonly { readonly type: string; readonly reason: string }[] | undefined,
): boolean {
  return (
    conditions?.some(
      ({ type, reason }) => type === 'DisruptionAllowed' && reason === 'SyncFailed',
    ) === true
  );
}

/** A Lease that does not exist (`undefined`) is held by nobody. */
export function leaseObservation(
  component: LeaseObservation['component'],
  lease: V1Lease | undefined,
  nowMs: number,
): LeaseObservation {
  const { holderIdentity, renewTime, leaseDurationSeconds } = lease?.spec ?? {};
  const agoMs = renewTime === undefined ? 0 : nowMs - timeMs(renewTime);
  return {
    component,
    holder: holderIdentity ?? '',
    // The holder's clock may be ahead of ours.
    renewedSecondsAgo: Math.max(0, agoMs / 1_000),
    durationSeconds: leaseDurationSeconds ?? 0,
  };
}
