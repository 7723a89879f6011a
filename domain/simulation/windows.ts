// What happens when nodes of a cluster are drained together: which pods leave, where what takes
// their place goes, and what keeps a node from being empty. Pure; it reckons on evidence, and the
// scheduler and the Eviction API decide.
// W1. Nodes are cordoned first and stay in the cluster: topology spread goes on counting them.
// W2. Pods leave in turns, as the drain does it: all that may, then those whose budget allows it
//     again because the ones before have found a place. A turn without a pod is the end.
// W3. Of the pods of a turn, those of higher priority are placed first; one that finds no place is
//     asked again whenever others have moved, as the scheduler does.
// W4. A pod with a controller comes back; a bare one does not.
// W5. Pods that look for a node already look first: they may take the room.

import type { DrainPolicy } from '../spec';
import type { DrainPod } from '../drain/drain-verdicts';
import { type DaemonSetRef, drainVerdicts, podVerdicts } from '../drain/drain-verdicts';
import type { NodeName, PodRef } from '../names';
import { isFinished } from '../pod-phase';
import { Board, type BoardNode, type BoardPod } from './board';
import type {
  SimulatedAutoscaler,
  SimulatedBudget,
  SimulatedPod,
  SimulationEvidence,
} from './evidence';
import { type BudgetStop, Evictions } from './evictions';
import { type Place, Scheduling } from './scheduling';

export interface SimulationPolicy {
  readonly drain: Omit<DrainPolicy, 'timeoutMs' | 'gracePeriodSeconds'>;
  readonly missingDaemonSets: readonly DaemonSetRef[];
}

export interface WindowQuestion {
  readonly nodes: readonly NodeName[];
  /** `ignored`: all pods leave; whether there is room is asked, not whether they may. */
  readonly budgets: 'obeyed' | 'ignored';
  /** Whether what autoscalers may add looks for a place as well, when all others have one. */
  readonly headroom: boolean;
}

/** A pod that looks for a place in the window. */
export interface PodOutcome {
  readonly pod: SimulatedPod;
  /** `pending`: it did so before; `preempted`: one of higher priority has pushed it away. */
  readonly cause: 'leaves' | 'pending' | 'preempted' | 'headroom';
  readonly place: Place;
}

/** Why a pod stays on its node: a budget, or what forbids the drain (drain-verdicts). */
export type NodeStop = { readonly pod: PodRef } & (BudgetStop | DrainStop);

export interface DrainStop {
  readonly code:
    | 'pod-unmanaged'
    | 'pod-emptydir'
    | 'daemonset-missing'
    | 'pod-held'
    | 'drain-annotation-unreadable';
}

export interface NodeOutcome {
  readonly node: NodeName;
  /** `in-turns`: pods have to wait until those before them are Ready elsewhere. */
  readonly kind: 'drains' | 'in-turns' | 'blocked';
  readonly stops: readonly NodeStop[];
  /** Pods that the drain waits for: they leave, or their work ends. */
  readonly waits: readonly PodRef[];
  /** Pods that the drain leaves there, by reason (drain-verdicts). */
  readonly stays: Readonly<Record<string, number>>;
}

export interface HeadroomOutcome {
  readonly autoscaler: SimulatedAutoscaler;
  readonly wanted: number;
  readonly fit: number;
  /** The first that finds none. */
  readonly lacking: readonly PodOutcome[];
}

export interface WindowOutcome {
  readonly nodes: readonly NodeOutcome[];
  readonly pods: readonly PodOutcome[];
  readonly headroom: readonly HeadroomOutcome[];
}

interface Leaving {
  readonly placed: BoardPod;
  readonly from: BoardNode;
}

interface Seeking {
  readonly pod: SimulatedPod;
  readonly cause: PodOutcome['cause'];
  /** V1 of evictions.ts. */
  readonly spent: readonly SimulatedBudget[];
}

/** Places per pod of a queue: pods that push each other away end somewhere. */
const stepsPerPod = 20;

export class Simulation {
  readonly #board: Board;
  readonly #evictions: Evictions;
  readonly #scheduling: Scheduling;
  readonly #policy: SimulationPolicy;
  readonly #podsOn: ReadonlyMap<string, readonly SimulatedPod[]>;
  readonly #autoscalers: readonly SimulatedAutoscaler[];
  readonly #pods: readonly SimulatedPod[];

