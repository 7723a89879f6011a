// The switch of a hop of two steps: the new programs, which served as the minor before, serve as
// their own, API servers one after the other, then the controllers, the current leader last. What
// is said of cancellation, gates and putting back in member-steps.ts (M1 to M3) holds here as well;
// it is there only where the plan has it, so that it needs no patch.
// T1. Once a member serves as its own minor, or may, the old programs no longer lead back.
// T2. A hop that began again, because its workflow was lost, does not emulate any more what it has
//     ended: it looks first.

import { CancellationScope } from '@temporalio/workflow';

import type { MemberUpgradeInput } from '../domain/activity-contract';
import type { MemberName } from '../domain/names';
import { type EndEmulationStep, type Hop } from '../domain/plan/plan';
import { isOfMachines, isPreparing, type Step } from '../domain/plan/plan';
import {
  endEmulationControllersLabel,
  endEmulationLabel,
  stepLabel,
} from '../domain/status/step-labels';
import { programsText } from '../domain/versions';
import { activity } from './activity-options';
import {
  checkMembers,
  leadersLast,
  type MemberHop,
  unlessAborted,
  upgradeOrPutBack,
} from './member-steps';
import { type StepProblem, takeStep } from './step-run';

interface Switched {
  readonly hop: MemberHop;
  readonly step: EndEmulationStep;
  readonly member: MemberName;
  readonly component: MemberUpgradeInput['component'];
  readonly isLast: boolean;
}

export async function takeEndEmulation(hop: MemberHop, step: EndEmulationStep): Promise<void> {
  for (const member of step.members) {
    const one = { hop, step, member, component: 'kube-apiserver', isLast: false } as const;
    await takeStep(hop.run, { label: endEmulationLabel(member), take: () => switchMember(one) });
  }
  let order: readonly MemberName[] = step.members;
  const look = async (): Promise<undefined> => {
    const { cluster } = hop.run;
    const call = activity(cluster, 'findLeaders', { summary: 'who leads the controllers' });
    order = leadersLast(step.members, await call({ cluster }));
  };
  await takeStep(hop.run, { label: stepLabel(step), take: look, isUntimed: true });
  for (const [index, member] of order.entries()) {
    const isLast = index === order.length - 1;
    const one = { hop, step, member, component: 'controllers', isLast } as const;
    const label = endEmulationControllersLabel(member);
    await takeStep(hop.run, { label, take: () => switchMember(one) });
  }
}

async function switchMember(one: Switched): Promise<StepProblem | undefined> {
  const { hop, step, member, component, isLast } = one;
  const { cluster } = hop.run;
  const { at, emulates, timeoutMs: totalMs } = step;
  const what = `${component} of ${member}`;
  const unfit = await checkMembers(hop, `before ${what} serves as its own minor`);
  if (unfit !== undefined) return unfit;
  const wasSwitching = hop.isSwitching;
  hop.isSwitching = true;
  const from = programsText({ version: at, emulates });
  const problem = await upgradeOrPutBack({
    hop,
    what,
    from,
    upgrade: () => endEmulation(one),
    putBack: () => {
      const summary = `${what} back to ${from}`;
      const call = activity(cluster, 'putBackMember', { summary, totalMs });
      return call({ cluster, member, component, failed: at, to: at, emulates });
    },
  });
  if (problem?.asBefore === true) hop.isSwitching = wasSwitching;
  if (problem !== undefined || !isLast) return problem;
  return checkMembers(hop, 'after the last member serves as its own minor');
}

async function endEmulation({ hop, step, member, component }: Switched): Promise<undefined> {
  const { cluster } = hop.run;
  const { at, emulates: emulated, timeoutMs: totalMs } = step;
  await CancellationScope.nonCancellable(() =>
    unlessAborted(hop, () => {
      const summary = `${component} of ${member} no longer emulates ${emulated}`;
      const call = activity(cluster, 'upgradeControlPlaneMember', { summary, totalMs });
      return call({ cluster, member, component, from: at, to: at, emulated });
    }),
  );
}

/** T2. Only of a hop that began again. */
export async function lookAtSwitch(hop: MemberHop & { readonly input: { readonly hop: Hop } }) {
  const { cluster } = hop.run;
  const { to } = hop.input.hop;
  const take = async (): Promise<undefined> => {
    const call = activity(cluster, 'observeCluster', { summary: 'whether the switch has begun' });
    const { members } = await call({ cluster });
    hop.isSwitching = members.some(
      ({ apiServer: seen }) =>
        seen.kind === 'observed' && seen.version === to && seen.emulates === undefined,
    );
  };
  await takeStep(hop.run, { label: 'emulation-look', take, isUntimed: true });
}

/** Whether the step is of the emulation itself: none of it is left once the switch has begun. */
export function isOfEmulation(step: Step): boolean {
  if (isPreparing(step) || isOfMachines(step)) return false;
  switch (step.kind) {
    case 'api-server':
    case 'controllers':
      return step.emulates !== undefined;
    case 'soak':
      return step.of === 'emulation';
    case 'end-emulation':
    case 'member':
    case 'etcd':
    case 'verify':
      return false;
  }
}
