// admitNodes: waits until a node of the pool may begin beside those in work (domain/pool/),
// and tells which. It looks at what watches tell; where none opens, at lists.
// M1. While no node is in work, what is in the way is waited for only so long: then the first node
//     begins all the same. Its drain evicts nothing that a budget keeps, it tells a person what is
//     in the way in full, and an upgrade does not stand still without anybody who was asked.
// M2. A node in work that was seen cordoned and is not any more has ended: its workflow tells that
//     a moment later. So has one without a cordon that does not wait, where those that wait say so.
// M3. A look at a large cluster costs, and somewhere in one a budget changes all the time: between
//     looks it rests for several times what the last one took, up to a limit.

import type {
  AdmissionProgress,
  AdmitNodesInput,
  AdmitNodesResult,
  AscentActivities,
} from '../../domain/activity-contract';
import {
  type Admission,
  admitNodes,
  type BudgetAllowance,
  type HeldNode,
  type NodeLoad,
  nodeLoad,
} from '../../domain/pool/admission';
import { budgetKey } from '../../domain/drain/budget-explanation';
import { cordonPurpose } from '../../domain/drain/cordon-reasons';
import { drainVerdicts } from '../../domain/drain/drain-verdicts';
import type { NodeName } from '../../domain/names';
import { nodeOrder } from '../../domain/pool/node-order';
import { type ActivityDependencies, type ActivityRun, runActivity } from '../activity-run';
import { listCluster } from './cluster-view';
import { cordonOf } from '../cordon-mark';
import { isControlPlane, zoneOf } from '../node-marks';
import { isWaiting } from '../waiting-taint';
import type { BudgetView, ClusterFollower, ClusterView, NodeView, PodView } from '../ports';
import { roomIn } from './room';
import { VolumeZones } from './volume-zones';

/** Longest time between two looks; pods come and go without a change of node or budget. */
const slowestLookMs = 2_000;
/** Changes come in swarms: one look for all of them. */
const gatherMs = 50;
/** M3: at most a fifth of the time is spent on looks, unless the limit says otherwise. */
const restPerLook = 4;
const longestRestMs = 1_000;
/** How long watches may take to open before the cluster is listed, and between two such lists. */
const listAfterMs = 10_000;
/** M1, unless the drain itself may not take so long. */
const longestPatienceMs = 5 * 60_000;
/** A replacement that is not Ready by then is not about to be. */
const startsWithinMs = 2 * 60_000;
/** Of those that are held; heartbeats are small. */
const namedNodes = 3;

export function admissionActivities(
  deps: ActivityDependencies,
): Pick<AscentActivities, 'admitNodes'> {
  const volumes = new VolumeZones(deps.ports.kube, deps.ports.clock);
  return {
    /**
     * Reads only. Bound: `waitMs`, then nobody is admitted. Heartbeats AdmissionProgress on every
     * change; it carries M1 over to the next attempt.
     */
    admitNodes: (input) =>
      runActivity(
        {
          deps,
          cluster: input.cluster,
          doing: `choosing the next node of pool ${input.pool}`,
          code: 'unexpected',
        },
        async (run) => {
          const follower = deps.ports.kube.followCluster();
          try {
            return await new AdmissionWait({ deps, run, input, follower, volumes }).untilAdmitted();
          } finally {
            follower.close();
          }
        },
      ),
  };
}

/** What one look is about. */
interface Seen {
  readonly cluster: ClusterView;
  readonly budgets: Map<string, BudgetAllowance>;
  /** By budgetKey: pods that are being replaced. */
  readonly replaced: ReadonlyMap<string, number>;
  /** By node: pods that have to leave it. */
  readonly leaving: Map<NodeName, readonly PodView[]>;
}

interface AdmissionParts {
  readonly deps: ActivityDependencies;
  readonly run: ActivityRun;
  readonly input: AdmitNodesInput;
  readonly follower: ClusterFollower;
  readonly volumes: VolumeZones;
}

/** One attempt to find nodes that may begin. */
class AdmissionWait {
  readonly #deps: ActivityDependencies;
  readonly #run: ActivityRun;
  readonly #input: AdmitNodesInput;
  readonly #follower: ClusterFollower;
  readonly #volumes: VolumeZones;
  readonly #startedAtMs: number;
  /** M2. */
  readonly #cordonedBefore = new Set<NodeName>();
  #idleSinceMs: number | undefined;
  #listedAtMs: number;
  #toldAs = '';

