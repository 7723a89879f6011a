// The KubeApi port on the official client, through the load balancer.
// A1. A pod is compared by UID before it is evicted, because the precondition alone would spend the
//     budget of a pod that is already gone (tried on 1.30). The precondition guards the race.
// A2. Only our own cordon is placed or removed; one of somebody else is a conflict.

import type { V1Node, V1NodeSpec, V1Pod, V1Taint } from '@kubernetes/client-node';

import { budgetKey } from '../../domain/drain/budget-explanation';
import type { NodeName, PodRef } from '../../domain/names';
import { cordonedAtAnnotation, cordonOf, cordonReasonAnnotation } from '../cordon-mark';
import { waitingTaintKey } from '../waiting-taint';
import { type Clock, type EvictionAnswer, type KubeApi, PortError } from '../ports';
import { BudgetTurns } from './budget-turns';
import { classifyEviction, type EvictionRefusal } from './eviction-answers';
import type { KubeConnection } from './kube-connection';
import { refusalOf } from './kube-errors';
import { asMergePatch, type KubeApiLimits, KubeRequests } from './kube-requests';
import { scaleCalls } from './kube-scale';
import { budgetView, leaseObservation, nodeView, podView } from './kube-views';
import { NodePods } from './node-pods';
import { attachmentView, volumeView } from './volume-views';
import { type Reach, reflectedKind } from './watch-source';
import { WatchedCluster, type WatchedKinds } from './watched-cluster';

const leaderLeases = ['kube-controller-manager', 'kube-scheduler'] as const;
const leaseNamespace = 'kube-system';

/** The port, and the end of what it keeps running. */
export interface ConnectedKubeApi extends KubeApi {
  /** Ends the watches; no method may be called afterwards. */
  close(): Promise<void>;
}

/** Builds the port; the clock marks cordons, and is what the age of leases is counted to. */
export function createKubeApi(
  connection: KubeConnection,
  options: { readonly clock: Clock; readonly limits?: KubeApiLimits },
): ConnectedKubeApi {
  const { clock } = options;
  const requests = new KubeRequests(connection, options.limits);
  const watched = new WatchedCluster(watchedKinds({ requests, connection }), { clock });
  return {
    ...nodeCalls(requests, clock),
    ...podCalls(requests, watched),
    ...budgetCalls(requests),
    ...volumeCalls(requests),
    ...scaleCalls(requests),
    followNode: (name) => watched.follow(name),
    followCluster: () => watched.followAll(),
    close: () => watched.close(),
    listNamespaces: (signal) =>
      requests.list(
        { doing: 'listing namespaces', signal },
        {
          request: (page, call) => requests.core.listNamespace(page, call),
          view: ({ metadata }) => metadata?.name ?? '',
        },
      ),
    listLeaderLeases: (signal) =>
      Promise.all(
        leaderLeases.map(async (name) => {
          const doing = `reading lease ${leaseNamespace}/${name}`;
          const lease = await requests.find({ doing, signal }, (call) =>
            requests.coordination.readNamespacedLease({ namespace: leaseNamespace, name }, call),
          );
          return leaseObservation(name, lease, clock.nowMs());
        }),
      ),
  };
}

function nodeCalls(
  requests: KubeRequests,
  clock: { nowMs(): number },
): Pick<KubeApi, 'listNodes' | 'getNode' | 'setCordon' | 'setWaitingTaint'> {
  const { core } = requests;
  const findNode = (name: NodeName, signal: AbortSignal): Promise<V1Node | undefined> =>
    requests.find({ doing: `reading node ${name}`, signal }, (call) =>
      core.readNode({ name }, call),
    );
  return {
    listNodes: (signal) =>
      requests.list(
        { doing: 'listing nodes', signal },
        { request: (page, call) => core.listNode(page, call), view: nodeView },
      ),

    async getNode(name, signal) {
      const node = await findNode(name, signal);
      return node === undefined ? undefined : nodeView(node);
    },

    async setCordon(name, reason, signal) {
      const doing = `${reason === undefined ? 'uncordoning' : 'cordoning'} node ${name}`;
      const node = await findNode(name, signal);
      if (node === undefined) throw new PortError('not-found', `${doing}: it does not exist`);
      const cordon = cordonOf(nodeView(node));
      if (cordon.kind === 'foreign') {
        throw new PortError('conflict', `${doing}: somebody else has cordoned it meanwhile`);
      }
      const isDone = cordon.kind === 'ours' ? cordon.reason === reason : reason === undefined;
      if (isDone) return;
      const body = cordonPatch(node, reason, clock.nowMs());
      await requests.change({ doing, signal }, (call) =>
        core.patchNode({ name, body }, asMergePatch(call)),
      );
    },

    async setWaitingTaint(name, isPlaced, signal) {
      const doing = `${isPlaced ? 'tainting' : 'untainting'} node ${name}`;
      const node = await findNode(name, signal);
      const spec = node === undefined ? {} : taintsPatch(node.spec, isPlaced);
      if (spec.taints === undefined) return;
      const body = { metadata: { resourceVersion: node?.metadata?.resourceVersion }, spec };
      await requests.change({ doing, signal }, (call) =>
        core.patchNode({ name, body }, asMergePatch(call)),
      );
    },
  };
}

