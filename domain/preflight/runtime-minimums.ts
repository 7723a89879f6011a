// The oldest containerd of each of its series that the project names for a minor of Kubernetes
// (containerd.io/releases). A series that is newer than all of them is taken as fit.

import type { KubeMinor, KubeVersion } from '../versions';

const minimums: Readonly<Record<string, readonly string[]>> = {
  '1.28': ['1.6.15', '1.7.0'],
  '1.29': ['1.6.27', '1.7.11'],
  '1.30': ['1.6.28', '1.7.13'],
  '1.31': ['1.6.34', '1.7.20'],
  '1.32': ['1.6.36', '1.7.24', '2.0.1', '2.1.0'],
  '1.33': ['1.6.36', '1.7.24', '2.0.4', '2.1.0'],
  '1.34': ['1.6.39', '1.7.28', '2.0.6', '2.1.3'],
  '1.35': ['1.7.28', '2.1.5', '2.2.0'],
  '1.36': ['2.2.0', '2.3.0'],
};

/** The oldest series first; empty where nothing is known. */
export function containerdMinimums(minor: KubeMinor): readonly KubeVersion[] {
  return (minimums[minor] ?? []) as readonly KubeVersion[];
}
