// What was seen on a machine itself, where a driver reaches it. Names and figures only: values of
// flags stay there (O2).

import type { KubeVersion } from './versions';

/** Components whose flags a machine tells. */
export const toldComponents = [
  'kubelet',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
] as const;

export type ToldComponent = (typeof toldComponents)[number];

export interface ComponentFlags {
  readonly component: ToldComponent;
  /** Without `--`. */
  readonly flags: readonly string[];
  readonly gates: readonly string[];
  /** Admission plugins that are switched on or off by name. */
  readonly plugins: readonly string[];
}

export interface FreeSpace {
  /** Directory that was asked about. */
  readonly path: string;
  /** Where its file system is mounted. */
  readonly mount: string;
  readonly freeBytes: number;
}

/** What is absent, the machine did not tell. */
export interface MachineFacts {
  readonly space: readonly FreeSpace[];
  readonly availableMemoryBytes?: number;
  readonly swapBytes?: number;
  readonly cgroup?: 1 | 2;
  readonly runtime?: { readonly name: string; readonly version: KubeVersion };
  /** Of its kubelet's configuration; absent: its default. */
  readonly failSwapOn?: boolean;
  readonly failCgroupV1?: boolean;
  readonly components: readonly ComponentFlags[];
  /** Flags of the kubelet that stand in kubeadm-flags.env and nowhere else; absent: none do. */
  readonly kubeadmFlags?: readonly string[];
  /** Against the clock of who asked; negative when it is behind. `doubtMs`: either way. */
  readonly clock?: { readonly aheadMs: number; readonly doubtMs: number };
  /** The certificate that its kubelet shows API servers. */
  readonly kubeletCertificateSecondsLeft?: number;
  /** What upgrades packages by itself there. */
  readonly automaticUpgrades: readonly string[];
  /** `kube-proxy:v1.29.15`; absent where nobody can tell. */
  readonly images?: readonly string[];
  /** What its driver could install there. */
  readonly releases?: readonly KubeVersion[];
}
