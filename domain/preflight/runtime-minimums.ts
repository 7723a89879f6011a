// The oldest containerd of each of its series that the project names for a minor of Kubernetes
// (containerd.io/releases; knowledge/). A series that is newer than all of them is taken as fit.

import { fileOf } from '../knowledge/lookups';
import { shippedKnowledge } from '../knowledge/shipped';
import type { KubeMinor, KubeVersion } from '../versions';

/** The oldest series first; empty where nothing is known. */
export function containerdMinimums(minor: KubeMinor): readonly KubeVersion[] {
  return fileOf(shippedKnowledge, minor)?.containerd?.minimums ?? [];
}
