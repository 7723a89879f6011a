import type { ComponentOptions } from '../../../domain/component-options';
import { askedSettings } from '../../../domain/knowledge/asked-settings';
import type { ChangeCondition, Knowledge } from '../../../domain/knowledge/knowledge';
import type { MachineFacts } from '../../../domain/machine-observation';
import type { NodeName } from '../../../domain/names';
import type { MachineObservation, Observation } from '../../../domain/observation';
import { changeFindings } from '../../../domain/preflight/preflight-changes';
import type { KubeMinor } from '../../../domain/versions';
import { version } from '../../support/builders';

type Seen = Partial<Observation>;

const minorFile = { schema: 'ascent.knowledge/v1', sources: { page: 'https://a.b/c' }, known: [] };

/** A minor with one change that applies so. */
function knowing(...applies: readonly ChangeCondition[]): Knowledge {
  const change = {
    id: 'it-changes',
    severity: 'warns',
    appliesTo: 'clusters with it',
    what: 'It is another.',
    remedy: 'Change it.',
    source: 'page',
  } as const;
  const read = { ...change, id: 'for-people' };
  return [
    { ...minorFile, schema: 'ascent.knowledge/v1', minor: '1.30' as KubeMinor },
    {
      ...minorFile,
      schema: 'ascent.knowledge/v1',
      minor: '1.31' as KubeMinor,
      changes: [{ ...change, applies }, read],
    },
  ];
}

function hopTo(to: string, from: string) {
  return { from: version(from), to: version(to) };
}

function placesOf(condition: ChangeCondition, observation: Seen): unknown {
  const hop = hopTo('1.31.14', '1.30.14');
  const found = changeFindings({ observation, hop, knowledge: knowing(condition) });
  return found.map(({ evidence }) => evidence?.['places']);
}

function options(
  component: ComponentOptions['component'],
  told: Partial<ComponentOptions> = {},
): ComponentOptions {
  return { component, flags: [], gates: [], plugins: [], ...told };
}

const staticPod = (told: ComponentOptions) => ({
  ...told,
  pod: `${told.component}-cp-1`,
  node: 'cp-1' as NodeName,
});

const machine = (facts: Partial<MachineFacts>): MachineObservation => ({
  kind: 'observed',
  name: 'worker-1' as NodeName,
  facts: { space: [], components: [], automaticUpgrades: [], ...facts },
});

const unobserved: MachineObservation = {
  kind: 'unobserved',
  name: 'worker-2' as NodeName,
  problem: { code: 'unreachable', message: 'no' },
};

const etcd = staticPod(options('etcd', { flags: ['data-dir', 'experimental-one'] }));
const manager = (values?: Record<string, string>): Seen => ({
  staticPods: [
    staticPod(
      options('kube-controller-manager', {
        flags: ['cloud-provider'],
        ...(values === undefined ? {} : { values }),
      }),
    ),
  ],
});
const inCloud: ChangeCondition = {
  when: 'flag',
  component: 'kube-controller-manager',
  flag: 'cloud-provider',
  isNot: ['', 'external'],
};
const inMode: ChangeCondition = { when: 'field', file: 'kube-proxy', field: 'mode', is: 'ipvs' };
const proxy = (values?: Record<string, string>): Seen => {
  const told = options('kube-proxy', values === undefined ? {} : { values });
  return { configMaps: { options: [{ map: 'kube-proxy', ...told }], unread: [] } };
};
const containerd = (text: string): Seen => ({
  machines: [machine({ runtime: { name: 'containerd', version: version(text) } }), unobserved],
});
const below: ChangeCondition = { when: 'containerd-below', version: version('2.2.0') };
const stored: ChangeCondition = { when: 'stored', api: 'a.io/v1alpha1' };
const use = { apiVersion: 'a.io/v1alpha1', kind: 'Thing', writers: ['kubectl'] };
const kubelet = { component: 'kubelet', flags: ['runonce'], gates: ['Old'], plugins: [] } as const;

