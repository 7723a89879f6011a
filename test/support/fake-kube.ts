// The Kubernetes API in memory: nodes, pods, budgets and the Eviction API's rules as far as drains
// depend on them. Replacements of evicted pods turn up Ready on another schedulable node.

import { setImmediate as yieldToEventLoop } from 'node:timers/promises';

import { cordonedAtAnnotation, cordonReasonAnnotation } from '../../activities/cordon-mark';
import { listedCluster } from '../../activities/admission/cluster-view';
import {
  type AttachmentView,
  type BudgetShortfall,
  type BudgetView,
  type ClusterFollower,
  type ClusterView,
  type EvictionAnswer,
  type KubeApi,
  type NodeFollower,
  type NodeView,
  type PodView,
  PortError,
  type ReadFreshness,
  type VolumeView,
} from '../../activities/ports';
import { waitingTaintKey } from '../../activities/waiting-taint';
import { isUnhealthy } from '../../domain/drain/budget-explanation';
import type { BudgetRef, NodeName, PodRef } from '../../domain/names';
import type { LeaseObservation } from '../../domain/observation';
import type { SurgedObject } from '../../domain/drain/surge';
import type { FakeClock } from './fake-clock';
import { FakeScales } from './fake-scales';

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

export interface FakeBudget {
  readonly namespace: string;
  readonly name: string;
  readonly matchLabels: Readonly<Record<string, string>>;
  desiredHealthy: number;
  observed?: boolean;
  /** Absent: `minAvailable` with as many as are desired. */
  maxUnavailable?: string;
}

/** How closely a follower's wait looks. */
const changeStepMs = 10;

export class FakeKube implements KubeApi {
  readonly nodes = new Map<string, Mutable<NodeView>>();
  readonly pods = new Map<string, Mutable<PodView>>();
  readonly budgets: FakeBudget[] = [];
  readonly daemonSets = new Set<string>();
  namespaces: readonly string[] = ['default', 'kube-system', 'shop'];
  leases: LeaseObservation[] = [];
  /** Mutations in the order they were made: `cordon worker-1`, `evict shop/web-1`. */
  readonly mutations: string[] = [];
  /** How long an evicted pod takes to leave when it names no grace period itself. */
  graceMs = 1_000;
  /** Whether pods that have no finalizer are gone when their grace period is over. */
  confirmsEnds = true;
  /** How long until the replacement of a pod that left is Ready; Infinity: never. */
  respawnMs = 500;
  /** How long a volume stays attached when no pod of its node uses it any more. */
  detachMs = 2_000;
  readonly attachments = new Map<string, AttachmentView>();
  readonly volumes = new Map<string, VolumeView>();
  /** Asked first at every eviction; undefined lets the rules decide. */
  answer: ((pod: PodRef) => EvictionAnswer | PortError | undefined) | undefined;
  /** How each list of a node's pods was asked for. */
  readonly podLists: ReadFreshness[] = [];
  /** What cached lists answer instead of the truth. */
  remembered: readonly PodView[] | undefined;
  /** Whether watches tell what is on a node. */
  isWatched = false;
  /** What watches tell instead of the truth, of every node. */
  told: {
    readonly pods?: readonly PodView[];
    readonly disruptionsAllowed?: number;
    readonly isUncordoned?: boolean;
  } = {};
  /** Thrown by the next calls of the method, one each. */
  readonly failures: { readonly method: keyof KubeApi; readonly error: Error }[] = [];
  /** Runs before every call. */
  onCall: ((method: keyof KubeApi) => void) | undefined;
  mostEvictionsInFlight = 0;
  /** Followers that were not closed. */
  followers = 0;
  private evictionsInFlight = 0;
  private spawned = 0;
  readonly clock: FakeClock;
  readonly scales = new FakeScales(this);

  constructor(clock: FakeClock) {
    this.clock = clock;
  }

  addNode(name: string, over: Partial<NodeView> = {}): this {
    this.nodes.set(name, {
      name: name as NodeName,
      labels: {},
      annotations: {},
      taintKeys: [],
      unschedulable: false,
      ready: true,
      kubeletVersion: 'v1.28.15',
      ...over,
    });
    return this;
  }

