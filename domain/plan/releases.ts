// Which releases can be had, and between which minors this version of Ascent goes.

import type { KubeMinor, KubeVersion } from '../versions';
import { compareMinors, compareVersions, minorOf } from '../versions';

/**
 * The newest patch of each minor that is known here. Source: supported_releases of
 * kubernetes-sigs/kwok 0.8.0. Only a fallback: a driver that tells what it can install knows
 * better (`availableVersions` of Observation).
 */
export const knownReleases: readonly KubeVersion[] = [
  '1.28.15',
  '1.29.15',
  '1.30.14',
  '1.31.14',
  '1.32.13',
  '1.33.12',
  '1.34.8',
  '1.35.5',
  '1.36.1',
].map((version) => version as KubeVersion);

/**
 * Hops are supported between these minors, both ends included. Their removed APIs, kubelet skew and
 * eviction behaviour are the ones that were looked into; 1.37 brings etcd 3.7 and an eviction
 * request API (KEP-4563) that were not.
 */
export const oldestSupportedMinor = '1.28' as KubeMinor;
export const newestSupportedMinor = '1.36' as KubeMinor;

export function isSupportedMinor(minor: KubeMinor): boolean {
  return (
    compareMinors(minor, oldestSupportedMinor) >= 0 &&
    compareMinors(minor, newestSupportedMinor) <= 0
  );
}

/** What can be installed on one cluster. */
export interface Installable {
  readonly versions: readonly KubeVersion[];
  /** Every patch of `versions` only; or also the patches below each (a known minor's history). */
  readonly patches: 'listed' | 'up-to-listed';
}

/** The driver's list where it has one (then nothing else exists), else the known releases. */
export function installableOn(
  available: readonly KubeVersion[] | undefined,
  known: readonly KubeVersion[],
): Installable {
  return available === undefined
    ? { versions: known, patches: 'up-to-listed' }
    : { versions: available, patches: 'listed' };
}

/** Those that are in every list, the oldest first; undefined without a list. */
export function releasesOfAll(
  lists: readonly (readonly KubeVersion[])[],
): readonly KubeVersion[] | undefined {
  const [first, ...others] = lists;
  return first
    ?.filter((one) => others.every((list) => list.includes(one)))
    .toSorted(compareVersions);
}

/** Whether exactly this release can be installed. */
export function canInstall({ versions, patches }: Installable, version: KubeVersion): boolean {
  if (patches === 'listed') return versions.includes(version);
  return versions.some(
    (one) => minorOf(one) === minorOf(version) && compareVersions(version, one) <= 0,
  );
}

/** The newest installable patch of a minor; undefined when there is none. */
export function newestPatch({ versions }: Installable, minor: KubeMinor): KubeVersion | undefined {
  return versions
    .filter((version) => minorOf(version) === minor)
    .toSorted(compareVersions)
    .at(-1);
}
