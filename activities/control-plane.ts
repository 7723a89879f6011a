// findLeaders, upgradeControlPlaneMember and putBackMember. The driver changes a member; what
// counts is what the member itself says afterwards (R2).
// M1. A member never skips a minor (R5), and goes back only in putBackMember.
// M2. An API server is taken out only while all others are ready and within one minor of its goal.
// M3. Controllers are never newer than the oldest API server that answers; as part of a whole
//     member they talk to the one beside them only.
// M4. What is put back goes one minor at most, and stays within one minor of every API server.
// M5. Serving as the minor before is ended for good: what serves as its own goes back by a restore
//     only. Controllers do not tell how they serve, so that the driver is asked in any case.

import type {
  AscentActivities,
  ChangeResult,
  LeadersResult,
  MemberUpgradeInput,
  PutBackInput,
} from '../domain/activity-contract';
import type { MemberName } from '../domain/names';
import type { LeaseObservation } from '../domain/observation';
import {
  compareMinors,
  compareVersions,
  minorOf,
  minorsBetween,
  oldest,
  type Programs,
  programsText,
  servedMinor,
} from '../domain/versions';
import { changedText } from '../domain/status/step-labels';
import {
  type ActivityDependencies,
  type ActivityRun,
  longestMs,
  runActivity,
} from './activity-run';
import { readChangeCheckpoint } from './change-checkpoint';
import { terminalFailure } from './failure-mapping';
import {
  lookAtApiServer,
  lookAtControllers,
  lookAtWholeMember,
  type MemberLook,
} from './member-looks';
import { changeMember } from './member-change';
import { mismatchFailure, watchUntilMatched, watchUntilSeen } from './mismatch-watch';
import { type Mismatch, mismatchesText } from './mismatches';
import { secondsBetween } from './passes';
import type { DriverContext } from './driver-context';

/** How long the other members may need to come back before this one is touched. */
const othersPatienceMs = 60_000;
/** How long a member may need from its replacement until it is ready. */
const memberPatienceMs = 600_000;

interface MemberChange {
  readonly deps: ActivityDependencies;
  readonly run: ActivityRun;
  /** A member that is put back goes from the version that failed to its old one. */
  readonly input: MemberUpgradeInput & Pick<PutBackInput, 'isServing'>;
}

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
          const members = (await deps.ports.members.members(signal)).map(({ name }) => name);
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
          doing: `upgrading ${changedText(input)} to ${input.to}`,
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
          doing: `putting ${changedText(input)} back to ${input.to}`,
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
    isNeeded:
      isUntold(change) || look.mismatches.some(({ code }) => code !== 'component-not-ready'),
    refuse: async () => {
      refuseForbiddenMove(change, look.programs);
      await refuseUnsafeMove(change);
      if (stopsApiServer(change)) await waitForOthers(change);
    },
    drive: (context) => {
      const { component, member } = change.input;
      return change.deps.ports.controlPlane.upgrade(member, component, goalOf(change), context);
    },
  });
}

/** M4. Only for one that serves, the others are waited for. */
async function putBackMember(change: MemberChange): Promise<ChangeResult> {
  const { run, input } = change;
  const look = await lookAtMember(change);
  const { programs, mismatches } = look;
  if (input.isServing === true) refuseEnded(change, programs);
  const isSilent = mismatches.some(({ code }) => code === 'component-unobserved');
  const [first = goalOf(change)] = programs;
  const hasFailed = programs.some((one) => isTheFailed(change, one));
  if (!isSilent && !hasFailed && readChangeCheckpoint(run.resume) === undefined) {
    // It was never taken out, or somebody else has changed it.
    return { before: first.version, after: first.version, changed: false, seconds: 0 };
  }
  return changeComponent(change, look, {
    isNeeded: isUntold(change) || mismatches.length > 0,
    refuse: async () => {
      refuseFarBack(change);
      if (!stopsApiServer(change)) return;
      await refuseUnsafeMove(change);
      if (input.isServing !== true) return;
      await refuseNewerControllers(change);
      await waitForOthers(change);
    },
    drive: (context) => {
      const { component, member } = input;
      return change.deps.ports.controlPlane.putBack(member, component, goalOf(change), context);
    },
  });
}

function stopsApiServer({ input: { component } }: MemberChange): boolean {
  return component !== 'controllers';
}

function goalOf({ input: { to: version, emulates } }: MemberChange): Programs {
  return emulates === undefined ? { version } : { version, emulates };
}

/** M5. */
function isUntold({ input }: MemberChange): boolean {
  const { component, emulates, emulated } = input;
  return component === 'controllers' && (emulates ?? emulated) !== undefined;
}

function isTheFailed({ input }: MemberChange, { version, emulates }: Programs): boolean {
  if (version !== input.from) return false;
  return input.component !== 'kube-apiserver' || emulates === input.emulated;
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
  const [first, ...rest] = look.programs.map(({ version }) => version);
  return changeMember({
    deps,
    run,
    to: input.to,
    before: first === undefined ? input.from : oldest([first, ...rest]),
    isNeeded,
    phase: `changing ${input.component}`,
    driverLimitMs: longestMs,
    prepare: refuse,
    drive,
    verify: (startedAtMs, beat) => verifyMember(change, startedAtMs, beat),
  });
}