  addPod(node: string, name: string, over: Partial<PodView> = {}): this {
    const ref = { namespace: 'shop', name, ...over.ref };
    const uid = over.uid ?? `uid-${ref.namespace}-${ref.name}`;
    this.pods.set(uid, {
      phase: 'Running',
      ready: true,
      labels: {},
      isMirror: false,
      hasEmptyDir: false,
      controller: { kind: 'ReplicaSet', name: 'web' },
      finalizers: [],
      ...over,
      ref,
      uid,
      node,
    });
    return this;
  }

  /** A pod of a StatefulSet with the claim `data-NAME`, whose volume `pv-NAME` is attached. */
  addVolumePod(node: string, name: string, over: Partial<PodView> = {}): this {
    this.addPod(node, name, { claims: [`data-${name}`], controller: statefulSet, ...over });
    for (const claim of over.claims ?? [`data-${name}`]) this.attach(node, claim);
    return this;
  }

  /** The volume of a claim in `shop`. */
  attach(node: string, claim: string): void {
    const volume = claim.replace('data', 'pv');
    const inUseAs = `kubernetes.io/csi/disk^${volume}`;
    this.volumes.set(volume, { claim: { namespace: 'shop', name: claim }, inUseAs });
    this.attachments.set(`csi-${volume}`, { name: `csi-${volume}`, node, volume });
  }

  addBudget(name: string, over: Partial<FakeBudget> = {}): FakeBudget {
    const budget = { namespace: 'shop', name, matchLabels: {}, desiredHealthy: 0, ...over };
    this.budgets.push(budget);
    return budget;
  }

  podsOn(node: string): string[] {
    return [...this.pods.values()].filter((pod) => pod.node === node).map((pod) => pod.ref.name);
  }

  async listNodes(signal: AbortSignal): Promise<readonly NodeView[]> {
    this.enter('listNodes', signal);
    return [...this.nodes.values()].map((node) => ({ ...node }));
  }

  async getNode(name: NodeName, signal: AbortSignal): Promise<NodeView | undefined> {
    this.enter('getNode', signal);
    const node = this.nodes.get(name);
    return node === undefined ? undefined : { ...node };
  }

  async setCordon(name: NodeName, reason: string | undefined, signal: AbortSignal): Promise<void> {
    this.enter('setCordon', signal);
    const node = this.nodes.get(name);
    if (node === undefined) throw new PortError('not-found', `node ${name} does not exist`);
    const {
      [cordonReasonAnnotation]: _reason,
      [cordonedAtAnnotation]: _at,
      ...annotations
    } = node.annotations;
    node.taintKeys = node.taintKeys.filter((key) => key !== waitingTaintKey);
    const cordonedAt = new Date(this.clock.nowMs()).toISOString();
    node.unschedulable = reason !== undefined;
    node.annotations =
      reason === undefined
        ? annotations
        : {
            ...annotations,
            [cordonReasonAnnotation]: reason,
            [cordonedAtAnnotation]: cordonedAt,
          };
    this.mutations.push(`${reason === undefined ? 'uncordon' : 'cordon'} ${name}`);
  }

  async setWaitingTaint(name: NodeName, isPlaced: boolean, signal: AbortSignal): Promise<void> {
    this.enter('setWaitingTaint', signal);
    const node = this.nodes.get(name);
    if (node === undefined) return;
    const others = node.taintKeys.filter((key) => key !== waitingTaintKey);
    node.taintKeys = isPlaced ? [...others, waitingTaintKey] : others;
    this.mutations.push(`${isPlaced ? 'taint' : 'untaint'} ${name}`);
  }

  async listPodsOnNode(
    name: NodeName,
    freshness: ReadFreshness,
    signal: AbortSignal,
  ): Promise<readonly PodView[]> {
    this.enter('listPodsOnNode', signal);
    this.podLists.push(freshness);
    if (freshness === 'cached' && this.remembered !== undefined) return this.remembered;
    return this.copiesOn(name);
  }

