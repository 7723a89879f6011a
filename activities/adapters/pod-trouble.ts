// Why a pod is not Ready, from what its status says. Pure.
// T1. Messages that may quote a command line are left out: those of the container runtime and of
//     hooks. What scheduler, kubelet and image pulls say of states is told, its beginning.

import type { V1ContainerStatus, V1PodCondition, V1PodStatus } from '@kubernetes/client-node';

import type { PodTrouble } from '../../domain/drain/budget-explanation';
import { isFinished } from '../../domain/pod-phase';

/** Longest message that is kept: there may be one for each of 150,000 pods. */
const toldCharacters = 200;

/** T1. Reasons of waiting containers (kubelet: pkg/kubelet/container, pkg/kubelet/images). */
const tellingReasons: ReadonlySet<string> = new Set([
  'CrashLoopBackOff',
  'CreateContainerConfigError',
  'ErrImageNeverPull',
  'ErrImagePull',
  'ImageInspectError',
  'ImagePullBackOff',
  'InvalidImageName',
  'RegistryUnavailable',
]);
/** Every container of a pod that is starting waits with one of these. */
const startingReasons: ReadonlySet<string> = new Set(['ContainerCreating', 'PodInitializing']);

/** As a view has it: absent of pods that are Ready, are finished, or say nothing about it. */
export function troubleOf(status: V1PodStatus): { readonly trouble?: PodTrouble } {
  const ready = conditionOf(status, 'Ready');
  if (ready?.status === 'True' || isFinished(status)) return {};
  const trouble = unscheduled(status) ?? waiting(status) ?? ended(status) ?? notReady(ready);
  return trouble === undefined ? {} : { trouble };
}

/** When the pod began to say that it is not Ready, or not scheduled. */
export function notReadySince(status: V1PodStatus): Date | string | undefined {
  const condition = conditionOf(status, 'Ready') ?? conditionOf(status, 'PodScheduled');
  return condition?.status === 'True' ? undefined : condition?.lastTransitionTime;
}

function conditionOf({ conditions }: V1PodStatus, type: string): V1PodCondition | undefined {
  return conditions?.find((one) => one.type === type);
}

function unscheduled(status: V1PodStatus): PodTrouble | undefined {
  const scheduled = conditionOf(status, 'PodScheduled');
  if (scheduled?.status !== 'False') return undefined;
  const { reason = 'Unschedulable', message } = scheduled;
  return { code: 'unscheduled', reason, ...told(message) };
}

function containersOf(status: V1PodStatus): readonly V1ContainerStatus[] {
  return [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
}

/** One that cannot go on tells more than those that wait because of it. */
function waiting(status: V1PodStatus): PodTrouble | undefined {
  const all = containersOf(status).flatMap(({ name, state }) => {
    const { reason = 'waiting', message } = state?.waiting ?? {};
    return state?.waiting === undefined ? [] : [{ container: name, reason, message }];
  });
  const first = all.find(({ reason }) => !startingReasons.has(reason)) ?? all[0];
  if (first === undefined) return undefined;
  const { container, reason, message } = first;
  const said = tellingReasons.has(reason) ? told(message) : {};
  return { code: 'container-waiting', container, reason, ...said };
}

/** Between its end and its restart; init containers that are done are not in the way. */
function ended(status: V1PodStatus): PodTrouble | undefined {
  for (const { name, state } of status.containerStatuses ?? []) {
    if (state?.terminated === undefined) continue;
    const { reason = 'Error', exitCode } = state.terminated;
    return { code: 'container-ended', container: name, reason, exitCode };
  }
  return undefined;
}

function notReady(ready: V1PodCondition | undefined): PodTrouble | undefined {
  if (ready === undefined) return undefined;
  const { reason, message } = ready;
  return { code: 'not-ready', ...(reason === undefined ? {} : { reason }), ...told(message) };
}

function told(message: string | undefined): { readonly message?: string } {
  if (message === undefined || message === '') return {};
  return { message: message.replaceAll(/\s+/g, ' ').slice(0, toldCharacters) };
}
