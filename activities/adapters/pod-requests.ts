// What a pod requests, as the scheduler adds it up. Pure.
// Authority: k8s.io/component-helpers/resource, PodRequests.

import type { V1Container, V1PodSpec, V1ResourceRequirements } from '@kubernetes/client-node';

import { milliOf, wholeOf } from './quantities';

/** By resource: `cpu` in thousandths of a core, everything else in whole units. */
export type RequestedAmounts = Readonly<Record<string, number>>;

type Quantities = Readonly<Record<string, string>>;

export function amountsIn(quantities: Quantities = {}): RequestedAmounts {
  return Object.fromEntries(
    Object.entries(quantities).map(([resource, quantity]) => [
      resource,
      resource === 'cpu' ? milliOf(quantity) : wholeOf(quantity),
    ]),
  );
}

/**
 * Containers and sidecars together, or the init container that takes most beside the sidecars
 * started before it, and the overhead. Requests of the pod itself replace those of its containers.
 * `missing`: what a container counts for that requests none of a resource.
 */
export function podRequests(spec: V1PodSpec, missing: RequestedAmounts = {}): RequestedAmounts {
  const amountsOf = ({ resources }: V1Container): RequestedAmounts => ({
    ...missing,
    ...amountsIn(resources?.requests),
  });
  const running = (spec.containers ?? []).map(amountsOf).reduce(plus, {});
  let sidecars: RequestedAmounts = {};
  let starting: RequestedAmounts = {};
  for (const container of spec.initContainers ?? []) {
    const asked = plus(sidecars, amountsOf(container));
    if (container.restartPolicy === 'Always') sidecars = asked;
    starting = joined(starting, asked, Math.max);
  }
  const ofContainers = joined(plus(running, sidecars), starting, Math.max);
  const ofPod = (spec as { readonly resources?: V1ResourceRequirements }).resources?.requests;
  return plus({ ...ofContainers, ...amountsIn(ofPod) }, amountsIn(spec.overhead));
}

function plus(a: RequestedAmounts, b: RequestedAmounts): RequestedAmounts {
  return joined(a, b, (one, other) => one + other);
}

function joined(
  a: RequestedAmounts,
  b: RequestedAmounts,
  join: (one: number, other: number) => number,
): RequestedAmounts {
  const both = { ...a };
  for (const [resource, amount] of Object.entries(b)) {
    both[resource] = join(both[resource] ?? 0, amount);
  }
  return both;
}
