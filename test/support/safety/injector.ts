// Breaks things in the middle of an upgrade, and remembers what it broke: what it is not to blame
// for, somebody else has done.
// I1. Its clock begins with the first cordon that the log tells of: faults of random moments
//     belong to the drains.
// I2. A pod that is sick runs and never becomes Ready. kwok leaves a Ready condition of `Unknown`
//     alone, and a pod that has an address is not started again.

import type { KubeRequest, KubeRest } from '../../../lab/kube-rest';
import type { LabControl } from '../../../lab/control';
import { until } from '../lab-until';
import type { Explain } from './budget-judge';
import { isHealthy } from './budget-judge';
import type { LogEntry, LoggedObject } from './cluster-log';
import type { Fault, FaultAction, FaultKind } from './faults';
import type { GuardedBudget, Workload } from './situation';
import { budgetManifest, budgetPath, scalePath } from './situation';

export interface InjectorOptions {
  readonly faults: readonly Fault[];
  readonly kube: KubeRest;
  readonly control: LabControl;
  readonly member: string;
  /** SIGKILL to the worker, and a new one. */
  readonly replaceWorker: () => Promise<void>;
  /** Resolves when the upgrade was told to go on. */
  readonly pause: (forMs: number) => Promise<void>;
}

interface NodeHarm {
  readonly kind: FaultKind;
  readonly node: string;
  readonly fromMs: number;
  readonly untilMs: number;
}

interface ScaleHarm {
  readonly app: string;
  readonly fromMs: number;
  /** Pods that are too many now. */
  readonly surplus: number;
}

const sickReason = 'InjectedFault';
const sickAddress = '10.0.0.1';
/** The node lifecycle controller and kwok need some seconds to mark and to heal pods. */
const healedAfterMs = 15_000;
const actTimeoutMs = 30_000;

const appOf = ({ metadata }: LoggedObject): string =>
  `${metadata.namespace ?? ''}/${metadata.labels?.['app'] ?? ''}`;
const nameOf = ({ namespace, name }: Workload): string => `${namespace}/${name}`;

export class Injector {
  readonly #options: InjectorOptions;
  readonly #pods = new Map<string, LoggedObject>();
  readonly #sick = new Set<string>();
  readonly #deleted = new Set<string>();
  readonly #nodes: NodeHarm[] = [];
  readonly #scales: ScaleHarm[] = [];
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #underWay = new Set<Promise<void>>();
  readonly #applied: FaultKind[] = [];
  readonly #ahead: Set<FaultKind>;
  readonly #problems: string[] = [];
  #isBegun = false;
  #isOver = false;

  constructor(options: InjectorOptions) {
    this.#options = options;
    this.#ahead = new Set(options.faults.map(({ action }) => action.kind));
  }

  /** In the order in which they were done. */
  get applied(): readonly FaultKind[] {
    return this.#applied;
  }

