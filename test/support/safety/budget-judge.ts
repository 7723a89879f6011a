// Judges every budget at every revision of a log, from what the budgets ask for and what the pods
// are; the disruption controller's figures only say what it could know.
// J1. A pod is healthy when it is Ready and not on its way out. A budget demands what the
//     disruption controller demands (pkg/controller/disruption, getExpectedPodCount).
// J2. A *loss* is a pod that stops being healthy. It is the engine's when it was evicted, and also
//     when nothing else explains it: neither an injected fault nor the end of its own work.
// J3. A *violation* is a loss of the engine's that leaves a budget with fewer healthy pods than it
//     demands.
// J4. It is *excused* as far as faults explain it that the disruption controller had not counted.
//     What it had counted is told by the budget's status: the state of the latest revision with
//     the same figures. The Eviction API decides by that status; a fault of the last moments is
//     nothing that anybody who evicts could have known.
// J5. A budget that was too low before, or falls by a fault, is no violation: nobody was evicted.

import { isEvicted } from '../lab-eviction-watch';
import type { LogEntry, LoggedObject } from './cluster-log';

/** Why a pod was lost without an eviction; undefined when nobody injected it. */
export type Explain = (pod: LoggedObject, entry: LogEntry) => string | undefined;

export interface Loss {
  readonly revision: number;
  readonly pod: string;
  readonly uid: string;
  readonly node: string;
  /** `eviction`, `finished`, a fault, or `unexplained`. */
  readonly cause: string;
}

export interface BudgetViolation {
  readonly revision: number;
  readonly budget: string;
  readonly pod: string;
  readonly cause: string;
  readonly healthy: number;
  readonly demanded: number;
}

export interface Judgement {
  readonly losses: readonly Loss[];
  readonly violations: readonly BudgetViolation[];
  /** J4. */
  readonly excused: readonly BudgetViolation[];
  /** Losses in a gap of the watch: nobody saw who caused them. */
  readonly unseen: readonly Loss[];
  /** Budgets whose figures at the end are not those of the disruption controller, in words. */
  readonly disagreements: readonly string[];
}

interface Figures {
  readonly expected: number;
  readonly healthy: number;
  readonly demanded: number;
}

interface Moment extends Figures {
  readonly revision: number;
}

interface JudgedBudget {
  readonly object: LoggedObject;
  /** What the disruption controller said last of a specification that it had looked at. */
  readonly told: Figures | undefined;
  readonly moments: Moment[];
  /** Of its pods, by others than the engine. */
  readonly losses: { readonly revision: number; readonly uid: string }[];
}

type Scalable = 'deployments' | 'statefulSets' | 'replicaSets';
const scalables: Readonly<Record<string, Scalable>> = {
  Deployment: 'deployments',
  StatefulSet: 'statefulSets',
  ReplicaSet: 'replicaSets',
};

/** J1. */
export function isHealthy({ metadata, status }: LoggedObject): boolean {
  if (metadata.deletionTimestamp !== undefined) return false;
  return (status?.conditions ?? []).some(
    (condition) => condition.type === 'Ready' && condition.status === 'True',
  );
}

const isFinished = ({ status }: LoggedObject): boolean =>
  status?.phase === 'Succeeded' || status?.phase === 'Failed';

const nameOf = ({ metadata }: LoggedObject): string =>
  `${metadata.namespace ?? ''}/${metadata.name}`;

function selects(budget: LoggedObject, { metadata }: LoggedObject): boolean {
  const { selector } = budget.spec ?? {};
  if (selector === undefined || budget.metadata.namespace !== metadata.namespace) return false;
  const wanted = Object.entries(selector.matchLabels ?? {});
  return wanted.every(([key, value]) => metadata.labels?.[key] === value);
}

/** Percentages round up, both of them (disruption controller, GetScaledValueFromIntOrPercent). */
function scaled(value: number | string, of: number): number {
  return typeof value === 'number' ? value : Math.ceil((Number.parseInt(value, 10) * of) / 100);
}

