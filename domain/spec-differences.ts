// What differs between two specs: the reason behind the refusal `upgrade-conflict`.

import { canonicalJson } from './canonical-json';
import type { UpgradeSpec } from './spec';

/**
 * Names of the top-level fields that differ, sorted; empty when both ask for the same. Compared by
 * canonical JSON, so the order of keys and members that are undefined do not count; the order of
 * `pools` does, because it is the order in which they are upgraded.
 */
export function specDifferences(a: UpgradeSpec, b: UpgradeSpec): readonly (keyof UpgradeSpec)[] {
  const fields = new Set([...Object.keys(a), ...Object.keys(b)]) as Set<keyof UpgradeSpec>;
  return [...fields]
    .filter((field) => canonicalJson({ is: a[field] }) !== canonicalJson({ is: b[field] }))
    .toSorted();
}
