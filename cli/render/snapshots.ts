// The snapshots of a store, for people: what each is, how it is sealed, and why it stays.

import { retentionText } from '../../domain/snapshots/retention';
import { snapshotScheduleLines } from '../../domain/snapshots/schedule';
import type { ListedRoutine, ListedSnapshot } from '../commands/snapshot-list';
import { scheduleBlock } from './schedules';
import type { Style } from './style';
import { columns, formatBytes } from './text';

export function renderSnapshots(
  location: string,
  { snapshots, routine }: { snapshots: readonly ListedSnapshot[]; routine: ListedRoutine },
  style: Style,
): readonly string[] {
  const below = routineLines(routine, style);
  if (snapshots.length === 0) return [`no snapshots in ${location}`, ...below];
  const [head = '', ...rows] = columns([
    ['SNAPSHOT', 'TAKEN (UTC)', 'KUBERNETES', 'KEYS', 'SIZE', 'SEALED', 'WHY IT STAYS'],
    ...snapshots.map((one) => [
      one.id,
      one.takenAt.slice(0, 19).replace('T', ' '),
      one.kubeVersion,
      `${one.totalKeys}`,
      formatBytes(one.sizeBytes),
      sealText(one),
      `${one.retention.stays ? '' : 'it goes: '}${retentionText(one.retention.why)}`,
    ]),
  ]);
  return [style.faint(head), ...rows, '', style.faint(location), ...below];
}

function routineLines(routine: ListedRoutine, style: Style): readonly string[] {
  const { schedule, scheduleUnknown } = routine;
  if (scheduleUnknown !== undefined) {
    return ['', style.faint(`a schedule could not be looked for: ${scheduleUnknown.message}`)];
  }
  if (schedule === undefined) return [];
  return ['', ...scheduleBlock(snapshotScheduleLines(schedule), style)];
}

function sealText({ sealed, canBeOpened }: ListedSnapshot): string {
  if (sealed === undefined) return 'in the clear';
  return canBeOpened ? sealed.key : `${sealed.key} (no key)`;
}
