// The cluster while it is simulated: which pods are where and what is free, changed pod by pod and
// put back as it was.
// B1. Every change is undone by `rollBack`: one board serves all windows of a cluster.
// B2. Pods that are finished or on their way out are not on it: what is asked is how the cluster
//     stands when they are gone.
// B3. Counts of pods by place (`DomainCounts`) live as long as one window: which nodes count
//     depends on which ones are cordoned.

import { isFinished } from '../pod-phase';
import { compareTexts } from '../text-order';
import type {
  Amounts,
  PodShape,
  SimulatedNode,
  SimulatedPod,
  SimulationEvidence,
} from './evidence';

export interface BoardNode {
  readonly node: SimulatedNode;
  /** Nodes with the same text are described alike: everything but what is a node's own name. */
  readonly kind: string;
  readonly free: Record<string, number>;
  /** What its pods weigh for the scheduler's choice, those that request nothing included. */
  readonly weighed: { cpu: number; memory: number };
  readonly pods: Set<BoardPod>;
  isCordoned: boolean;
}

export interface BoardPod {
  readonly pod: SimulatedPod;
  readonly on: BoardNode;
}

/** How many pods of some shapes there are in each domain of a topology. */
export class DomainCounts {
  readonly topologyKey: string;
  readonly #counts = new Map<string, number>();
  readonly #counted: ReadonlySet<BoardNode> | undefined;
  #lowest: number | undefined;
  #total = 0;

  /** `counted`: nodes that count at all; their domains are there also without a pod. */
  constructor(topologyKey: string, counted?: ReadonlySet<BoardNode>) {
    this.topologyKey = topologyKey;
    this.#counted = counted;
    for (const { node } of counted ?? []) {
      const domain = node.labels[topologyKey];
      if (domain !== undefined) this.#counts.set(domain, 0);
    }
  }

  add(on: BoardNode, change: 1 | -1): void {
    const domain = on.node.labels[this.topologyKey];
    if (domain === undefined || this.#counted?.has(on) === false) return;
    this.#counts.set(domain, this.in(domain) + change);
    this.#lowest = undefined;
    this.#total += change;
  }

  in(domain: string): number {
    return this.#counts.get(domain) ?? 0;
  }

  get total(): number {
    return this.#total;
  }

  /** Of all domains; 0 where there are fewer than `minDomains`. */
  lowest(minDomains: number): number {
    if (this.#counts.size < minDomains) return 0;
    this.#lowest ??= [...this.#counts.values()].reduce((a, b) => Math.min(a, b), Infinity);
    return this.#lowest;
  }
}

export class Board {
  /** By name. */
  readonly nodes: readonly BoardNode[];
  /** Of all pods, also of those that have no node. */
  readonly shapes: readonly PodShape[];
  /** Pods that look for a node already, by name. */
  readonly pending: readonly SimulatedPod[];
  /** The lowest of all pods that have a node. */
  readonly lowestPriority: number;
  readonly #byName: ReadonlyMap<string, BoardNode>;
  readonly #byShape = new Map<PodShape, Set<BoardPod>>();
  readonly #undo: (() => void)[] = [];
  readonly #counts = new Map<string, DomainCounts>();
  readonly #like = new Map<string, PodShape[]>();
  readonly #matches = new Map<string, readonly PodShape[]>();
  readonly #countsOf = new Map<PodShape, DomainCounts[]>();

  constructor({ nodes, pods }: Pick<SimulationEvidence, 'nodes' | 'pods'>) {
    this.nodes = nodes.map(boardNode).toSorted((a, b) => compareTexts(a.node.name, b.node.name));
    this.#byName = new Map(this.nodes.map((node) => [node.node.name, node]));
    const present = pods.filter((pod) => !isFinished(pod) && pod.deletionTimestampMs === undefined);
    this.shapes = [...new Set(present.map(({ shape }) => shape))];
    for (const shape of this.shapes) {
      const text = likeText(shape);
      this.#like.set(text, [...(this.#like.get(text) ?? []), shape]);
    }
    this.pending = present.filter(({ node, gated }) => node === '' && !gated).toSorted(byRef);
    let lowest = Infinity;
    for (const pod of present) {
      const on = this.#byName.get(pod.node);
      if (on === undefined) continue;
      lowest = Math.min(lowest, pod.shape.priority);
      this.#put({ pod, on });
    }
    this.lowestPriority = lowest;
  }

  node(name: string): BoardNode | undefined {
    return this.#byName.get(name);
  }

  cordon(on: BoardNode): void {
    const before = on.isCordoned;
    on.isCordoned = true;
    this.#undo.push(() => {
      on.isCordoned = before;
    });
  }

