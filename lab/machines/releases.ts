// Which versions make up a machine of one Kubernetes release, as its kubeadm has them, and what of
// them must be installed beforehand.

import {
  kubernetesRelease,
  type kubeadmEtcdVersions,
  type coreDnsVersions,
} from '../toolchain/catalogue';
import { LabError } from '../lab-error';
import type { ToolRequest } from '../toolchain/requests';
import { resolveToolchain } from '../toolchain/resolve';

export interface MachineRelease {
  /** `1.28.15`. */
  readonly kubernetes: string;
  readonly etcd: (typeof kubeadmEtcdVersions)[number];
  readonly coreDns: (typeof coreDnsVersions)[number];
}

/** Oldest first; from DefaultEtcdVersion and CoreDNSVersion in constants.go of each kubeadm. */
export const machineReleases: readonly MachineRelease[] = [
  { kubernetes: '1.28.15', etcd: '3.5.15', coreDns: '1.10.1' },
  { kubernetes: '1.29.15', etcd: '3.5.16', coreDns: '1.11.1' },
  { kubernetes: '1.30.14', etcd: '3.5.15', coreDns: '1.11.3' },
];

/** Where a machine finds the programs of other releases, each in a directory of its own. */
export const releasesDirectory = '/opt/releases';

/** What labs begin with unless they are told otherwise. */
export const firstMachineRelease = '1.28.15';

/** The tag that kubeadm asks for; the program behind it is ours. */
export const pauseTag = '3.9';

/** `asked` is a whole version or a minor. Throws LabError `options-invalid`. */
export function machineRelease(asked: string): MachineRelease {
  const version = kubernetesRelease(asked);
  const found = machineReleases.find(({ kubernetes }) => kubernetes === version);
  if (found !== undefined) return found;
  const known = machineReleases.map(({ kubernetes }) => kubernetes).join(', ');
  throw new LabError(
    'options-invalid',
    `machines cannot run Kubernetes ${asked}; there are ${known}`,
  );
}

const kubernetesTools = [
  'kubeadm',
  'kubelet',
  'kubectl',
  'kube-proxy',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
] as const;

export const ownTools = ['machine-init', 'machine-gate', 'pause', 'web'] as const;

export type MachineTool =
  | (typeof kubernetesTools)[number]
  | (typeof ownTools)[number]
  | 'etcd'
  | 'etcdctl'
  | 'etcdutl'
  | 'coredns';

/** What machines of these releases need. */
export function machineRequests(releases: readonly MachineRelease[]): readonly ToolRequest[] {
  return [
    ...ownTools.map((tool) => ({ tool })),
    ...releases.flatMap(({ kubernetes, etcd, coreDns }) => [
      ...['etcd', 'etcdutl', 'etcdctl'].map((tool) => ({ tool, version: etcd })),
      { tool: 'coredns', version: coreDns },
      ...kubernetesTools.map((tool) => ({ tool, version: kubernetes })),
    ]),
  ];
}

export interface MachineBinaries {
  /** Path of the executable. */
  own(tool: (typeof ownTools)[number]): string;
  of(tool: Exclude<MachineTool, (typeof ownTools)[number]>): string;
}

/** Of one release; only what is there. Throws ToolchainError that names what is missing. */
export async function machineBinaries(release: MachineRelease): Promise<MachineBinaries> {
  const env = { ...process.env, ASCENT_TOOLCHAIN_SOURCES: 'environment,path,cache' };
  const toolchain = await resolveToolchain(machineRequests([release]), { env });
  const pathOf = (tool: string): string => {
    const found = toolchain.pathOf(tool);
    if (found === undefined) throw new Error(`${tool} was neither found nor refused`);
    return found;
  };
  return { own: pathOf, of: pathOf };
}
