// Collects what a simulation reckons with: nine lists, in pages, each from an API server's memory
// or etcd as the others of this client.
// C1. Nodes, pods, budgets, namespaces and what volumes are bound to must be read. Autoscalers,
//     services and storage classes may not be: what is not known of them is told (`unread`).

import type {
  V1Namespace,
  V1Node,
  V1PersistentVolume,
  V1PersistentVolumeClaim,
  V1PodDisruptionBudget,
  V1Service,
  V1StorageClass,
  V2HorizontalPodAutoscaler,
} from '@kubernetes/client-node';

import type { NodeName } from '../../domain/names';
import type {
  CollectedEvidence,
  SimulatedAutoscaler,
  SimulatedBudget,
  SimulatedClaim,
  SimulatedNode,
  SimulatedService,
  SimulatedStorageClass,
  SimulatedVolume,
  SimulationEvidence,
} from '../../domain/simulation/evidence';
import { withoutSelector } from '../observe';
import { PortError } from '../ports';
import type { SimulationSource } from '../simulate';
import type { KubeRequests, Page, PageRequest } from './kube-requests';
import { budgetView } from './kube-views';
import { amountsIn } from './pod-requests';
import { nodeTerms, simulatedPod } from './pod-shapes';
import { share } from './room-views';

type Lists = Pick<SimulationEvidence, 'autoscalers' | 'services' | 'storageClasses'>;

export function createSimulationSource(requests: KubeRequests): SimulationSource {
  return {
    collect: (signal, { autoscalers } = { autoscalers: true }) =>
      collect(requests, signal, autoscalers),
  };
}

async function collect(
  requests: KubeRequests,
  signal: AbortSignal,
  withAutoscalers: boolean,
): Promise<CollectedEvidence> {
  const { core, policy, storage, autoscaling } = requests;
  const unread: { what: keyof Lists; problem: string }[] = [];
  type Request<Item> = (page: PageRequest, call: object) => Promise<Page<Item>>;
  const list = <Item, View>(
    what: string,
    request: Request<Item>,
    view: (item: Item) => View,
  ): Promise<readonly View[]> =>
    requests.list({ doing: `listing ${what}`, signal }, { request, view });
  const optional = async <View>(
    what: keyof Lists,
    listing: Promise<readonly View[]>,
  ): Promise<readonly View[]> => {
    try {
      return await listing;
    } catch (error) {
      if (!(error instanceof PortError) || signal.aborted) throw error;
      unread.push({ what, problem: error.message });
      return [];
    }
  };
  const [nodes, pods, budgets, claims, volumes, namespaces, classes, autoscalers, services] =
    await Promise.all([
      list('nodes', (page, call) => core.listNode(page, call), simulatedNode),
      list('pods', (page, call) => core.listPodForAllNamespaces(page, call), simulatedPod),
      list(
        'disruption budgets',
        (page, call) => policy.listPodDisruptionBudgetForAllNamespaces(page, call),
        simulatedBudget,
      ),
      list(
        'claims of volumes',
        (page, call) => core.listPersistentVolumeClaimForAllNamespaces(page, call),
        simulatedClaim,
      ),
      list('volumes', (page, call) => core.listPersistentVolume(page, call), simulatedVolume),
      list('namespaces', (page, call) => core.listNamespace(page, call), namespaceOf),
      optional(
        'storageClasses',
        list('storage classes', (page, call) => storage.listStorageClass(page, call), classOf),
      ),
      withAutoscalers
        ? optional(
            'autoscalers',
            list(
              'autoscalers',
              (page, call) => autoscaling.listHorizontalPodAutoscalerForAllNamespaces(page, call),
              simulatedAutoscaler,
            ),
          )
        : [],
      optional(
        'services',
        list(
          'services',
          (page, call) => core.listServiceForAllNamespaces(page, call),
          simulatedService,
        ),
      ),
    ]);
  const must = { nodes, pods, budgets, claims, volumes, namespaces };
  return { evidence: { ...must, storageClasses: classes, autoscalers, services }, unread };
}

function namespaceOf({ metadata }: V1Namespace): SimulationEvidence['namespaces'][number] {
  return { name: metadata?.name ?? '', labels: metadata?.labels ?? {} };
}

export function simulatedNode({ metadata = {}, spec = {}, status = {} }: V1Node): SimulatedNode {
  const { name = '', labels = {} } = metadata;
  return {
    name: name as NodeName,
    labels,
    taints: (spec.taints ?? []).map(({ key, value = '', effect }) => ({ key, value, effect })),
    unschedulable: spec.unschedulable === true,
    allocatable: share(amountsIn(status.allocatable)),
  };
}

export function simulatedBudget(budget: V1PodDisruptionBudget): SimulatedBudget {
  const { selector, unhealthyPodEvictionPolicy } = budget.spec ?? {};
  return {
    ...withoutSelector(budgetView(budget)),
    ...(selector === undefined ? {} : { selector }),
    letsUnhealthyGo: unhealthyPodEvictionPolicy === 'AlwaysAllow',
  };
}

function simulatedClaim({ metadata = {}, spec = {} }: V1PersistentVolumeClaim): SimulatedClaim {
  const { namespace = '', name = '' } = metadata;
  return {
    namespace,
    name,
    volume: spec.volumeName ?? '',
    storageClass: spec.storageClassName ?? '',
  };
}

/** Labels of a volume that say where it is; `__` parts several values. */
const zoneLabels = [
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
];

function simulatedVolume({ metadata = {}, spec = {} }: V1PersistentVolume): SimulatedVolume {
  const { name = '', labels = {} } = metadata;
  const required = spec.nodeAffinity?.required;
  const zones = zoneLabels.flatMap((key) => {
    const value = labels[key];
    return value === undefined ? [] : [[key, value.split('__')] as const];
  });
  return {
    name,
    zones: Object.fromEntries(zones),
    isLocal: spec.local !== undefined || spec.hostPath !== undefined,
    ...(required === undefined ? {} : { nodeTerms: nodeTerms(required.nodeSelectorTerms) }),
  };
}

function classOf(storageClass: V1StorageClass): SimulatedStorageClass {
  const { metadata = {}, volumeBindingMode, allowedTopologies = [] } = storageClass;
  const terms = allowedTopologies.map(({ matchLabelExpressions = [] }) => ({
    labels: matchLabelExpressions.map(({ key, values }) => ({ key, operator: 'In', values })),
    fields: [],
  }));
  return {
    name: metadata.name ?? '',
    waitsForPod: volumeBindingMode === 'WaitForFirstConsumer',
    ...(terms.length === 0 ? {} : { nodeTerms: terms }),
  };
}

function targetOf(spec: V2HorizontalPodAutoscaler['spec']): SimulatedAutoscaler['target'] {
  const { kind, name } = spec?.scaleTargetRef ?? { kind: '', name: '' };
  return { kind, name };
}

function simulatedAutoscaler(autoscaler: V2HorizontalPodAutoscaler): SimulatedAutoscaler {
  const { metadata = {}, spec, status } = autoscaler;
  const { namespace = '', name = '' } = metadata;
  return {
    namespace,
    name,
    target: targetOf(spec),
    max: spec?.maxReplicas ?? 0,
    current: status?.currentReplicas ?? 0,
  };
}

function simulatedService({ metadata = {}, spec = {} }: V1Service): SimulatedService {
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name ?? '',
    selector: spec.selector ?? {},
  };
}
