// What keeps a pod from a node, in the scheduler's words: each filter with a case that refuses and
// one that does not.

import type { PodShape, SimulationEvidence } from '../../../domain/simulation/evidence';
import {
  asking,
  bare,
  drained,
  gibibyte,
  hostKey,
  node,
  places,
  pod,
  zonal,
  zoneKey,
} from './support';

interface Case {
  readonly name: string;
  readonly shape?: Partial<PodShape>;
  readonly claims?: readonly string[];
  readonly of: Partial<SimulationEvidence>;
  readonly place: string;
}

const [a, b] = [node('a'), node('b')];
const self = { matchLabels: { app: 'web' } };
const otherApp = { matchLabels: { app: 'db' } };
const term = (topologyKey: string, selector: object = self) => ({
  topologyKey,
  namespaces: ['shop'],
  selector,
});
const spread = (topologyKey: string, more: object = {}) => ({
  topologyKey,
  maxSkew: 1,
  isHard: true,
  minDomains: 1,
  honorsAffinity: true,
  honorsTaints: false,
  selector: self,
  ...more,
});
const labelled = (key: string, operator: string, ...values: string[]) => ({
  labels: [{ key, operator, values }],
  fields: [],
});
const tainted = (effect: string) => ({ taints: [{ key: 'for', value: 'db', effect }] });
const notAffine = "node(s) didn't match Pod's node affinity/selector";
const notSpread = "node(s) didn't match pod topology spread constraints";

