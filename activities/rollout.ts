// rollOutPool and holdRollout: all machines of a pool are replaced by those of another release, by
// controllers of others. They are asked to, followed, and held.
// R1. Done is what is seen: every machine of the release, in service, its node Ready in it.
// R2. Nobody's rollout but the planned one is touched: not to another version, not past a pause.
// R3. What ends a rollout that goes on is a person; what is told of one that does not is which
//     machines keep it, and what their controllers say.

import type { AscentActivities } from '../domain/activity-contract';
import { count } from '../domain/counts';
import type {
  HoldRolloutInput,
  HoldRolloutResult,
  RollOutInput,
  RollOutResult,
  RolloutProgress,
} from '../domain/rollout-contract';
import { rolloutFaultText } from '../domain/rollout-sentences';
import { compareVersions } from '../domain/versions';
import { type ActivityDependencies, type ActivityRun, runActivity } from './activity-run';
import { refuseOlderApiServers } from './api-server-ages';
import { type ChangeCheckpoint, readChangeCheckpoint } from './change-checkpoint';
import type { RolloutDriver, RolloutView } from './driver-ports';
import { terminalFailure } from './failure-mapping';
import { isThrough, machinesState, machinesText } from './machine-looks';
import { mismatchFailure, watchUntilMatched } from './mismatch-watch';
import { mismatchesText, nodeMismatches } from './mismatches';
import { secondsBetween } from './passes';

const lookEveryMs = 2_000;
/** How long nodes whose machines serve may look wrong. */
const nodesPatienceMs = 300_000;

export function rolloutActivities(
  deps: ActivityDependencies,
): Pick<AscentActivities, 'rollOutPool' | 'holdRollout'> {
  const scope = ({ cluster, pool }: HoldRolloutInput | RollOutInput, doing: string) =>
    ({ deps, cluster, doing: `${doing} pool ${pool}`, code: 'rollout-failed' }) as const;
  return {
    /**
     * Key: the pool. What is of `to` already stays; a rollout to it that goes on is followed, one
     * that we hold goes on. Bound: `stuckMs` in which no machine changes, the attempt's
     * startToClose in all. Heartbeats RolloutProgress. Fails `rollout-failed`.
     */
    rollOutPool: (input) =>
      runActivity(scope(input, 'replacing the machines of'), (run) =>
        rollOut({ deps, run, input }),
      ),

    /** Safe to repeat: what is held, done or not begun stays so. Fails `rollout-failed`. */
    holdRollout: (input) =>
      runActivity(scope(input, 'holding the rollout of'), (run) => hold(deps, run, input)),
  };
}

interface Rollout {
  readonly deps: ActivityDependencies;
  readonly run: ActivityRun;
  readonly input: RollOutInput;
}

async function rollOut(rollout: Rollout): Promise<RollOutResult> {
  const { deps, run, input } = rollout;
  const { clock } = deps.ports;
  const resumed = readChangeCheckpoint(run.resume);
  const startedAtMs = resumed?.startedAtMs ?? clock.nowMs();
  const before = resumed?.before ?? input.from;
  const seen = await look(rollout);
  const isAsked = seen.version === input.to && seen.held === undefined;
  const driven = resumed?.driven === true || !isAsked || !isDone(seen, input);
  const beat = (phase: string, { available, updated, replicas }: RolloutView = seen): void => {
    const counts = { updated: Math.min(available, updated), replicas };
    const progress: RolloutProgress & ChangeCheckpoint = {
      phase,
      ...counts,
      before,
      startedAtMs,
      driven,
    };
    run.beat(progress);
  };
  if (!isAsked) {
    await refuse(rollout, seen);
    beat(`asking MachineDeployment ${seen.name} for machines of ${input.to}`);
    await driverOf(rollout.deps).begin(seen, input.to, run.signal);
  }
  const done = await follow(rollout, beat);
  await verifyNodes(rollout, done, (phase) => beat(phase, done));
  const seconds = secondsBetween(startedAtMs, clock.nowMs());
  return { before, after: input.to, changed: driven, seconds, nodes: done.nodes };
}

function driverOf({ ports, cluster }: ActivityDependencies): RolloutDriver {
  if (ports.rollouts !== undefined) return ports.rollouts;
  const message = `the driver of cluster ${cluster} replaces no machines`;
  throw terminalFailure({ code: 'rollout-failed', message });
}

async function look({
  deps,
  run,
  input,
}: Omit<Rollout, 'input'> & { input: HoldRolloutInput | RollOutInput }): Promise<RolloutView> {
  const seen = await driverOf(deps).look(input.pool, run.signal);
  if (seen !== undefined) return seen;
  const message = `pool ${input.pool}: ${rolloutFaultText({ why: 'no-deployment' })}`;
  throw terminalFailure({ code: 'rollout-failed', message });
}