  place(pod: SimulatedPod, on: BoardNode): BoardPod {
    const placed = { pod, on };
    this.#put(placed);
    this.#undo.push(() => this.#take(placed));
    return placed;
  }

  remove(placed: BoardPod): void {
    this.#take(placed);
    this.#undo.push(() => this.#put(placed));
  }

  /** Takes it away for a question; `putBack` is the end of it. */
  lift(placed: BoardPod): void {
    this.#take(placed);
  }

  putBack(placed: BoardPod): void {
    this.#put(placed);
  }

  /** B1. */
  rollBack(): void {
    this.#counts.clear();
    this.#countsOf.clear();
    for (let undo = this.#undo.pop(); undo !== undefined; undo = this.#undo.pop()) undo();
  }

  /** B3. `key` stands for all the rest; which shapes match is looked up once for all windows. */
  counts(
    key: string,
    make: () => DomainCounts,
    matches: (shape: PodShape) => boolean,
  ): DomainCounts {
    const known = this.#counts.get(key);
    if (known !== undefined) return known;
    const shapes = this.#matches.get(key) ?? this.shapes.filter(matches);
    this.#matches.set(key, shapes);
    return this.#counted(key, make(), shapes);
  }

  /** The same for pods of one workload: their labels are the same, but for what names a pod. */
  countsOfLike(key: string, make: () => DomainCounts, shape: PodShape): DomainCounts {
    return this.#counts.get(key) ?? this.#counted(key, make(), this.#likes(shape));
  }

  /** The shape itself is one of them: no pod is simulated that is not in the evidence. */
  #likes(shape: PodShape): readonly PodShape[] {
    return this.#like.get(likeText(shape)) as readonly PodShape[];
  }

  #counted(key: string, counts: DomainCounts, shapes: readonly PodShape[]): DomainCounts {
    for (const shape of shapes) {
      this.#countsOf.set(shape, [...(this.#countsOf.get(shape) ?? []), counts]);
      for (const { on } of this.#placedAs(shape)) counts.add(on, 1);
    }
    this.#counts.set(key, counts);
    return counts;
  }

  #put(placed: BoardPod): void {
    const { pod, on } = placed;
    this.#placedAs(pod.shape).add(placed);
    on.pods.add(placed);
    this.#reckon(placed, -1);
    for (const counts of this.#countsOf.get(pod.shape) ?? []) counts.add(on, 1);
  }

  #take(placed: BoardPod): void {
    const { pod, on } = placed;
    this.#placedAs(pod.shape).delete(placed);
    on.pods.delete(placed);
    this.#reckon(placed, 1);
    for (const counts of this.#countsOf.get(pod.shape) ?? []) counts.add(on, -1);
  }

  #placedAs(shape: PodShape): Set<BoardPod> {
    const placed = this.#byShape.get(shape) ?? new Set();
    this.#byShape.set(shape, placed);
    return placed;
  }

  #reckon({ pod: { shape }, on }: BoardPod, sign: 1 | -1): void {
    on.free['pods'] = freeOf(on, 'pods') + sign;
    for (const resource of Object.keys(shape.requests)) {
      on.free[resource] = freeOf(on, resource) + sign * amountOf(shape.requests, resource);
    }
    on.weighed.cpu -= sign * shape.weighed.cpu;
    on.weighed.memory -= sign * shape.weighed.memory;
  }
}

export function amountOf(amounts: Amounts, resource: string): number {
  return amounts[resource] ?? 0;
}

/** What a node does not name it does not have. */
export function freeOf({ free }: BoardNode, resource: string): number {
  return free[resource] ?? 0;
}

export function byRef(
  { ref: a }: Pick<SimulatedPod, 'ref'>,
  { ref: b }: Pick<SimulatedPod, 'ref'>,
): number {
  return compareTexts(a.namespace, b.namespace) || compareTexts(a.name, b.name);
}

/** Labels that a StatefulSet gives to each of its pods. */
const ownLabels = new Set(['statefulset.kubernetes.io/pod-name', 'apps.kubernetes.io/pod-index']);

function likeText({ namespace, labels }: PodShape): string {
  const shared = Object.entries(labels).filter(([key]) => !ownLabels.has(key));
  return JSON.stringify([namespace, shared]);
}

function boardNode(node: SimulatedNode): BoardNode {
  const { name, labels, taints, allocatable, unschedulable } = node;
  const shared = Object.entries(labels).filter(([, value]) => value !== name);
  return {
    node,
    kind: JSON.stringify([shared, taints, allocatable, unschedulable]),
    free: { ...allocatable },
    weighed: { cpu: 0, memory: 0 },
    pods: new Set(),
    isCordoned: unschedulable,
  };
}
