// Small clusters for simulations: what is not said is as plain as can be.

import type { NodeName } from '../../../domain/names';
import type {
  PodShape,
  SimulatedBudget,
  SimulatedNode,
  SimulatedPod,
  SimulationEvidence,
} from '../../../domain/simulation/evidence';
import {
  Simulation,
  type SimulationPolicy,
  type WindowOutcome,
} from '../../../domain/simulation/windows';
import { placeWords } from '../../../domain/simulation/answers';

export const gibibyte = 2 ** 30;
export const zoneKey = 'topology.kubernetes.io/zone';
export const hostKey = 'kubernetes.io/hostname';

/** Four cores, 16 GiB, 110 pods. */
export function node(name: string, more: Partial<SimulatedNode> = {}): SimulatedNode {
  return {
    name: name as NodeName,
    taints: [],
    unschedulable: false,
    allocatable: { cpu: 4_000, memory: 16 * gibibyte, pods: 110 },
    ...more,
    labels: { [hostKey]: name, ...more.labels },
  };
}

export function zonal(name: string, zone: string, more: Partial<SimulatedNode> = {}) {
  return node(name, { ...more, labels: { ...more.labels, [zoneKey]: zone } });
}

export function shape(more: Partial<PodShape> = {}): PodShape {
  const { cpu = 0, memory = 0 } = more.requests ?? {};
  return {
    namespace: 'shop',
    labels: {},
    requests: {},
    weighed: { cpu, memory },
    nodeSelector: {},
    preferredNodes: [],
    tolerations: [],
    affinity: [],
    antiAffinity: [],
    spread: [],
    hostPorts: [],
    priority: 0,
    preempts: true,
    ...more,
    traits: {
      hasReadinessProbe: true,
      hasPreStop: true,
      emptyDirs: [],
      hostPaths: [],
      gracePeriodSeconds: 30,
      ...more.traits,
    },
  };
}

/** A Ready pod of a ReplicaSet that is called as the pod without its last part. */
export function pod(
  name: string,
  on: string,
  more: Partial<Omit<SimulatedPod, 'shape'>> & { readonly shape?: Partial<PodShape> } = {},
): SimulatedPod {
  const labels = { app: name.replace(/-\d+$/, ''), ...more.shape?.labels };
  return {
    phase: on === '' ? 'Pending' : 'Running',
    labels,
    isMirror: false,
    hasEmptyDir: false,
    controller: { kind: 'ReplicaSet', name: name.replace(/-\d+$/, '') },
    node: on,
    ready: on !== '',
    claims: [],
    finalizers: [],
    gated: false,
    ...more,
    ref: { namespace: 'shop', name, ...more.ref },
    shape: shape({ ...more.shape, labels }),
  };
}

/** Nobody owns it. */
export function bare(name: string, on: string, more: Parameters<typeof pod>[2] = {}): SimulatedPod {
  const { controller: _, ...rest } = pod(name, on, more);
  return rest;
}

export function asking(cpu: number, gib = 0): Pick<PodShape, 'requests'> {
  return { requests: { cpu, memory: gib * gibibyte } };
}

export function budget(app: string, more: Partial<SimulatedBudget> = {}): SimulatedBudget {
  return {
    budget: { namespace: 'shop', name: app },
    disruptionsAllowed: 1,
    currentHealthy: 2,
    desiredHealthy: 1,
    expectedPods: 2,
    observed: true,
    syncFailed: false,
    selector: { matchLabels: { app } },
    letsUnhealthyGo: false,
    ...more,
  };
}

export function evidence(more: Partial<SimulationEvidence>): SimulationEvidence {
  return {
    nodes: [],
    pods: [],
    budgets: [],
    claims: [],
    volumes: [],
    storageClasses: [],
    namespaces: [],
    autoscalers: [],
    services: [],
    ...more,
  };
}

export const drain: SimulationPolicy['drain'] = { emptyDirData: 'delete', unmanagedPods: 'evict' };

export function simulationOf(
  of: Partial<SimulationEvidence>,
  policy: Partial<SimulationPolicy> = {},
): Simulation {
  return new Simulation(evidence(of), { drain, missingDaemonSets: [], ...policy });
}

/** What becomes of a window, budgets obeyed. */
export function drained(
  of: Partial<SimulationEvidence>,
  nodes: readonly string[],
  more: Parameters<typeof simulationOf>[1] & {
    readonly budgets?: 'ignored';
    readonly headroom?: boolean;
  } = {},
): WindowOutcome {
  const { budgets = 'obeyed', headroom = false, ...policy } = more;
  const names = nodes as readonly NodeName[];
  return simulationOf(of, policy).window({ nodes: names, budgets, headroom });
}

/** `web-1: fits on b`, in the order in which they looked last. */
export function places({ pods }: WindowOutcome): readonly string[] {
  return pods.map(({ pod: { ref }, place }) => `${ref.name}: ${placeWords(place)}`);
}