describe('a change of a minor', () => {
  it('that applies is told with where that is seen, and its source', () => {
    const observation = { staticPods: [etcd] };
    const knowledge = knowing(
      { when: 'flag', component: 'etcd', flag: 'experimental-*' },
      { when: 'flag', component: 'etcd', flag: 'data-dir' },
    );
    const hop = hopTo('1.31.14', '1.30.14');
    expect(changeFindings({ observation, hop, knowledge })).toEqual([
      {
        code: 'breaking-change',
        severity: 'warns',
        object: { kind: 'cluster' },
        message:
          '1.31 changes something for clusters with it (Pod kube-system/etcd-cp-1: --data-dir,' +
          ' Pod kube-system/etcd-cp-1: --experimental-one): It is another',
        remedy: 'Change it; see https://a.b/c',
        about: 'it-changes',
        evidence: {
          minor: '1.31',
          places: [
            'Pod kube-system/etcd-cp-1: --data-dir',
            'Pod kube-system/etcd-cp-1: --experimental-one',
          ],
        },
        figures: { places: 2 },
      },
    ]);
    const later = hopTo('1.32.13', '1.31.14');
    expect(changeFindings({ observation, hop: later, knowledge })).toEqual([]);
    const without = hopTo('1.30.14', '1.29.15');
    expect(changeFindings({ observation, hop: without, knowledge })).toEqual([]);
  });

  it.each<readonly [string, ChangeCondition, Seen, string]>([
    ['always', { when: 'always' }, {}, 'every cluster'],
    [
      'by a flag with one of other values',
      inCloud,
      manager({ 'cloud-provider': 'aws' }),
      'Pod kube-system/kube-controller-manager-cp-1: --cloud-provider=aws',
    ],
    [
      'by a flag on a machine',
      { when: 'flag', component: 'kubelet', flag: 'runonce' },
      { machines: [machine({ components: [kubelet] }), unobserved] },
      'machine worker-1: --runonce',
    ],
    [
      'by a gate',
      { when: 'gate', gate: 'Old' },
      { configMaps: { options: [{ map: 'kubelet-config', ...kubelet }], unread: [] } },
      'ConfigMap kube-system/kubelet-config: feature gate Old',
    ],
    ['by a field', inMode, proxy({ mode: 'ipvs' }), 'ConfigMap kube-system/kube-proxy: mode ipvs'],
    [
      'by objects',
      stored,
      { storedObjects: { uses: [{ ...use, object: 'one' }], unlisted: [] } },
      'Thing one',
    ],
    [
      'by objects of one kind',
      { ...stored, kind: 'Thing' },
      {
        storedObjects: {
          uses: [
            { ...use, object: 'one' },
            { ...use, kind: 'Other', object: 'two' },
          ],
          unlisted: [],
        },
      },
      'Thing one',
    ],
    [
      'by volumes',
      { when: 'volume', field: 'rbd' },
      { volumes: { uses: [{ field: 'rbd', kind: 'StorageClass', name: 'old' }], unlisted: [] } },
      'StorageClass old',
    ],
    [
      'by an add-on',
      { when: 'addon', addon: 'calico' },
      {
        addons: {
          workloads: [
            { workload: 'DaemonSet kube-system/c', images: ['a.io/calico/node:v3'] },
            { workload: 'DaemonSet kube-system/d', images: ['a.io/else:v3'] },
          ],
          unlisted: [],
        },
      },
      'DaemonSet kube-system/c',
    ],
    ['by an old runtime', below, containerd('1.7.28'), 'machine worker-1: containerd 1.7.28'],
    [
      'by control groups',
      { when: 'cgroup-v1' },
      { machines: [machine({ cgroup: 1 }), machine({ cgroup: 2 })] },
      'machine worker-1: control groups of version 1',
    ],
  ])('applies %s', (_, condition, seen, place) => {
    expect(placesOf(condition, seen)).toEqual([[place]]);
    if (condition.when !== 'always') expect(placesOf(condition, {})).toEqual([]);
  });

  it.each<readonly [string, ChangeCondition, Seen]>([
    ['with a value that is fine', inCloud, manager({ 'cloud-provider': 'external' })],
    ['with a value that is not known', inCloud, manager()],
    ['with a flag of another component', inCloud, { staticPods: [etcd] }],
    ['with another value of a field', inMode, proxy({ mode: 'nftables' })],
    ['without the field', inMode, proxy()],
    ['with another gate', { when: 'gate', gate: 'New' }, { staticPods: [etcd] }],
    ['with a runtime that is new enough', below, containerd('2.2.0')],
    [
      'with another runtime',
      below,
      { machines: [machine({ runtime: { name: 'cri-o', version: version('1.30.0') } })] },
    ],
    [
      'with objects of another version',
      stored,
      {
        storedObjects: { uses: [{ ...use, apiVersion: 'a.io/v1', object: 'one' }], unlisted: [] },
      },
    ],
  ])('does not apply %s', (_, condition, seen) => {
    expect(placesOf(condition, seen)).toEqual([]);
  });

  it('names a hundred places, and counts all', () => {
    const uses = Array.from({ length: 150 }, (_, index) => ({ ...use, object: `o-${index}` }));
    const observation = { storedObjects: { uses, unlisted: [] } };
    const hop = hopTo('1.31.14', '1.30.14');
    const [found] = changeFindings({ observation, hop, knowledge: knowing(stored) });
    expect(found?.evidence?.['places']).toHaveLength(100);
    expect(found?.figures).toEqual({ places: 150 });
  });
});

