// The snapshots of a store, for people: what each is, how it is sealed, and why it stays.

import { retentionText } from '../../domain/snapshots/retention';
import type { ListedSnapshot } from '../commands/snapshot-list';
import type { Style } from './style';
import { columns, formatBytes } from './text';

export function renderSnapshots(
  location: string,
  snapshots: readonly ListedSnapshot[],
  style: Style,
): readonly string[] {
  if (snapshots.length === 0) return [`no snapshots in ${location}`];
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
  return [style.faint(head), ...rows, '', style.faint(location)];
}

function sealText({ sealed, canBeOpened }: ListedSnapshot): string {
  if (sealed === undefined) return 'in the clear';
  return canBeOpened ? sealed.key : `${sealed.key} (no key)`;
}