const rows: readonly Case[] = [
  { name: 'asks for nothing', of: { nodes: [a, b] }, place: 'fits on b' },
  {
    name: 'asks for what is there',
    shape: asking(4_000, 16),
    of: { nodes: [a, b] },
    place: 'fits on b',
  },
  {
    name: 'asks for more than is left',
    shape: asking(2_000, 2),
    of: { nodes: [a, b], pods: [bare('busy', 'b', { shape: asking(3_000, 15) })] },
    place: '1 node(s) were unschedulable, 1 Insufficient cpu, Insufficient memory',
  },
  {
    name: 'asks for a resource that no node has',
    shape: { requests: { 'example.com/gpu': 1, cpu: 0 } },
    of: { nodes: [a, b] },
    place: '1 node(s) were unschedulable, 1 Insufficient example.com/gpu',
  },
  {
    name: 'comes to a node that has all its pods',
    of: {
      nodes: [a, node('b', { allocatable: { cpu: 1, memory: 1, pods: 1 } })],
      pods: [bare('busy', 'b')],
    },
    place: '1 node(s) were unschedulable, 1 Too many pods',
  },
  {
    name: 'tolerates the cordon',
    shape: { tolerations: [{ operator: 'Exists' }] },
    of: { nodes: [a] },
    place: 'fits on a',
  },
  {
    name: 'does not tolerate a taint',
    of: { nodes: [a, node('b', tainted('NoExecute'))] },
    place: '1 node(s) were unschedulable, 1 node(s) had untolerated taint {for: db}',
  },
  {
    name: 'tolerates a taint',
    shape: { tolerations: [{ key: 'for', operator: 'Exists' }] },
    of: { nodes: [a, node('b', tainted('NoSchedule'))] },
    place: 'fits on b',
  },
  {
    name: 'prefers other taints',
    of: { nodes: [a, node('b', tainted('PreferNoSchedule')), node('c')] },
    place: 'fits on c',
  },
  {
    name: 'selects a label',
    shape: { nodeSelector: { disk: 'ssd' } },
    of: { nodes: [a, b, node('c', { labels: { disk: 'ssd' } })] },
    place: 'fits on c',
  },
  {
    name: 'selects a label that is nowhere',
    shape: { nodeSelector: { disk: 'ssd' } },
    of: { nodes: [a, b] },
    place: `1 node(s) were unschedulable, 1 ${notAffine}`,
  },
  {
    name: 'has one of two terms that holds',
    shape: { nodeTerms: [labelled('disk', 'In', 'ssd'), labelled(hostKey, 'In', 'c')] },
    of: { nodes: [a, b, node('c')] },
    place: 'fits on c',
  },
  {
    name: 'names its node, which is cordoned',
    shape: {
      nodeTerms: [
        { labels: [], fields: [{ key: 'metadata.name', operator: 'In', values: ['a'] }] },
      ],
    },
    of: { nodes: [a, b] },
    place: `1 node(s) were unschedulable, 1 ${notAffine}`,
  },
  {
    name: 'has a term without a requirement',
    shape: { nodeTerms: [{ labels: [], fields: [] }] },
    of: { nodes: [a, b] },
    place: `1 node(s) were unschedulable, 1 ${notAffine}`,
  },
  {
    name: 'prefers a label',
    shape: { preferredNodes: [{ weight: 10, term: labelled('disk', 'Exists') }] },
    of: { nodes: [a, b, node('c', { labels: { disk: 'ssd' } })] },
    place: 'fits on c',
  },
  {
    name: 'prefers a label that is nowhere',
    shape: { preferredNodes: [{ weight: 10, term: labelled('disk', 'Exists') }] },
    of: { nodes: [a, b, node('c')] },
    place: 'fits on b',
  },
  {
    name: 'wants a port that is taken at another address',
    shape: { hostPorts: [{ ip: '0.0.0.0', protocol: 'TCP', port: 80 }] },
    of: {
      nodes: [a, b],
      pods: [
        bare('busy', 'b', {
          shape: { hostPorts: [{ ip: '10.0.0.1', protocol: 'TCP', port: 80 }] },
        }),
      ],
    },
    place:
      "1 node(s) were unschedulable, 1 node(s) didn't have free ports for the requested pod ports",
  },
  {
    name: 'wants a port that others leave',
    shape: { hostPorts: [{ ip: '10.0.0.2', protocol: 'TCP', port: 80 }] },
    of: {
      nodes: [a, b],
      pods: [
        bare('busy', 'b', {
          shape: {
            hostPorts: [
              { ip: '10.0.0.1', protocol: 'TCP', port: 80 },
              { ip: '10.0.0.2', protocol: 'UDP', port: 80 },
              { ip: '10.0.0.2', protocol: 'TCP', port: 81 },
            ],
          },
        }),
      ],
    },
    place: 'fits on b',
  },
  {
    name: 'keeps away from its like',
    shape: { antiAffinity: [term(hostKey)] },
    of: { nodes: [a, b], pods: [pod('web-2', 'b')] },
    place: "1 node(s) were unschedulable, 1 node(s) didn't match pod anti-affinity rules",
  },
  {
    name: 'keeps away in a topology that the node is not in',
    shape: { antiAffinity: [term(zoneKey)] },
    of: { nodes: [a, b], pods: [pod('web-2', 'b')] },
    place: 'fits on b',
  },
  {
    name: 'is kept away by others',
    of: { nodes: [a, b], pods: [pod('db-1', 'b', { shape: { antiAffinity: [term(hostKey)] } })] },
    place:
      "1 node(s) were unschedulable, 1 node(s) didn't satisfy existing pods anti-affinity rules",
  },
  {
    name: 'is kept away elsewhere, and where nobody is',
    of: {
      nodes: [a, b, node('c')],
      pods: [
        pod('db-1', 'c', { shape: { antiAffinity: [term(hostKey), term(zoneKey)] } }),
        pod('log-1', 'c', { shape: { antiAffinity: [term(hostKey, otherApp)] } }),
      ],
    },
    place: 'fits on b',
  },
  {
    name: 'wants to be with others',
    shape: { affinity: [term(zoneKey, otherApp)] },
    of: {
      nodes: [zonal('a', 'x'), zonal('b', 'y'), zonal('c', 'x')],
      pods: [bare('db', 'c', { shape: { labels: { app: 'db' } } })],
    },
    place: 'fits on c',
  },
  {
    name: 'wants to be with others that are nowhere',
    shape: { affinity: [term(hostKey, otherApp)] },
    of: { nodes: [a, b] },
    place: "1 node(s) were unschedulable, 1 node(s) didn't match pod affinity rules",
  },
  {
    name: 'is the first of its like that want to be together',
    shape: { affinity: [term(hostKey)] },
    of: { nodes: [a, b] },
    place: 'fits on b',
  },
  {
    name: 'is the first of them, where nodes are in no such place',
    shape: { affinity: [term(zoneKey)] },
    of: { nodes: [a, b] },
    place: "1 node(s) were unschedulable, 1 node(s) didn't match pod affinity rules",
  },
  {
    name: 'wants to be with pods of namespaces with a label',
    shape: {
      affinity: [
        {
          topologyKey: hostKey,
          namespaces: [],
          namespaceSelector: { matchLabels: { team: 'red' } },
          selector: {},
        },
      ],
    },
    of: {
      nodes: [a, b, node('c')],
      namespaces: [
        { name: 'ops', labels: { team: 'red' } },
        { name: 'shop', labels: {} },
      ],
      pods: [bare('db', 'c', { shape: { namespace: 'ops' } }), pod('log-1', 'b')],
    },
    place: 'fits on c',
  },
  {
    name: 'must be spread over hosts, of which one is cordoned and empty',
    shape: { spread: [spread(hostKey)] },
    of: { nodes: [a, b], pods: [pod('web-2', 'b')] },
    place: `1 node(s) were unschedulable, 1 ${notSpread}`,
  },
  {
    name: 'must be spread over hosts that take pods',
    shape: { spread: [spread(hostKey, { honorsTaints: true })] },
    of: {
      nodes: [a, b, node('c', tainted('NoSchedule')), node('d', tainted('PreferNoSchedule'))],
      pods: [pod('web-2', 'b'), pod('web-3', 'd')],
    },
    place: 'fits on b',
  },
  {
    name: 'must be spread over hosts that it selects',
    shape: { nodeSelector: { disk: 'ssd' }, spread: [spread(hostKey)] },
    of: {
      nodes: [a, b, node('c', { labels: { disk: 'ssd' } })],
      pods: [pod('web-2', 'c')],
    },
    place: 'fits on c',
  },
  {
    name: 'must be spread over more zones than there are',
    shape: { spread: [spread(zoneKey, { minDomains: 3 })] },
    of: { nodes: [zonal('a', 'x'), zonal('b', 'y')], pods: [pod('web-2', 'b')] },
    place: `1 node(s) were unschedulable, 1 ${notSpread}`,
  },
  {
    name: 'must be spread over zones that no node names',
    shape: { spread: [spread(zoneKey)] },
    of: { nodes: [a, b] },
    place: `1 node(s) were unschedulable, 1 ${notSpread} (missing required label)`,
  },
  {
    name: 'is not counted by its own constraint',
    shape: { spread: [spread(hostKey, { selector: otherApp })] },
    of: { nodes: [a, b], pods: [bare('db', 'b', { shape: { labels: { app: 'db' } } })] },
    place: 'fits on b',
  },
  {
    name: 'would be spread, where it can be',
    shape: { spread: [spread(zoneKey, { isHard: false, honorsAffinity: false })] },
    of: {
      nodes: [zonal('a', 'x'), zonal('b', 'y'), zonal('c', 'z'), node('d')],
      pods: [pod('web-2', 'b'), pod('web-3', 'b'), pod('web-4', 'd')],
    },
    place: 'fits on c',
  },
  {
    name: 'uses a claim that is not there',
    claims: ['data'],
    of: { nodes: [a, b] },
    place: 'persistentvolumeclaim "data" not found',
  },
  {
    name: 'uses a claim that is not bound',
    claims: ['data'],
    of: {
      nodes: [a, b],
      claims: [{ namespace: 'shop', name: 'data', volume: '', storageClass: 'now' }],
      storageClasses: [{ name: 'now', waitsForPod: false }],
    },
    place: 'pod has unbound immediate PersistentVolumeClaims',
  },
  {
    name: 'uses a claim that waits for it, anywhere and in one zone',
    claims: ['any', 'one'],
    of: {
      nodes: [a, zonal('b', 'x'), zonal('c', 'y')],
      claims: [
        { namespace: 'shop', name: 'any', volume: '', storageClass: 'any' },
        { namespace: 'shop', name: 'one', volume: '', storageClass: 'one' },
      ],
      storageClasses: [
        { name: 'any', waitsForPod: true },
        { name: 'one', waitsForPod: true, nodeTerms: [labelled(zoneKey, 'In', 'y')] },
      ],
    },
    place: 'fits on c',
  },
  {
    name: 'uses a volume that other nodes do not reach',
    claims: ['data'],
    of: {
      nodes: [a, b],
      claims: [{ namespace: 'shop', name: 'data', volume: 'v1', storageClass: '' }],
      volumes: [
        { name: 'v1', zones: {}, isLocal: true, nodeTerms: [labelled(hostKey, 'In', 'a')] },
      ],
    },
    place: '1 node(s) were unschedulable, 1 node(s) had volume node affinity conflict',
  },
  {
    name: 'uses volumes of zones, one of which nobody knows',
    claims: ['data', 'lost'],
    of: {
      nodes: [a, zonal('b', 'x'), zonal('c', 'y')],
      claims: [
        { namespace: 'shop', name: 'data', volume: 'v1', storageClass: '' },
        { namespace: 'shop', name: 'lost', volume: 'gone', storageClass: '' },
      ],
      volumes: [{ name: 'v1', zones: { [zoneKey]: ['y', 'z'] }, isLocal: false }],
    },
    place: 'fits on c',
  },
  {
    name: 'uses a volume of another zone',
    claims: ['data'],
    of: {
      nodes: [a, zonal('b', 'x')],
      claims: [{ namespace: 'shop', name: 'data', volume: 'v1', storageClass: '' }],
      volumes: [
        {
          name: 'v1',
          zones: { [zoneKey]: ['y'], 'topology.kubernetes.io/region': ['eu'] },
          isLocal: false,
        },
      ],
    },
    place: '1 node(s) were unschedulable, 1 node(s) had no available volume zone',
  },
];

