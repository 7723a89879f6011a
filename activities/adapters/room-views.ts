// What decides whether a pod has room on a node (pod-room.ts), from API objects. Pure, but
// for the sharing of what is equal: there may be 150,000 pods, and most ask for the same things.

import type { V1NodeSpec, V1NodeStatus, V1PodSpec, V1Toleration } from '@kubernetes/client-node';

import type { HardTaint, PodDemand, ResourceAmounts, Toleration } from '../../domain/pool/pod-room';
import type { NodeView } from '../ports';
import { podRequests } from './pod-requests';
import { milliOf, wholeOf } from './quantities';

/** Kinds of things shared at a time; what was shared before stays so. */
const sharedAtMost = 10_000;
const shared = new Map<string, object>();

/** The first object that was equal (to `JSON.stringify`, with its keys in the same order). */
export function share<Item extends object>(item: Item): Item {
  const text = JSON.stringify(item);
  const known = shared.get(text);
  // Two things with the same text are alike whatever they are: nothing but its data is in either.
  if (known !== undefined) return known as Item;
  if (shared.size >= sharedAtMost) shared.clear();
  shared.set(text, item);
  return item;
}

/** As a view has it: absent where the pod asks for nothing. */
export function demandOf(spec: V1PodSpec | undefined): PodDemand {
  if (spec === undefined) return {};
  const requests = requestsOf(spec);
  const tolerations = (spec.tolerations ?? []).filter(isForGood).map(tolerationOf);
  const { nodeSelector = {} } = spec;
  return {
    ...(requests.cpuMilli === 0 && requests.memoryBytes === 0 ? {} : { requests: share(requests) }),
    ...(Object.keys(nodeSelector).length === 0 ? {} : { nodeSelector: share(nodeSelector) }),
    ...(tolerations.length === 0 ? {} : { tolerations: share(tolerations) }),
  };
}

/** Those with a time are on every pod (DefaultTolerationSeconds), and no leave to stay. */
function isForGood({ tolerationSeconds }: V1Toleration): boolean {
  return tolerationSeconds === undefined;
}

export function tolerationOf({ key, operator, value, effect }: V1Toleration): Toleration {
  return {
    ...(key === undefined ? {} : { key }),
    ...(operator === undefined ? {} : { operator }),
    ...(value === undefined ? {} : { value }),
    ...(effect === undefined ? {} : { effect }),
  };
}

function requestsOf(spec: V1PodSpec): ResourceAmounts {
  const { cpu = 0, memory = 0 } = podRequests(spec);
  return { cpuMilli: cpu, memoryBytes: memory };
}

/** As a view has it: absent where the kubelet has told nothing. */
export function allocatableOf(status: V1NodeStatus): Pick<NodeView, 'allocatable'> {
  const { allocatable } = status;
  if (allocatable === undefined) return {};
  return {
    allocatable: share({
      cpuMilli: milliOf(allocatable['cpu']),
      memoryBytes: wholeOf(allocatable['memory']),
      pods: wholeOf(allocatable['pods']),
    }),
  };
}

/** As a view has it: absent where no taint keeps pods away. */
export function hardTaintsOf({ taints = [] }: V1NodeSpec): Pick<NodeView, 'taints'> {
  const hard = taints.flatMap(({ key, value = '', effect }): readonly HardTaint[] =>
    effect === 'NoSchedule' || effect === 'NoExecute' ? [{ key, value, effect }] : [],
  );
  return hard.length === 0 ? {} : { taints: share(hard) };
}
