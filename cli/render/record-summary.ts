// A change record, and what became of checking one, for people at a terminal.

import { count } from '../../domain/counts';
import { formatDuration } from '../../domain/durations';
import type { ChangeRecord } from '../../domain/record/record';
import { missingSentence, recordSentence } from '../../domain/record/record-sentences';
import { viewOf } from '../../domain/record/record-view';
import { timeText } from './record-html';
import type { Style } from './style';
import { wrap } from './text';

export function renderRecordSummary(
  record: ChangeRecord,
  style: Style,
  width: number,
): readonly string[] {
  const view = viewOf(record.entries);
  const { upgrade, timeline, decisions, nodes, findings, rollBacks, missing } = view;
  const took = formatDuration(timeline.endMs - timeline.startMs);
  const evicted = nodes.reduce((sum, node) => sum + node.evicted, 0);
  const span = `${timeText(timeline.startMs)} to ${timeText(timeline.endMs)} UTC, ${took}`;
  const told = [
    count(view.hops.length, 'hop'),
    `${count(decisions.length, 'request')} and decisions`,
    count(findings.length, 'finding'),
    `${count(evicted, 'pod')} evicted`,
    ...(rollBacks.length === 0 ? [] : [`${count(rollBacks.length, 'hop')} rolled back`]),
  ];
  return [
    style.strong(recordSentence(upgrade)),
    ...(view.now === undefined ? [] : wrap(`not finished: ${view.now.sentence}`, width, '  ')),
    `  ${span}`,
    ...wrap(told.join(', '), width, '  '),
    ...missing.flatMap((part) =>
      wrap(`not in the record: ${missingSentence(part, timeText)}`, width, '  ').map(style.wait),
    ),
    `  ${record.entries.length} entries, head ${record.head}`,
  ];
}
