// findEtcdLeader, upgradeEtcdMember and putBackEtcdMember: other programs on the data of one member
// of etcd. What counts is what etcd itself says afterwards (R2).
// T1. A member is stopped only while all others answer, agree on a leader and hold the same data.
// T2. It does not lead when it is stopped: the leadership is moved first, to one that is done if
//     there is one, so that it moves as seldom as it can.
// T3. Never back, and by one minor at most, except in putBackEtcdMember.
// T4. Put back is a member only as long as the cluster as a whole has not moved to the new minor:
//     programs of the old one refuse to start on its data from then on.

import type { AscentActivities, ChangeResult } from '../domain/activity-contract';
import type { EtcdLeaderResult, EtcdUpgradeInput } from '../domain/etcd-contract';
import type { MemberName } from '../domain/names';
import type { EtcdMemberObservation, EtcdObservation } from '../domain/observation';
import {
  compareVersions,
  type KubeVersion,
  minorOf,
  minorsBetween,
  parseVersion,
} from '../domain/versions';
import { type ActivityDependencies, type ActivityRun, runActivity } from './activity-run';
import { readChangeCheckpoint } from './change-checkpoint';
import { terminalFailure } from './failure-mapping';
import { changeMember } from './member-change';
import { mismatchFailure, watchUntilMatched, watchUntilSeen } from './mismatch-watch';
import { type Mismatch, mismatchesText } from './mismatches';
import { secondsBetween } from './passes';
import { PortError } from './ports';

/** How long the others may need to be fit before this member is touched. */
const othersPatienceMs = 60_000;
/** From its replacement until it has caught up; the attempt's own bound is shorter as a rule. */
const memberPatienceMs = 600_000;

interface EtcdChange {
  readonly deps: ActivityDependencies;
  readonly run: ActivityRun;
  /** A member that is put back goes from the version that failed to its old one. */
  readonly input: EtcdUpgradeInput;
}

type Observed = Extract<EtcdObservation, { readonly kind: 'observed' }>;

export function etcdMemberActivities(
  deps: ActivityDependencies,
): Pick<AscentActivities, 'findEtcdLeader' | 'upgradeEtcdMember' | 'putBackEtcdMember'> {
  const scope = (cluster: EtcdUpgradeInput['cluster'], doing: string) =>
    ({ deps, cluster, doing, code: 'member-upgrade-failed' }) as const;
  return {
    /** Reads only. */
    findEtcdLeader: ({ cluster }) =>
      runActivity(scope(cluster, 'finding the leader of etcd'), async ({ signal }) =>
        leaderOf(mustBeObserved(await deps.ports.etcd.observe(signal))),
      ),

    /**
     * Key: the member. One that runs `to` already is only verified. Bound: the attempt's
     * startToClose; nine tenths of it, at most 10 min, for having caught up. Heartbeats the
     * driver's phases. Fails `member-upgrade-failed` or `member-not-ready`.
     */
    upgradeEtcdMember: (input) =>
      runActivity(scope(input.cluster, `changing etcd of ${input.member} to ${input.to}`), (run) =>
        upgradeMember({ deps, run, input }),
      ),

    /**
     * Key: the member. One that answers in another version than the one that failed is left alone.
     * Bound and heartbeats as above. Fails `member-upgrade-failed` or `member-not-ready`.
     */
    putBackEtcdMember: (input) =>
      runActivity(
        scope(input.cluster, `putting etcd of ${input.member} back to ${input.to}`),
        (run) => putBackMember({ deps, run, input: { ...input, from: input.failed } }),
      ),
  };
}

function leaderOf({ members }: Observed): EtcdLeaderResult {
  const leaders = members.filter(({ isLeader }) => isLeader);
  const [leader] = leaders;
  return leader === undefined || leaders.length > 1 ? {} : { leader: leader.name as MemberName };
}

