// What the API of a cluster tells of the options of its components: command lines of static pods
// as their mirror pods have them, and the ConfigMaps of kubeadm. Evidence only; which of it the hop
// does not go with, domain/preflight says. Names only, and the values of a few
// settings that the catalogue asks for: all others stay there (O2).

import type { NodeName } from './names';
import type { Problem } from './observation';

/** Components whose options are told. */
export const optionComponents = [
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kube-proxy',
  'kubelet',
  'etcd',
] as const;

export type OptionComponent = (typeof optionComponents)[number];

/** Each name once. */
export interface ComponentOptions {
  readonly component: OptionComponent;
  /** Without `--`. */
  readonly flags: readonly string[];
  readonly gates: readonly string[];
  /** Admission plugins that are switched on or off by name. */
  readonly plugins: readonly string[];
  /** Of those flags and fields that the catalogue asks for (asked-settings.ts); absent: none. */
  readonly values?: Readonly<Record<string, string>>;
}

/** Of a static pod in kube-system. */
export interface StaticPodOptions extends ComponentOptions {
  /** Of the mirror pod: `kube-apiserver-cp-1`. */
  readonly pod: string;
  readonly node: NodeName;
}

/** ConfigMaps of kube-system that tell components what to do. */
export const optionMaps = ['kubeadm-config', 'kubelet-config', 'kube-proxy'] as const;

export type OptionMap = (typeof optionMaps)[number];

export interface MapOptions extends ComponentOptions {
  readonly map: OptionMap;
}

/** A ConfigMap that is not there tells nothing, and is no problem. */
export interface ConfigMapsObservation {
  readonly options: readonly MapOptions[];
  readonly unread: readonly { readonly map: OptionMap; readonly problem: Problem }[];
}
