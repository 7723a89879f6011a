// Kubernetes versions: parsing, order and minors.
// V1. A KubeVersion is always `MAJOR.MINOR.PATCH` without a leading `v` and without a suffix.
// V2. Order is numeric, never lexical: 1.9.0 < 1.10.0.

/** `1.29.15` (V1). */
export type KubeVersion = string & { readonly brand: 'KubeVersion' };
/** `1.29`. */
export type KubeMinor = string & { readonly brand: 'KubeMinor' };

/** What a component of the control plane runs, and as which minor it serves. */
export interface Programs {
  readonly version: KubeVersion;
  /** By `--emulated-version`; absent: its own minor. */
  readonly emulates?: KubeMinor;
}

interface VersionParts {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
}

const versionPattern = /^v?(\d+)\.(\d+)\.(\d+)(?:[-+].*)?$/;
const minorPattern = /^v?(\d+)\.(\d+)$/;

/** Reads `v1.29.15`, `1.29.15` or `v1.29.15-eks-1`; undefined when the text is none of these. */
export function parseVersion(text: string): KubeVersion | undefined {
  const match = versionPattern.exec(text.trim());
  if (match === null) return undefined;
  return `${Number(match[1])}.${Number(match[2])}.${Number(match[3])}` as KubeVersion;
}

/** Reads `1.29` or `v1.29`; undefined when the text is neither. */
export function parseMinor(text: string): KubeMinor | undefined {
  const match = minorPattern.exec(text.trim());
  if (match === null) return undefined;
  return `${Number(match[1])}.${Number(match[2])}` as KubeMinor;
}

function partsOf(version: KubeVersion): VersionParts {
  const [major, minor, patch] = version.split('.').map(Number) as [number, number, number];
  return { major, minor, patch };
}

/** `1.29.15` → `1.29`. */
export function minorOf(version: KubeVersion): KubeMinor {
  const { major, minor } = partsOf(version);
  return `${major}.${minor}` as KubeMinor;
}

/** Negative when a is older, 0 when equal, positive when a is newer (V2). */
export function compareVersions(a: KubeVersion, b: KubeVersion): number {
  const left = partsOf(a);
  const right = partsOf(b);
  return left.major - right.major || left.minor - right.minor || left.patch - right.patch;
}

/** How many minors `newer` is ahead of `older`; negative when it is behind. Same major only. */
export function minorsBetween(older: KubeVersion, newer: KubeVersion): number {
  return partsOf(newer).minor - partsOf(older).minor;
}

/** `1.29` → `1.30`. */
export function nextMinor(minor: KubeMinor): KubeMinor {
  const [major, number] = minor.split('.').map(Number) as [number, number];
  return `${major}.${number + 1}` as KubeMinor;
}

/** The minor as which programs serve. */
export function servedMinor({ version, emulates }: Programs): KubeMinor {
  return emulates ?? minorOf(version);
}

/** `1.32.5`, or `1.32.5 (emulating 1.31)`. */
export function programsText({ version, emulates }: Programs): string {
  return emulates === undefined ? version : `${version} (emulating ${emulates})`;
}

/** Negative when a is older, 0 when equal, positive when a is newer (V2). */
export function compareMinors(a: KubeMinor, b: KubeMinor): number {
  return compareVersions(`${a}.0` as KubeVersion, `${b}.0` as KubeVersion);
}

/** Whether it is newer than that of `from`, and not newer than that of `to`. */
export function isOnTheWay(
  minor: KubeMinor,
  { from, to }: { readonly from: KubeVersion; readonly to: KubeVersion },
): boolean {
  return compareMinors(minor, minorOf(from)) > 0 && compareMinors(minor, minorOf(to)) <= 0;
}

/** Whether two versions have the same major: between majors there is no path of minors. */
export function isSameMajor(a: KubeVersion, b: KubeVersion): boolean {
  return partsOf(a).major === partsOf(b).major;
}

/** The oldest of a non-empty list. */
export function oldest(versions: readonly [KubeVersion, ...KubeVersion[]]): KubeVersion {
  return versions.reduce((low, version) => (compareVersions(version, low) < 0 ? version : low));
}

/** The newest of a non-empty list. */
export function newest(versions: readonly [KubeVersion, ...KubeVersion[]]): KubeVersion {
  return versions.reduce((high, version) => (compareVersions(version, high) > 0 ? version : high));
}
