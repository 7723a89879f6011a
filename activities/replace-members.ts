// replaceMembers: all members of a control plane are replaced by machines of another release, by
// controllers of others, which add one, wait until it serves, and take an old one away. They are
// asked to and followed; nothing of a machine or of etcd is touched here.
// M1. Done is what is seen: what the object says of itself, every machine, and then every member,
//     asked directly under its new name.
// M2. Nobody's change but the planned one is touched: not to another version, not past a pause.
// M3. They are never paused in the middle: what is paused then also mends no member of etcd.

import type { AscentActivities } from '../domain/activity-contract';
import { count } from '../domain/counts';
import { boundedList } from '../domain/lists';
import type {
  ReplaceMembersInput,
  ReplaceMembersResult,
  RolloutProgress,
} from '../domain/rollout-contract';
import { controlPlaneFaultText } from '../domain/rollout-sentences';
import { compareVersions } from '../domain/versions';
import { type ActivityDependencies, type ActivityRun, runActivity } from './activity-run';
import { type ChangeCheckpoint, readChangeCheckpoint } from './change-checkpoint';
import type { ControlPlaneView, MemberReplacer } from './driver-ports';
import { terminalFailure } from './failure-mapping';
import { isThrough, machinesState, machinesText } from './machine-looks';
import { controlPlaneMismatches } from './member-looks';
import { mismatchFailure, watchUntilMatched } from './mismatch-watch';
import { mismatchesText } from './mismatches';
import { secondsBetween } from './passes';

const lookEveryMs = 2_000;
/** How long members whose machines serve may look wrong. */
const membersPatienceMs = 300_000;

export function replaceMembersActivities(
  deps: ActivityDependencies,
): Pick<AscentActivities, 'replaceMembers'> {
  return {
    /**
     * Key: the cluster. What is of `to` already stays; a change to it that goes on is followed.
     * Bound: `stuckMs` in which no machine changes, the attempt's startToClose in all. Heartbeats
     * RolloutProgress. Fails `rollout-failed`.
     */
    replaceMembers: (input) =>
      runActivity(
        {
          deps,
          cluster: input.cluster,
          doing: 'replacing the members of the control plane',
          code: 'rollout-failed',
        },
        (run) => replaceMembers({ deps, run, input }),
      ),
  };
}

interface Replacement {
  readonly deps: ActivityDependencies;
  readonly run: ActivityRun;
  readonly input: ReplaceMembersInput;
}

type Beat = (phase: string, seen: ControlPlaneView) => void;

async function replaceMembers(replacement: Replacement): Promise<ReplaceMembersResult> {
  const { deps, run, input } = replacement;
  const { clock, members: probe } = deps.ports;
  const replacer = replacerOf(deps);
  const resumed = readChangeCheckpoint(run.resume);
  const startedAtMs = resumed?.startedAtMs ?? clock.nowMs();
  const before = resumed?.before ?? input.from;
  const seen = await replacer.look(run.signal);
  const driven = resumed?.driven === true || !isDone(seen, input);
  const beat: Beat = (phase, { updated, ready, replicas }) => {
    const counts = { updated: Math.min(updated, ready), replicas };
    const told: RolloutProgress & ChangeCheckpoint = {
      phase,
      ...counts,
      before,
      startedAtMs,
      driven,
    };
    run.beat(told);
  };
  if (seen.version !== input.to) {
    refuse(seen, input);
    beat(`asking ${seen.object} for machines of ${input.to}`, seen);
    await replacer.begin(seen, input.to, run.signal);
  }
  const done = await follow(replacement, replacer, beat);
  await verifyMembers(replacement, (phase) => beat(phase, done));
  const names = (await probe.members(run.signal)).map(({ name }) => name);
  const seconds = secondsBetween(startedAtMs, clock.nowMs());
  return { before, after: input.to, changed: driven, seconds, members: names };
}

function replacerOf({ ports, cluster }: ActivityDependencies): MemberReplacer {
  if (ports.replacer !== undefined) return ports.replacer;
  const message = `the driver of cluster ${cluster} replaces no members`;
  throw terminalFailure({ code: 'rollout-failed', message });
}

