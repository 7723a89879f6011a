// What a drain waits for, as lines of a terminal.

import { count } from '../../domain/counts';
import { type BlockerGroup, blockerGroups, groupSentence } from '../../domain/drain/blocker-groups';
import type { DrainBlocker } from '../../domain/blockers';
import { wrap } from './text';

const mostGroups = 4;

interface LinesView {
  readonly nowMs: number;
  readonly width: number;
  readonly indent: string;
}

export function blockerLines(blockers: readonly DrainBlocker[], view: LinesView) {
  return groupLines(blockerGroups(blockers), view);
}

export function groupLines(groups: readonly BlockerGroup[], view: LinesView): readonly string[] {
  const hidden = groups.slice(mostGroups).reduce((sum, { pods }) => sum + pods, 0);
  return [
    ...groups
      .slice(0, mostGroups)
      .flatMap((group) => wrap(groupSentence(group, view.nowMs), view.width, view.indent)),
    ...(hidden === 0 ? [] : [`${view.indent}and ${count(hidden, 'more pod')} for other reasons`]),
  ];
}
