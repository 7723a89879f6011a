// The steps of one hop that change members of the control plane: API servers one after the other,
// then the controllers, the current leader last; or whole members, one after the other.
// M1. Cancelled, the upgrade of a member that is under way is finished; for a rollback it is cut
//     short, because the restore replaces that member anyhow.
// M2. Before each member, and after the last, the members must be fit (docs/adr/0019). What blocks
//     stops the hop before the next member is touched.
// M3. A member that does not come back within its limit is put back at once, while no kubelet of
//     the hop has moved; the hop then waits for a person.
// M4. Ask `gatesMembers` without an await before it: where it says no, not even the order of
//     microtasks may differ from before the patch, because signals are sent in between.

import { CancellationScope, condition, isCancellation, patched } from '@temporalio/workflow';

import type {
  ChangeResult,
  CheckMembersInput,
  LeadersResult,
  MemberUpgradeInput,
} from '../domain/activity-contract';
import { failureInfo } from '../domain/failure-remedies';
import type { FailureCode, FailureInfo } from '../domain/failures';
import type { MemberName, NodeName } from '../domain/names';
import type { ApiServerStep, ControllersStep, Hop, MemberStep, Step } from '../domain/plan/plan';
import { stopsApiServer } from '../domain/plan/plan';
import type { MemberOutcome } from '../domain/status/progress';
import { changedText, controllersLabel, stepLabel } from '../domain/status/step-labels';
import { type KubeMinor, programsText } from '../domain/versions';
import { failureOf } from './activity-failures';
import { activity } from './activity-options';
import { endOf, valueOf, watch } from './settled';
import { blockedBy, problemOf, type StepProblem, type StepRun, takeStep } from './step-run';

/** What of a hop its member steps need. */
export interface MemberHop {
  readonly input: {
    readonly hop: Hop;
    /** Set when the workflow of this hop was lost: what it did is not known for certain. */
    readonly resumed?: object;
  };
  readonly run: StepRun;
  readonly members: MemberOutcome[];
  readonly nodes: ReadonlyMap<NodeName, unknown>;
  /** Of two steps: a member serves as its own minor, or may (emulation-steps.ts). */
  isSwitching: boolean;
}

/** Whether this run knows of gates around members, and of putting one back (M4). */
function gatesMembers(): boolean {
  return patched('2026-11-21-member-gates');
}

interface ChangedMember {
  readonly hop: MemberHop;
  readonly step: (ApiServerStep | ControllersStep | MemberStep) & {
    readonly emulates?: KubeMinor;
  };
  readonly member: MemberName;
  readonly component: MemberUpgradeInput['component'];
  /** No member is changed after this one in the hop. */
  readonly isLast: boolean;
}

/** By itself, or with the controllers beside it. */
export function takeApiServer(hop: MemberHop, step: ApiServerStep | MemberStep): Promise<void> {
  const { member } = step;
  const component = step.kind === 'member' ? 'member' : 'kube-apiserver';
  const isLast = lastMemberStep(hop) === step;
  return takeStep(hop.run, {
    label: stepLabel(step),
    take: () => changeMember({ hop, step, member, component, isLast }),
  });
}

function lastMemberStep({ input }: MemberHop): Step | undefined {
  return input.hop.steps.findLast((step) => stopsApiServer(step) || step.kind === 'controllers');
}

export async function takeControllers(hop: MemberHop, step: ControllersStep): Promise<void> {
  const { cluster } = hop.run;
  let order: readonly MemberName[] = step.members;
  const look = async (): Promise<undefined> => {
    const call = activity(cluster, 'findLeaders', { summary: 'who leads the controllers' });
    order = leadersLast(step.members, await call({ cluster }));
  };
  await takeStep(hop.run, { label: stepLabel(step), take: look, isUntimed: true });
  for (const [index, member] of order.entries()) {
    const isLast = index === order.length - 1;
    await takeStep(hop.run, {
      label: controllersLabel(member),
      take: () => changeMember({ hop, step, member, component: 'controllers', isLast }),
    });
  }
}

/** The controller-manager does more than the scheduler: its leader is the very last. */
export function leadersLast(
  members: readonly MemberName[],
  { controllerManager, scheduler }: LeadersResult,
): readonly MemberName[] {
  const rank = (member: MemberName): number =>
    member === controllerManager ? 2 : member === scheduler ? 1 : 0;
  return members.toSorted((a, b) => rank(a) - rank(b));
}

/** M2, M3. */
function changeMember(change: ChangedMember): Promise<StepProblem | undefined> {
  return gatesMembers() ? changeBetweenGates(change) : upgradeMember(change);
}

