// Which steps of the running hop are done, which one runs and which come later.

import type { Hop, Step } from '../../domain/plan/plan';
import type { UpgradeProgress } from '../../domain/status/progress';
import { endsEmulation, stepLabel } from '../../domain/status/step-labels';

export interface StepRow {
  readonly label: string;
  readonly state: 'done' | 'now' | 'later';
  readonly seconds?: number;
}

/**
 * Rows in order. What is done comes from what the hop says; what comes later from the plan. The
 * order of controllers, and of etcd, is known only when it happens: the plan has each as one step.
 */
export function currentHopSteps(progress: UpgradeProgress, planned?: Hop): readonly StepRow[] {
  const { hop } = progress.status;
  if (hop === undefined) return [];
  const done = Object.entries(progress.stepSeconds ?? {})
    .filter(([label]) => label !== hop.step)
    .map(([label, seconds]): StepRow => ({ label, state: 'done', seconds }));
  const now: readonly StepRow[] = hop.step === '' ? [] : [{ label: hop.step, state: 'now' }];
  const seen = new Set([...done, ...now].map(({ label }) => label));
  const later = laterSteps(planned?.steps ?? [], hop.step, seen);
  return [...done, ...now, ...later.map((label): StepRow => ({ label, state: 'later' }))];
}

function laterSteps(
  steps: readonly Step[],
  current: string,
  seen: ReadonlySet<string>,
): readonly string[] {
  const at = steps.findIndex((step) => isLabelOf(step, current));
  // A rollback has steps of its own; those of the plan do not come after them.
  if (at < 0 && current !== '') return [];
  return steps
    .slice(at + 1)
    .map(stepLabel)
    .filter((label) => !seen.has(label));
}

function isLabelOf(step: Step, label: string): boolean {
  const own = stepLabel(step);
  if (step.kind === 'end-emulation') return label === own || endsEmulation(label);
  const isOfMembers = step.kind === 'controllers' || step.kind === 'etcd';
  return label === own || (isOfMembers && label.startsWith(`${own} `));
}
