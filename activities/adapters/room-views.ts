// What decides whether a pod has room on a node (pod-room.ts), from API objects. Pure, but
// for the sharing of what is equal: there may be 150,000 pods, and most ask for the same things.

import type {
  V1Container,
  V1NodeSpec,
  V1NodeStatus,
  V1PodSpec,
  V1ResourceRequirements,
  V1Toleration,
} from '@kubernetes/client-node';

import type { HardTaint, PodDemand, ResourceAmounts, Toleration } from '../../domain/pool/pod-room';
import type { NodeView } from '../ports';
import { milliOf, wholeOf } from './quantities';

/** Kinds of things shared at a time; what was shared before stays so. */
const sharedAtMost = 10_000;
const shared = new Map<string, object>();

/** The first object that was equal (to `JSON.stringify`, with its keys in the same order). */
function share<Item extends object>(item: Item): Item {
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

function tolerationOf({ key, operator, value, effect }: V1Toleration): Toleration {
  return {
    ...(key === undefined ? {} : { key }),
    ...(operator === undefined ? {} : { operator }),
    ...(value === undefined ? {} : { value }),
    ...(effect === undefined ? {} : { effect }),
  };
}

/**
 * What the scheduler reckons with: containers and sidecars together, or the init container that
 * takes most beside the sidecars started before it, and the overhead. Requests of the pod itself
 * replace those of its containers. Authority: k8s.io/component-helpers/resource, PodRequests.
 */
function requestsOf(spec: V1PodSpec): ResourceAmounts {
  const running = sumOf((spec.containers ?? []).map(amountsOf));
  let sidecars = none;
  let starting = none;
  for (const container of spec.initContainers ?? []) {
    const asked = plus(sidecars, amountsOf(container));
    if (container.restartPolicy === 'Always') sidecars = asked;
    starting = most(starting, asked);
  }
  const ofContainers = most(plus(running, sidecars), starting);
  const ofPod = (spec as { readonly resources?: V1ResourceRequirements }).resources?.requests;
  const asked = {
    cpuMilli: ofPod?.['cpu'] === undefined ? ofContainers.cpuMilli : milliOf(ofPod['cpu']),
    memoryBytes:
      ofPod?.['memory'] === undefined ? ofContainers.memoryBytes : wholeOf(ofPod['memory']),
  };
  return plus(asked, amountsIn(spec.overhead));
}

const none: ResourceAmounts = { cpuMilli: 0, memoryBytes: 0 };

type Quantities = Readonly<Record<string, string>> | undefined;

function amountsIn(quantities: Quantities): ResourceAmounts {
  if (quantities === undefined) return none;
  return {
    cpuMilli: milliOf(quantities['cpu']),
    memoryBytes: wholeOf(quantities['memory']),
  };
}

function amountsOf({ resources }: V1Container): ResourceAmounts {
  return amountsIn(resources?.requests);
}

function plus(a: ResourceAmounts, b: ResourceAmounts): ResourceAmounts {
  return { cpuMilli: a.cpuMilli + b.cpuMilli, memoryBytes: a.memoryBytes + b.memoryBytes };
}

function sumOf(all: readonly ResourceAmounts[]): ResourceAmounts {
  return all.reduce(plus, none);
}

function most(a: ResourceAmounts, b: ResourceAmounts): ResourceAmounts {
  return {
    cpuMilli: Math.max(a.cpuMilli, b.cpuMilli),
    memoryBytes: Math.max(a.memoryBytes, b.memoryBytes),
  };
}

/** As a view has it: absent where the kubelet has told nothing. */
export function allocatableOf(status: V1NodeStatus): Pick<NodeView, 'allocatable'> {
  const quantities: Quantities = status.allocatable;
  if (quantities === undefined) return {};
  const { cpuMilli, memoryBytes } = amountsIn(quantities);
  return { allocatable: share({ cpuMilli, memoryBytes, pods: wholeOf(quantities['pods']) }) };
}

/** As a view has it: absent where no taint keeps pods away. */
export function hardTaintsOf({ taints = [] }: V1NodeSpec): Pick<NodeView, 'taints'> {
  const hard = taints.flatMap(({ key, value = '', effect }): readonly HardTaint[] =>
    effect === 'NoSchedule' || effect === 'NoExecute' ? [{ key, value, effect }] : [],
  );
  return hard.length === 0 ? {} : { taints: share(hard) };
}