  constructor({ deps, run, input, follower, volumes }: AdmissionParts) {
    this.#deps = deps;
    this.#run = run;
    this.#input = input;
    this.#follower = follower;
    this.#volumes = volumes;
    this.#startedAtMs = deps.ports.clock.nowMs();
    this.#listedAtMs = this.#startedAtMs;
    this.#idleSinceMs = idleSinceIn(run.resume);
  }

  async untilAdmitted(): Promise<AdmitNodesResult> {
    const { clock } = this.#deps.ports;
    const { signal } = this.#run;
    for (;;) {
      const beganMs = clock.nowMs();
      const cluster = await this.#look();
      await this.#volumes.learn(this.#podsIn(cluster), signal);
      const admitted = cluster === undefined ? [] : this.#admit(cluster);
      const lookedMs = clock.nowMs();
      const leftMs = this.#startedAtMs + this.#input.waitMs - lookedMs;
      if (admitted.length > 0 || leftMs <= 0) return { admitted };
      await this.#follower.changed(Math.min(slowestLookMs, leftMs), signal);
      const restMs = Math.min(longestRestMs, restPerLook * (lookedMs - beganMs));
      await clock.sleep(Math.max(gatherMs, lookedMs + restMs - clock.nowMs()), signal);
    }
  }

  async #look(): Promise<ClusterView | undefined> {
    const told = this.#follower.cluster();
    const nowMs = this.#deps.ports.clock.nowMs();
    if (told !== undefined || nowMs - this.#listedAtMs < listAfterMs) return told;
    this.#listedAtMs = nowMs;
    return listCluster(this.#deps.ports.kube, this.#run.signal);
  }

  *#podsIn(cluster: ClusterView | undefined): Iterable<PodView> {
    const { waiting, inWork } = this.#input;
    for (const node of [...waiting, ...inWork]) yield* cluster?.podsOnNode(node) ?? [];
  }

  #admit(cluster: ClusterView): AdmitNodesResult['admitted'] {
    const missing = this.#input.waiting.filter((name) => cluster.node(name) === undefined);
    // Nothing is there that could be in the way: its own workflow tells that it is gone.
    if (missing.length > 0) return missing.slice(0, this.#input.free).map((node) => ({ node }));
    const { admitted, held } = this.#ask(cluster);
    if (admitted.length > 0) return admitted.map((node) => ({ node }));
    this.#tell(held);
    const [first] = held;
    return first !== undefined && this.#isPatienceOver()
      ? [{ node: first.node, despite: first.holds }]
      : [];
  }