it('values are asked for where conditions are about them', () => {
  const flag: ChangeCondition = { when: 'flag', component: 'etcd', flag: 'experimental-*' };
  expect([...askedSettings(knowing(inCloud, inMode, flag, stored))]).toEqual([
    'kube-controller-manager/cloud-provider',
    'kube-proxy/mode',
  ]);
});

describe('of what ships', () => {
  const found = (observation: Seen, from: string, to: string) =>
    changeFindings({ observation, hop: hopTo(to, from) }).map(
      ({ about, severity, evidence }) => [about, severity, evidence?.['places']] as const,
    );

  it.each<readonly [string, Seen, string, string, readonly (readonly unknown[])[]]>([
    [
      'an in-tree cloud provider',
      manager({ 'cloud-provider': 'gce' }),
      '1.30.14',
      '1.31.14',
      [
        [
          'cloud-providers-gone',
          'blocks',
          ['Pod kube-system/kube-controller-manager-cp-1: --cloud-provider=gce'],
        ],
      ],
    ],
    [
      'kube-proxy in mode ipvs',
      proxy({ mode: 'ipvs' }),
      '1.34.8',
      '1.35.5',
      [['ipvs-deprecated', 'notes', ['ConfigMap kube-system/kube-proxy: mode ipvs']]],
    ],
    [
      'flags of etcd that were experiments',
      { staticPods: [etcd] },
      '1.36.1',
      '1.37.0',
      [['etcd-3-7', 'warns', ['Pod kube-system/etcd-cp-1: --experimental-one']]],
    ],
    [
      'objects that nothing converts',
      {
        storedObjects: {
          uses: [{ ...use, apiVersion: 'resource.k8s.io/v1alpha2', object: 'a/b' }],
          unlisted: [],
        },
      },
      '1.30.14',
      '1.31.14',
      [['dra-v1alpha2-objects', 'blocks', ['Thing a/b']]],
    ],
  ])('%s is told of in time, and not before', (_, seen, from, to, told) => {
    expect(found(seen, from, to)).toEqual(told);
    expect(found(seen, '1.27.16', '1.28.15')).toEqual([]);
    expect(found({}, from, to)).toEqual([]);
  });
});
