import type {
  ComponentOptions,
  ConfigMapsObservation,
  MapOptions,
  OptionComponent,
  StaticPodOptions,
} from '../../../domain/component-options';
import type { NodeName } from '../../../domain/names';
import type { MachineObservation } from '../../../domain/observation';
import type { Finding } from '../../../domain/preflight/findings';
import { evaluatePreflight } from '../../../domain/preflight/preflight';
import { aCluster, version } from '../../support/builders';

interface Seen {
  readonly staticPods?: readonly StaticPodOptions[];
  readonly configMaps?: ConfigMapsObservation;
  readonly machines?: readonly MachineObservation[];
}

const codes = ['flag-removed', 'gate-removed', 'components-unobserved'];

function found(seen: Seen, to = '1.31.14', from = '1.30.14'): readonly Finding[] {
  const observation = { ...aCluster().withMembers(3, from).observation(), ...seen };
  const hop = { from: version(from), to: version(to) };
  const { findings } = evaluatePreflight({ observation, hop });
  return findings.filter(({ code }) => codes.includes(code));
}

function options(
  component: OptionComponent,
  told: Partial<ComponentOptions> = {},
): ComponentOptions {
  return { component, flags: [], gates: [], plugins: [], ...told };
}

function pod(told: ComponentOptions, node = 'cp-1'): StaticPodOptions {
  return { ...told, node: node as NodeName, pod: `${told.component}-${node}` };
}

function maps(...told: readonly MapOptions[]): ConfigMapsObservation {
  return { options: told, unread: [] };
}

const plugins = ['NodeRestriction', 'PersistentVolumeLabel'];
const apiServer = options('kube-apiserver', { flags: ['v'], gates: ['AppArmor'], plugins });
const kubelet = options('kubelet', { gates: ['CSIMigrationRBD', 'NodeSwap'] });
const place = { kind: 'node', name: 'cp-1' };

it('nothing is found where nothing was looked at, or nothing goes', () => {
  expect(found({})).toEqual([]);
  expect(found({ staticPods: [], configMaps: maps() })).toEqual([]);
  const seen = {
    staticPods: [pod(apiServer), pod(options('etcd', { flags: ['iptables-drop-bit'] }))],
    configMaps: maps({ map: 'kubelet-config', ...kubelet }),
  };
  expect(found(seen, '1.30.14', '1.29.15')).toEqual([]);
});

it('a static pod that is told what goes blocks, by its node and with its place', () => {
  expect(found({ staticPods: [pod(apiServer)] })).toEqual([
    {
      code: 'flag-removed',
      severity: 'blocks',
      object: place,
      message:
        'its kube-apiserver is told the plugin PersistentVolumeLabel, which 1.31 does not know:' +
        ' it would not start',
      remedy:
        'take it out of the manifest of static pod kube-apiserver there, and of what writes that' +
        ' (with kubeadm the ConfigMap kubeadm-config)',
      about: 'kube-apiserver plugin PersistentVolumeLabel',
      evidence: { minor: '1.31', places: ['Pod kube-system/kube-apiserver-cp-1'] },
    },
  ]);
});

it('a ConfigMap is told of by itself where no node is told so', () => {
  const flags = ['horizontal-pod-autoscaler-upscale-delay'];
  const configMaps = maps(
    { map: 'kubeadm-config', ...options('kube-controller-manager', { flags }) },
    { map: 'kubelet-config', ...kubelet },
    { map: 'kube-proxy', ...options('kube-proxy', { gates: ['CSIMigrationRBD'] }) },
  );
  const told = ({ component, what }: Record<'component' | 'what', string>, map: string) => ({
    severity: 'blocks',
    object: { kind: 'cluster' },
    message:
      `the ConfigMap ${map} tells ${component} the ${what}, which 1.31 does not know: it would` +
      ' not start',
    about: `${component} ${what}`,
    evidence: { minor: '1.31', places: [`ConfigMap kube-system/${map}`] },
  });
  const edit = 'kubectl -n kube-system edit configmap';
  const what = 'feature gate CSIMigrationRBD';
  expect(found({ configMaps })).toEqual([
    {
      ...told(
        {
          component: 'kube-controller-manager',
          what: 'flag --horizontal-pod-autoscaler-upscale-delay',
        },
        'kubeadm-config',
      ),
      code: 'flag-removed',
      remedy:
        `${edit} kubeadm-config, and take it out;` +
        ' see whether manifests on members have it, too',
    },
    {
      ...told({ component: 'kube-proxy', what }, 'kube-proxy'),
      code: 'gate-removed',
      remedy: `${edit} kube-proxy, and take it out`,
    },
    {
      ...told({ component: 'kubelet', what }, 'kubelet-config'),
      code: 'gate-removed',
      remedy:
        `${edit} kubelet-config, and take it out there and of /var/lib/kubelet/config.yaml on` +
        ' machines',
    },
  ]);
});

