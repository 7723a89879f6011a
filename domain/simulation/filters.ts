// Whether a node takes a pod, as the filters of the default scheduler decide it.
// Authority: pkg/scheduler/framework/plugins of Kubernetes (nodeunschedulable, tainttoleration,
// nodeaffinity, nodeports, noderesources, volumebinding, volumezone, podtopologyspread,
// interpodaffinity), in the order of the default profile.
// F1. What depends on the node's own description only is decided once for pods that ask alike
//     (`admits`); what depends on where other pods are is asked each time.
// F2. A pod is its own neighbour: one that wants to be with its like may be the first of them.

import { compileSelector } from '../label-match';
import { isTolerated } from '../pool/pod-room';
import type { Board, BoardNode } from './board';
import { DomainCounts, freeOf } from './board';
import type {
  HostPort,
  PodShape,
  PodTerm,
  SimulatedPod,
  SimulationEvidence,
  SpreadConstraint,
} from './evidence';
import type { NodeRefusal, PodRefusal, Shortage } from './refusals';
import type { NodeMatches, VolumeNeeds, VolumesOf } from './volumes';
import { compileTerms, volumesIn } from './volumes';

/** The taint that the API server's node lifecycle puts on a node that is cordoned. */
const cordonTaint = { key: 'node.kubernetes.io/unschedulable', value: '', effect: 'NoSchedule' };

type Matches = (shape: PodShape) => boolean;

/** What pods of one shape ask. */
export interface ShapeRules {
  readonly id: number;
  readonly shape: PodShape;
  readonly asks: readonly (readonly [resource: string, amount: number])[];
  /** Node selector and required affinity. */
  readonly selects: NodeMatches;
  readonly toleratesCordon: boolean;
  readonly affinity: readonly Matches[];
  readonly antiAffinity: readonly { readonly topologyKey: string; readonly matches: Matches }[];
  readonly spread: readonly SpreadRule[];
  /** Of others, that keep such pods away. */
  readonly keptFrom: readonly {
    readonly by: ShapeRules;
    readonly term: number;
    readonly topologyKey: string;
  }[];
}

export interface SpreadRule {
  readonly index: number;
  readonly constraint: SpreadConstraint;
  readonly matches: Matches;
}

export interface PodRules {
  readonly shape: ShapeRules;
  readonly volumes: Extract<VolumeNeeds, { readonly kind: 'needs' }>['needs'];
  /** F1; in the order of the board. */
  readonly admittedBy: readonly BoardNode[];
}

export class Filters {
  readonly #board: Board;
  readonly #volumesOf: VolumesOf;
  readonly #namespaces: SimulationEvidence['namespaces'];
  readonly #shapes = new Map<PodShape, ShapeRules>();
  readonly #pods = new Map<string, PodRules>();
  readonly #admitted = new Map<string, readonly BoardNode[]>();
  readonly #guards: readonly ShapeRules[];
  readonly #labelled = new Map<string, ReadonlySet<BoardNode>>();

  constructor(board: Board, evidence: SimulationEvidence) {
    this.#board = board;
    this.#volumesOf = volumesIn(evidence);
    this.#namespaces = evidence.namespaces;
    const guarding = board.shapes.filter(({ antiAffinity }) => antiAffinity.length > 0);
    this.#guards = guarding.map((shape, index) => this.#made(shape, -1 - index, []));
  }

  /** What a pod asks; why no node can take it. */
  rulesOf(pod: SimulatedPod): PodRules | PodRefusal {
    const volumes = this.#volumesOf(pod);
    if (volumes.kind === 'refused') return volumes.refusal;
    const shape = this.shapeRules(pod.shape);
    const key = `${shape.id} ${volumes.key}`;
    const known = this.#pods.get(key);
    if (known !== undefined) return known;
    const admittedBy = this.#admittedBy(shape, volumes);
    const rules = { shape, volumes: volumes.needs, admittedBy };
    this.#pods.set(key, rules);
    return rules;
  }

