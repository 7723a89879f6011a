import fc from 'fast-check';

import { anchorNamesMax, differingMax, KeyTally } from '../../../domain/rollback/key-tally';

type Where = Parameters<KeyTally['take']>[1];

function tallied(...keys: readonly (readonly [key: string, where: Where])[]) {
  const tally = new KeyTally();
  for (const [key, where] of keys) tally.take(key, where);
  return tally.result();
}

const nothing = { workloads: { totals: [], differing: [], more: 0 }, anchors: [] };
const none = { count: 0, names: [] };

describe('a tally of a cluster and its snapshot', () => {
  it('counts workloads by kind and namespace, and tells where they differ', () => {
    const { workloads } = tallied(
      ['/registry/controllers/old/rc', 'both'],
      ['/registry/deployments/shop/web', 'both'],
      ['/registry/pods/shop/web-1', 'both'],
      ['/registry/pods/shop/web-2', 'snapshot'],
      ['/registry/pods/other/new', 'cluster'],
    );
    expect(workloads).toEqual({
      totals: [
        { resource: 'deployments', snapshot: 1, cluster: 1 },
        { resource: 'pods', snapshot: 2, cluster: 2 },
        { resource: 'replicationcontrollers', snapshot: 1, cluster: 1 },
      ],
      differing: [
        { resource: 'pods', namespace: 'other', snapshot: 0, cluster: 1 },
        { resource: 'pods', namespace: 'shop', snapshot: 2, cluster: 1 },
      ],
      more: 0,
    });
  });

  it('names nodes, machines, volumes and attachments that are on one side only', () => {
    const { anchors } = tallied(
      ['/registry/cluster.x-k8s.io/machines/fleet/m-1', 'cluster'],
      ['/registry/minions/worker-1', 'both'],
      ['/registry/minions/worker-2', 'snapshot'],
      ['/registry/minions/worker-9', 'cluster'],
      ['/registry/volumeattachments/csi-1', 'cluster'],
      ['/registry/persistentvolumes/pv-1', 'snapshot'],
    );
    expect(anchors).toEqual([
      {
        resource: 'machines.cluster.x-k8s.io',
        created: { count: 1, names: [{ name: 'm-1', namespace: 'fleet' }] },
        deleted: none,
      },
      {
        resource: 'nodes',
        created: { count: 1, names: [{ name: 'worker-9' }] },
        deleted: { count: 1, names: [{ name: 'worker-2' }] },
      },
      {
        resource: 'persistentvolumes',
        created: none,
        deleted: { count: 1, names: [{ name: 'pv-1' }] },
      },
      {
        resource: 'volumeattachments',
        created: { count: 1, names: [{ name: 'csi-1' }] },
        deleted: none,
      },
    ]);
  });

  it.each([
    '/registry/secrets/shop/key',
    '/registry/leases/kube-node-lease/worker-1',
    '/registry/cluster.x-k8s.io/clusters/fleet/one',
    '/registry/pods',
    '/foreign/pods/shop/web-1',
    'compact_rev_key',
  ])('passes %s by', (key) => {
    expect(tallied([key, 'cluster'])).toEqual(nothing);
  });

  it('is bound in what it names, and counts the rest', () => {
    const keys = Array.from({ length: anchorNamesMax + 7 }, (_, index) => index);
    const { anchors, workloads } = tallied(
      ...keys.map((index) => [`/registry/persistentvolumes/pv-${index}`, 'cluster'] as const),
      ...keys.map((index) => [`/registry/jobs/ns-${index}/one`, 'cluster'] as const),
    );
    expect(anchors[0]?.created.count).toBe(anchorNamesMax + 7);
    expect(anchors[0]?.created.names).toHaveLength(anchorNamesMax);
    expect(workloads.totals).toEqual([{ resource: 'jobs', snapshot: 0, cluster: keys.length }]);
    expect(workloads.differing).toHaveLength(differingMax);
    expect(workloads.more).toBe(keys.length - differingMax);
    const long = `/registry/minions/${'x'.repeat(300)}`;
    expect(tallied([long, 'cluster']).anchors[0]?.created.names[0]?.name).toHaveLength(253);
  });

  it('counts a key of a workload that is in no namespace, too', () => {
    expect(tallied(['/registry/pods/stray', 'cluster']).workloads.differing).toEqual([
      { resource: 'pods', namespace: '', snapshot: 0, cluster: 1 },
    ]);
  });

  it('agrees with itself, whatever there is: totals are the sums of both sides', () => {
    const where = fc.constantFrom<Where>('snapshot', 'cluster', 'both');
    const kind = fc.constantFrom('pods', 'jobs', 'deployments');
    const pod = fc.tuple(kind, fc.constantFrom('a', 'b', 'c'), fc.nat(99), where);
    fc.assert(
      fc.property(fc.array(pod), (pods) => {
        const { totals, differing } = tallied(
          ...pods.map(
            ([of, namespace, name, on]) => [`/registry/${of}/${namespace}/${name}`, on] as const,
          ),
        ).workloads;
        for (const { resource, snapshot, cluster } of totals) {
          const own = pods.filter(([of]) => of === resource);
          expect(snapshot).toBe(own.filter(([, , , on]) => on !== 'cluster').length);
          expect(cluster).toBe(own.filter(([, , , on]) => on !== 'snapshot').length);
        }
        expect(differing.filter((one) => one.snapshot === one.cluster)).toEqual([]);
      }),
    );
  });
});
