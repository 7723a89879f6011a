// The step of a hop that changes etcd: its members one after the other, the leader last, between
// gates of its own. It is there only where the plan has it, so that it needs no patch; what is said
// of cancellation, gates and putting back in member-steps.ts (M1 to M3) holds here as well.

import { CancellationScope } from '@temporalio/workflow';

import type { MemberName } from '../domain/names';
import type { EtcdStep } from '../domain/plan/plan';
import { etcdLabel, stepLabel } from '../domain/status/step-labels';
import { activity } from './activity-options';
import { checkMembers, type MemberHop, unlessAborted, upgradeOrPutBack } from './member-steps';
import { type StepProblem, takeStep } from './step-run';

interface EtcdMember {
  readonly hop: MemberHop;
  readonly step: EtcdStep;
  readonly member: MemberName;
  readonly isLast: boolean;
}

export async function takeEtcd(hop: MemberHop, step: EtcdStep): Promise<void> {
  const { cluster } = hop.run;
  let order: readonly MemberName[] = step.members;
  const look = async (): Promise<undefined> => {
    const call = activity(cluster, 'findEtcdLeader', { summary: 'who leads etcd' });
    const { leader } = await call({ cluster });
    const rank = (member: MemberName): number => (member === leader ? 1 : 0);
    order = step.members.toSorted((a, b) => rank(a) - rank(b));
  };
  await takeStep(hop.run, { label: stepLabel(step), take: look, isUntimed: true });
  for (const [index, member] of order.entries()) {
    const isLast = index === order.length - 1;
    await takeStep(hop.run, {
      label: etcdLabel(member),
      take: () => changeMember({ hop, step, member, isLast }),
    });
  }
}

async function changeMember(change: EtcdMember): Promise<StepProblem | undefined> {
  const { hop, step, member, isLast } = change;
  const { cluster } = hop.run;
  const { from, to, timeoutMs } = step;
  const what = `etcd of ${member}`;
  const unfit = await checkMembers(hop, `before ${what}`, { to, stage: 'under-way' });
  if (unfit !== undefined) return unfit;
  const problem = await upgradeOrPutBack({
    hop,
    what,
    from,
    upgrade: () => upgradeMember(change),
    putBack: () => {
      const summary = `${what} back to ${from}`;
      const call = activity(cluster, 'putBackEtcdMember', { summary, totalMs: timeoutMs });
      return call({ cluster, member, failed: to, to: from });
    },
  });
  if (problem !== undefined || !isLast) return problem;
  return checkMembers(hop, 'after the last member of etcd', { to, stage: 'done' });
}

async function upgradeMember({ hop, step, member }: EtcdMember): Promise<undefined> {
  const { cluster } = hop.run;
  const { from, to, timeoutMs } = step;
  const result = await CancellationScope.nonCancellable(() =>
    unlessAborted(hop, () => {
      const summary = `etcd of ${member} to ${to}`;
      const call = activity(cluster, 'upgradeEtcdMember', { summary, totalMs: timeoutMs });
      return call({ cluster, member, from, to });
    }),
  );
  const isTold = hop.members.some((one) => one.member === member && one.component === 'etcd');
  if (result.changed || !isTold) hop.members.push({ member, component: 'etcd', ...result });
}
