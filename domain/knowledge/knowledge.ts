// What is known of each minor, as data: knowledge/*.yaml as it is read. Only shapes; lookups.ts
// answers questions, overlay.ts adds what users know.
// K1. A topic of a minor is either known (its entries are all there are) or unknown, with a reason.
// K2. An API is in one place only: in the file of the minor that removed it; before that, in the
//     file of the minor that deprecated it.
// K3. Every entry names its source: a key of `sources` of its file, or the source itself.

import type { Severity } from '../findings/finding';
import type { KubeMinor, KubeVersion } from '../versions';

/** Topics with one entry a minor. */
export const singleTopics = ['support', 'images', 'etcd', 'containerd', 'cgroup'] as const;
/** Topics with entries that have keys. */
export const listTopics = [
  'apis',
  'flags',
  'gates',
  'plugins',
  'configuration',
  'volumes',
  'changes',
] as const;

export const knowledgeTopics = [...singleTopics, ...listTopics] as const;

type SingleTopic = (typeof singleTopics)[number];
export type ListTopic = (typeof listTopics)[number];
export type KnowledgeTopic = SingleTopic | ListTopic;

interface Sourced {
  readonly source: string;
}

/** A version of an API. */
export interface ApiEntry extends Sourced {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  /** `*`: every kind of it. */
  readonly kind: string;
  /** `flowschemas`, `pods/eviction`; absent where no API server lists it. */
  readonly resource?: string;
  readonly deprecated?: KubeMinor;
  /** The first minor that does not serve it; a plan where that minor is not known yet. */
  readonly removed?: KubeMinor;
  readonly replacement?: string;
  /** `file`: configuration of a component; `wire`: sent, never stored. Absent: served objects. */
  readonly scope?: 'file' | 'wire';
  /** Who reads the file. */
  readonly component?: string;
  readonly note?: string;
}

export interface FlagEntry extends Sourced {
  readonly component: string;
  /** Without `--`. */
  readonly flag: string;
  readonly change: 'removed' | 'deprecated';
  readonly note?: string;
}

export interface GateEntry extends Sourced {
  readonly gate: string;
  readonly change: 'removed' | 'locked';
  /** What a locked one is locked to. */
  readonly to?: boolean;
  readonly note?: string;
}

export interface PluginEntry extends Sourced {
  /** An admission plugin. */
  readonly plugin: string;
  readonly change: 'removed';
  readonly note?: string;
}

export interface ConfigurationEntry extends Sourced {
  /** Whose configuration: `kubelet`. */
  readonly file: string;
  readonly field: string;
  readonly change: 'added' | 'removed' | 'deprecated' | 'default' | 'meaning';
  readonly note?: string;
}

export interface VolumeEntry extends Sourced {
  /** Of a volume of a pod, or of a persistent volume: `rbd`. */
  readonly field: string;
  /** Of a storage class. */
  readonly provisioner: string;
  /** The CSI driver that serves such volumes now; absent: none does. */
  readonly driver?: string;
  readonly change: 'removed';
  readonly note?: string;
}

/** What an observation can answer. Components are those of domain/component-options.ts. */
export type ChangeCondition =
  | { readonly when: 'always' }
  /** A component is told the flag; `experimental-*` is every one that begins so. */
  | {
      readonly when: 'flag';
      readonly component: string;
      readonly flag: string;
      /** Only with another value than these, where the value is known. */
      readonly isNot?: readonly string[];
    }
  | { readonly when: 'gate'; readonly gate: string }
  /** A field at the top of a component's configuration, by its ConfigMap. */
  | {
      readonly when: 'field';
      readonly file: string;
      readonly field: string;
      /** As text: `true`, `0`. */
      readonly is: string;
    }
  /** Objects that somebody wrote in this version: `resource.k8s.io/v1alpha2`; of one kind only. */
  | { readonly when: 'stored'; readonly api: string; readonly kind?: string }
  | { readonly when: 'volume'; readonly field: string }
  | { readonly when: 'addon'; readonly addon: string }
  | { readonly when: 'containerd-below'; readonly version: KubeVersion }
  | { readonly when: 'cgroup-v1' };

export interface ChangeEntry extends Sourced {
  readonly id: string;
  readonly severity: Severity;
  /** To which clusters. */
  readonly appliesTo: string;
  /** Where that can be seen: one of these is enough. Absent: it is for people to tell. */
  readonly applies?: readonly ChangeCondition[];
  readonly what: string;
  readonly remedy: string;
}

export interface SupportEntry extends Sourced {
  /** `2023-12-13`. */
  readonly released: string;
  /** Absent: unknown. */
  readonly ends?: string;
}

/** What kubeadm of one release sets up. */
export interface ImagesEntry extends Sourced {
  readonly of: KubeVersion;
  readonly etcd: string;
  readonly coredns: string;
  readonly pause: string;
}

export interface EtcdEntry extends Sourced {
  /** The oldest external etcd that kubeadm accepts. */
  readonly minimum: KubeVersion;
}

export interface ContainerdEntry extends Sourced {
  /** The oldest of each series, oldest series first. */
  readonly minimums: readonly KubeVersion[];
}

export interface CgroupEntry extends Sourced {
  /** What becomes of control groups of version 1. */
  readonly v1: 'maintained' | 'refused';
}

export interface UnknownTopic {
  readonly topic: KnowledgeTopic;
  readonly why: string;
}

/** One file of knowledge/. */
export interface MinorKnowledge {
  readonly schema: 'ascent.knowledge/v1';
  /** `earlier`: what was before the oldest minor with a file; APIs only. */
  readonly minor: KubeMinor | 'earlier';
  readonly sources: Readonly<Record<string, string>>;
  readonly known: readonly KnowledgeTopic[];
  readonly unknown?: readonly UnknownTopic[];
  readonly support?: SupportEntry;
  readonly images?: ImagesEntry;
  readonly etcd?: EtcdEntry;
  readonly containerd?: ContainerdEntry;
  readonly cgroup?: CgroupEntry;
  readonly apis?: readonly ApiEntry[];
  readonly flags?: readonly FlagEntry[];
  readonly gates?: readonly GateEntry[];
  readonly plugins?: readonly PluginEntry[];
  readonly configuration?: readonly ConfigurationEntry[];
  readonly volumes?: readonly VolumeEntry[];
  readonly changes?: readonly ChangeEntry[];
}

/** Oldest first, `earlier` before all. */
export type Knowledge = readonly MinorKnowledge[];