  constructor(evidence: SimulationEvidence, policy: SimulationPolicy) {
    this.#board = new Board(evidence);
    this.#evictions = new Evictions(evidence.budgets);
    const isGuarded = (pod: SimulatedPod): boolean => this.#evictions.isGuarded(pod);
    this.#scheduling = new Scheduling(this.#board, evidence, isGuarded);
    this.#policy = policy;
    this.#podsOn = byNode(evidence.pods);
    this.#autoscalers = evidence.autoscalers;
    this.#pods = evidence.pods;
  }

  /** Nodes that do not exist are left out. Nothing is kept of it. */
  window({ nodes, budgets, headroom }: WindowQuestion): WindowOutcome {
    const window = nodes.flatMap((name) => this.#board.node(name) ?? []);
    try {
      return this.#played(window, { budgets, headroom });
    } finally {
      this.#scheduling.forget();
      this.#evictions.reset();
      this.#board.rollBack();
    }
  }

  #played(
    window: readonly BoardNode[],
    { budgets, headroom }: Omit<WindowQuestion, 'nodes'>,
  ): WindowOutcome {
    for (const on of window) this.#board.cordon(on);
    const outcomes = new Map<Seeking, Place>();
    const pending = this.#board.pending.map(
      (pod) => ({ pod, cause: 'pending', spent: [] }) as const,
    );
    this.#place(pending, outcomes);
    const verdicts = window.map((on) => ({ on, ...this.#verdictsOf(on) }));
    let leaving = verdicts.flatMap(({ leaves }) => leaves);
    const late = new Set<BoardNode>();
    let stuck: readonly (Leaving & { readonly stop: BudgetStop })[] = [];
    for (let turn = 1; leaving.length > 0; turn += 1) {
      const answers = this.#turn(leaving, budgets, outcomes);
      stuck = answers.stuck;
      if (turn > 1) for (const { from } of answers.gone) late.add(from);
      if (answers.gone.length === 0) break;
      leaving = [...stuck];
    }
    const nodes = verdicts.map(({ on, waits, stays, stops }): NodeOutcome => {
      const held = stuck
        .filter(({ from }) => from === on)
        .map(({ placed, stop }) => ({ pod: placed.pod.ref, ...stop }));
      const all = [...stops, ...held];
      const kind = all.length > 0 ? 'blocked' : late.has(on) ? 'in-turns' : 'drains';
      return { node: on.node.name, kind, stops: all, waits, stays };
    });
    const pods = [...outcomes].map(([{ pod, cause }, place]) => ({ pod, cause, place }));
    return { nodes, pods, headroom: headroom ? this.#headroom() : [] };
  }

  #verdictsOf(on: BoardNode) {
    const question = {
      pods: this.#podsOn.get(on.node.name) ?? [],
      policy: this.#policy.drain,
      missingDaemonSets: this.#policy.missingDaemonSets,
      startedAtMs: 0,
      nowMs: 0,
    };
    const { evict, later, wait, refuse } = drainVerdicts<SimulatedPod>(question);
    const placed = new Map<DrainPod, BoardPod>([...on.pods].map((one) => [one.pod, one]));
    const leaves = [...evict, ...later].flatMap((pod): readonly Leaving[] => {
      const found = placed.get(pod);
      return found === undefined ? [] : [{ placed: found, from: on }];
    });
    const stops = refuse.flatMap(({ pod, reasons }) =>
      reasons.map(({ code }): NodeStop => ({ pod: pod.ref, code })),
    );
    const stays: Record<string, number> = {};
    for (const { verdict, reason } of podVerdicts(question)) {
      if (verdict === 'skip') stays[reason] = (stays[reason] ?? 0) + 1;
    }
    return { leaves, waits: wait.map(({ pod }) => pod.ref), stops, stays };
  }

  /** W2. */
  #turn(
    leaving: readonly Leaving[],
    budgets: WindowQuestion['budgets'],
    outcomes: Map<Seeking, Place>,
  ) {
    const gone: Leaving[] = [];
    const stuck: (Leaving & { readonly stop: BudgetStop })[] = [];
    const seeking: Seeking[] = [];
    for (const one of leaving) {
      const { pod } = one.placed;
      const answer =
        budgets === 'obeyed' ? this.#evictions.ask(pod) : ({ kind: 'leaves' } as const);
      if (answer.kind === 'refused') {
        stuck.push({ ...one, stop: answer.stop });
        continue;
      }
      gone.push(one);
      this.#board.remove(one.placed);
      const spent = answer.spends === undefined ? [] : [answer.spends];
      for (const budget of spent) this.#evictions.spend(budget);
      if (comesBack(pod)) seeking.push({ pod, cause: 'leaves', spent });
    }
    this.#scheduling.forget();
    this.#place(seeking, outcomes);
    return { gone, stuck };
  }

  /** W3. */
  #place(seeking: readonly Seeking[], outcomes: Map<Seeking, Place>): void {
    let queue = byPriority(seeking);
    const without = (): readonly Seeking[] =>
      [...outcomes].filter(([, { kind }]) => kind === 'none').map(([one]) => one);
    let steps = stepsPerPod * (seeking.length + outcomes.size + 1);
    while (queue.length > 0 && steps > 0) {
      let hasMoved = false;
      const pushed: Seeking[] = [];
      for (const one of queue) {
        steps -= 1;
        const place = this.#scheduling.find(one.pod);
        outcomes.set(one, place);
        if (place.kind === 'none') continue;
        hasMoved = true;
        if (place.kind === 'preempts') pushed.push(...this.#push(place.victims));
        this.#board.place(one.pod, place.on);
        for (const budget of one.spent) this.#evictions.giveBack(budget);
      }
      queue = hasMoved ? byPriority([...pushed, ...without()]) : [];
    }
  }

  #push(victims: readonly BoardPod[]): readonly Seeking[] {
    const pushed = victims.map((placed) => {
      this.#board.remove(placed);
      const spent = this.#evictions.budgetsOf(placed.pod);
      for (const budget of spent) this.#evictions.spend(budget);
      return { pod: placed.pod, cause: 'preempted', spent } as const;
    });
    this.#scheduling.forget();
    return pushed.filter(({ pod }) => comesBack(pod));
  }

