// All that a simulation has to say of a cluster: each node drained alone, each window of each pool,
// what looks for a node already, what autoscalers may add, and what checks of workloads find.

import type { NodeName, PodRef } from '../names';
import { resolveMaxUnavailable } from '../pool/pool-limits';
import type { DrainPolicy, MaxUnavailable } from '../spec';
import { type UnplacedPods, unplacedPods } from './answers';
import type { Amounts, SimulationEvidence } from './evidence';
import type { WorkloadFinding } from './findings';
import { checkWorkloads } from './workload-checks';
import {
  type HeadroomOutcome,
  type NodeOutcome,
  type PodOutcome,
  Simulation,
  type SimulationPolicy,
} from './windows';

export interface SimulatedPool {
  readonly name: string;
  readonly nodes: readonly NodeName[];
  readonly maxUnavailable: MaxUnavailable;
  readonly drain: Pick<DrainPolicy, 'emptyDirData' | 'unmanagedPods' | 'namespaces'>;
}

export interface SimulationWanted {
  readonly pools: readonly SimulatedPool[];
  /** Whether what autoscalers may add must find room in each window as well. */
  readonly headroom: boolean;
  /** What nodes will have when they are replaced, where that is known beforehand. */
  readonly replacedBy: ReadonlyMap<NodeName, Amounts>;
  /** Windows of a pool that are reckoned, those with most pods first. */
  readonly windowsAtMost: number;
  /** The same of nodes that are drained alone; absent: all of them. */
  readonly nodesAtMost?: number;
}

/** A pod that finds room only by pushing away others. */
export interface PreemptingPod {
  readonly pod: PodRef;
  readonly on: NodeName;
  readonly pushesAway: readonly PodRef[];
}

interface Places {
  readonly unplaced: readonly UnplacedPods[];
  readonly preempting: readonly PreemptingPod[];
}

export interface NodeReport extends NodeOutcome, Places {
  readonly pool: string;
}

export interface HeadroomReport {
  readonly autoscaler: { readonly namespace: string; readonly name: string };
  readonly target: { readonly kind: string; readonly name: string };
  /** Replicas up to its maximum that are not there, and how many of them find room. */
  readonly wanted: number;
  readonly fit: number;
  readonly lacking: readonly UnplacedPods[];
}

/** Nodes that are out together and leave pods without a place, whatever budgets say. */
export interface WindowReport extends Places {
  readonly nodes: readonly NodeName[];
  readonly headroom: readonly HeadroomReport[];
}

export interface PoolReport {
  readonly pool: string;
  /** Nodes that are out at a time. */
  readonly atOnce: number;
  readonly windows: number;
  readonly reckoned: number;
  /** Those in which something is short. */
  readonly short: readonly WindowReport[];
}

export interface SimulationReport {
  readonly schema: 'ascent.simulation/v1';
  readonly pools: readonly PoolReport[];
  readonly nodes: readonly NodeReport[];
  /** Without a node already, before anything is drained. */
  readonly pending: readonly UnplacedPods[];
  readonly findings: readonly WorkloadFinding[];
}

export function simulateCluster(
  evidence: SimulationEvidence,
  wanted: SimulationWanted,
): SimulationReport {
  const drains = simulateDrains(evidence, wanted);
  return { schema: 'ascent.simulation/v1', ...drains, findings: checkWorkloads(evidence) };
}

/** What of a report is played, without the checks of workloads. */
export type DrainsReport = Pick<SimulationReport, 'pools' | 'nodes' | 'pending'>;

export function simulateDrains(
  evidence: SimulationEvidence,
  wanted: SimulationWanted,
): DrainsReport {
  const present = withReplaced(evidence, wanted.replacedBy);
  const nodes: NodeReport[] = [];
  const pools: PoolReport[] = [];
  const nothing = simulationOf(present, wanted.pools[0]).window({
    nodes: [],
    budgets: 'ignored',
    headroom: false,
  });
  for (const pool of wanted.pools) {
    const simulation = simulationOf(present, pool);
    for (const node of fullestNodes(present, pool.nodes, wanted.nodesAtMost)) {
      const { nodes: drained, pods } = simulation.window({
        nodes: [node],
        budgets: 'obeyed',
        headroom: false,
      });
      nodes.push(...drained.map((one) => ({ pool: pool.name, ...one, ...placesOf(pods) })));
    }
    pools.push(poolReport(present, pool, { simulation, wanted }));
  }
  return { pools, nodes, pending: unplacedPods(nothing.pods) };
}