const looks = {
  'kube-apiserver': lookAtApiServer,
  controllers: lookAtControllers,
  member: lookAtWholeMember,
} as const;

async function lookAtMember(change: MemberChange): Promise<MemberLook> {
  const { deps, run, input } = change;
  const { members } = deps.ports;
  const { component, member } = input;
  if (!(await members.members(run.signal)).some(({ name }) => name === member)) {
    throw terminalFailure({
      code: 'member-upgrade-failed',
      message: `member ${member} is not in the access file of cluster ${input.cluster}`,
    });
  }
  return looks[component](members, member, goalOf(change), run.signal);
}

/** M1 and M5, from what runs; from what the plan expects when nothing answers. */
function refuseForbiddenMove(change: MemberChange, programs: readonly Programs[]): void {
  const { component, from } = change.input;
  const goal = goalOf(change);
  for (const running of programs.length === 0 ? [{ version: from }] : programs) {
    const isOlder = compareVersions(running.version, goal.version) > 0;
    const isEnded = component === 'kube-apiserver' && servesAsMore(running, goal);
    const skips = minorsBetween(running.version, goal.version) > 1;
    if (!isOlder && !isEnded && !skips) continue;
    throw terminalFailure({
      code: 'member-upgrade-failed',
      message:
        `${changedText(change.input)} runs ${programsText(running)} and was not changed to` +
        ` ${programsText(goal)}: ` +
        (skips ? 'no minor may be skipped' : 'only a rollback takes it back'),
      details: { running: running.version, to: goal.version },
    });
  }
}

/** The same version, serving as a newer minor. */
function servesAsMore(running: Programs, goal: Programs): boolean {
  if (running.version !== goal.version) return false;
  return compareMinors(servedMinor(running), servedMinor(goal)) > 0;
}

/** M5. */
function refuseEnded({ input }: MemberChange, programs: readonly Programs[]): void {
  const { component, from, to, emulated } = input;
  if (component !== 'kube-apiserver') return;
  if (!programs.some(({ version, emulates }) => version === from && emulates !== emulated)) return;
  throw terminalFailure({
    code: 'member-upgrade-failed',
    message:
      `${changedText(input)} was not put back to ${to}: it serves as ${minorOf(from)}` +
      ' already, so that only a restore of the snapshot leads back',
    details: { runs: from, to },
  });
}

/** M4. */
function refuseFarBack({ input }: MemberChange): void {
  const { from, to } = input;
  const minors = minorsBetween(to, from);
  if (compareVersions(to, from) <= 0 && minors <= 1) return;
  throw terminalFailure({
    code: 'member-upgrade-failed',
    message:
      `${changedText(input)} was not put back from ${from} to ${to}:` +
      (minors > 1 ? ' it would skip a minor' : ' that is not back'),
    details: { failed: from, to },
  });
}

/** M2, M3 and M4. Controllers count as the minor that they are to serve as. */
async function refuseUnsafeMove(change: MemberChange): Promise<void> {
  const { deps, run, input } = change;
  const goal = goalOf(change);
  const probe = deps.ports.members;
  const isApiServer = stopsApiServer(change);
  for (const { name } of await probe.members(run.signal)) {
    const observed = await probe.apiServer(name, run.signal);
    if (observed.kind === 'unobserved' || (isApiServer && name === input.member)) continue;
    const isLegal = isApiServer
      ? Math.abs(minorsBetween(observed.version, goal.version)) <= 1
      : compareMinors(servedMinor(goal), servedMinor(observed)) <= 0;
    if (isLegal) continue;
    throw terminalFailure({
      code: 'member-upgrade-failed',
      message:
        `${changedText(input)} was not changed to ${programsText(goal)}:` +
        ` the API server of ${name} runs ${programsText(observed)}, which the skew policy forbids`,
      details: { apiServer: name, runs: observed.version, to: goal.version },
    });
  }
}

/** M3, on the way back. */
async function refuseNewerControllers({ deps, run, input }: MemberChange): Promise<void> {
  const { members } = deps.ports;
  const { member, to } = input;
  for (const { name } of await members.members(run.signal)) {
    const { programs } = await lookAtControllers(members, name, { version: to }, run.signal);
    const newer = programs.find(({ version }) => minorsBetween(to, version) > 0);
    if (newer === undefined) continue;
    throw terminalFailure({
      code: 'member-upgrade-failed',
      message:
        `the API server of ${member} was not put back to ${to}: controllers of ${name} run` +
        ` ${newer.version}, which the skew policy forbids`,
      details: { controllers: name, runs: newer.version, to },
    });
  }
}

async function waitForOthers({ deps, run, input }: MemberChange): Promise<void> {
  const { members, clock } = deps.ports;
  const all = await members.members(run.signal);
  const others = all.filter(({ name }) => name !== input.member);
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
    `${changedText(input)} is not good in ${programsText(goalOf(change))}` +
    ` after ${seconds} s: ${mismatchesText(result.wrong)}`;
  throw mismatchFailure('member-not-ready', message, result.wrong);
}
