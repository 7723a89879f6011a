// The way back of a control plane of one machine that is reached by way of its own API server: all
// that it needs is brought there before a hop changes anything, and the restore is one step, which
// the machine performs by itself (kubeadm-staged-scripts.ts).
// Z1. What is asked of the machine before it is begun needs an API server. Where none serves, a
//     person begins it there, by the command that the phase names: it is the same step, so that the
//     attempt that waits finds it when an API server serves again.
// Z2. Who has begun it cannot be asked while it runs: it has a limit of its own, longer than any
//     attempt's.

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

import type { MemberName } from '../../domain/names';
import type { LostEtcdMember } from '../../domain/rollback-contract';
import type { DriverContext } from '../driver-context';
import { PortError } from '../ports';
import {
  knownMargin,
  type RestoreOptions,
  type RestoreOrder,
  type StageOrder,
  unknownMargin,
} from './kubeadm-restore';
import { sha256Of } from './kubeadm-restore-answers';
import { receivedScript, receiveScript } from './kubeadm-restore-scripts';
import {
  aboutWayBack,
  aloneOperation,
  aloneScript,
  newWayBack,
  stageCheckScript,
  stagedAboutScript,
  stagedBegunScript,
  stagedLimitSeconds,
  stagedOperation,
  stagedRestoreScript,
  stageScript,
  unstageScript,
  type WayBack,
  wayBack,
} from './kubeadm-staged-scripts';
import { askMachine, isSo, type MachineQuestion } from './machine-ask';
import { journalDirectory } from './machine-journal';
import { runStep } from './machine-steps';

const sendMs = 60 * 60_000;
/** The hash of a large snapshot takes a while. */
const placeMs = 10 * 60_000;
const pollMs = 1_000;
/** Throws PortError: `rejected` where something is missing there; or the signal's reason. */
export async function stageRestore(
  options: RestoreOptions,
  order: StageOrder,
  context: DriverContext,
): Promise<void> {
  const machine = onlyMember(options);
  const way = await wayBackOf(order);
  const { machines } = options;
  const { signal, limitMs } = context;
  const doing = 'staging the way back';
  const ask = (question: Omit<MachineQuestion, 'machine' | 'doing'>): Promise<string> =>
    askMachine(machines, { machine, doing, ...question }, signal);
  if ((await ask({ script: stagedAboutScript })).trim() === aboutWayBack(way)) return;
  context.onPhase(`${machine}: looking whether it could be restored to ${way.version}`);
  const check = { machine, doing, script: stageCheckScript(way) };
  await runStep(options, check, { ...context, operationId: `${context.operationId}-stage` });
  const args = [newWayBack, way.sha256];
  const timeoutMs = Math.min(limitMs, sendMs);
  const received = { machine, doing, script: receivedScript, args, timeoutMs };
  if (!(await isSo(machines, received, signal))) {
    context.onPhase(`${machine}: sending the snapshot, ${way.bytes} bytes`);
    const input = () => ({ stream: createReadStream(order.snapshotFile), bytes: way.bytes });
    await ask({ script: receiveScript, args, timeoutMs, input });
  }
  await ask({ script: stageScript(way), timeoutMs: Math.min(limitMs, placeMs) });
  context.log(`${machine}: the way back is staged in ${wayBack}: ${aboutWayBack(way)}`);
}

export async function unstageRestore(options: RestoreOptions, signal: AbortSignal): Promise<void> {
  const machine = onlyMember(options);
  const question = { machine, doing: 'removing the staged way back', script: unstageScript };
  await askMachine(options.machines, question, signal);
}

/** Throws PortError: `rejected` when nothing was stopped; or the signal's reason. */
export async function restoreStaged(
  options: RestoreOptions,
  order: RestoreOrder,
  context: DriverContext,
): Promise<{ readonly lost: readonly LostEtcdMember[] }> {
  const machine = onlyMember(options);
  const way = await wayBackOf(order);
  const id = encodeURIComponent(order.restoreId);
  if (!(await isBegun(options, { machine, id }, context))) {
    await stageRestore(options, order, context);
  }
  const runsMs = stagedLimitSeconds * 1_000;
  const alone = {
    machine,
    doing: 'ending what changes etcd',
    script: aloneScript,
    changes: 'etcd',
    runsMs,
  };
  let awaySince: string | undefined;
  const awayPhase = (): string => {
    awaySince ??= new Date().toISOString();
    return ownProgress(machine, id, awaySince);
  };
  const step = {
    machine,
    doing: `restoring Kubernetes ${way.version}`,
    script: stagedRestoreScript(way),
    changes: 'control-plane',
    runsMs,
    awayPhase,
  };
  const following = { ...options, awayMs: context.limitMs };
  await runStep(following, alone, { ...context, operationId: aloneOperation(id) });
  const onPhase = (phase: string): void => context.onPhase(`${machine}: ${phase}`);
  const operationId = stagedOperation(id);
  await runStep(following, step, { ...context, onPhase, operationId });
  return { lost: [] };
}

function ownProgress(machine: string, id: string, since: string): string {
  return (
    `no API server has answered since ${since}: machine ${machine} restores itself, and tells how` +
    ` far it is in ${journalDirectory}/${stagedOperation(id)}/output; should it have stopped,` +
    ` run there as root: sh ${wayBack}/restore ${id}`
  );
}

/** Z1. Waits as long as the attempt for somebody to let us in. */
async function isBegun(
  { machines }: RestoreOptions,
  { machine, id }: { readonly machine: MemberName; readonly id: string },
  context: DriverContext,
): Promise<boolean> {
  const { signal, limitMs } = context;
  const untilMs = performance.now() + limitMs;
  const doing = 'looking whether the restore was begun';
  const since = new Date().toISOString();
  const byHand = (why: string): string =>
    `no API server has let us onto machine ${machine} since ${since} (${why}): to restore it` +
    ` without one, run there as root: sh ${wayBack}/restore ${id}`;
  for (;;) {
    try {
      const question = { machine, doing, script: stagedBegunScript, args: [id] };
      return (await askMachine(machines, question, signal)).trim() === 'begun';
    } catch (error) {
      // Whatever keeps us out, a person is not.
      if (!(error instanceof PortError) || error.code === 'rejected') throw error;
      if (performance.now() >= untilMs) throw new PortError(error.code, byHand(error.message));
      context.log(error.message);
      context.onPhase(byHand(error.message));
    }
    await delay(pollMs, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

async function wayBackOf(order: StageOrder): Promise<WayBack> {
  const { snapshotFile, snapshotRevision: revision, version, etcdVersion } = order;
  const { size: bytes } = await stat(snapshotFile).catch((error: unknown) => {
    throw new PortError('rejected', `reading ${snapshotFile}: ${String(error)}`);
  });
  const sha256 = await sha256Of(snapshotFile);
  const margins = { known: knownMargin, unknown: unknownMargin };
  return { version, etcdVersion, bytes, revision, sha256, margins };
}

function onlyMember({ members }: RestoreOptions): MemberName {
  const [first, ...others] = members;
  if (first !== undefined && others.length === 0) return first;
  const message = `a staged restore is of one machine, and there are ${members.length} members`;
  throw new PortError('rejected', message);
}