  #admittedBy(
    rules: ShapeRules,
    { key: volumes, needs }: Extract<VolumeNeeds, { readonly kind: 'needs' }>,
  ): readonly BoardNode[] {
    const { nodeSelector, nodeTerms, tolerations } = rules.shape;
    const key = JSON.stringify([nodeSelector, nodeTerms, tolerations, volumes]);
    const known = this.#admitted.get(key);
    if (known !== undefined) return known;
    const found = this.#board.nodes.filter(
      ({ node }) =>
        ownRefusal(rules, node) === undefined && needs.every((need) => need(node) === undefined),
    );
    this.#admitted.set(key, found);
    return found;
  }

  /** The first filter that refuses, in the scheduler's order. */
  refusal({ shape, volumes }: PodRules, on: BoardNode): NodeRefusal | undefined {
    if (on.isCordoned && !shape.toleratesCordon) return { code: 'unschedulable' };
    return (
      ownRefusal(shape, on.node) ??
      roomRefusal(shape, on) ??
      volumeRefusal(volumes, on) ??
      this.placeRefusal(shape, on)
    );
  }

  /** What depends on where other pods are: topology spread, affinity. */
  placeRefusal(shape: ShapeRules, on: BoardNode): NodeRefusal | undefined {
    return (
      this.#spreadRefusal(shape, on) ??
      this.#affinityRefusal(shape, on) ??
      this.#antiAffinityRefusal(shape, on) ??
      this.#othersRefusal(shape, on)
    );
  }

  shapeRules(shape: PodShape): ShapeRules {
    const known = this.#shapes.get(shape);
    if (known !== undefined) return known;
    const keptFrom = this.#guards.flatMap((by) =>
      by.antiAffinity.flatMap(({ topologyKey, matches }, term) =>
        matches(shape) ? [{ by, term, topologyKey }] : [],
      ),
    );
    const made = this.#made(shape, this.#shapes.size, keptFrom);
    this.#shapes.set(shape, made);
    return made;
  }

  #made(shape: PodShape, id: number, keptFrom: ShapeRules['keptFrom']): ShapeRules {
    const { nodeSelector, nodeTerms, tolerations } = shape;
    const wanted = Object.entries(nodeSelector);
    const inTerms = nodeTerms === undefined ? undefined : compileTerms(nodeTerms);
    return {
      id,
      shape,
      asks: [['pods', 1], ...Object.entries(shape.requests).filter(([, amount]) => amount > 0)],
      selects: (node) =>
        wanted.every(([key, value]) => node.labels[key] === value) && inTerms?.(node) !== false,
      toleratesCordon: isTolerated(cordonTaint, tolerations),
      affinity: shape.affinity.map((term) => this.#matcher(term)),
      antiAffinity: shape.antiAffinity.map((term) => ({
        topologyKey: term.topologyKey,
        matches: this.#matcher(term),
      })),
      spread: shape.spread.map((constraint, index) => {
        const selects = compileSelector(constraint.selector);
        const matches: Matches = (other) =>
          other.namespace === shape.namespace && selects(other.labels);
        return { index, constraint, matches };
      }),
      keptFrom,
    };
  }

  #matcher({ namespaces, namespaceSelector, selector }: PodTerm): Matches {
    const inNamespace = compileSelector(namespaceSelector);
    const selected = this.#namespaces.filter(({ labels }) => inNamespace(labels));
    const names = new Set([...namespaces, ...selected.map(({ name }) => name)]);
    const matches = compileSelector(selector);
    return (shape) => names.has(shape.namespace) && matches(shape.labels);
  }

  #spreadRefusal(rules: ShapeRules, on: BoardNode): NodeRefusal | undefined {
    for (const rule of rules.spread) {
      const { topologyKey, maxSkew, isHard, minDomains } = rule.constraint;
      if (!isHard) continue;
      const domain = on.node.labels[topologyKey];
      if (domain === undefined) return { code: 'spread-label', topologyKey };
      const counts = this.spreadCounts(rules, rule);
      const itself = rule.matches(rules.shape) ? 1 : 0;
      if (counts.in(domain) + itself - counts.lowest(minDomains) > maxSkew) {
        return { code: 'spread', topologyKey, maxSkew };
      }
    }
    return undefined;
  }

  /** Pods that a constraint counts, on the nodes that it counts. */
  spreadCounts(rules: ShapeRules, { index, constraint, matches }: SpreadRule): DomainCounts {
    const make = (): DomainCounts => {
      const { topologyKey, honorsAffinity, honorsTaints } = constraint;
      const hard = rules.shape.spread.filter(({ isHard }) => isHard);
      const labelled = this.#nodesWith(hard.map((one) => one.topologyKey));
      const counted = [...labelled].filter(
        (on) => (!honorsAffinity || rules.selects(on.node)) && (!honorsTaints || isOpen(rules, on)),
      );
      return new DomainCounts(topologyKey, new Set(counted));
    };
    return this.#board.counts(`${rules.id} spread ${index}`, make, matches);
  }

  #nodesWith(keys: readonly string[]): ReadonlySet<BoardNode> {
    const key = keys.join(' ');
    const known = this.#labelled.get(key);
    if (known !== undefined) return known;
    const found = new Set(
      this.#board.nodes.filter(({ node }) => keys.every((one) => node.labels[one] !== undefined)),
    );
    this.#labelled.set(key, found);
    return found;
  }

  /** F2. */
  #affinityRefusal(rules: ShapeRules, on: BoardNode): NodeRefusal | undefined {
    const { affinity } = rules.shape;
    if (affinity.length === 0) return undefined;
    const isAll: Matches = (shape) => rules.affinity.every((matches) => matches(shape));
    const counts = affinity.map(({ topologyKey }, index) =>
      this.#board.counts(
        `${rules.id} affinity ${index}`,
        () => new DomainCounts(topologyKey),
        isAll,
      ),
    );
    const isFirst = counts.every(({ total }) => total === 0) && isAll(rules.shape);
    for (const of of counts) {
      const { topologyKey } = of;
      const domain = on.node.labels[topologyKey];
      const isThere = domain !== undefined && (isFirst || of.in(domain) > 0);
      if (!isThere) return { code: 'affinity', topologyKey };
    }
    return undefined;
  }

  #antiAffinityRefusal(rules: ShapeRules, on: BoardNode): NodeRefusal | undefined {
    for (const [index, { topologyKey, matches }] of rules.antiAffinity.entries()) {
      const domain = on.node.labels[topologyKey];
      if (domain === undefined) continue;
      const make = (): DomainCounts => new DomainCounts(topologyKey);
      const counts = this.#board.counts(`${rules.id} anti ${index}`, make, matches);
      if (counts.in(domain) > 0) return { code: 'anti-affinity', topologyKey };
    }
    return undefined;
  }

  #othersRefusal({ keptFrom }: ShapeRules, on: BoardNode): NodeRefusal | undefined {
    for (const { by, term, topologyKey } of keptFrom) {
      const domain = on.node.labels[topologyKey];
      if (domain === undefined) continue;
      const make = (): DomainCounts => new DomainCounts(topologyKey);
      const isGuard: Matches = (shape) => shape === by.shape;
      const counts = this.#board.counts(`${by.id} keeps ${term}`, make, isGuard);
      if (counts.in(domain) > 0) return { code: 'others-anti-affinity', topologyKey };
    }
    return undefined;
  }
}

