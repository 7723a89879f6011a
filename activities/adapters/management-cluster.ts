// The ManagementCluster port on the official client. Requests are bounded and paged as those of
// the Kubernetes API are (kube-requests.ts).

import { CustomObjectsApi } from '@kubernetes/client-node';

import type { ClusterApiDriverAccess } from '../access';
import { parseControlPlane } from '../drivers/capi-control-plane';
import {
  clusterNameLabel,
  type ManagementCluster,
  parseCluster,
  parseDeployment,
  parseMachine,
} from '../drivers/capi-objects';
import { PortError } from '../ports';
import type { KubeConnection } from './kube-connection';
import { asMergePatch, KubeRequests, type Page, type PageRequest } from './kube-requests';

interface CustomList {
  readonly metadata?: { readonly continue?: string; readonly resourceVersion?: string };
  readonly items: readonly unknown[];
}

/** Definitions of the contract are called after their kind (contract rules, "CRD name"). */
function pluralOf({ apiVersion, kind }: { readonly apiVersion: string; readonly kind: string }) {
  const [group = '', version = ''] = apiVersion.split('/');
  return { group, version, plural: `${kind.toLowerCase()}s` };
}

function controlPlaneCalls(
  connection: KubeConnection,
  { namespace, cluster }: Pick<ClusterApiDriverAccess, 'namespace' | 'cluster'>,
): Pick<ManagementCluster, 'controlPlane' | 'changeControlPlane'> {
  const requests = new KubeRequests(connection);
  const api = connection.client(CustomObjectsApi);
  return {
    async controlPlane({ spec: { controlPlaneRef: ref } }, signal) {
      const of = `Cluster ${namespace}/${cluster}`;
      if (ref === undefined) {
        throw new PortError('rejected', `${of} names no control plane (spec.controlPlaneRef)`);
      }
      const doing = `reading ${ref.kind} ${namespace}/${ref.name}`;
      const asked = { ...pluralOf(ref), namespace, name: ref.name };
      return parseControlPlane(
        await requests.read<unknown>({ doing, signal }, (call) =>
          api.getNamespacedCustomObject(asked, call),
        ),
      );
    },
    async changeControlPlane({ apiVersion, kind, metadata: { name } }, body, signal) {
      const doing = `changing ${kind} ${namespace}/${name}`;
      const asked = { ...pluralOf({ apiVersion, kind }), namespace, name, body };
      await requests.change<unknown>({ doing, signal }, (call) =>
        api.patchNamespacedCustomObject(asked, asMergePatch(call)),
      );
    },
  };
}

/** Connects nothing yet. */
export function createManagementCluster(
  connection: KubeConnection,
  { namespace, cluster }: Pick<ClusterApiDriverAccess, 'namespace' | 'cluster'>,
): ManagementCluster {
  const requests = new KubeRequests(connection);
  const api = connection.client(CustomObjectsApi);
  const group = { group: 'cluster.x-k8s.io', version: 'v1beta1', namespace } as const;
  const list = <View>(plural: string, view: (item: unknown) => View, signal: AbortSignal) => {
    const doing = `listing ${plural} of Cluster ${namespace}/${cluster}`;
    const labelSelector = `${clusterNameLabel}=${cluster}`;
    return requests.list(
      { doing, signal },
      {
        request: async (page: PageRequest, call): Promise<Page<unknown>> => {
          const asked = { ...group, plural, labelSelector, ...page };
          const answer: unknown = await api.listNamespacedCustomObject(asked, call);
          const { items, metadata = {} } = answer as CustomList;
          const { continue: next, resourceVersion } = metadata;
          return {
            items,
            metadata: {
              ...(next === undefined ? {} : { _continue: next }),
              ...(resourceVersion === undefined ? {} : { resourceVersion }),
            },
          };
        },
        view,
      },
    );
  };
  return {
    async cluster(signal) {
      const doing = `reading Cluster ${namespace}/${cluster}`;
      const asked = { ...group, plural: 'clusters', name: cluster };
      return parseCluster(
        await requests.read<unknown>({ doing, signal }, (call) =>
          api.getNamespacedCustomObject(asked, call),
        ),
      );
    },
    ...controlPlaneCalls(connection, { namespace, cluster }),
    machineDeployments: (signal) => list('machinedeployments', parseDeployment, signal),
    machines: (signal) => list('machines', parseMachine, signal),
    async changeDeployment(name, body, signal) {
      const doing = `changing MachineDeployment ${namespace}/${name}`;
      const asked = { ...group, plural: 'machinedeployments', name, body };
      await requests.change<unknown>({ doing, signal }, (call) =>
        api.patchNamespacedCustomObject(asked, asMergePatch(call)),
      );
    },
  };
}