  followNode(name: NodeName): NodeFollower {
    const told = <Answer>(answer: () => Answer): Answer | undefined =>
      this.isWatched ? answer() : undefined;
    const follower: NodeFollower = {
      ...this.followCluster(),
      isOpen: () => this.isWatched,
      pods: () => told(() => this.told.pods ?? this.copiesOn(name)),
      node: () => told(() => this.toldNode(name)),
      budgetsOf: (pod) => told(() => this.toldBudgets().filter((budget) => budget.selects(pod))),
      shortfallOf: (budget) => told(() => this.shortfallOf(budget)),
      changed: (ms, signal) => this.untilChange(() => this.lookOf(follower), ms, signal),
    };
    return follower;
  }

  followCluster(): ClusterFollower {
    this.followers += 1;
    return {
      cluster: () => (this.isWatched ? this.view() : undefined),
      changed: (ms, signal) =>
        this.untilChange(
          () => JSON.stringify([[...this.nodes.values()], this.toldBudgets()]),
          ms,
          signal,
        ),
      close: () => {
        this.followers -= 1;
      },
    };
  }

  private view(): ClusterView {
    const pods = this.told.pods ?? [...this.pods.values()];
    return listedCluster([...this.nodes.values()], pods, this.toldBudgets());
  }

  private toldBudgets(): readonly BudgetView[] {
    return this.budgetViews().map((budget) => ({ ...budget, ...allowanceOf(this.told) }));
  }

  private shortfallOf({ namespace, name }: BudgetRef): BudgetShortfall | undefined {
    const budget = this.toldBudgets().find(
      ({ budget: ref }) => ref.namespace === namespace && ref.name === name,
    );
    if (budget === undefined) return undefined;
    const pods = [...this.pods.values()].filter((pod) => budget.selects(pod) && isUnhealthy(pod));
    return { budget, unhealthy: pods.map((pod) => ({ ...pod })) };
  }

  private toldNode(name: NodeName): NodeView | 'missing' {
    const node = this.nodes.get(name);
    if (node === undefined) return 'missing';
    return this.told.isUncordoned === true ? { ...node, unschedulable: false } : { ...node };
  }

  private lookOf(follower: NodeFollower): string {
    const pods = follower.pods() ?? [];
    const budgets = pods.flatMap((pod) => follower.budgetsOf(pod) ?? []);
    return JSON.stringify([pods, follower.node(), budgets]);
  }

  /** Lets time go by in steps, so that what happens in between is noticed. */
  private async untilChange(look: () => string, ms: number, signal: AbortSignal) {
    const before = look();
    const endMs = this.clock.nowMs() + ms;
    do {
      await this.clock.sleep(Math.min(changeStepMs, endMs - this.clock.nowMs()), signal);
    } while (this.clock.nowMs() < endMs && look() === before);
  }

  async listPods(signal: AbortSignal): Promise<readonly PodView[]> {
    this.enter('listPods', signal);
    return [...this.pods.values()].map((pod) => ({ ...pod }));
  }

  async daemonSetExists(namespace: string, name: string, signal: AbortSignal): Promise<boolean> {
    this.enter('daemonSetExists', signal);
    return this.daemonSets.has(`${namespace}/${name}`);
  }

  async ownerOfReplicaSet(_namespace: string, name: string, signal: AbortSignal) {
    this.enter('ownerOfReplicaSet', signal);
    return this.scales.ownerOf(name);
  }

  async getDeployment(_namespace: string, name: string, signal: AbortSignal) {
    this.enter('getDeployment', signal);
    return this.scales.deploymentView(name);
  }

  async listAutoscalers(_namespace: string, signal: AbortSignal) {
    this.enter('listAutoscalers', signal);
    return this.scales.autoscalerViews();
  }

  async getScale(object: SurgedObject, signal: AbortSignal) {
    this.enter('getScale', signal);
    return this.scales.viewOf(object);
  }

  async listSurged(signal: AbortSignal) {
    this.enter('listSurged', signal);
    return this.scales.surged();
  }

  async setScale(...[view, change, signal]: Parameters<KubeApi['setScale']>): Promise<void> {
    this.enter('setScale', signal);
    this.scales.write(view, change);
    const { kind, name } = view.object;
    const { replicas = 'as it is' } = change;
    const marked = change.mark === undefined ? 'unmarked' : 'marked';
    this.mutations.push(`scale ${kind} ${name} ${replicas}, ${marked}`);
  }