/** The version makes a change in between a conflict; null removes a field. */
function cordonPatch(
  { metadata, spec }: V1Node,
  reason: string | undefined,
  nowMs: number,
): object {
  return {
    metadata: {
      resourceVersion: metadata?.resourceVersion,
      annotations: {
        [cordonReasonAnnotation]: reason ?? null,
        [cordonedAtAnnotation]: reason === undefined ? null : new Date(nowMs).toISOString(),
      },
    },
    spec: { unschedulable: reason === undefined ? null : true, ...taintsPatch(spec, false) },
  };
}

/** A merge patch replaces the whole list; empty when it is as it should be. */
function taintsPatch(spec: V1NodeSpec = {}, isWaiting: boolean): { readonly taints?: V1Taint[] } {
  const { taints = [] } = spec;
  const others = taints.filter(({ key }) => key !== waitingTaintKey);
  if (isWaiting !== (others.length === taints.length)) return {};
  const waiting = { key: waitingTaintKey, effect: 'PreferNoSchedule' };
  return { taints: isWaiting ? [...others, waiting] : others };
}

/** The kinds that a drain follows, each listed and watched as a whole. */
function watchedKinds(reach: Reach): WatchedKinds {
  const { core, policy } = reach.requests;
  return {
    pods: reflectedKind(reach, {
      what: 'pods',
      path: '/api/v1/pods',
      request: (page, call) => core.listPodForAllNamespaces(page, call),
      view: podView,
    }),
    nodes: reflectedKind(reach, {
      what: 'nodes',
      path: '/api/v1/nodes',
      request: (page, call) => core.listNode(page, call),
      view: nodeView,
    }),
    budgets: reflectedKind(reach, {
      what: 'disruption budgets',
      path: '/apis/policy/v1/poddisruptionbudgets',
      request: (page, call) => policy.listPodDisruptionBudgetForAllNamespaces(page, call),
      view: budgetView,
    }),
  };
}

function podCalls(
  requests: KubeRequests,
  watched: WatchedCluster,
): Pick<KubeApi, 'listPods' | 'listPodsOnNode' | 'evict' | 'deletePod'> {
  const { core } = requests;
  const nodePods = new NodePods(requests);
  const turns = new BudgetTurns();
  return {
    listPods: (signal) =>
      requests.list(
        { doing: 'listing pods', signal },
        { request: (page, call) => core.listPodForAllNamespaces(page, call), view: podView },
      ),

    listPodsOnNode: (name, freshness, signal) => nodePods.list(name, freshness, signal),

    async evict(pod, gracePeriodSeconds, signal) {
      // As long as the watch has a pod with this uid, nobody has replaced it (A1).
      const budgets = watched.budgetsOf(pod.uid);
      const before = budgets === undefined ? await comparePod(requests, pod, signal) : undefined;
      if (before !== undefined) return before;
      const answer = await turns.take(
        (budgets ?? []).map(({ budget }) => budgetKey(budget)),
        () => askForEviction(requests, pod, gracePeriodSeconds, signal),
      );
      if (answer.kind !== 'conflict') return answer;
      const after = await comparePod(requests, pod, signal);
      return after ?? { kind: 'failed', message: answer.message };
    },

    async deletePod({ ref, uid }, gracePeriodSeconds, signal) {
      const doing = `deleting pod ${ref.namespace}/${ref.name}`;
      const grace = gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds };
      const body = { preconditions: { uid }, ...grace };
      try {
        await requests.change({ doing, signal }, (call) =>
          core.deleteNamespacedPod({ ...ref, body }, call),
        );
        return 'deleted';
      } catch (error) {
        if (!(error instanceof PortError)) throw error;
        if (error.code === 'not-found') return 'gone';
        // The only conflict of a deletion: the precondition.
        if (error.code === 'conflict') return 'replaced';
        throw error;
      }
    },
  };
}

