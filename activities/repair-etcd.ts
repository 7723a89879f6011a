// repairEtcdMember: a member that a restore went on without comes back, empty, and fetches
// everything from the others. What counts is what etcd itself says afterwards (R2).

import type { AscentActivities } from '../domain/activity-contract';
import type { EtcdRepairInput, EtcdRepairResult } from '../domain/etcd-contract';
import { type ActivityDependencies, type ActivityRun, runActivity } from './activity-run';
import { etcdMemberMismatches } from './member-looks';
import { mismatchFailure, watchUntilMatched } from './mismatch-watch';
import { mismatchesText } from './mismatches';
import { secondsBetween } from './passes';

/** From the end of the driver's work; the driver has waited until the member was healthy. */
const patienceMs = 60_000;

export function repairEtcdActivities(
  deps: ActivityDependencies,
): Pick<AscentActivities, 'repairEtcdMember'> {
  return {
    /**
     * Key: the member. Nothing is done when it answers and holds what the others hold; another
     * one that was lost has a repair of its own. Bound: the attempt's startToClose. Heartbeats the
     * driver's phases. Fails `etcd-repair-failed`.
     */
    repairEtcdMember: (input) =>
      runActivity(
        {
          deps,
          cluster: input.cluster,
          doing: `bringing etcd of ${input.member} back`,
          code: 'etcd-repair-failed',
        },
        (run) => repair(deps, run, input),
      ),
  };
}

async function repair(
  deps: ActivityDependencies,
  run: ActivityRun,
  { member }: EtcdRepairInput,
): Promise<EtcdRepairResult> {
  const { clock, controlPlane, etcd } = deps.ports;
  const startedAtMs = clock.nowMs();
  const seconds = (): number => secondsBetween(startedAtMs, clock.nowMs());
  const look = () => etcdMemberMismatches(etcd, member, run.signal);
  const before = await look();
  if (before.length === 0) return { changed: false, seconds: seconds() };
  const beat = (phase: string): void => run.beat({ phase });
  beat(`etcd of ${member} is removed and added`);
  await controlPlane.repairEtcdMember(member, { ...run.driving(), onPhase: beat });
  const result = await watchUntilMatched({ clock, run, patienceMs, look, beat });
  if (result.kind === 'good') return { changed: true, seconds: seconds() };
  const message = `etcd of ${member} was added again, but ${mismatchesText(result.wrong)}`;
  throw mismatchFailure('etcd-repair-failed', message, result.wrong);
}
