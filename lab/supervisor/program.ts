// What a component of a member runs, or is to run: a release, and the minor that it serves as.
// P1. Serving as its own minor is told by no `emulates`: one state has one form.

import {
  compareMinors,
  type KubeMinor,
  type KubeVersion,
  minorOf,
  nextMinor,
} from '../../domain/versions';

export interface Program {
  readonly version: string;
  /** `1.31` (P1). */
  readonly emulates?: string | undefined;
}

/** The first whose programs take an older minor; 1.31 knows the flag, but for itself only. */
const firstEmulating = '1.32' as KubeMinor;
/** No release serves as an older one. */
const oldestEmulated = '1.31' as KubeMinor;
const minorsBack = 3;

/** `1.32.5`, or `1.32.5 as 1.31`. */
export function programName({ version, emulates }: Program): string {
  return emulates === undefined ? version : `${version} as ${emulates}`;
}

export function isSameProgram(a: Program | undefined, b: Program): boolean {
  return a !== undefined && programName(a) === programName(b);
}

/**
 * Why the release cannot serve as that minor; undefined when it can. Authority: the validation in
 * component-base of 1.32.5 and apiserver of 1.33.13 (KEP-4330); `--help` of 1.32.5 names less.
 */
export function emulationProblem({ version, emulates }: Program): string | undefined {
  if (emulates === undefined) return undefined;
  const own = minorOf(version as KubeVersion);
  const minor = emulates as KubeMinor;
  const what = `Kubernetes ${version} cannot serve as ${emulates}`;
  if (compareMinors(own, firstEmulating) < 0) return `${what}: releases from 1.32 on can`;
  if (compareMinors(minor, own) >= 0) return `${what}: only as an older minor`;
  if (compareMinors(minor, oldestEmulated) < 0) return `${what}: 1.31 is the oldest`;
  const reach = Array.from({ length: minorsBack }).reduce<KubeMinor>(nextMinor, minor);
  return compareMinors(reach, own) < 0 ? `${what}: ${minorsBack} minors back at most` : undefined;
}
