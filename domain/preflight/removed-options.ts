// What a minor no longer knows, and stops a component that is still told so: of the catalogue
// (knowledge/), by minor.

import { minorFiles, whyUnknown } from '../knowledge/lookups';
import type { Knowledge } from '../knowledge/knowledge';
import { shippedKnowledge } from '../knowledge/shipped';
import type { KubeMinor, KubeVersion } from '../versions';
import { isOnTheWay } from '../versions';

interface RemovedOptions {
  readonly minor: KubeMinor;
  readonly gates: readonly string[];
  /** By component. */
  readonly flags: readonly { readonly component: string; readonly flag: string }[];
  readonly plugins: readonly string[];
}

/** Oldest first. */
export function removedOptionsOf(knowledge: Knowledge): readonly RemovedOptions[] {
  return minorFiles(knowledge).map(({ minor, gates = [], flags = [], plugins = [] }) => ({
    minor,
    gates: gates.filter(({ change }) => change === 'removed').map(({ gate }) => gate),
    flags: flags.filter(({ change }) => change === 'removed'),
    plugins: plugins.map(({ plugin }) => plugin),
  }));
}

const removedOptions = removedOptionsOf(shippedKnowledge);

/** What a component is told: names. */
interface ToldOptions {
  readonly component: string;
  readonly flags: readonly string[];
  readonly gates: readonly string[];
  readonly plugins: readonly string[];
}

/** Something that a component is told, and that a minor on the way does not know. */
export interface GoneOption {
  readonly code: 'flag-removed' | 'gate-removed';
  readonly component: string;
  /** `flag --foo`, `feature gate Foo`, `plugin Foo`. */
  readonly what: string;
  readonly minor: KubeMinor;
  /** Absent where it is none. */
  readonly flag?: string;
}

export function goneOptions(
  { component, ...told }: ToldOptions,
  hop: { readonly from: KubeVersion; readonly to: KubeVersion },
): readonly GoneOption[] {
  return removedOptions
    .filter(({ minor }) => isOnTheWay(minor, hop))
    .flatMap(({ minor, flags, gates, plugins }): readonly GoneOption[] => {
      const own = flags.filter((one) => one.component === component).map(({ flag }) => flag);
      return [
        ...gone(told.flags, own).map((flag) => {
          return { code: 'flag-removed', what: `flag --${flag}`, component, minor, flag } as const;
        }),
        ...gone(told.gates, gates).map((gate) => {
          return { code: 'gate-removed', what: `feature gate ${gate}`, component, minor } as const;
        }),
        ...gone(told.plugins, plugins).map((plugin) => {
          return { code: 'flag-removed', what: `plugin ${plugin}`, component, minor } as const;
        }),
      ];
    });
}

function gone(used: readonly string[], removed: readonly string[]): readonly string[] {
  return used.filter((one) => removed.includes(one)).toSorted();
}

/** By which of an object's findings it is known again. */
export function aboutOption({ component, what }: GoneOption): string {
  return `${component} ${what}`;
}

/**
 * Flags of the kubelet that leave kubeadm-flags.env before it changes to the minor that removed
 * them, or to a later one: kubeadm has written them there, takes them out in that minor, and does
 * not look for them later (cmd/phases/upgrade/postupgrade.go of 1.35.0).
 */
export const takenOutFlags: readonly { readonly minor: KubeMinor; readonly flag: string }[] = [
  { minor: '1.35' as KubeMinor, flag: 'pod-infra-container-image' },
];

/** Whether the feature gates that a minor removed are all in the catalogue. */
export function areGatesKnown(minor: KubeMinor): boolean {
  return whyUnknown(shippedKnowledge, minor, 'gates') === undefined;
}
