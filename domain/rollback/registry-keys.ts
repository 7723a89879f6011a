// What a key of etcd is about. Authority: k8s.io/kubernetes pkg/registry/*/rest/storage_*.go and
// k8s.io/apiserver generic registry: `/registry/RESOURCE/[NAMESPACE/]NAME`, for custom resources
// `/registry/GROUP/RESOURCE/[NAMESPACE/]NAME`.
// K1. A key that is not understood is told by what it begins with; it is never left out.

export interface StoredObject {
  /** Plural: `configmaps`, `widgets.example.com`; for foreign keys what they begin with. */
  readonly resource: string;
  readonly namespace?: string;
  readonly name: string;
}

/** Resources whose key says something else than their name. */
const renamed: Readonly<Record<string, string>> = {
  minions: 'nodes',
  controllers: 'replicationcontrollers',
  ingress: 'ingresses',
  podsecuritypolicy: 'podsecuritypolicies',
};

/** `specs` and `endpoints` below `services`. */
const services: Readonly<Record<string, string>> = { specs: 'services', endpoints: 'endpoints' };

/** What the key is about (K1). */
export function storedObject(key: string): StoredObject {
  const path = key.split('/').filter((part) => part !== '');
  const [prefix, first, second, ...rest] = path;
  if (prefix !== 'registry' || first === undefined || second === undefined) return foreign(path);
  if (first === 'services') return placed(services[second] ?? `services/${second}`, rest);
  if (first.includes('.')) return placed(`${second}.${first}`, rest);
  return placed(renamed[first] ?? first, [second, ...rest]);
}

function foreign([prefix, ...rest]: readonly string[]): StoredObject {
  return { resource: `/${String(prefix)}`, name: rest.join('/') };
}

/** `[NAMESPACE/]NAME`. */
function placed(resource: string, path: readonly string[]): StoredObject {
  const [namespace, ...name] = path;
  if (namespace === undefined || name.length === 0) return { resource, name: path.join('/') };
  return { resource, namespace, name: name.join('/') };
}

/**
 * How much a change of such an object says. `upkeep`: a cluster that nobody touches changes them
 * by itself, pods come and go. `status`: what runs writes into them, so that only their creation
 * and deletion tell of a person; this cannot be seen without reading them.
 */
export type Weight = 'upkeep' | 'status' | 'content';

const upkeep = new Set([
  '/compact_rev_key',
  'apiserveripinfo',
  'controllerrevisions',
  'csinodes',
  'csistoragecapacities',
  'endpoints',
  'endpointslices',
  'events',
  'leases',
  'masterleases',
  'nodes',
  'peerserverips',
  'pods',
  'ranges',
  'replicasets',
  'volumeattachments',
]);

const withStatus = new Set([
  'apiservices.apiregistration.k8s.io',
  'certificatesigningrequests',
  'cronjobs',
  'customresourcedefinitions.apiextensions.k8s.io',
  'daemonsets',
  'deployments',
  'flowschemas',
  'horizontalpodautoscalers',
  'ingresses',
  'jobs',
  'namespaces',
  'persistentvolumeclaims',
  'persistentvolumes',
  'poddisruptionbudgets',
  'prioritylevelconfigurations',
  'replicationcontrollers',
  'resourcequotas',
  'services',
  'statefulsets',
]);

/** Custom resources have a dot in their name; whoever runs them writes their status. */
export function weightOf(resource: string): Weight {
  if (upkeep.has(resource)) return 'upkeep';
  return withStatus.has(resource) || resource.includes('.') ? 'status' : 'content';
}
