// The audit trail and the list of upgrades for people.

import type { UpgradeSchedule, UpgradeSummary } from '../../client';
import type { AuditEntry } from '../../domain/status/control';
import type { Style } from './style';
import { columns } from './text';

/** Times in UTC to the second: `2026-12-01 02:00:00`. */
function timeText(time: number | string): string {
  return new Date(time).toISOString().slice(0, 19).replace('T', ' ');
}

export function renderAudit(entries: readonly AuditEntry[], style: Style): readonly string[] {
  if (entries.length === 0) return ['nothing has been recorded yet'];
  const [head = '', ...rows] = columns([
    ['TIME (UTC)', 'ACTOR', 'EVENT', 'WHAT'],
    ...entries.map(({ atMs, actor, event, text }) => [timeText(atMs), actor, event, text]),
  ]);
  return [style.faint(head), ...rows];
}

export function renderList(
  upgrades: readonly UpgradeSummary[],
  schedules: readonly UpgradeSchedule[],
  style: Style,
): readonly string[] {
  return [
    ...(upgrades.length === 0 ? ['no upgrades'] : upgradeTable(upgrades, style)),
    ...(schedules.length === 0 ? [] : ['', ...scheduleTable(schedules, style)]),
  ];
}

function upgradeTable(upgrades: readonly UpgradeSummary[], style: Style): readonly string[] {
  const [head = '', ...rows] = columns([
    ['CLUSTER', 'STATE', 'FROM', 'TO', 'PHASE', 'WAITS FOR', 'STARTED (UTC)', 'ENDED (UTC)'],
    ...upgrades.map((upgrade) => [
      upgrade.cluster,
      upgrade.outcome ?? upgrade.state,
      upgrade.from ?? '-',
      upgrade.to ?? '-',
      phaseText(upgrade),
      upgrade.waitingFor ?? '-',
      timeText(upgrade.startedAt),
      upgrade.endedAt === undefined ? '-' : timeText(upgrade.endedAt),
    ]),
  ]);
  return [style.faint(head), ...rows];
}

/** The state says that it has ended; of one that was closed in between, where it was. */
function phaseText({ phase }: UpgradeSummary): string {
  return phase === undefined || phase === 'ended' ? '-' : phase;
}

function scheduleTable(schedules: readonly UpgradeSchedule[], style: Style): readonly string[] {
  const [head = '', ...rows] = columns([
    ['SCHEDULED', 'TIME ZONE', 'NEXT (UTC)'],
    ...schedules.map(({ cluster, timezone, nextTimes }) => [
      cluster,
      timezone,
      nextTimes[0] === undefined ? '-' : timeText(nextTimes[0]),
    ]),
  ]);
  return [style.faint(head), ...rows];
}