  #ask(cluster: ClusterView): Admission {
    const { free, window, waiting } = this.#input;
    const inWork = this.#inWork(cluster);
    const replaced = replacedIn(cluster, this.#deps.ports.clock.nowMs());
    const seen: Seen = { cluster, budgets: new Map(), replaced, leaving: new Map() };
    const loadOf = (node: NodeView): NodeLoad => this.#loadOf(node, seen);
    const candidates = nodesNamed(cluster, waiting).map(loadOf);
    const others = cluster
      .nodes()
      .filter((node) => isDrained(node) && !inWork.includes(node) && !waiting.includes(node.name));
    this.#idleSinceMs =
      inWork.length > 0 ? undefined : (this.#idleSinceMs ?? this.#deps.ports.clock.nowMs());
    return admitNodes({
      candidates: inOrder(candidates, this.#input),
      inWork: inWork.map(loadOf),
      drained: others.map(loadOf),
      zones: window.zones,
      free,
      budgets: seen.budgets,
      servingOf: (owner) => cluster.servingOf(owner),
      roomFor: roomIn({ ...seen, volumes: this.#volumes }),
    });
  }

  /** M2. */
  #inWork(cluster: ClusterView): readonly NodeView[] {
    const { inWork, waiting } = this.#input;
    // The taint goes with the cordon: it is on a node that is about to be cordoned (ADR 10).
    const sayTheyWait = nodesNamed(cluster, waiting).some(isWaiting);
    return nodesNamed(cluster, inWork).filter((node) => {
      if (node.unschedulable) this.#cordonedBefore.add(node.name);
      const hasEnded = this.#cordonedBefore.has(node.name) || (sayTheyWait && !isWaiting(node));
      return node.unschedulable || !hasEnded;
    });
  }

  /** Notes in `seen` what it finds. */
  #loadOf(node: NodeView, seen: Seen): NodeLoad {
    const { cluster } = seen;
    const nowMs = this.#deps.ports.clock.nowMs();
    const { evict, later, wait } = drainVerdicts({
      pods: cluster.podsOnNode(node.name),
      policy: this.#input.policy,
      missingDaemonSets: [],
      startedAtMs: nowMs,
      nowMs,
    });
    const awaited = wait.map(({ pod }) => pod);
    const leaving = [...evict, ...later, ...awaited].filter(hasNotLeft);
    const { name } = node;
    seen.leaving.set(name, leaving);
    const place = { name, zone: zoneOf(node), isControlPlane: isControlPlane(node) };
    return nodeLoad(place, leaving, (pod) => {
      const views = cluster.budgetsOf(pod);
      for (const view of views) keepAllowance(seen, view);
      return views.map(({ budget }) => budget);
    });
  }

  /** M1. */
  #isPatienceOver(): boolean {
    if (this.#idleSinceMs === undefined) return false;
    const patienceMs = Math.min(longestPatienceMs, this.#input.policy.timeoutMs);
    return this.#deps.ports.clock.nowMs() - this.#idleSinceMs >= patienceMs;
  }

  #tell(held: readonly HeldNode[]): void {
    const idleSinceMs = this.#idleSinceMs;
    const progress: AdmissionProgress = {
      held: held.slice(0, namedNodes),
      more: Math.max(0, held.length - namedNodes),
      ...(idleSinceMs === undefined ? {} : { idleSinceMs }),
    };
    const tellsAs = JSON.stringify(progress);
    if (tellsAs !== this.#toldAs) this.#run.beat(progress);
    this.#toldAs = tellsAs;
  }
}

function idleSinceIn(resume: unknown): number | undefined {
  if (typeof resume !== 'object' || resume === null) return undefined;
  const { idleSinceMs } = resume as Partial<AdmissionProgress>;
  return Number.isFinite(idleSinceMs) ? idleSinceMs : undefined;
}

/** Those of them that are there. */
function nodesNamed(cluster: ClusterView, names: readonly NodeName[]): readonly NodeView[] {
  return names.flatMap((name) => cluster.node(name) ?? []);
}

function hasNotLeft({ deletionTimestampMs }: PodView): boolean {
  return deletionTimestampMs === undefined;
}

/** Whether somebody of ours is draining it; a node that is set aside keeps its pods. */
function isDrained(node: NodeView): boolean {
  const cordon = cordonOf(node);
  if (cordon.kind !== 'ours') return false;
  const purpose = cordonPurpose(cordon.reason);
  return purpose === 'upgrade' || purpose === 'drain';
}

/** The zone that was begun is finished before another one begins. */
function inOrder(
  candidates: readonly NodeLoad[],
  { window, zone }: AdmitNodesInput,
): readonly NodeLoad[] {
  const isBegun = zone !== undefined && window.zones === 'one-at-a-time';
  const rest = isBegun ? candidates.filter((node) => node.zone === zone) : [];
  return nodeOrder(rest.length > 0 ? rest : candidates, window);
}

/** Only numbers that mean something: the other budgets are left to the Eviction API. */
function keepAllowance({ budgets, replaced }: Seen, view: BudgetView): void {
  const key = budgetKey(view.budget);
  if (!view.observed || view.syncFailed || budgets.has(key)) return;
  const { budget, disruptionsAllowed: now, expectedPods, desiredHealthy } = view;
  const most = Math.max(0, expectedPods - desiredHealthy);
  budgets.set(key, { budget, now, soon: replaced.get(key) ?? 0, most });
}

/** By budget: pods that are leaving, or that have come and are not Ready yet (A4). */
function replacedIn(cluster: ClusterView, nowMs: number): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const pod of cluster.unhealthyPods()) {
    const { deletionTimestampMs, notReadySinceMs = nowMs } = pod;
    const isOnItsWay =
      deletionTimestampMs !== undefined || nowMs - notReadySinceMs < startsWithinMs;
    if (!isOnItsWay) continue;
    for (const { budget } of cluster.budgetsOf(pod)) {
      counts.set(budgetKey(budget), (counts.get(budgetKey(budget)) ?? 0) + 1);
    }
  }
  return counts;
}
