// The releases that the control plane goes through, from what runs to the target.

import type { PlanBlocker } from '../blockers';
import type { Installable } from './releases';
import {
  canInstall,
  isSupportedMinor,
  newestPatch,
  newestSupportedMinor,
  oldestSupportedMinor,
} from './releases';
import type { UpgradeSpec } from '../spec';
import type { KubeMinor, KubeVersion } from '../versions';
import {
  compareMinors,
  compareVersions,
  isSameMajor,
  minorOf,
  newest,
  nextMinor,
  parseVersion,
} from '../versions';

export interface PathInput {
  readonly spec: Pick<UpgradeSpec, 'target' | 'via'>;
  /** What every API server runs (the oldest, when they differ). */
  readonly current: KubeVersion;
  readonly installable: Installable;
}

/** Undefined targets: there is no path, and `blockers` says why. */
export interface Path {
  /** One release a hop, at least one; inside one minor it may be what runs already. */
  readonly targets: readonly KubeVersion[] | undefined;
  readonly blockers: readonly PlanBlocker[];
}

/** Never skips a minor (R5); says everything that is in the way at once. */
export function resolvePath(input: PathInput): Path {
  const { spec, current } = input;
  const installable = sameMajorOnly(input.installable, current);
  const target = resolveTarget({ ...input, installable });
  if (target.kind === 'lower') {
    return blockedPath({ code: 'target-lower', at: current, target: spec.target });
  }
  const between = minorsBetweenEnds(current, target.minor, installable);
  const steps = between.map((minor) => ({ minor, version: releaseFor(minor, spec, installable) }));
  const releases = steps.flatMap(({ version }) => (version === undefined ? [] : [version]));
  const blockers: PlanBlocker[] = [
    ...unsupportedEnds(current, target),
    ...steps
      .filter(({ version }) => version === undefined)
      .map(({ minor }) => ({ code: 'release-missing', minor }) as const),
    ...viaBlockers({ ...input, installable }, target.minor),
  ];
  if (target.kind === 'unknown') {
    const newestKnown = newest([current, ...installable.versions]);
    return blockedPath({ code: 'target-unknown', target: spec.target, newestKnown }, ...blockers);
  }
  if (blockers.length > 0) return blockedPath(...blockers);
  return { targets: [...releases, target.version], blockers: [] };
}

function blockedPath(...blockers: readonly PlanBlocker[]): Path {
  return { targets: undefined, blockers };
}

function sameMajorOnly(installable: Installable, current: KubeVersion): Installable {
  const versions = installable.versions.filter((version) => isSameMajor(version, current));
  return { ...installable, versions };
}

type Target =
  | { readonly kind: 'lower' }
  | { readonly kind: 'unknown'; readonly minor: KubeMinor }
  | { readonly kind: 'resolved'; readonly minor: KubeMinor; readonly version: KubeVersion };

function resolveTarget({ spec, current, installable }: PathInput): Target {
  const exact = parseVersion(spec.target);
  const minor = exact === undefined ? (spec.target as KubeMinor) : minorOf(exact);
  const version = exact ?? newestOrCurrent(minor, current, installable);
  const isLower =
    exact === undefined
      ? compareMinors(minor, minorOf(current)) < 0
      : compareVersions(exact, current) < 0;
  if (isLower) return { kind: 'lower' };
  if (version === undefined) return { kind: 'unknown', minor };
  return version === current || canInstall(installable, version)
    ? { kind: 'resolved', minor, version }
    : { kind: 'unknown', minor };
}

/** In the current minor, what runs may be newer than every release that is known. */
function newestOrCurrent(
  minor: KubeMinor,
  current: KubeVersion,
  installable: Installable,
): KubeVersion | undefined {
  const found = newestPatch(installable, minor);
  if (minor !== minorOf(current)) return found;
  return found === undefined ? current : newest([found, current]);
}

/** Minors strictly between; not beyond the newest known, or `1.99` would list dozens. */
function minorsBetweenEnds(
  current: KubeVersion,
  target: KubeMinor,
  installable: Installable,
): readonly KubeMinor[] {
  const newestKnown = minorOf(newest([current, ...installable.versions]));
  const minors: KubeMinor[] = [];
  let minor = nextMinor(minorOf(current));
  while (compareMinors(minor, target) < 0 && compareMinors(minor, newestKnown) <= 0) {
    minors.push(minor);
    minor = nextMinor(minor);
  }
  return minors;
}

function releaseFor(
  minor: KubeMinor,
  spec: PathInput['spec'],
  installable: Installable,
): KubeVersion | undefined {
  return spec.via.find((version) => minorOf(version) === minor) ?? newestPatch(installable, minor);
}

function unsupportedEnds(current: KubeVersion, target: Target): readonly PlanBlocker[] {
  const ends = new Set([minorOf(current)]);
  if (target.kind === 'resolved') ends.add(target.minor);
  return [...ends]
    .filter((minor) => !isSupportedMinor(minor))
    .map((minor) => ({
      code: 'hop-unsupported',
      minor,
      oldest: oldestSupportedMinor,
      newest: newestSupportedMinor,
    }));
}

function viaBlockers(
  { spec, current, installable }: PathInput,
  target: KubeMinor,
): readonly PlanBlocker[] {
  return [...new Set(spec.via)].flatMap((version): readonly PlanBlocker[] => {
    const minor = minorOf(version);
    const namesakes = spec.via.filter((one) => minorOf(one) === minor).length;
    if (minor === target || namesakes > 1) {
      return [{ code: 'via-unusable', version, why: 'duplicate-minor' }];
    }
    const isBetween =
      compareMinors(minor, minorOf(current)) > 0 && compareMinors(minor, target) < 0;
    if (!isBetween) return [{ code: 'via-unusable', version, why: 'not-on-path' }];
    return canInstall(installable, version)
      ? []
      : [{ code: 'via-unusable', version, why: 'not-available' }];
  });
}