export class BudgetJudge {
  readonly #explain: Explain;
  readonly #pods = new Map<string, LoggedObject>();
  readonly #owners = new Map<string, LoggedObject>();
  readonly #budgets = new Map<string, JudgedBudget>();
  readonly #losses: Loss[] = [];
  readonly #unseen: Loss[] = [];
  readonly #violations: BudgetViolation[] = [];
  readonly #excused: BudgetViolation[] = [];

  constructor(explain: Explain) {
    this.#explain = explain;
  }

  /** Entries in the order of revisions, from the beginning. */
  judge(entries: readonly LogEntry[]): Judgement {
    for (const entry of entries) this.#take(entry);
    return {
      losses: this.#losses,
      violations: this.#violations,
      excused: this.#excused,
      unseen: this.#unseen,
      disagreements: this.#disagreements(),
    };
  }

  #disagreements(): readonly string[] {
    return [...this.#budgets.values()].flatMap(({ object }) => {
      const truth = this.#figures(object);
      const told = toldBy(object);
      return told === undefined || isSame(truth, told)
        ? []
        : [`${nameOf(object)}: ${JSON.stringify(truth)}, told ${JSON.stringify(told)}`];
    });
  }

  #take(entry: LogEntry): void {
    switch (entry.kind) {
      case 'pods':
        this.#takePod(entry);
        break;
      case 'budgets':
        this.#takeBudget(entry);
        break;
      case 'nodes':
        break;
      case 'deployments':
      case 'statefulSets':
      case 'replicaSets':
        keep(this.#owners, `${entry.kind}/${nameOf(entry.object)}`, entry);
        this.#note(entry);
    }
  }

  #takeBudget(entry: LogEntry): void {
    const { object, type } = entry;
    const { uid } = object.metadata;
    const judged = this.#budgets.get(uid);
    if (type === 'gone') this.#budgets.delete(uid);
    else {
      const told = toldBy(object) ?? judged?.told;
      const { moments, losses } = judged ?? { moments: [], losses: [] };
      this.#budgets.set(uid, { object, told, moments, losses });
    }
    this.#note(entry);
  }

  #takePod(entry: LogEntry): void {
    const { object, type } = entry;
    const before = this.#pods.get(object.metadata.uid);
    keep(this.#pods, object.metadata.uid, entry);
    const isLost =
      before !== undefined && isHealthy(before) && (type === 'gone' || !isHealthy(object));
    if (isLost) this.#lose(object, entry);
    this.#note(entry);
  }

  /** J2, J3. */
  #lose(pod: LoggedObject, entry: LogEntry): void {
    const { uid } = pod.metadata;
    const cause = this.#causeOf(pod, entry);
    const node = pod.spec?.nodeName ?? '';
    const loss: Loss = { revision: entry.revision, pod: nameOf(pod), uid, node, cause };
    this.#losses.push(loss);
    if (entry.unseen === true && cause === 'unexplained') {
      this.#unseen.push(loss);
      return;
    }
    const isEngines = cause === 'eviction' || cause === 'unexplained';
    for (const judged of this.#budgets.values()) {
      if (!selects(judged.object, pod)) continue;
      if (isEngines) this.#judgeLoss(judged, loss);
      else judged.losses.push({ revision: entry.revision, uid });
    }
  }

  #causeOf(pod: LoggedObject, entry: LogEntry): string {
    if (isEvicted(pod)) return 'eviction';
    if (isFinished(pod)) return 'finished';
    return this.#explain(pod, entry) ?? 'unexplained';
  }

  #judgeLoss(judged: JudgedBudget, { revision, pod, cause }: Loss): void {
    const { healthy, demanded } = this.#figures(judged.object);
    if (healthy >= demanded) return;
    const budget = nameOf(judged.object);
    const violation = { revision, budget, pod, cause, healthy, demanded };
    const { uncounted, mildest } = this.#uncounted(judged, demanded);
    if (healthy + uncounted >= mildest) this.#excused.push(violation);
    else this.#violations.push(violation);
  }

  /** J4. */
  #uncounted(
    { told, moments, losses }: JudgedBudget,
    demanded: number,
  ): { readonly uncounted: number; readonly mildest: number } {
    const index = moments.findLastIndex((moment) => told !== undefined && isSame(moment, told));
    const counted = moments[index];
    if (counted === undefined) return { uncounted: 0, mildest: demanded };
    const since = losses.filter(({ revision }) => revision > counted.revision);
    const still = since.filter(({ uid }) => !isHealthyStill(this.#pods.get(uid)));
    const demands = moments.slice(index).map((moment) => moment.demanded);
    const uncounted = new Set(still.map(({ uid }) => uid)).size;
    return { uncounted, mildest: Math.min(demanded, ...demands) };
  }

  /** Remembers what is true of every budget of the namespace from this revision on. */
  #note({ revision, object: { metadata } }: LogEntry): void {
    for (const { object, moments } of this.#budgets.values()) {
      if (object.metadata.namespace !== metadata.namespace) continue;
      const figures = this.#figures(object);
      const last = moments.at(-1);
      if (last === undefined || !isSame(last, figures)) moments.push({ revision, ...figures });
    }
  }

  /** J1. */
  #figures(budget: LoggedObject): Figures {
    const pods = [...this.#pods.values()].filter((pod) => selects(budget, pod));
    const healthy = pods.filter(isHealthy).length;
    const { minAvailable, maxUnavailable } = budget.spec ?? {};
    if (typeof minAvailable === 'number') {
      return { expected: pods.length, healthy, demanded: minAvailable };
    }
    const expected = this.#scaleOf(pods);
    const demanded =
      minAvailable === undefined
        ? Math.max(0, expected - scaled(maxUnavailable ?? 0, expected))
        : scaled(minAvailable, expected);
    return { expected, healthy, demanded };
  }

  /** What the controllers of these pods are asked for, each once. */
  #scaleOf(pods: readonly LoggedObject[]): number {
    const owners = new Map<string, number>();
    for (const pod of pods) {
      const owner = this.#ownerOf(pod);
      if (owner !== undefined) owners.set(owner.key, owner.replicas);
    }
    return [...owners.values()].reduce((sum, replicas) => sum + replicas, 0);
  }

  #ownerOf(object: LoggedObject): { readonly key: string; readonly replicas: number } | undefined {
    const reference = object.metadata.ownerReferences?.find(
      ({ controller }) => controller === true,
    );
    const kind = scalables[reference?.kind ?? ''];
    if (reference === undefined || kind === undefined) return undefined;
    const key = `${kind}/${object.metadata.namespace ?? ''}/${reference.name}`;
    const owner = this.#owners.get(key);
    if (owner === undefined) return undefined;
    return this.#ownerOf(owner) ?? { key, replicas: owner.spec?.replicas ?? 1 };
  }
}

function keep(map: Map<string, LoggedObject>, key: string, { type, object }: LogEntry): void {
  if (type === 'gone') map.delete(key);
  else map.set(key, object);
}

function isHealthyStill(pod: LoggedObject | undefined): boolean {
  return pod !== undefined && isHealthy(pod);
}

function isSame(a: Figures, b: Figures): boolean {
  return a.expected === b.expected && a.healthy === b.healthy && a.demanded === b.demanded;
}

/** The figures of the disruption controller; undefined before it has looked at the budget. */
function toldBy({ metadata, status }: LoggedObject): Figures | undefined {
  const { observedGeneration, expectedPods, currentHealthy, desiredHealthy } = status ?? {};
  if (observedGeneration !== metadata.generation) return undefined;
  return {
    expected: expectedPods ?? 0,
    healthy: currentHealthy ?? 0,
    demanded: desiredHealthy ?? 0,
  };
}
