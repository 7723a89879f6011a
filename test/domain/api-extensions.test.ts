import { type AdmissionRule, guardsOf } from '../../domain/api-extensions';

const rule = (resources: readonly string[], other: Partial<AdmissionRule> = {}): AdmissionRule => ({
  apiGroups: [''],
  apiVersions: ['v1'],
  operations: ['CREATE'],
  resources,
  ...other,
});

const everything = rule(['*/*'], { apiGroups: ['*'], apiVersions: ['*'], operations: ['*'] });
const all = ['default', 'kube-node-lease'];
const leases = { apiGroups: ['coordination.k8s.io'], operations: ['UPDATE'] };

describe('a webhook is asked', () => {
  it.each([
    {
      rules: [everything],
      guards: ['evict-pods', 'create-pods', 'change-nodes', 'report-nodes', 'renew-leases'],
    },
    { rules: [], guards: [] },
    { rules: [rule(['pods'])], guards: ['create-pods'] },
    { rules: [rule(['pods/*'])], guards: ['evict-pods'] },
    { rules: [rule(['*'])], guards: ['create-pods'] },
    { rules: [rule(['*/eviction'])], guards: ['evict-pods'] },
    { rules: [rule(['*/status'])], guards: [] },
    { rules: [rule(['services'])], guards: [] },
    { rules: [rule(['pods/eviction']), rule(['pods'])], guards: ['evict-pods', 'create-pods'] },
    { rules: [rule(['pods'], { operations: ['UPDATE'] })], guards: [] },
    { rules: [rule(['pods'], { apiGroups: ['apps'] })], guards: [] },
    { rules: [rule(['pods'], { apiVersions: ['v2'] })], guards: [] },
    { rules: [rule(['pods'], { scope: 'Namespaced' })], guards: ['create-pods'] },
    { rules: [rule(['pods'], { scope: 'Cluster' })], guards: [] },
    { rules: [rule(['nodes'], { operations: ['UPDATE'] })], guards: ['change-nodes'] },
    {
      rules: [rule(['nodes', 'nodes/status'], { operations: ['*'], scope: 'Cluster' })],
      guards: ['change-nodes', 'report-nodes'],
    },
    { rules: [rule(['leases'], leases)], guards: ['renew-leases'] },
  ])('by $rules: $guards', ({ rules, guards }) => {
    expect(guardsOf(rules, all)).toEqual(guards);
  });

  it('about nodes whatever its namespaces, and about leases where those of nodes are', () => {
    expect(guardsOf([everything], [])).toEqual(['change-nodes', 'report-nodes']);
    expect(guardsOf([rule(['leases'], leases)], ['default'])).toEqual([]);
  });
});
