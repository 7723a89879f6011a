import { parseObservation } from '../../cli/observation-file';
import { aCluster, nodeName } from '../support/builders';

const seen = aCluster().withNodes(3).observation();

/** Every problem of a file that is no observation. */
function problemsOf(content: object | null): readonly string[] {
  try {
    parseObservation(JSON.stringify(content), 'seen.json');
  } catch (error) {
    expect(error).toMatchObject({ code: 'observation-invalid' });
    return (error as { readonly problems: readonly string[] }).problems;
  }
  return [];
}

describe('an observation file', () => {
  it.each([
    { name: 'of now', observation: seen },
    {
      name: 'with nodes that report no version',
      observation: { ...seen, unreportedNodes: [{ name: nodeName('ghost'), reported: '' }] },
    },
    {
      name: 'with stateful pods',
      observation: { ...seen, nodes: seen.nodes.map((node) => ({ ...node, statefulPods: 2 })) },
    },
    { name: 'with namespaces', observation: { ...seen, namespaces: ['default'] } },
    {
      name: 'with places of etcd',
      observation: {
        ...seen,
        driver: 'kubeadm-etcd-units',
        etcdPlaces: {
          controlPlanes: [
            { kind: 'observed', name: 'cp-1', isPod: false, endpoints: [{ url: '', sockets: [] }] },
            { kind: 'unobserved', name: 'cp-2', problem: { code: 'timeout', message: 'late' } },
          ],
          units: [
            {
              kind: 'observed',
              name: 'etcd-1',
              version: '3.5.15',
              sockets: ['10.0.0.31:2379'],
              faults: [{ why: 'file-missing', flag: 'key-file', file: '/etc/etcd/key' }],
            },
            { kind: 'unobserved', name: 'etcd-2', problem: { code: 'timeout', message: 'late' } },
          ],
        },
      },
    },
    { name: 'of a later version, with more in it', observation: { ...seen, more: [1] } },
  ])('$name is read', ({ observation }) => {
    const { more: _more, ...known } = { more: undefined, ...observation };
    expect(parseObservation(JSON.stringify(observation), 'seen.json')).toEqual(known);
  });

  it('tells what is the same in every node once, with the number of them', () => {
    const nodes = seen.nodes.map((node) => ({ ...node, evictablePods: '7', ready: 'yes' }));
    expect(problemsOf({ ...seen, nodes })).toEqual([
      'nodes[*].ready: expected true or false, got text (3 times, first at nodes[0].ready)',
      'nodes[*].evictablePods: expected a number, got text' +
        ' (3 times, first at nodes[0].evictablePods)',
    ]);
  });

  it('says what is missing, and by which key it was probably meant', () => {
    const { members, leases: _leases, observedAt: _observedAt, ...rest } = seen;
    expect(problemsOf({ ...rest, membrs: members })).toEqual([
      'observedAt: is required',
      'members: is required - did you mean it by membrs?',
      'leases: is required',
    ]);
  });

  it('takes no key that it knows for a slip of the pen', () => {
    const { etcd } = seen;
    if (etcd.kind !== 'observed') throw new Error('etcd was observed');
    const [first, ...others] = etcd.members;
    const { isLeader: _isLeader, ...without } = first ?? {};
    expect(problemsOf({ ...seen, etcd: { ...etcd, members: [without, ...others] } })).toEqual([
      'etcd.members[0].isLeader: is required',
    ]);
  });

  it.each([
    [{ ...seen, schema: 'ascent.observation/v2' }, ['schema: expected ascent.observation/v1']],
    [{ ...seen, cluster: '' }, ['cluster: expected text that is not empty']],
    [
      { ...seen, snapshotStore: { ...seen.snapshotStore, kind: 'full' } },
      ['snapshotStore.kind: expected writable or unusable'],
    ],
    [
      { ...seen, snapshotStore: { ...seen.snapshotStore, freeBytes: 1.5 } },
      ['snapshotStore.freeBytes: expected a whole number, got a fraction'],
    ],
    [
      { ...seen, snapshotStore: { ...seen.snapshotStore, freeBytes: -1 } },
      ['snapshotStore.freeBytes: expected 0 or more'],
    ],
    [{ ...seen, observedAt: 'yesterday' }, ['observedAt: is no time such as 2026-11-21T04:00:00Z']],
    [null, ['expected a mapping, got nothing']],
  ])('is refused in plain words (%#)', (content, problems) => {
    expect(problemsOf(content)).toEqual(problems);
  });
});