describe('a pod that has to leave its node', () => {
  it.each(rows)('and $name: $place', ({ shape = {}, claims = [], of, place }) => {
    const web = pod('web-1', 'a', { shape, claims });
    const outcome = drained({ ...of, pods: [web, ...(of.pods ?? [])] }, ['a']);
    expect(places(outcome)).toEqual([`web-1: ${place}`]);
  });

  it('goes where it is emptier, and where its like is not', () => {
    const busy = bare('busy', 'b', { shape: asking(1_000, 4) });
    const web = ['web-1', 'web-2'].map((name) => pod(name, 'a', { shape: asking(100, 1) }));
    const outcome = drained({ nodes: [a, b, node('c')], pods: [busy, ...web] }, ['a']);
    expect(places(outcome)).toEqual(['web-1: fits on c', 'web-2: fits on b']);
  });

  it('is weighed on nodes that have nothing, or less than is used', () => {
    const none = node('b', { allocatable: { pods: 5 } });
    const small = node('c', { allocatable: { cpu: 100, memory: gibibyte, pods: 5 } });
    const heavy = pod('heavy-1', 'c', { shape: { weighed: { cpu: 200, memory: 1 } } });
    const outcome = drained({ nodes: [a, none, small], pods: [pod('web-1', 'a'), heavy] }, ['a']);
    expect(places(outcome)).toEqual(['web-1: fits on c']);
  });

  it('takes room that the next one lacks, and both are told with what is free', () => {
    const nodes = [a, b, node('c')];
    const busy = ['b', 'c'].map((on) => bare(`busy-${on}`, on, { shape: asking(3_000) }));
    const three = pod('web-1', 'a', { shape: asking(1_000) });
    const web = ['web-1', 'web-2', 'web-3', 'web-4'].map((name) => ({
      ...three,
      ref: { namespace: 'shop', name },
    }));
    expect(places(drained({ nodes, pods: [...busy, ...web] }, ['a']))).toEqual([
      'web-1: fits on b',
      'web-2: fits on c',
      'web-3: 1 node(s) were unschedulable, 2 Insufficient cpu',
      'web-4: 1 node(s) were unschedulable, 2 Insufficient cpu',
    ]);
  });

  it('finds a place among many nodes without looking at all of them', () => {
    const nodes = Array.from({ length: 130 }, (_, index) =>
      node(`n-${String(index).padStart(3, '0')}`, { unschedulable: index % 2 === 1 }),
    );
    const pods = Array.from({ length: 60 }, (_, index) =>
      pod(`web-${index}`, 'n-000', { shape: asking(1_000) }),
    );
    const { pods: moved } = drained({ nodes, pods }, ['n-000']);
    expect(moved.filter(({ place }) => place.kind === 'fits')).toHaveLength(60);
  });

  it('of several workloads, each is spread and kept apart by itself', () => {
    const nodes = [a, b, node('c')];
    const apart = { antiAffinity: [term(hostKey)], spread: [spread(hostKey, { maxSkew: 2 })] };
    const pods = ['web-1', 'web-2'].map((name) => pod(name, 'a', { shape: apart }));
    const db = pod('db-1', 'a', { shape: { spread: [spread(hostKey)] } });
    expect(places(drained({ nodes, pods: [...pods, db] }, ['a']))).toEqual([
      'web-1: fits on b',
      'web-2: fits on c',
      'db-1: fits on b',
    ]);
  });

  it('may wait for room where its volume is', () => {
    const of = {
      nodes: [a, zonal('b', 'x')],
      claims: [{ namespace: 'shop', name: 'data', volume: 'v1', storageClass: '' }],
      volumes: [{ name: 'v1', zones: { [zoneKey]: ['x'] }, isLocal: false }],
    };
    const web = pod('web-1', 'a', {
      shape: { affinity: [term(hostKey, otherApp)] },
      claims: ['data'],
    });
    expect(places(drained({ ...of, pods: [web] }, ['a']))).toEqual([
      "web-1: 1 node(s) were unschedulable, 1 node(s) didn't match pod affinity rules",
    ]);
  });

  it('may go to the same places in the next window', () => {
    const web = pod('web-1', 'a', { shape: asking(4_000) });
    const nodes = [a, b];
    expect(places(drained({ nodes, pods: [web] }, ['a', 'gone']))).toEqual(['web-1: fits on b']);
  });
});
