// What was found over the looks of an upgrade, and how each finding ended. Pure in the looks.

import { compareSeverities } from '../findings/finding';
import { canonicalJson } from '../plan/canonical-json';
import type { HopId } from '../names';
import type { Finding } from '../preflight/findings';
import { findingKey } from '../preflight/identity';
import type { FindingsLook, StepMark } from './record';
import { stepSort } from './timeline';

/**
 * `gone`: a later look of the same step did not see it. `stood`: the last look saw it, and the hop
 * went on with it, as one does that only warns. `accepted`: it blocked at the last look, and the
 * hop went on all the same, as somebody had answered for it. `held`: it blocked, and nothing went
 * on.
 */
export type FindingEnd = 'gone' | 'stood' | 'accepted' | 'held';

export interface FindingStory {
  readonly hop: HopId;
  readonly step: string;
  /** As it was seen last. */
  readonly finding: Finding;
  readonly firstSeenMs: number;
  readonly lastSeenMs: number;
  readonly end: FindingEnd;
}

/**
 * By hop and step as they were first looked at; in each by severity, as they were first seen.
 * `steps`: when those of the upgrade began.
 */
export function findingStories(
  looks: readonly FindingsLook[],
  steps: readonly StepMark[],
): readonly FindingStory[] {
  const groups = new Map<string, FindingsLook[]>();
  for (const look of looks.toSorted((a, b) => a.atMs - b.atMs)) {
    const key = canonicalJson([look.hop, look.step]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [look]);
    else group.push(look);
  }
  return [...groups.values()].flatMap((group) => storiesOf(group, steps));
}

interface Seen {
  readonly finding: Finding;
  readonly first: FindingsLook;
  readonly last: FindingsLook;
}

/** `looks`: of one step, the oldest first. */
function storiesOf(
  looks: readonly FindingsLook[],
  steps: readonly StepMark[],
): readonly FindingStory[] {
  const seen = new Map<string, Seen>();
  for (const look of looks) {
    for (const finding of look.findings) {
      const key = findingKey(finding);
      seen.set(key, { finding, first: seen.get(key)?.first ?? look, last: look });
    }
  }
  const lastLook = looks.at(-1);
  return [...seen.values()]
    .map(({ finding, first, last }) => ({
      hop: first.hop,
      step: first.step,
      finding,
      firstSeenMs: first.atMs,
      lastSeenMs: last.atMs,
      end: last === lastLook ? endOf(finding, last, steps) : ('gone' as const),
    }))
    .toSorted((a, b) => compareSeverities(a.finding.severity, b.finding.severity));
}

function endOf(
  { severity }: Finding,
  { hop, step, atMs }: FindingsLook,
  steps: readonly StepMark[],
): FindingEnd {
  if (severity !== 'blocks') return 'stood';
  const wentOn = steps.some((mark) => {
    if (mark.hop !== hop || mark.atMs < atMs) return false;
    return mark.label !== step && stepSort(mark.label) !== 'rollback';
  });
  return wentOn ? 'accepted' : 'held';
}
