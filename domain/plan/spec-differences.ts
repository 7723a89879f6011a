// What differs between two specs: the reason behind the refusal `upgrade-conflict`.

import { canonicalJson } from './canonical-json';
import type { UpgradeSpec } from '../spec';

/** Fields whose keys are labels, with dots in them: each counts as one value. */
const wholeValues: ReadonlySet<string> = new Set(['nodeSelector']);

/**
 * Paths of the fields that differ, sorted, pools by their name: `approvals`,
 * `controlPlane.memberTimeoutMs`, `pools.workers.drain.timeoutMs`. A pool that only one has is
 * named as a whole (`pools.web`); `pools` itself stands for their order, which is the order in
 * which they are upgraded. Empty when both ask for the same. Compared by canonical JSON, so the
 * order of keys and members that are undefined do not count. Takes any shape: a start may come from
 * a stranger.
 */
export function specDifferences(a: UpgradeSpec, b: UpgradeSpec): readonly string[] {
  return differences([], a, b).toSorted();
}

function differences(path: readonly string[], a: unknown, b: unknown): readonly string[] {
  if (isSame(a, b)) return [];
  const [ofA, ofB] = [membersOf(path, a), membersOf(path, b)];
  if (ofA === undefined || ofB === undefined) return [path.join('.')];
  const found = [...new Set([...ofA.keys(), ...ofB.keys()])].flatMap((name) =>
    differences([...path, name], ofA.get(name), ofB.get(name)),
  );
  const isReordered = Array.isArray(a) && !isSame(commonKeys(ofA, ofB), commonKeys(ofB, ofA));
  return isReordered ? [path.join('.'), ...found] : found;
}

type Members = ReadonlyMap<string, unknown>;

/** Fields of an object, or elements of a list by their names; undefined for what is one value. */
function membersOf(path: readonly string[], value: unknown): Members | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (wholeValues.has(path.at(-1) ?? '')) return undefined;
  if (!Array.isArray(value)) return new Map(Object.entries(value));
  const members = new Map(value.map((element: unknown) => [nameOf(element), element]));
  const areNamed = members.size === value.length && !members.has('');
  return areNamed ? members : undefined;
}

function nameOf(element: unknown): string {
  const hasName = typeof element === 'object' && element !== null && 'name' in element;
  return hasName && typeof element.name === 'string' ? element.name : '';
}

function commonKeys(a: Members, b: Members): readonly string[] {
  return [...a.keys()].filter((key) => b.has(key));
}

function isSame(a: unknown, b: unknown): boolean {
  return canonicalJson({ is: a }) === canonicalJson({ is: b });
}
