// Names as evidence of a finding that is about many objects.

import type { Evidence } from '../findings/finding';
import { sha256Hex } from '../plan/digest';
import { compareTexts } from '../text-order';

const namedAtMost = 10;

/** Each name once, in order: ten as they are, of all others a hash, so that each of them counts. */
export function boundedNames(names: readonly string[]): Evidence {
  const all = [...new Set(names)].toSorted(compareTexts);
  const objects = all.slice(0, namedAtMost);
  if (all.length <= namedAtMost) return { objects };
  return { objects, others: sha256Hex(all.slice(namedAtMost).join('\n')) };
}