interface ListedPod {
  readonly ref: PodRef;
  readonly uid: string;
}

/** Undefined while the pod is the one that was listed (A1). */
async function comparePod(
  requests: KubeRequests,
  { ref, uid }: ListedPod,
  signal: AbortSignal,
): Promise<EvictionAnswer | undefined> {
  const doing = `reading pod ${ref.namespace}/${ref.name}`;
  const found: V1Pod | undefined = await requests.find({ doing, signal }, (call) =>
    requests.core.readNamespacedPod({ ...ref }, call),
  );
  if (found === undefined) return { kind: 'gone' };
  return found.metadata?.uid === uid ? undefined : { kind: 'replaced' };
}

function askForEviction(
  requests: KubeRequests,
  { ref, uid }: ListedPod,
  gracePeriodSeconds: number | undefined,
  signal: AbortSignal,
): Promise<EvictionRefusal> {
  const grace = gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds };
  const body = {
    metadata: { namespace: ref.namespace, name: ref.name },
    deleteOptions: { preconditions: { uid }, ...grace },
  };
  const doing = `evicting pod ${ref.namespace}/${ref.name}`;
  return requests.change({ doing, signal }, async (call): Promise<EvictionRefusal> => {
    try {
      // The answer is typed as an Eviction but is a Status; nothing of it is looked at.
      await requests.core.createNamespacedPodEviction({ ...ref, body }, call);
      return { kind: 'evicted' };
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal === undefined || refusal.httpCode === 401) throw error;
      return classifyEviction(ref, refusal);
    }
  });
}

function volumeCalls(
  requests: KubeRequests,
): Pick<KubeApi, 'listAttachments' | 'isAttached' | 'findVolume' | 'listVolumes'> {
  const { core, storage } = requests;
  return {
    async listAttachments(node, signal) {
      const doing = `listing the volume attachments of node ${node}`;
      const views = await requests.list(
        { doing, signal },
        { request: (page, call) => storage.listVolumeAttachment(page, call), view: attachmentView },
      );
      // They have no field selector for the node.
      return views.filter((view) => view !== undefined).filter((view) => view.node === node);
    },

    async isAttached(name, signal) {
      const doing = `reading volume attachment ${name}`;
      const found = await requests.find({ doing, signal }, (call) =>
        storage.readVolumeAttachment({ name }, call),
      );
      return found !== undefined;
    },

    async findVolume(name, signal) {
      const doing = `reading persistent volume ${name}`;
      const found = await requests.find({ doing, signal }, (call) =>
        core.readPersistentVolume({ name }, call),
      );
      return found === undefined ? undefined : volumeView(found);
    },

    listVolumes: (signal) =>
      requests.list(
        { doing: 'listing persistent volumes', signal },
        { request: (page, call) => core.listPersistentVolume(page, call), view: volumeView },
      ),
  };
}

function budgetCalls(requests: KubeRequests): Pick<KubeApi, 'listBudgets' | 'daemonSetExists'> {
  const { apps, policy } = requests;
  return {
    listBudgets: (signal) =>
      requests.list(
        { doing: 'listing disruption budgets', signal },
        {
          request: (page, call) => policy.listPodDisruptionBudgetForAllNamespaces(page, call),
          view: budgetView,
        },
      ),

    async daemonSetExists(namespace, name, signal) {
      const doing = `reading DaemonSet ${namespace}/${name}`;
      const found = await requests.find({ doing, signal }, (call) =>
        apps.readNamespacedDaemonSet({ namespace, name }, call),
      );
      return found !== undefined;
    },
  };
}