  /** Whose moment has not come: the upgrade was over before. */
  get ahead(): readonly FaultKind[] {
    return [...this.#ahead];
  }

  /** What could not be done, each in words. */
  get problems(): readonly string[] {
    return this.#problems;
  }

  /** Every entry of the log, as it comes. */
  see(entry: LogEntry): void {
    const { kind, type, object } = entry;
    if (kind === 'nodes' && object.spec?.unschedulable === true) this.#begin();
    if (kind !== 'pods') return;
    if (type === 'gone') this.#pods.delete(object.metadata.uid);
    else {
      this.#pods.set(object.metadata.uid, object);
      this.#keepSick(object);
    }
  }

  /** Everything is as it was, as far as it can be; what was deleted for good stays away. */
  async heal(): Promise<void> {
    await this.stop();
    this.#sick.clear();
    const sick = [...this.#pods.values()].filter(isMarkedSick);
    await Promise.all(sick.map((pod) => this.#setReady(pod, 'True')));
    for (const { action } of this.#options.faults) {
      if ('budget' in action) await this.#restore(action.budget);
      if (action.kind === 'scaled') {
        const { workload } = action;
        await this.#merge(scalePath(workload), { spec: { replicas: workload.replicas } });
      }
    }
  }

  /** Nothing happens any more when it resolves. */
  async stop(): Promise<void> {
    this.#isOver = true;
    for (const timer of this.#timers) clearTimeout(timer);
    await Promise.all(this.#underWay);
  }

  /** What of a log is its doing; every pod that is too many explains one loss. */
  explain(): Explain {
    const left = new Map(this.#scales.map((harm) => [harm, harm.surplus]));
    return (pod, entry) => {
      if (isMarkedSick(pod)) return 'sick-pods';
      if (this.#deleted.has(pod.metadata.uid)) return 'pod-deleted';
      const node = this.#nodes.find((harm) => isHarmed(harm, pod, entry));
      if (node !== undefined) return node.kind;
      const isLeaving = entry.type === 'gone' || pod.metadata.deletionTimestamp !== undefined;
      if (!isLeaving) return undefined;
      const scale = this.#scales.find(
        (harm) => harm.app === appOf(pod) && entry.seenAtMs >= harm.fromMs && left.get(harm) !== 0,
      );
      if (scale === undefined) return undefined;
      left.set(scale, (left.get(scale) ?? 0) - 1);
      return 'scaled';
    };
  }

  /** I1. */
  #begin(): void {
    if (this.#isBegun) return;
    this.#isBegun = true;
    for (const { atMs, action } of this.#options.faults) {
      this.#later(atMs, async () => {
        this.#ahead.delete(action.kind);
        await this.#act(action);
        this.#applied.push(action.kind);
      });
    }
  }

  #later(ms: number, act: () => Promise<void>): void {
    if (this.#isOver) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#do(act());
    }, ms);
    this.#timers.add(timer);
  }

  #do(work: Promise<void>): void {
    const done = work.catch((error: unknown) => {
      if (!this.#isOver) this.#problems.push(String(error));
    });
    this.#underWay.add(done);
    void done.finally(() => this.#underWay.delete(done));
  }

  #act(action: FaultAction): Promise<void> {
    if ('budget' in action) return this.#changeBudget(action);
    if ('workload' in action) return this.#changeWorkload(action);
    switch (action.kind) {
      case 'node-deleted':
        return this.#deleteNode(action.node);
      case 'worker-killed':
        return this.#options.replaceWorker();
      case 'paused':
        return this.#options.pause(action.forMs);
      case 'node-not-ready':
      case 'api-restarted':
      case 'controllers-killed':
        return this.#breakMachine(action);
    }
  }

  #changeWorkload(action: Extract<FaultAction, { readonly workload: Workload }>): Promise<void> {
    switch (action.kind) {
      case 'sick-pods':
        return this.#makeSick(action);
      case 'scaled':
        return this.#scale(action);
      case 'pod-deleted':
        return this.#deletePod(action.workload);
    }
  }

  /** The lab does it, and mends it by itself. */
  #breakMachine(
    action: Extract<
      FaultAction,
      { kind: 'node-not-ready' | 'api-restarted' | 'controllers-killed' }
    >,
  ): Promise<void> {
    const { control, member } = this.#options;
    switch (action.kind) {
      case 'node-not-ready': {
        const { kind, node, seconds } = action;
        this.#harmNode(kind, node, seconds * 1_000 + healedAfterMs);
        return control.fault({ kind, node, seconds });
      }
      case 'api-restarted': {
        const { signal } = action;
        return control.fault({ kind: 'kill', process: `${member}-api-server`, signal });
      }
      case 'controllers-killed':
        return control.fault({ kind: 'kill', process: `${member}-controller-manager` });
    }
  }

  async #makeSick({
    workload,
    of,
    forMs,
  }: Extract<FaultAction, { kind: 'sick-pods' }>): Promise<void> {
    const name = nameOf(workload);
    this.#sick.add(name);
    const some = this.#podsOf(name).filter(isHealthy).slice(0, of);
    await Promise.all(some.map((pod) => this.#setReady(pod, 'Unknown')));
    if (forMs === undefined) return;
    this.#later(forMs, async () => {
      this.#sick.delete(name);
      const sick = this.#podsOf(name).filter(isMarkedSick);
      await Promise.all(sick.map((pod) => this.#setReady(pod, 'True')));
    });
  }

  /** I2. */
  #keepSick(pod: LoggedObject): void {
    const isNew = pod.status?.phase === 'Pending' && pod.spec?.nodeName !== undefined;
    const isKept = this.#sick.has(appOf(pod)) && pod.metadata.deletionTimestamp === undefined;
    if (this.#isOver || !isKept || !isNew) return;
    this.#do(this.#setReady(pod, 'Unknown'));
  }

  async #setReady(pod: LoggedObject, status: 'True' | 'Unknown'): Promise<void> {
    const { namespace = '', name, uid } = pod.metadata;
    const at = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
    const reason = status === 'True' ? 'Healed' : sickReason;
    const condition = { type: 'Ready', status, reason, lastTransitionTime: at };
    await this.#insist(
      {
        method: 'PATCH',
        path: `/api/v1/namespaces/${namespace}/pods/${name}/status`,
        contentType: 'application/strategic-merge-patch+json',
        body: {
          metadata: { uid },
          status: { phase: 'Running', podIP: sickAddress, conditions: [condition] },
        },
      },
      // Gone, or another one of its name.
      [404, 409],
    );
  }

  async #scale({ workload, to }: Extract<FaultAction, { kind: 'scaled' }>): Promise<void> {
    const surplus = Math.max(0, workload.replicas - to);
    this.#scales.push({ app: nameOf(workload), fromMs: Date.now(), surplus });
    await this.#merge(scalePath(workload), { spec: { replicas: to } });
  }

  async #deletePod(workload: Workload): Promise<void> {
    const pod = this.#podsOf(nameOf(workload)).find(isHealthy);
    if (pod === undefined) return;
    const { namespace = '', name, uid } = pod.metadata;
    this.#deleted.add(uid);
    const body = { preconditions: { uid } };
    const path = `/api/v1/namespaces/${namespace}/pods/${name}`;
    await this.#insist({ method: 'DELETE', path, body }, [404, 409]);
  }

  async #deleteNode(node: string): Promise<void> {
    this.#harmNode('node-deleted', node, Infinity);
    await this.#insist({ method: 'DELETE', path: `/api/v1/nodes/${node}` }, [404]);
  }

  #harmNode(kind: FaultKind, node: string, ms: number): void {
    const fromMs = Date.now();
    this.#nodes.push({ kind, node, fromMs, untilMs: fromMs + ms });
  }

  async #changeBudget(
    action: Extract<FaultAction, { readonly budget: GuardedBudget }>,
  ): Promise<void> {
    const { budget } = action;
    if (action.kind === 'budget-deleted') {
      await this.#insist({ method: 'DELETE', path: budgetPath(budget) }, [404]);
      return;
    }
    const isEdit = action.kind === 'budget-edited';
    await this.#apply(isEdit ? { ...budget, form: action.to } : secondOf(budget));
    const { restoreAfterMs } = action;
    if (restoreAfterMs !== undefined) this.#later(restoreAfterMs, () => this.#restore(budget));
  }

  async #restore(budget: GuardedBudget): Promise<void> {
    await this.#insist({ method: 'DELETE', path: budgetPath(secondOf(budget)) }, [404]);
    await this.#apply(budget);
  }

  async #apply(budget: GuardedBudget): Promise<void> {
    const { path, object } = budgetManifest(budget);
    await until(`${path} is applied`, async () => {
      await this.#options.kube.apply(path, object);
      return true;
    });
  }

  #podsOf(app: string): readonly LoggedObject[] {
    return [...this.#pods.values()].filter((pod) => appOf(pod) === app);
  }

  #merge(path: string, body: object): Promise<void> {
    const contentType = 'application/merge-patch+json';
    return this.#insist({ method: 'PATCH', path, body, contentType }, [404]);
  }

  /** The API may be away just now; what it refuses is allowed to be refused when it is named. */
  async #insist(request: KubeRequest, allowed: readonly number[]): Promise<void> {
    await until(
      `${request.method} ${request.path} is answered`,
      async () => {
        await this.#options.kube.must(request, allowed);
        return true;
      },
      { timeoutMs: actTimeoutMs },
    );
  }
}

/** Of the same pods. */
function secondOf(budget: GuardedBudget): GuardedBudget {
  return { ...budget, name: `${budget.name}-too` };
}

function isHarmed(harm: NodeHarm, pod: LoggedObject, { seenAtMs }: LogEntry): boolean {
  const { node, fromMs, untilMs } = harm;
  return node === pod.spec?.nodeName && seenAtMs >= fromMs && seenAtMs <= untilMs;
}

function isMarkedSick({ status }: LoggedObject): boolean {
  return status?.conditions?.some(({ reason }) => reason === sickReason) === true;
}
