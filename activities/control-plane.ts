// findLeaders and upgradeControlPlaneMember. The driver changes a member; what counts is what the
// member itself says afterwards (R2).
// M1. A member never goes back and never skips a minor here (R5); only a restore goes back.
// M2. An API server is taken out only while all others are ready and within one minor of its goal.
// M3. Controllers are never newer than the oldest API server that answers.

import type {
  AscentActivities,
  ChangeResult,
  LeadersResult,
  MemberUpgradeInput,
} from '../domain/activity-contract';
import type { FailureCode } from '../domain/failures';
import type { MemberName } from '../domain/names';
import type { LeaseObservation } from '../domain/observation';
import { compareVersions, type KubeVersion, minorsBetween, oldest } from '../domain/versions';
import { type ActivityDependencies, type ActivityRun, runActivity } from './activity-run';
import { readChangeCheckpoint } from './change-checkpoint';
import { terminalFailure } from './failure-mapping';
import { lookAtApiServer, lookAtControllers, type MemberLook } from './member-looks';
import { type Mismatch, type MismatchDetails, mismatchesText } from './mismatches';
import { secondsBetween, watchUntilGood } from './passes';

const passes = 3;
const lookEveryMs = 500;
/** How long the other members may need to come back before this one is touched. */
const othersPatienceMs = 60_000;
/** How long a member may need from its replacement until it is ready. */
const memberPatienceMs = 600_000;

interface MemberChange {
  readonly deps: ActivityDependencies;
  readonly run: ActivityRun;
  readonly input: MemberUpgradeInput;
}

export function controlPlaneActivities(
  deps: ActivityDependencies,
): Pick<AscentActivities, 'findLeaders' | 'upgradeControlPlaneMember'> {
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
  const { deps, run, input } = change;
  const { clock } = deps.ports;
  const resumed = readChangeCheckpoint(run.resume);
  const startedAtMs = resumed?.startedAtMs ?? clock.nowMs();
  const { versions, mismatches } = await lookAtMember(change);
  const [first, ...rest] = versions;
  const running = first === undefined ? undefined : oldest([first, ...rest]);
  const before = resumed?.before ?? running ?? input.from;
  // What does not answer may be stopped half-way through a change; the driver goes on with it.
  const needsDriver = mismatches.some(({ code }) => code !== 'component-not-ready');
  const driven = needsDriver || resumed?.driven === true;
  const beat = (phase: string): void => run.beat({ phase, before, startedAtMs, driven });
  if (needsDriver) {
    refuseForbiddenMove(change, versions);
    await refuseUnsafeMove(change);
    beat(`changing ${input.component}`);
    await driveMember(change, beat);
  }
  await verifyMember(change, beat);
  const seconds = secondsBetween(startedAtMs, clock.nowMs());
  return { before, after: input.to, changed: driven, seconds };
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

/** M2 and M3. */
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
  if (isApiServer) await waitForOthers(change);
}

async function waitForOthers({ deps, run, input }: MemberChange): Promise<void> {
  const { members, clock } = deps.ports;
  const others = members.members().filter(({ name }) => name !== input.member);
  const patienceMs = run.boundedMs(othersPatienceMs);
  const result = await watchUntilGood<Mismatch>({
    clock,
    signal: run.signal,
    passes: 1,
    soakMs: 0,
    patienceMs,
    limitMs: patienceMs,
    everyMs: lookEveryMs,
    look: async () => {
      const looks = await Promise.all(
        others.map(({ name }) => lookAtApiServer(members, name, undefined, run.signal)),
      );
      return looks.flatMap(({ mismatches }) => mismatches);
    },
  });
  if (result.kind === 'good') return;
  const untouched = `${input.member} was not taken out of service`;
  throw notReady('member-not-ready', `${untouched}: ${mismatchesText(result.wrong)}`, result.wrong);
}

function notReady(code: FailureCode, message: string, mismatches: readonly Mismatch[]): Error {
  const details: MismatchDetails = { mismatches };
  return terminalFailure({ code, message, details });
}

async function driveMember(
  { deps, run, input }: MemberChange,
  onPhase: (phase: string) => void,
): Promise<void> {
  const driver = deps.ports.controlPlane;
  const context = { signal: run.signal, onPhase };
  if (input.component === 'kube-apiserver') {
    await driver.upgradeApiServer(input.member, input.to, context);
  } else {
    await driver.upgradeControllers(input.member, input.to, context);
  }
}

async function verifyMember(change: MemberChange, beat: (phase: string) => void): Promise<void> {
  const { deps, run, input } = change;
  const patienceMs = run.boundedMs(memberPatienceMs);
  const result = await watchUntilGood<Mismatch>({
    clock: deps.ports.clock,
    signal: run.signal,
    passes,
    soakMs: 0,
    patienceMs,
    limitMs: patienceMs,
    everyMs: lookEveryMs,
    look: async () => (await lookAtMember(change)).mismatches,
    onLook: ({ goodInARow, wrong }) => {
      const seen = wrong.length === 0 ? `good ${goodInARow} of ${passes}` : mismatchesText(wrong);
      beat(`verifying: ${seen}`);
    },
  });
  if (result.kind === 'good') return;
  const message =
    `${input.component} of ${input.member} is not good in ${input.to}` +
    ` after ${result.seconds} s: ${mismatchesText(result.wrong)}`;
  throw notReady('member-not-ready', message, result.wrong);
}