/** M2. */
function refuse(seen: ControlPlaneView, { to }: ReplaceMembersInput): void {
  const fail = (why: string): Error => {
    const message = `the members were not replaced by machines of ${to}: ${why}`;
    return terminalFailure({ code: 'rollout-failed', message });
  };
  const { object: controlPlane, version, holds, machines } = seen;
  const [why] = holds;
  if (why !== undefined) throw fail(controlPlaneFaultText({ why, controlPlane }));
  if (version === undefined) throw fail(controlPlaneFaultText({ why: 'no-version', controlPlane }));
  const others = machines.flatMap((one) => one.version ?? []).filter((at) => at !== version);
  const [at] = others.toSorted(compareVersions);
  if (at !== undefined || compareVersions(version, to) > 0) {
    const fault = { why: 'under-way', controlPlane, version, at: at ?? version } as const;
    throw fail(controlPlaneFaultText(fault));
  }
}

/** M1. Objects of v1beta1 and of v1beta2 alike (drivers/capi-control-plane.ts). */
function isDone(seen: ControlPlaneView, { to }: Pick<ReplaceMembersInput, 'to'>): boolean {
  const { version, reached, isObserved, replicas, found, updated, ready, machines } = seen;
  return (
    version === to &&
    reached === to &&
    isObserved &&
    [found, updated, ready, machines.length].every((one) => one === replicas) &&
    machines.every((one) => isThrough(one, to))
  );
}

/** Until it is done; throws when no machine has changed for too long. */
async function follow(
  { deps, run, input }: Replacement,
  replacer: MemberReplacer,
  beat: Beat,
): Promise<ControlPlaneView> {
  const { clock } = deps.ports;
  let state = '';
  let sinceMs = clock.nowMs();
  for (;;) {
    const seen = await replacer.look(run.signal);
    if (isDone(seen, input)) return seen;
    if (seen.version !== input.to) throw takenAway(seen, input);
    const waiting = waitingText(seen, input);
    const done = seen.machines.filter((one) => isThrough(one, input.to)).length;
    beat(`${done} of ${count(seen.replicas, 'machine')}; ${waiting}`, seen);
    const now = `${seen.isObserved} ${seen.reached} ${seen.ready} ${machinesState(seen.machines)}`;
    const nowMs = clock.nowMs();
    if (now !== state) [state, sinceMs] = [now, nowMs];
    if (nowMs - sinceMs >= input.stuckMs) {
      const seconds = secondsBetween(sinceMs, nowMs);
      const message = `the control plane: no machine has changed for ${seconds} s; ${waiting}`;
      throw terminalFailure({ code: 'rollout-failed', message });
    }
    await clock.sleep(lookEveryMs, run.signal);
  }
}

function takenAway({ object, version }: ControlPlaneView, { to }: ReplaceMembersInput): Error {
  const message =
    `${object} is of ${version ?? 'no version'} now, not of ${to} as it was asked to be:` +
    ' somebody has changed it';
  return terminalFailure({ code: 'rollout-failed', message });
}

/** What stands still says more than who is still to go: conditions are its controllers' words. */
function waitingText(seen: ControlPlaneView, { to }: ReplaceMembersInput): string {
  const { object, holds, machines, isObserved, says } = seen;
  const [why] = holds;
  if (why !== undefined) return controlPlaneFaultText({ why, controlPlane: object });
  if (!isObserved) return `${object} waits for its controller`;
  const waiting = machinesText(machines, to) ?? 'its machines are not in service yet';
  return says.length === 0 ? waiting : `${waiting}; ${object} says: ${boundedList(says)}`;
}

/** M1. */
async function verifyMembers(
  { deps, run, input }: Replacement,
  beat: (phase: string) => void,
): Promise<void> {
  const { clock, members } = deps.ports;
  const result = await watchUntilMatched({
    clock,
    run,
    patienceMs: membersPatienceMs,
    beat,
    look: () => controlPlaneMismatches(members, { version: input.to }, run.signal),
  });
  if (result.kind === 'good') return;
  const later = `${result.seconds} s later ${mismatchesText(result.wrong)}`;
  const message = `the members were replaced, but ${later}`;
  throw mismatchFailure('rollout-failed', message, result.wrong);
}
