// The step of a hop that brings images to its machines before anything is changed there. It is
// there only where the plan has it, so that it needs no patch.
// I1. A machine that cannot have one holds the hop as any failed step does: nothing was touched.
// I2. Nodes that a person has set aside are left alone.

import { count } from '../domain/counts';
import { boundedList } from '../domain/lists';
import type { ClusterName, NodeName } from '../domain/names';
import type { PullImagesResult } from '../domain/images-contract';
import { machineNames, turnsOf } from '../domain/plan/images-step';
import type { ImagesStep } from '../domain/plan/plan';
import { stepLabel } from '../domain/status/step-labels';
import { activity } from './activity-options';
import { type StepRun, takeStep } from './step-run';

/** What of a hop the step needs. */
export interface ImagesHop {
  readonly input: { readonly cluster: ClusterName; readonly setAside: readonly NodeName[] };
  readonly run: StepRun;
}

/** What the last lot takes longer than its limit is told by it. */
const marginMs = 60_000;

export function takeImages({ input, run }: ImagesHop, step: ImagesStep): Promise<void> {
  const { cluster, setAside } = input;
  const { kind: _kind, ...asked } = step;
  const nodes = step.nodes.filter((name) => !setAside.includes(name));
  const machines = count(machineNames({ ...step, nodes }).length, 'machine');
  const take = async (): Promise<undefined> => {
    const call = activity(cluster, 'pullImages', {
      summary: `images of ${step.to} on ${machines}`,
      totalMs: turnsOf({ ...step, nodes }) * step.timeoutMs + marginMs,
    });
    const text = presentText(step, await call({ cluster, ...asked, nodes }));
    run.line.report({ kind: 'note', event: 'images.present', text });
  };
  return takeStep(run, { label: stepLabel(step), take });
}

function presentText({ to }: ImagesStep, result: PullImagesResult): string {
  if (result.kind === 'left') {
    return `images of ${to} are left to whoever needs them: the driver no longer pulls any`;
  }
  const { machines, pulled, unknown = [] } = result;
  const told = unknown.length === 0 ? '' : `; kubeadm brings ${boundedList(unknown)} by itself`;
  const fetched = pulled === 0 ? 'none had to be pulled' : `${count(pulled, 'image')} pulled`;
  return `images of ${to} are on ${count(machines, 'machine')}, ${fetched}${told}`;
}
