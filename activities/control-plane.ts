// findLeaders, upgradeControlPlaneMember and putBackMember. The driver changes a member; what
// counts is what the member itself says afterwards (R2).
// M1. A member never skips a minor (R5), and goes back only in putBackMember.
// M2. An API server is taken out only while all others are ready and within one minor of its goal.
// M3. Controllers are never newer than the oldest API server that answers.
// M4. What is put back goes one minor at most, and stays within one minor of every API server.

import type {
  AscentActivities,
  ChangeResult,
  LeadersResult,
  MemberUpgradeInput,
} from '../domain/activity-contract';
import type { MemberName } from '../domain/names';
import type { LeaseObservation } from '../domain/observation';
import { compareVersions, type KubeVersion, minorsBetween, oldest } from '../domain/versions';
import { type ActivityDependencies, type ActivityRun, runActivity } from './activity-run';
import { readChangeCheckpoint } from './change-checkpoint';
import { terminalFailure } from './failure-mapping';
import { lookAtApiServer, lookAtControllers, type MemberLook } from './member-looks';
import { changeMember } from './member-change';
import { mismatchFailure, watchUntilMatched, watchUntilSeen } from './mismatch-watch';
import { type Mismatch, mismatchesText } from './mismatches';
import { secondsBetween } from './passes';
import type { DriverContext } from './ports';

/** How long the other members may need to come back before this one is touched. */
const othersPatienceMs = 60_000;
/** How long a member may need from its replacement until it is ready. */
const memberPatienceMs = 600_000;

interface MemberChange {
  readonly deps: ActivityDependencies;
  readonly run: ActivityRun;
  /** A member that is put back goes from the version that failed to its old one. */
  readonly input: MemberUpgradeInput;
}

/** The longest that a spec allows (spec-schema.ts), for an attempt that nothing else bounds. */
const driverLimitMs = 86_400_000;

export function controlPlaneActivities(
  deps: ActivityDependencies,
): Pick<AscentActivities, 'findLeaders' | 'upgradeControlPlaneMember' | 'putBackMember'> {
  return {
    /** Reads only. A lease that nobody holds or renews, or that no member holds, has no leader. */
    findLeaders: (input) =>
      runActivity(
        {
          deps,
          cluster: input.cluster,
          doing: `finding the leaders of cluster ${input.cluster}`,
          code: 'unexpected',
        },
        async ({ signal }) => {
          const leases = await deps.ports.kube.listLeaderLeases(signal);
          const members = deps.ports.members.members().map(({ name }) => name);
          return leadersOf(leases, members);
        },
      ),

    /**
     * Key: member and component. A member that already runs `to` is only verified.
     * Bound: the attempt's startToClose; nine tenths of it, at most 10 min, for becoming ready.
     * Heartbeats the driver's phases. Fails `member-upgrade-failed` or `member-not-ready`.
     */
    upgradeControlPlaneMember: (input) =>
      runActivity(
        {
          deps,
          cluster: input.cluster,
          doing: `upgrading ${input.component} of ${input.member} to ${input.to}`,
          code: 'member-upgrade-failed',
        },
        (run) => upgradeMember({ deps, run, input }),
      ),

    /**
     * Key: member and component. A member that answers in another version than the one that
     * failed is left alone. Bound: as above. Heartbeats the driver's phases. Fails
     * `member-upgrade-failed` or `member-not-ready`.
     */
    putBackMember: (input) =>
      runActivity(
        {
          deps,
          cluster: input.cluster,
          doing: `putting ${input.component} of ${input.member} back to ${input.to}`,
          code: 'member-upgrade-failed',
        },
        (run) => putBackMember({ deps, run, input: { ...input, from: input.failed } }),
      ),
  };
}

/**
 * The members that hold the leases. A holder is `<hostname>_<uuid>`, with the member's name as the
 * hostname (k8s.io/client-go leader election as the controllers set it up).
 */
export function leadersOf(
  leases: readonly LeaseObservation[],
  members: readonly MemberName[],
): LeadersResult {
  const leaderOf = (component: LeaseObservation['component']): MemberName | undefined => {
    const lease = leases.find((one) => one.component === component);
    if (lease === undefined || lease.renewedSecondsAgo > lease.durationSeconds) return undefined;
    const separator = lease.holder.lastIndexOf('_');
    const hostname = separator < 0 ? lease.holder : lease.holder.slice(0, separator);
    return members.find((member) => member === hostname);
  };
  return {
    controllerManager: leaderOf('kube-controller-manager'),
    scheduler: leaderOf('kube-scheduler'),
  };
}

async function upgradeMember(change: MemberChange): Promise<ChangeResult> {
  const look = await lookAtMember(change);
  return changeComponent(change, look, {
    // What does not answer may be stopped half-way through a change; the driver goes on with it.
    isNeeded: look.mismatches.some(({ code }) => code !== 'component-not-ready'),
    refuse: async () => {
      refuseForbiddenMove(change, look.versions);
      await refuseUnsafeMove(change);
      if (change.input.component === 'kube-apiserver') await waitForOthers(change);
    },
    drive: (context) => {
      const { component, member, to } = change.input;
      const driver = change.deps.ports.controlPlane;
      return component === 'kube-apiserver'
        ? driver.upgradeApiServer(member, to, context)
        : driver.upgradeControllers(member, to, context);
    },
  });
}

