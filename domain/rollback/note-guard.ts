// Whether a message carries a note (account.ts) as a look makes it: messages come from anybody who
// reaches the Temporal server, and a note is kept and told for as long as the upgrade runs.

import type { RestoreNote } from './account';
import { anchorNamesMax, isAnchor, nameLengthMax } from './key-tally';

/** Of that shape, and within the bounds of a look. */
export function isRestoreNote(value: unknown): value is RestoreNote {
  if (!isRecord(value)) return false;
  const { madeAtMs, anchors, cutShortBy } = value;
  if (!isCount(madeAtMs) || !Array.isArray(anchors)) return false;
  if (cutShortBy !== undefined && cutShortBy !== 'keys' && cutShortBy !== 'seconds') return false;
  const differences: readonly unknown[] = anchors;
  const resources = differences.flatMap((one) => (isDifference(one) ? [one['resource']] : []));
  return new Set(resources).size === differences.length;
}

function isDifference(value: unknown): value is Readonly<Record<string, unknown>> {
  if (!isRecord(value)) return false;
  const { resource, created, deleted } = value;
  if (typeof resource !== 'string' || !isAnchor(resource)) return false;
  return isNames(created) && isNames(deleted);
}

/** All are counted, the first are named. */
function isNames(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const { count, names } = value;
  if (!isCount(count) || !Array.isArray(names)) return false;
  return names.length <= Math.min(count, anchorNamesMax) && names.every(isName);
}

function isName(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const { name, namespace = '' } = value;
  return [name, namespace].every(
    (text) => typeof text === 'string' && text.length <= nameLengthMax,
  );
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
