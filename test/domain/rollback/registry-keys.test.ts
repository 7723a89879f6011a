import { storedObject, weightOf } from '../../../domain/rollback/registry-keys';

describe('a key of etcd is', () => {
  it.each([
    ['/registry/configmaps/default/kept', 'configmaps', 'default', 'kept'],
    ['/registry/minions/worker-1', 'nodes', undefined, 'worker-1'],
    ['/registry/controllers/default/old', 'replicationcontrollers', 'default', 'old'],
    ['/registry/services/specs/shop/web', 'services', 'shop', 'web'],
    ['/registry/services/endpoints/shop/web', 'endpoints', 'shop', 'web'],
    ['/registry/services/new/shop/web', 'services/new', 'shop', 'web'],
    ['/registry/services', '/registry', undefined, 'services'],
    ['/registry/services/specs', 'services', undefined, ''],
    ['/registry/clusterroles/system:node', 'clusterroles', undefined, 'system:node'],
    [
      '/registry/apiextensions.k8s.io/customresourcedefinitions/widgets.example.com',
      'customresourcedefinitions.apiextensions.k8s.io',
      undefined,
      'widgets.example.com',
    ],
    ['/registry/example.com/widgets/shop/w-1', 'widgets.example.com', 'shop', 'w-1'],
    ['/registry/pods/shop/a/b', 'pods', 'shop', 'a/b'],
    ['/registry/ranges/serviceips', 'ranges', undefined, 'serviceips'],
    ['compact_rev_key', '/compact_rev_key', undefined, ''],
    ['/calico/ipam/v2/host', '/calico', undefined, 'ipam/v2/host'],
  ])('%s', (key, resource, namespace, name) => {
    const placed = namespace === undefined ? {} : { namespace };
    expect(storedObject(key)).toEqual({ resource, ...placed, name });
  });
});

it.each([
  ['leases', 'upkeep'],
  ['/compact_rev_key', 'upkeep'],
  ['deployments', 'status'],
  ['widgets.example.com', 'status'],
  ['secrets', 'content'],
  ['/calico', 'content'],
] as const)('a change of %s weighs as %s', (resource, weight) => {
  expect(weightOf(resource)).toBe(weight);
});