/** M4. The others are not waited for: this member serves nobody now. */
async function putBackMember(change: MemberChange): Promise<ChangeResult> {
  const { run, input } = change;
  const look = await lookAtMember(change);
  const { versions, mismatches } = look;
  const isSilent = mismatches.some(({ code }) => code === 'component-unobserved');
  const [first = input.to] = versions;
  if (
    !isSilent &&
    !versions.includes(input.from) &&
    readChangeCheckpoint(run.resume) === undefined
  ) {
    // It was never taken out, or somebody else has changed it.
    return { before: first, after: first, changed: false, seconds: 0 };
  }
  return changeComponent(change, look, {
    isNeeded: mismatches.length > 0,
    refuse: async () => {
      refuseFarBack(change);
      if (input.component === 'kube-apiserver') await refuseUnsafeMove(change);
    },
    drive: (context) => {
      const { component, member, to } = input;
      return change.deps.ports.controlPlane.putBack(member, component, to, context);
    },
  });
}

interface Way {
  /** Whether the driver has something to do. */
  readonly isNeeded: boolean;
  /** Throws when the driver must not be asked. */
  readonly refuse: () => Promise<void>;
  readonly drive: (context: DriverContext) => Promise<void>;
}

function changeComponent(
  change: MemberChange,
  look: MemberLook,
  { isNeeded, refuse, drive }: Way,
): Promise<ChangeResult> {
  const { deps, run, input } = change;
  const [first, ...rest] = look.versions;
  return changeMember({
    deps,
    run,
    to: input.to,
    before: first === undefined ? input.from : oldest([first, ...rest]),
    isNeeded,
    phase: `changing ${input.component}`,
    driverLimitMs,
    prepare: refuse,
    drive,
    verify: (startedAtMs, beat) => verifyMember(change, startedAtMs, beat),
  });
}

async function lookAtMember({ deps, run, input }: MemberChange): Promise<MemberLook> {
  const { members } = deps.ports;
  const { component, member, to } = input;
  if (!members.members().some(({ name }) => name === member)) {
    throw terminalFailure({
      code: 'member-upgrade-failed',
      message: `member ${member} is not in the access file of cluster ${input.cluster}`,
    });
  }
  const look = component === 'kube-apiserver' ? lookAtApiServer : lookAtControllers;
  return look(members, member, to, run.signal);
}

/** M1, from what runs; from what the plan expects when nothing answers. */
function refuseForbiddenMove({ input }: MemberChange, versions: readonly KubeVersion[]): void {
  const { component, member, from, to } = input;
  for (const running of versions.length === 0 ? [from] : versions) {
    const isBack = compareVersions(running, to) > 0;
    const skips = minorsBetween(running, to) > 1;
    if (!isBack && !skips) continue;
    throw terminalFailure({
      code: 'member-upgrade-failed',
      message:
        `${component} of ${member} runs ${running} and was not changed to ${to}: ` +
        (isBack ? 'only a rollback takes it back' : 'no minor may be skipped'),
      details: { running, to },
    });
  }
}

/** M4. */
function refuseFarBack({ input }: MemberChange): void {
  const { component, member, from, to } = input;
  const minors = minorsBetween(to, from);
  if (compareVersions(to, from) <= 0 && minors <= 1) return;
  throw terminalFailure({
    code: 'member-upgrade-failed',
    message:
      `${component} of ${member} was not put back from ${from} to ${to}:` +
      (minors > 1 ? ' it would skip a minor' : ' that is not back'),
    details: { failed: from, to },
  });
}

/** M2, M3 and M4. */
async function refuseUnsafeMove(change: MemberChange): Promise<void> {
  const { deps, run, input } = change;
  const { component, member, to } = input;
  const probe = deps.ports.members;
  const isApiServer = component === 'kube-apiserver';
  for (const { name } of probe.members()) {
    const observed = await probe.apiServer(name, run.signal);
    if (observed.kind === 'unobserved' || (isApiServer && name === member)) continue;
    const ahead = minorsBetween(observed.version, to);
    if (isApiServer ? Math.abs(ahead) <= 1 : ahead <= 0) continue;
    throw terminalFailure({
      code: 'member-upgrade-failed',
      message:
        `${component} of ${member} was not changed to ${to}:` +
        ` the API server of ${name} runs ${observed.version}, which the skew policy forbids`,
      details: { apiServer: name, runs: observed.version, to },
    });
  }
}

async function waitForOthers({ deps, run, input }: MemberChange): Promise<void> {
  const { members, clock } = deps.ports;
  const others = members.members().filter(({ name }) => name !== input.member);
  const look = async (): Promise<readonly Mismatch[]> => {
    const looks = await Promise.all(
      others.map(({ name }) => lookAtApiServer(members, name, undefined, run.signal)),
    );
    return looks.flatMap(({ mismatches }) => mismatches);
  };
  const result = await watchUntilSeen({ clock, run, patienceMs: othersPatienceMs, look });
  if (result.kind === 'good') return;
  const message = `${input.member} was not taken out of service: ` + mismatchesText(result.wrong);
  throw mismatchFailure('member-not-ready', message, result.wrong);
}

async function verifyMember(
  change: MemberChange,
  startedAtMs: number,
  beat: (phase: string) => void,
): Promise<void> {
  const { deps, run, input } = change;
  const result = await watchUntilMatched({
    clock: deps.ports.clock,
    run,
    patienceMs: memberPatienceMs,
    look: async () => (await lookAtMember(change)).mismatches,
    beat,
  });
  if (result.kind === 'good') return;
  const seconds = secondsBetween(startedAtMs, deps.ports.clock.nowMs());
  const message =
    `${input.component} of ${input.member} is not good in ${input.to}` +
    ` after ${seconds} s: ${mismatchesText(result.wrong)}`;
  throw mismatchFailure('member-not-ready', message, result.wrong);
}
