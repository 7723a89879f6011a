// Which of the nodes that take a pod the default scheduler likes best.
// Authority: pkg/scheduler/framework/plugins of Kubernetes, with the weights of the default
// profile: taints 3, node affinity 2, topology spread 2, room and balance 1 each.
// S1. The scheduler chooses by chance between nodes that it likes equally; here it is the first.
// S2. Preferred affinity to other pods and images that are there already are not weighed.

import { isTolerated } from '../pool/pod-room';
import type { Board, BoardNode } from './board';
import { amountOf, DomainCounts } from './board';
import type { SimulatedNode } from './evidence';
import type { Filters, ShapeRules } from './filters';
import type { NodeMatches } from './volumes';
import { compileTerm } from './volumes';

const most = 100;

/** What the scheduler asks of workloads that say nothing of their spread themselves. */
const systemSpread = [
  { topologyKey: 'kubernetes.io/hostname', maxSkew: 3 },
  { topologyKey: 'topology.kubernetes.io/zone', maxSkew: 5 },
];

export class Scores {
  readonly #board: Board;
  readonly #filters: Filters;
  readonly #preferred = new Map<
    ShapeRules,
    readonly { readonly weight: number; readonly matches: NodeMatches }[]
  >();

  constructor(board: Board, filters: Filters) {
    this.#board = board;
    this.#filters = filters;
  }

  /** Of several nodes that take the pod, the one it goes to (S1). */
  best(rules: ShapeRules, nodes: readonly [BoardNode, ...BoardNode[]]): BoardNode {
    let best = nodes[0];
    if (nodes.length === 1) return best;
    const parts = [
      { weight: 1, of: nodes.map((on) => roomScore(rules, on) + balanceScore(rules, on)) },
      { weight: 2, of: this.#spreadScores(rules, nodes) },
      { weight: 3, of: taintScores(rules, nodes) },
      { weight: 2, of: this.#affinityScores(rules, nodes) },
    ];
    let highest = -1;
    for (const [index, on] of nodes.entries()) {
      const score = parts.reduce((sum, { weight, of }) => sum + weight * (of[index] as number), 0);
      if (score <= highest) continue;
      highest = score;
      best = on;
    }
    return best;
  }

  #affinityScores(rules: ShapeRules, nodes: readonly BoardNode[]): readonly number[] {
    const { preferredNodes } = rules.shape;
    if (preferredNodes.length === 0) return nodes.map(() => 0);
    const terms =
      this.#preferred.get(rules) ??
      preferredNodes.map(({ weight, term }) => ({ weight, matches: compileTerm(term) }));
    this.#preferred.set(rules, terms);
    const sums = nodes.map(({ node }) =>
      terms.reduce((sum, { weight, matches }) => sum + (matches(node) ? weight : 0), 0),
    );
    const highest = Math.max(...sums);
    return sums.map((sum) => (highest === 0 ? 0 : Math.floor((most * sum) / highest)));
  }

  /** Few of its like is good. Nodes that a constraint of its own does not know are the last. */
  #spreadScores(rules: ShapeRules, nodes: readonly BoardNode[]): readonly number[] {
    const isOwn = rules.spread.length > 0;
    const weighed = this.#softSpread(rules).map(({ topologyKey, maxSkew, counts }) => {
      const domains = new Set(nodes.map(({ node }) => node.labels[topologyKey]));
      return { topologyKey, maxSkew, counts, weight: Math.log(domains.size + 2) };
    });
    const sums = nodes.map(({ node }) => {
      let sum = 0;
      for (const { topologyKey, maxSkew, counts, weight } of weighed) {
        const domain = node.labels[topologyKey];
        if (domain !== undefined) sum += counts.in(domain) * weight + (maxSkew - 1);
        else if (isOwn) return undefined;
      }
      return Math.round(sum);
    });
    const known = sums.filter((sum) => sum !== undefined);
    const [lowest, highest] = [Math.min(...known), Math.max(...known)];
    return sums.map((sum) => {
      if (sum === undefined) return 0;
      return highest === 0 ? most : Math.floor((most * (highest + lowest - sum)) / highest);
    });
  }

  #softSpread(rules: ShapeRules) {
    const own = rules.spread.filter(({ constraint }) => !constraint.isHard);
    if (rules.spread.length > 0) {
      return own.map((rule) => ({
        topologyKey: rule.constraint.topologyKey,
        maxSkew: rule.constraint.maxSkew,
        counts: this.#filters.spreadCounts(rules, rule),
      }));
    }
    return systemSpread.map(({ topologyKey, maxSkew }) => ({
      topologyKey,
      maxSkew,
      counts: this.#board.countsOfLike(
        `${rules.id} like ${topologyKey}`,
        () => new DomainCounts(topologyKey),
        rules.shape,
      ),
    }));
  }
}

/** LeastAllocated: much left is good. */
function roomScore({ shape }: ShapeRules, { node, weighed }: BoardNode): number {
  const cpu = leftShare(node, 'cpu', weighed.cpu + shape.weighed.cpu);
  const memory = leftShare(node, 'memory', weighed.memory + shape.weighed.memory);
  return Math.floor((cpu + memory) / 2);
}

function leftShare({ allocatable }: SimulatedNode, resource: string, used: number): number {
  const all = amountOf(allocatable, resource);
  return used > all || all === 0 ? 0 : Math.floor(((all - used) * most) / all);
}

/** BalancedAllocation: as much of the one as of the other is good. */
function balanceScore({ shape }: ShapeRules, on: BoardNode): number {
  const [cpu, memory] = ['cpu', 'memory'].map((resource) => {
    const all = amountOf(on.node.allocatable, resource);
    const used = all - amountOf(on.free, resource) + amountOf(shape.requests, resource);
    return all === 0 ? 0 : Math.min(1, used / all);
  }) as [number, number];
  return Math.floor((1 - Math.abs(cpu - memory) / 2) * most);
}

/** Taints that only ask to stay away. */
function taintScores({ shape }: ShapeRules, nodes: readonly BoardNode[]): readonly number[] {
  const counts = nodes.map(
    ({ node }) =>
      node.taints.filter(
        (taint) => taint.effect === 'PreferNoSchedule' && !isTolerated(taint, shape.tolerations),
      ).length,
  );
  const highest = Math.max(...counts);
  return counts.map((count) =>
    highest === 0 ? most : most - Math.floor((most * count) / highest),
  );
}