/** R2. */
async function refuse({ deps, run, input }: Rollout, seen: RolloutView): Promise<void> {
  const refused = `the machines of pool ${input.pool} were not replaced by those of ${input.to}`;
  const fail = (why: string): Error =>
    terminalFailure({ code: 'rollout-failed', message: `${refused}: ${why}` });
  const { name: deployment, version, holds, machines } = seen;
  const [why] = holds;
  if (why !== undefined) throw fail(rolloutFaultText({ why, deployment }));
  if (version === undefined) throw fail(rolloutFaultText({ why: 'no-version', deployment }));
  const others = machines.flatMap((one) => one.version ?? []).filter((at) => at !== version);
  const [at] = others.toSorted(compareVersions);
  const isOlder = compareVersions(version, input.to) < 0;
  if (version !== input.to && (at !== undefined || !isOlder)) {
    const found = at ?? version;
    throw fail(rolloutFaultText({ why: 'under-way', deployment, version, at: found }));
  }
  await refuseOlderApiServers(deps, run, { refused, to: input.to, code: 'rollout-failed' });
}

/** R1. */
function isDone(seen: RolloutView, { to }: Pick<RollOutInput, 'to'>): boolean {
  const { version, isObserved, replicas, found, updated, available, machines } = seen;
  const counts = [found, updated, available, machines.length];
  return (
    version === to &&
    isObserved &&
    counts.every((one) => one === replicas) &&
    machines.every((one) => isThrough(one, to))
  );
}

/** Until it is done; throws when no machine has changed for too long (R3). */
async function follow(
  rollout: Rollout,
  beat: (phase: string, seen: RolloutView) => void,
): Promise<RolloutView> {
  const { deps, run, input } = rollout;
  const { clock } = deps.ports;
  let state = '';
  let sinceMs = clock.nowMs();
  for (;;) {
    const seen = await look(rollout);
    if (isDone(seen, input)) return seen;
    if (seen.version !== input.to) throw takenAway(seen, input);
    const waiting = waitingText(seen, input);
    const done = seen.machines.filter((one) => isThrough(one, input.to)).length;
    beat(`${done} of ${count(seen.replicas, 'machine')}; ${waiting}`, seen);
    const now = `${seen.isObserved} ${seen.available} ${machinesState(seen.machines)}`;
    const nowMs = clock.nowMs();
    if (now !== state) [state, sinceMs] = [now, nowMs];
    if (nowMs - sinceMs >= input.stuckMs) {
      const seconds = secondsBetween(sinceMs, nowMs);
      const message = `pool ${input.pool}: no machine has changed for ${seconds} s; ${waiting}`;
      throw terminalFailure({ code: 'rollout-failed', message });
    }
    await clock.sleep(lookEveryMs, run.signal);
  }
}

function takenAway({ name, version }: RolloutView, { pool, to }: RollOutInput): Error {
  const message =
    `pool ${pool}: MachineDeployment ${name} is of ${version ?? 'no version'} now, not of ${to}` +
    ' as it was asked to be: somebody has changed it';
  return terminalFailure({ code: 'rollout-failed', message });
}

function waitingText(seen: RolloutView, { to }: RollOutInput): string {
  const { name: deployment, holds, machines, isObserved } = seen;
  const [why] = holds;
  if (why !== undefined) return rolloutFaultText({ why, deployment });
  if (!isObserved) return `MachineDeployment ${deployment} waits for its controller`;
  return machinesText(machines, to) ?? 'its machines are not in service yet';
}

async function verifyNodes(
  { deps, run, input }: Rollout,
  { nodes }: RolloutView,
  beat: (phase: string) => void,
): Promise<void> {
  const { clock, kube } = deps.ports;
  const result = await watchUntilMatched({
    clock,
    run,
    patienceMs: nodesPatienceMs,
    beat,
    look: async () => {
      const found = new Map((await kube.listNodes(run.signal)).map((one) => [one.name, one]));
      return nodes.flatMap((name) => nodeMismatches(name, found.get(name), input.to));
    },
  });
  if (result.kind === 'good') return;
  const message =
    `the machines of pool ${input.pool} were replaced, but ${result.seconds} s later` +
    ` ${mismatchesText(result.wrong)}`;
  throw mismatchFailure('rollout-failed', message, result.wrong);
}

async function hold(
  deps: ActivityDependencies,
  run: ActivityRun,
  input: HoldRolloutInput,
): Promise<HoldRolloutResult> {
  const seen = await look({ deps, run, input });
  if (seen.version !== input.to || isDone(seen, input)) return { hold: 'nothing' };
  if (seen.held !== undefined) return { hold: 'already-ours' };
  if (seen.holds.length > 0) return { hold: 'nothing' };
  await driverOf(deps).hold(seen, input.reason, run.signal);
  return { hold: 'placed' };
}