async function upgradeMember(change: EtcdChange): Promise<ChangeResult> {
  const etcd = await observe(change);
  const running = versionOf(find(etcd, change.input.member));
  return changeEtcd(change, running, {
    isNeeded: running !== change.input.to,
    prepare: async () => {
      refuseForbiddenMove(change, running);
      const fit = await waitForOthers(change);
      await moveLeaderAway(change, fit);
    },
  });
}

/** Also where nothing of etcd answers, as when its only member is the one that failed. */
async function putBackMember(change: EtcdChange): Promise<ChangeResult> {
  const { deps, run, input } = change;
  const seen = await deps.ports.etcd.observe(run.signal);
  const etcd = seen.kind === 'observed' ? seen : nothingSeen;
  const running = versionOf(find(etcd, input.member));
  const isTouched = running === undefined || running === input.from;
  if (!isTouched && readChangeCheckpoint(run.resume) === undefined) {
    // It was never stopped, or somebody else has changed it.
    return { before: running, after: running, changed: false, seconds: 0 };
  }
  return changeEtcd(change, running, {
    isNeeded: running !== input.to,
    prepare: async () => refuseMovedCluster(change, etcd),
  });
}

const nothingSeen: Observed = {
  kind: 'observed',
  memberCount: 0,
  members: [],
  unreachable: [],
  hashesAgree: true,
};

interface Way {
  /** Whether the driver has something to do. */
  readonly isNeeded: boolean;
  /** Throws when the driver must not be asked. */
  readonly prepare: () => Promise<void>;
}

function changeEtcd(
  change: EtcdChange,
  running: KubeVersion | undefined,
  { isNeeded, prepare }: Way,
): Promise<ChangeResult> {
  const { deps, run, input } = change;
  return changeMember({
    deps,
    run,
    to: input.to,
    before: running ?? input.from,
    isNeeded,
    phase: 'changing etcd',
    driverLimitMs: memberPatienceMs,
    prepare: async (beat) => {
      beat('looking at the other members');
      await prepare();
    },
    drive: (context) => deps.ports.controlPlane.changeEtcd(input.member, input.to, context),
    verify: (startedAtMs, beat) => verifyMember(change, startedAtMs, beat),
  });
}

/** Throws what keeps etcd as a whole from being asked. */
async function observe({ deps, run }: EtcdChange): Promise<Observed> {
  return mustBeObserved(await deps.ports.etcd.observe(run.signal));
}

function mustBeObserved(etcd: EtcdObservation): Observed {
  if (etcd.kind === 'observed') return etcd;
  throw new PortError(etcd.problem.code, etcd.problem.message);
}

function find({ members }: Observed, name: MemberName): EtcdMemberObservation | undefined {
  return members.find((member) => member.name === name);
}

function versionOf(member: EtcdMemberObservation | undefined): KubeVersion | undefined {
  return member === undefined ? undefined : parseVersion(member.version);
}

/** T3, from what runs; from what the plan expects when nothing answers. */
function refuseForbiddenMove({ input }: EtcdChange, running: KubeVersion | undefined): void {
  const { member, to } = input;
  const at = running ?? input.from;
  const isBack = compareVersions(at, to) > 0;
  if (!isBack && minorsBetween(at, to) <= 1) return;
  throw terminalFailure({
    code: 'member-upgrade-failed',
    message:
      `etcd of ${member} runs ${at} and was not changed to ${to}: ` +
      (isBack ? 'only a rollback takes it back' : 'no minor may be skipped'),
    details: { running: at, to },
  });
}

/** T4. */
function refuseMovedCluster({ input }: EtcdChange, { members }: Observed): void {
  const { member, from: failed, to } = input;
  if (minorOf(failed) === minorOf(to)) return;
  const moved = members.find(
    ({ clusterVersion = '' }) => minorText(clusterVersion) === minorOf(failed),
  );
  const hasOld = members.some(
    (one) => one.name !== member && minorText(one.version) === minorOf(to),
  );
  const isTold = members.some(({ clusterVersion }) => clusterVersion !== undefined);
  if (moved === undefined && (hasOld || isTold)) return;
  throw terminalFailure({
    code: 'member-upgrade-failed',
    message:
      `etcd of ${member} was not put back from ${failed} to ${to}: ` +
      (moved === undefined
        ? 'no member tells whether all of etcd has moved to the new minor already'
        : `all of etcd has moved to ${moved.clusterVersion ?? ''}, which ${to} does not start on`),
    details: { failed, to },
  });
}