async function changeBetweenGates(change: ChangedMember): Promise<StepProblem | undefined> {
  const { hop, step, member, component, isLast } = change;
  const { cluster } = hop.run;
  const what = changedText(change);
  const unfit = await checkMembers(hop, `before ${what}`);
  if (unfit !== undefined) return unfit;
  const { from, to: failed, emulates, timeoutMs } = step;
  const emulated = emulates === undefined ? {} : { emulated: emulates };
  const problem = await upgradeOrPutBack({
    hop,
    what,
    from,
    upgrade: () => upgradeMember(change),
    putBack: () => {
      const call = activity(cluster, 'putBackMember', {
        summary: `${what} back to ${from}`,
        totalMs: timeoutMs,
      });
      return call({ cluster, member, component, failed, ...emulated, to: from });
    },
  });
  if (problem !== undefined || !isLast) return problem;
  return checkMembers(hop, 'after the last member');
}

/** M2. `etcd`: around its members. */
export async function checkMembers(
  hop: MemberHop,
  when: string,
  etcd?: CheckMembersInput['etcd'],
): Promise<StepProblem | undefined> {
  const { cluster } = hop.run;
  const { from, to } = hop.input.hop;
  const call = activity(cluster, 'checkMembers', { summary: `the members are fit, ${when}` });
  const input = { cluster, hop: { from, to } };
  const { findings } = await call(etcd === undefined ? input : { ...input, etcd });
  return blockedBy(hop.run, findings, (what) =>
    failureInfo('members-unfit', `the members are not fit ${when}: ${what} the hop`),
  );
}

/** M1. */
async function upgradeMember(change: ChangedMember): Promise<undefined> {
  const { hop, step, member, component } = change;
  const { cluster } = hop.run;
  const { from, to, emulates, timeoutMs } = step;
  const programs = emulates === undefined ? { version: to } : { version: to, emulates };
  const result = await CancellationScope.nonCancellable(() =>
    unlessAborted(hop, () => {
      const call = activity(cluster, 'upgradeControlPlaneMember', {
        summary: `${changedText(change)} to ${programsText(programs)}`,
        totalMs: timeoutMs,
      });
      const as = emulates === undefined ? {} : { emulates };
      return call({ cluster, member, component, from, to, ...as });
    }),
  );
  const isTold = hop.members.some((one) => one.member === member && one.component === component);
  if (result.changed || !isTold) hop.members.push({ member, component, ...result });
}

/** Cuts the call short when a rollback replaces the member anyhow (M1). */
export async function unlessAborted<Result>(
  { run }: MemberHop,
  call: () => Promise<Result>,
): Promise<Result> {
  const scope = new CancellationScope();
  const calling = watch(scope.run(call));
  await condition(() => calling.end !== undefined || run.abortsMembers);
  if (calling.end === undefined) scope.cancel();
  return valueOf(await endOf(calling));
}

/** M3. Where the member was not touched, or nobody could say, there is nothing to put back. */
const putBackAfter: readonly FailureCode[] = [
  'member-not-ready',
  'member-upgrade-failed',
  'cluster-unreachable',
];

/** What M3 needs of a member that is changed, whichever component of it. */
export interface MemberChange {
  readonly hop: MemberHop;
  /** `kube-apiserver of cp-2`. */
  readonly what: string;
  /** What it ran before. */
  readonly from: string;
  readonly upgrade: () => Promise<undefined>;
  readonly putBack: () => Promise<ChangeResult>;
}

/** M3. */
export async function upgradeOrPutBack(change: MemberChange): Promise<StepProblem | undefined> {
  return CancellationScope.nonCancellable(async () => {
    try {
      return await change.upgrade();
    } catch (error) {
      const { hop } = change;
      const mayPutBack = hop.input.resumed === undefined && hop.nodes.size === 0;
      if (isCancellation(error) || hop.run.abortsMembers || !mayPutBack) throw error;
      const failure = failureOf(error);
      if (!putBackAfter.includes(failure.code)) throw error;
      return putBack(change, failure);
    }
  });
}

/** M3. Always a problem: the path stops here, whatever became of the member. */
async function putBack(change: MemberChange, failure: FailureInfo): Promise<StepProblem> {
  const { hop, what, from: to } = change;
  const told = failure.message;
  try {
    const result = await unlessAborted(hop, change.putBack);
    // It was never taken out: the failure says all there is to say.
    if (!result.changed) return { ...problemOf(failure), asBefore: true };
    const text = `${what} was put back to ${to} (${told})`;
    hop.run.line.report({ kind: 'note', event: 'member.put-back', text });
    const message = `${what} runs ${to} again, it did not come up: ${told}`;
    return { ...problemOf(failureInfo('member-put-back', message)), asBefore: true };
  } catch (error) {
    if (isCancellation(error)) throw error;
    const why = failureOf(error).message;
    return problemOf(failureInfo(failure.code, `${told}; nor was it put back to ${to}: ${why}`));
  }
}