  #headroom(): readonly HeadroomOutcome[] {
    return this.#autoscalers.flatMap((autoscaler) => {
      const wanted = autoscaler.max - autoscaler.current;
      const pod = this.#pods.find((one) => isTargetOf(one, autoscaler));
      if (pod === undefined || wanted <= 0) return [];
      for (let fit = 0; fit < wanted; fit += 1) {
        const place = this.#scheduling.find(pod);
        if (place.kind !== 'fits') {
          return [
            { autoscaler, wanted, fit, lacking: [{ pod, cause: 'headroom', place } as const] },
          ];
        }
        this.#board.place(pod, place.on);
      }
      return [{ autoscaler, wanted, fit: wanted, lacking: [] }];
    });
  }
}

function byNode(pods: readonly SimulatedPod[]): ReadonlyMap<string, readonly SimulatedPod[]> {
  const groups = new Map<string, SimulatedPod[]>();
  for (const pod of pods) {
    const group = groups.get(pod.node) ?? [];
    group.push(pod);
    groups.set(pod.node, group);
  }
  return groups;
}

/** W4. */
function comesBack({ controller, phase }: SimulatedPod): boolean {
  return controller !== undefined && controller.kind !== 'DaemonSet' && !isFinished({ phase });
}

function byPriority(seeking: readonly Seeking[]): readonly Seeking[] {
  return seeking.toSorted((a, b) => b.pod.shape.priority - a.pod.shape.priority);
}

/** Pods of a Deployment are owned by a ReplicaSet whose name ends in the hash of its template. */
function isTargetOf(
  { ref, controller, labels, phase }: SimulatedPod,
  { namespace, target }: SimulatedAutoscaler,
): boolean {
  if (ref.namespace !== namespace || controller === undefined || isFinished({ phase }))
    return false;
  if (target.kind !== 'Deployment') {
    return controller.kind === target.kind && controller.name === target.name;
  }
  return controller.name === `${target.name}-${labels['pod-template-hash'] ?? ''}`;
}