/** Taints, then node selector and affinity. */
function ownRefusal(
  { shape, selects }: ShapeRules,
  node: BoardNode['node'],
): NodeRefusal | undefined {
  const taint = node.taints.find(
    (one) =>
      (one.effect === 'NoSchedule' || one.effect === 'NoExecute') &&
      one.key !== cordonTaint.key &&
      !isTolerated(one, shape.tolerations),
  );
  if (taint !== undefined) return { code: 'taint', taint };
  return selects(node) ? undefined : { code: 'node-affinity' };
}

/** Host ports, then everything that is short. */
export function roomRefusal({ shape, asks }: ShapeRules, on: BoardNode): NodeRefusal | undefined {
  const port = shape.hostPorts.find((one) => isTaken(one, on));
  if (port !== undefined) return { code: 'host-port', port };
  let short: Shortage[] | undefined;
  for (const [resource, requested] of asks) {
    const free = freeOf(on, resource);
    if (requested > free) (short ??= []).push({ resource, requested, free });
  }
  return short === undefined ? undefined : { code: 'resources', short };
}

function volumeRefusal(volumes: PodRules['volumes'], on: BoardNode): NodeRefusal | undefined {
  for (const need of volumes) {
    const refusal = need(on.node);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

const everyAddress = '0.0.0.0';

function isTaken(wanted: HostPort, { pods }: BoardNode): boolean {
  for (const { pod } of pods) {
    const isHeld = pod.shape.hostPorts.some(
      ({ ip, protocol, port }) =>
        port === wanted.port &&
        protocol === wanted.protocol &&
        (ip === wanted.ip || ip === everyAddress || wanted.ip === everyAddress),
    );
    if (isHeld) return true;
  }
  return false;
}

/** As `nodeTaintsPolicy: Honor` has it. */
function isOpen({ shape, toleratesCordon }: ShapeRules, { node, isCordoned }: BoardNode): boolean {
  if (isCordoned && !toleratesCordon) return false;
  return node.taints.every(
    (taint) => taint.effect === 'PreferNoSchedule' || isTolerated(taint, shape.tolerations),
  );
}

/** Whether the pod asks anything of where others are: then nothing about a node is for good. */
export function looksAtOthers({ shape, keptFrom }: ShapeRules): boolean {
  const { spread, affinity, antiAffinity } = shape;
  const asked = affinity.length + antiAffinity.length + keptFrom.length;
  return asked > 0 || spread.some(({ isHard }) => isHard);
}
