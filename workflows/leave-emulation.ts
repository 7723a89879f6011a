// The way back from a hop of two steps before its switch: the old programs, member by member, on
// the same data. Nothing is restored, and the API serves all through.
// E1. Controllers go first: they may never be newer than an API server.
// E2. Once a member serves as its own minor, or may, this is no way back any more: before anything
//     is changed, a person decides whether the snapshot is restored instead.

import type { PutBackInput } from '../domain/activity-contract';
import { failureInfo } from '../domain/failure-remedies';
import type { ClusterName, MemberName } from '../domain/names';
import type { EndEmulationStep, Hop } from '../domain/plan/plan';
import type { KubeMinor } from '../domain/versions';
import { activity } from './activity-options';
import { leadersLast } from './member-steps';
import { problemOf, type StepProblem, type StepRun, takeStep } from './step-run';

/** What of an emulation a rollback is to leave. */
export interface EmulationToLeave {
  readonly emulates: KubeMinor;
  /** What became of the hop since it was decided is not known, or its switch has begun (E2). */
  readonly mayHaveEnded?: true;
}

export interface Leaving {
  readonly run: StepRun;
  readonly hop: Hop;
  readonly leaves: EmulationToLeave;
}

/** False: a person has decided for the snapshot (E2); nothing was changed. */
export async function leaveEmulation(leaving: Leaving): Promise<boolean> {
  const step = leaving.hop.steps.find((one) => one.kind === 'end-emulation');
  if (step?.kind !== 'end-emulation') return false;
  if (!(await mayLeave(leaving))) return false;
  const { run } = leaving;
  let order: readonly MemberName[] = step.members;
  const look = async (): Promise<undefined> => {
    const call = activity(run.cluster, 'findLeaders', { summary: 'who leads the controllers' });
    order = leadersLast(step.members, await call({ cluster: run.cluster }));
  };
  await takeStep(run, { label: 'rollback leaders', take: look, isUntimed: true });
  for (const member of order) await putBack(leaving, step, { member, component: 'controllers' });
  for (const member of step.members) {
    await putBack(leaving, step, { member, component: 'kube-apiserver' });
  }
  return true;
}

/** E2. Tried again at its gate, the step says that a person wants the snapshot. */
async function mayLeave({ run, hop, leaves }: Leaving): Promise<boolean> {
  let isLeft = true;
  const take = async (attempt: number): Promise<StepProblem | undefined> => {
    const ended = leaves.mayHaveEnded === true ? 'may serve' : await servingAsOwn(run.cluster, hop);
    isLeft = ended === undefined;
    if (ended === undefined || attempt > 1) return undefined;
    const message =
      `${hop.id} cannot go back by its old programs any more: members ${ended} as their own` +
      ' minor; nothing was changed';
    return problemOf(failureInfo('emulation-ended', message));
  };
  await takeStep(run, { label: 'rollback look', take });
  return isLeft;
}

async function servingAsOwn(cluster: ClusterName, { to }: Hop): Promise<'serve' | undefined> {
  const summary = 'what the API servers serve as';
  const { members } = await activity(cluster, 'observeCluster', { summary })({ cluster });
  const isEnded = members.some(
    ({ apiServer: seen }) =>
      seen.kind === 'observed' && seen.version === to && seen.emulates === undefined,
  );
  return isEnded ? 'serve' : undefined;
}

/** E1. Safe to repeat: what runs the old programs already is left alone. */
async function putBack(
  { run, hop, leaves }: Leaving,
  { timeoutMs: totalMs }: EndEmulationStep,
  which: Pick<PutBackInput, 'member' | 'component'>,
): Promise<void> {
  const { cluster } = run;
  const { component, member } = which;
  const { from: to, to: failed } = hop;
  const name = component === 'controllers' ? component : 'api-server';
  const take = async (): Promise<undefined> => {
    const summary = `${component} of ${member} back to ${to}`;
    const call = activity(cluster, 'putBackMember', { summary, totalMs });
    const { emulates: emulated } = leaves;
    await call({ cluster, ...which, failed, emulated, to, isServing: true });
  };
  await takeStep(run, { label: `rollback ${name} ${member}`, take });
}
