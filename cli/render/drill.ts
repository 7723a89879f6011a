// A rollback that was tried beside the cluster, for people.

import { drilledText, drillPhaseText, type DrillReport } from '../../domain/rollback/drill';
import type { Style } from './style';
import { columns } from './text';

export function drillLines(report: DrillReport, style: Style): readonly string[] {
  const { cluster, snapshot, phases, rollbackSeconds } = report;
  const rows = phases.map(({ phase, seconds }) => [
    `  ${drillPhaseText(phase)}`,
    `${seconds.toFixed(1)} s`,
  ]);
  return [
    `${style.good('the way back works')}: a rollback of ${cluster} would take about` +
      ` ${Math.ceil(rollbackSeconds)} s`,
    `  to ${snapshot.id}, Kubernetes ${snapshot.kubeVersion}, taken ${snapshot.takenAt}`,
    `  ${drilledText(report)}`,
    '',
    ...columns(rows),
    '',
    style.faint('  without the time that nodes with a newer kubelet take: they return first'),
  ];
}