  async listNamespaces(signal: AbortSignal): Promise<readonly string[]> {
    this.enter('listNamespaces', signal);
    return this.namespaces;
  }

  async listBudgets(signal: AbortSignal): Promise<readonly BudgetView[]> {
    this.enter('listBudgets', signal);
    return this.budgetViews();
  }

  private copiesOn(node: string): readonly PodView[] {
    return [...this.pods.values()].filter((pod) => pod.node === node).map((pod) => ({ ...pod }));
  }

  private budgetViews(): readonly BudgetView[] {
    return this.budgets.map((budget) => {
      const healthy = this.healthyPods(budget);
      return {
        budget: { namespace: budget.namespace, name: budget.name },
        disruptionsAllowed: Math.max(0, healthy - budget.desiredHealthy),
        currentHealthy: healthy,
        desiredHealthy: budget.desiredHealthy,
        expectedPods: [...this.pods.values()].filter((pod) => selects(budget, pod)).length,
        observed: budget.observed ?? true,
        syncFailed: false,
        ...limitOf(budget),
        selects: (pod: PodView) => selects(budget, pod),
      };
    });
  }

  async listAttachments(node: NodeName, signal: AbortSignal): Promise<readonly AttachmentView[]> {
    this.enter('listAttachments', signal);
    return [...this.attachments.values()].filter((one) => one.node === node);
  }

  async isAttached(attachment: string, signal: AbortSignal): Promise<boolean> {
    this.enter('isAttached', signal);
    return this.attachments.has(attachment);
  }

  async findVolume(name: string, signal: AbortSignal): Promise<VolumeView | undefined> {
    this.enter('findVolume', signal);
    return this.volumes.get(name);
  }

  async listVolumes(signal: AbortSignal): Promise<readonly VolumeView[]> {
    this.enter('listVolumes', signal);
    return [...this.volumes.values()];
  }

  async listLeaderLeases(signal: AbortSignal): Promise<readonly LeaseObservation[]> {
    this.enter('listLeaderLeases', signal);
    return this.leases;
  }

  async evict(
    given: { readonly ref: PodRef; readonly uid: string },
    gracePeriodSeconds: number | undefined,
    signal: AbortSignal,
  ): Promise<EvictionAnswer> {
    this.enter('evict', signal);
    this.evictionsInFlight += 1;
    this.mostEvictionsInFlight = Math.max(this.mostEvictionsInFlight, this.evictionsInFlight);
    await yieldToEventLoop();
    this.evictionsInFlight -= 1;
    signal.throwIfAborted();
    const forced = this.answer?.(given.ref);
    if (forced instanceof PortError) throw forced;
    if (forced !== undefined && forced.kind !== 'evicted') return forced;
    const { namespace, name } = given.ref;
    const pod = [...this.pods.values()].find(
      ({ ref }) => ref.namespace === namespace && ref.name === name,
    );
    if (pod === undefined) return { kind: 'gone' };
    if (pod.uid !== given.uid) return { kind: 'replaced' };
    const refusal = this.budgetRefusal(pod);
    if (refusal !== undefined) return refusal;
    this.mutations.push(`evict ${namespace}/${name}`);
    this.terminate(pod, gracePeriodSeconds);
    return { kind: 'evicted' };
  }

  async deletePod(
    { ref, uid }: { readonly ref: PodRef; readonly uid: string },
    gracePeriodSeconds: number | undefined,
    signal: AbortSignal,
  ): Promise<'deleted' | 'gone' | 'replaced'> {
    this.enter('deletePod', signal);
    const { namespace, name } = ref;
    const pod = this.pods.get(uid);
    if (pod === undefined) {
      const others = [...this.pods.values()].map((one) => one.ref);
      const isReplaced = others.some((one) => one.namespace === namespace && one.name === name);
      return isReplaced ? 'replaced' : 'gone';
    }
    const isRemoved = gracePeriodSeconds === 0;
    this.mutations.push(`${isRemoved ? 'remove' : 'delete'} ${namespace}/${name}`);
    if (!isRemoved) this.terminate(pod, gracePeriodSeconds);
    else if (pod.finalizers.length === 0) this.pods.delete(uid);
    return 'deleted';
  }

