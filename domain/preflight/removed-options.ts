// What a minor no longer knows, and stops a component that is still told so: of the catalogue
// (knowledge/), by minor.

import { minorFiles, whyUnknown } from '../knowledge/lookups';
import type { Knowledge } from '../knowledge/knowledge';
import { shippedKnowledge } from '../knowledge/shipped';
import type { KubeMinor } from '../versions';

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

export const removedOptions = removedOptionsOf(shippedKnowledge);

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