describe('nothing is told twice', () => {
  const about = 'kube-apiserver plugin PersistentVolumeLabel';
  const inMap: MapOptions = { map: 'kubeadm-config', ...apiServer };
  const machine = (name: string): MachineObservation => {
    const components = [{ ...apiServer, component: 'kube-apiserver' as const }];
    const facts = { space: [], components, automaticUpgrades: [] };
    return { kind: 'observed', name: name as NodeName, facts };
  };
  const objects = (seen: Seen) =>
    found(seen).map((finding) => [finding.about, finding.object, finding.evidence]);

  it('of a static pod and kubeadm-config', () => {
    const seen = { staticPods: [pod(apiServer)], configMaps: maps(inMap) };
    const places = ['Pod kube-system/kube-apiserver-cp-1'];
    expect(objects(seen)).toEqual([[about, place, { minor: '1.31', places }]]);
  });

  it('of a machine, its static pod and kubeadm-config', () => {
    const staticPods = [pod(apiServer), pod(apiServer, 'cp-2')];
    const seen = { staticPods, configMaps: maps(inMap), machines: [machine('cp-1')] };
    expect(objects(seen)).toEqual([
      [about, place, { minor: '1.31' }],
      [
        about,
        { kind: 'node', name: 'cp-2' },
        { minor: '1.31', places: ['Pod kube-system/kube-apiserver-cp-2'] },
      ],
    ]);
  });
});

describe('what could not be read', () => {
  it.each([
    {
      problem: { code: 'forbidden', message: 'reading it: no' },
      remedy:
        'allow the worker to get ConfigMap kube-proxy in kube-system: deploy/rbac/planner.yaml' +
        ' has the rule',
    },
    {
      problem: { code: 'unexpected', message: 'reading it: it has no config.conf' },
      remedy:
        'look into ConfigMap kube-proxy in kube-system by hand for flags and feature gates that go',
    },
  ] as const)('is told, with what helps: $problem.code', ({ problem, remedy }) => {
    const configMaps = { options: [], unread: [{ map: 'kube-proxy', problem }] } as const;
    expect(found({ configMaps })).toEqual([
      {
        code: 'components-unobserved',
        severity: 'warns',
        object: { kind: 'cluster' },
        message: `what it tells components was not looked into: ${problem.message}`,
        remedy,
        about: 'kube-proxy',
        evidence: { problem: problem.code },
      },
    ]);
  });

  it('is told of a minor that the catalogue does not know, where something was seen', () => {
    const hop = ['1.38.0', '1.37.0'] as const;
    expect(found({}, ...hop)).toEqual([]);
    const unknown = [
      {
        code: 'components-unobserved',
        severity: 'warns',
        object: { kind: 'cluster' },
        message: 'which flags, gates, plugins of components 1.38 removed is not known',
        remedy: 'compare --help of the components of 1.38 with their command lines',
        about: 'catalogue',
        evidence: { unknown: ['flags', 'gates', 'plugins'] },
      },
    ];
    expect(found({ staticPods: [pod(apiServer)] }, ...hop)).toEqual(unknown);
    expect(found({ configMaps: maps({ map: 'kubelet-config', ...kubelet }) }, ...hop)).toEqual(
      unknown,
    );
    expect(found({ staticPods: [pod(apiServer)], machines: [] }, ...hop)).toEqual([]);
  });
});