/** A drain goes around a DaemonSet that is gone by its policy; here all of them are there. */
function simulationOf(evidence: SimulationEvidence, pool: SimulatedPool | undefined): Simulation {
  const drain: SimulationPolicy['drain'] = pool?.drain ?? {
    emptyDirData: 'delete',
    unmanagedPods: 'evict',
  };
  return new Simulation(evidence, { drain, missingDaemonSets: [] });
}

/** The smaller of what a node has and will have: both are so in the course of a roll-out. */
function withReplaced(
  evidence: SimulationEvidence,
  replacedBy: ReadonlyMap<NodeName, Amounts>,
): SimulationEvidence {
  if (replacedBy.size === 0) return evidence;
  const nodes = evidence.nodes.map((node) => {
    const after = replacedBy.get(node.name);
    if (after === undefined) return node;
    const allocatable = Object.fromEntries(
      Object.entries(node.allocatable).map(([resource, amount]) => [
        resource,
        Math.min(amount, after[resource] ?? amount),
      ]),
    );
    return { ...node, allocatable };
  });
  return { ...evidence, nodes };
}

function poolReport(
  evidence: SimulationEvidence,
  { name, nodes, maxUnavailable }: SimulatedPool,
  {
    simulation,
    wanted: { headroom, windowsAtMost },
  }: { readonly simulation: Simulation; readonly wanted: SimulationWanted },
): PoolReport {
  const atOnce = resolveMaxUnavailable(maxUnavailable, nodes.length);
  const windows = windowsOf(nodes, atOnce);
  const chosen = fullest(evidence, windows, windowsAtMost);
  const short = chosen.flatMap((window): readonly WindowReport[] => {
    const outcome = simulation.window({ nodes: window, budgets: 'ignored', headroom });
    const places = placesOf(outcome.pods);
    const lacking = outcome.headroom.filter(({ fit, wanted }) => fit < wanted).map(headroomReport);
    const all = places.unplaced.length + places.preempting.length + lacking.length;
    return all === 0 ? [] : [{ nodes: window, ...places, headroom: lacking }];
  });
  return { pool: name, atOnce, windows: windows.length, reckoned: chosen.length, short };
}

/** Nodes in the order given, so many at a time. */
export function windowsOf(
  nodes: readonly NodeName[],
  atOnce: number,
): readonly (readonly NodeName[])[] {
  const windows: (readonly NodeName[])[] = [];
  for (let next = 0; next < nodes.length; next += atOnce) {
    windows.push(nodes.slice(next, next + atOnce));
  }
  return windows;
}

function fullestNodes(
  evidence: SimulationEvidence,
  nodes: readonly NodeName[],
  atMost = nodes.length,
): readonly NodeName[] {
  return fullest(evidence, windowsOf(nodes, 1), atMost).flat();
}

/** So many windows, those with most pods first; all of them in their order where they are few. */
function fullest(
  { pods }: SimulationEvidence,
  windows: readonly (readonly NodeName[])[],
  atMost: number,
): readonly (readonly NodeName[])[] {
  if (windows.length <= atMost) return windows;
  const counts = new Map<string, number>();
  for (const { node } of pods) counts.set(node, (counts.get(node) ?? 0) + 1);
  const podsIn = (window: readonly NodeName[]): number =>
    window.reduce((sum, node) => sum + (counts.get(node) ?? 0), 0);
  return windows.toSorted((a, b) => podsIn(b) - podsIn(a)).slice(0, atMost);
}

/** Those that looked for a node before are told once, for the cluster. */
function placesOf(outcomes: readonly PodOutcome[]): Places {
  const moved = outcomes.filter(({ cause }) => cause !== 'pending');
  const preempting = moved.flatMap(({ pod, place }): readonly PreemptingPod[] =>
    place.kind === 'preempts'
      ? [
          {
            pod: pod.ref,
            on: place.on.node.name,
            pushesAway: place.victims.map((victim) => victim.pod.ref),
          },
        ]
      : [],
  );
  return { unplaced: unplacedPods(moved), preempting };
}

function headroomReport({ autoscaler, wanted, fit, lacking }: HeadroomOutcome): HeadroomReport {
  const { namespace, name, target } = autoscaler;
  return { autoscaler: { namespace, name }, target, wanted, fit, lacking: unplacedPods(lacking) };
}
