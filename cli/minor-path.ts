// Minors, and ways from one to another, as options name them: `1.31`, `1.28..1.31`.

import type { KubeMinor, KubeVersion } from '../domain/versions';
import { compareMinors, isSameMajor, minorOf, parseMinor, parseVersion } from '../domain/versions';
import { usageError } from './cli-error';

export interface MinorPath {
  readonly from: KubeMinor;
  readonly to: KubeMinor;
}

/** Of `--path`. Throws CliError `usage`. */
export function minorPath(path: string): MinorPath {
  const [first = '', last = '', ...more] = path.split('..');
  if (more.length > 0 || last === '') {
    throw usageError(`--path is "${path}", expected two minors`, 'write it as 1.28..1.31');
  }
  const from = minorIn(first, '--path');
  const to = minorIn(last, '--path');
  const isUpward = isSameMajor(`${from}.0` as KubeVersion, `${to}.0` as KubeVersion);
  if (isUpward && compareMinors(from, to) < 0) return { from, to };
  throw usageError(`--path leads from ${from} to ${to}`, 'name the lower minor first');
}

/** A release stands for its minor. Throws CliError `usage`. */
export function minorIn(text: string, option: string): KubeMinor {
  const release = parseVersion(text);
  const minor = parseMinor(text) ?? (release === undefined ? undefined : minorOf(release));
  if (minor !== undefined) return minor;
  throw usageError(`${option} is "${text}", expected a minor`, 'write it as 1.31');
}