  private enter(method: keyof KubeApi, signal: AbortSignal): void {
    this.onCall?.(method);
    signal.throwIfAborted();
    const index = this.failures.findIndex((failure) => failure.method === method);
    const [failure] = index < 0 ? [] : this.failures.splice(index, 1);
    if (failure !== undefined) throw failure.error;
  }

  private budgetRefusal(pod: PodView): EvictionAnswer | undefined {
    const matching = this.budgets.filter((budget) => selects(budget, pod));
    const [budget, second] = matching;
    if (budget === undefined || pod.phase !== 'Running') return undefined;
    if (second !== undefined) {
      return { kind: 'budgets-overlap', message: 'more than one budget selects this pod' };
    }
    const { namespace, name } = budget;
    if (budget.observed === false) {
      const message = `the budget ${name} is still being processed by the server`;
      return { kind: 'budget-not-observed', message, retryAfterSeconds: 10 };
    }
    const healthy = this.healthyPods(budget);
    if (healthy > budget.desiredHealthy) return undefined;
    const message =
      `The disruption budget ${name} needs ${budget.desiredHealthy} healthy pods` +
      ` and has ${healthy} currently`;
    return { kind: 'budget', budget: { namespace, name }, message };
  }

  private healthyPods(budget: FakeBudget): number {
    return [...this.pods.values()].filter(
      (pod) => selects(budget, pod) && pod.ready && pod.deletionTimestampMs === undefined,
    ).length;
  }

  private terminate(pod: Mutable<PodView>, gracePeriodSeconds: number | undefined): void {
    const graceMs = gracePeriodSeconds === undefined ? this.graceMs : gracePeriodSeconds * 1_000;
    pod.deletionTimestampMs = this.clock.nowMs() + graceMs;
    pod.deletionGracePeriodSeconds = graceMs / 1_000;
    if (pod.finalizers.length > 0 || !this.confirmsEnds) return;
    this.clock.after(graceMs, () => {
      this.pods.delete(pod.uid);
      this.detachUnused(pod.node);
      if (pod.controller?.kind === 'ReplicaSet') this.respawn(pod);
    });
  }

  private detachUnused(node: string): void {
    const used = new Set(this.copiesOn(node).flatMap(({ claims = [] }) => claims));
    for (const { name, volume } of this.attachments.values()) {
      if (used.has(this.volumes.get(volume)?.claim?.name ?? '')) continue;
      this.clock.after(this.detachMs, () => {
        if (this.attachments.delete(name)) this.mutations.push(`detach ${volume}`);
      });
    }
  }

  private respawn(pod: PodView): void {
    if (!Number.isFinite(this.respawnMs)) return;
    this.clock.after(this.respawnMs, () => {
      const node = [...this.nodes.values()].find((one) => !one.unschedulable);
      if (node === undefined) return;
      this.spawned += 1;
      const name = `${pod.ref.name}-again-${this.spawned}`;
      const { namespace } = pod.ref;
      const { labels, controller } = pod;
      const owned = controller === undefined ? {} : { controller };
      this.addPod(node.name, name, { labels, ...owned, ref: { namespace, name } });
    });
  }
}

const statefulSet = { kind: 'StatefulSet', name: 'db' };

function limitOf({ maxUnavailable, desiredHealthy }: FakeBudget): Partial<BudgetView> {
  return maxUnavailable === undefined
    ? { minAvailable: String(desiredHealthy) }
    : { maxUnavailable };
}

function allowanceOf({ disruptionsAllowed }: FakeKube['told']): Partial<BudgetView> {
  return disruptionsAllowed === undefined ? {} : { disruptionsAllowed };
}

function selects(budget: FakeBudget, pod: PodView): boolean {
  if (pod.ref.namespace !== budget.namespace) return false;
  for (const key in budget.matchLabels) {
    if (pod.labels[key] !== budget.matchLabels[key]) return false;
  }
  return true;
}