function minorText(version: string): string | undefined {
  const parsed = parseVersion(version);
  return parsed === undefined ? undefined : minorOf(parsed);
}

/** T1. What was seen when they were fit. */
async function waitForOthers(change: EtcdChange): Promise<Observed> {
  const { deps, run, input } = change;
  const { clock } = deps.ports;
  let seen: Observed | undefined;
  const look = async (): Promise<readonly Mismatch[]> => {
    seen = await observe(change);
    return clusterMismatches(seen, input.member);
  };
  const result = await watchUntilSeen({ clock, run, patienceMs: othersPatienceMs, look });
  if (result.kind === 'good' && seen !== undefined) return seen;
  const wrong = result.kind === 'good' ? [] : result.wrong;
  const message = `etcd of ${input.member} was not stopped: ${mismatchesText(wrong)}`;
  throw mismatchFailure('member-not-ready', message, wrong);
}

/** What is wrong with etcd; `without`: a member that need not answer. */
function clusterMismatches(etcd: Observed, without?: MemberName): readonly Mismatch[] {
  const away = etcd.unreachable.filter(({ name }) => name !== without);
  const others = etcd.memberCount - (without === undefined ? 0 : 1);
  // The only member has no others that could lead.
  const needsLeader = others > 0 && leaderOf(etcd).leader === undefined;
  return [
    ...away.map(({ name: member, problem }) => ({
      code: 'etcd-member-unreachable' as const,
      member,
      problem,
    })),
    ...(needsLeader ? [{ code: 'etcd-leaderless' as const }] : []),
    ...(etcd.hashesAgree ? [] : [{ code: 'etcd-hashes-differ' as const }]),
  ];
}

/** T2. Where nobody else can lead, as in a cluster of one, there is nothing to move. */
async function moveLeaderAway({ deps, run, input }: EtcdChange, etcd: Observed): Promise<void> {
  const { member, to } = input;
  if (leaderOf(etcd).leader !== member) return;
  const others = etcd.members.filter(({ name, isLearner }) => name !== member && !isLearner);
  const next = others.find(({ version }) => version === to) ?? others[0];
  if (next === undefined) return;
  await deps.ports.etcd.moveLeader(member, next.name, run.signal);
}

async function verifyMember(
  change: EtcdChange,
  startedAtMs: number,
  beat: (phase: string) => void,
): Promise<void> {
  const { deps, run, input } = change;
  const { clock, etcd } = deps.ports;
  const look = async (): Promise<readonly Mismatch[]> => {
    const seen = await etcd.observe(run.signal);
    if (seen.kind === 'unobserved') return [{ code: 'etcd-unobserved', problem: seen.problem }];
    return [...memberMismatches(seen, input), ...clusterMismatches(seen)];
  };
  const result = await watchUntilMatched({ clock, run, patienceMs: memberPatienceMs, look, beat });
  if (result.kind === 'good') return;
  const seconds = secondsBetween(startedAtMs, clock.nowMs());
  const message =
    `etcd of ${input.member} is not good in ${input.to}` +
    ` after ${seconds} s: ${mismatchesText(result.wrong)}`;
  throw mismatchFailure('member-not-ready', message, result.wrong);
}

/** One that does not answer is told as such by the list of those that do not. */
function memberMismatches(etcd: Observed, { member, to }: EtcdUpgradeInput): readonly Mismatch[] {
  const found = find(etcd, member);
  if (found === undefined) {
    if (etcd.unreachable.some(({ name }) => name === member)) return [];
    const problem = { code: 'unreachable', message: 'it is not in the list of members' } as const;
    return [{ code: 'etcd-member-unreachable', member, problem }];
  }
  if (versionOf(found) === to) return [];
  return [{ code: 'etcd-version', member, expected: to, actual: found.version }];
}
