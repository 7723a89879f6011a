// The way back of a control plane whose machines are reached by way of their own API servers, as
// long as it is only staged: brought to every member before a hop changes anything.
// V1. What all members must restore alike is chosen here, and written into the file that each of
//     them has: token, list of members, and the revision to go on at. Whoever begins the restore
//     later, on whichever machine, begins the same one.
// V2. That revision is above all that this etcd can come to until then: a hop takes weeks, and
//     50,000 writes a second take three weeks for the margin.
// V3. It is put in place when every member has all of it.

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';

import type { MemberName } from '../../domain/names';
import type { DriverContext } from '../driver-context';
import { PortError } from '../ports';
import { type RestoreOptions, type StageOrder, throwRefusals } from './kubeadm-restore';
import { sha256Of } from './kubeadm-restore-answers';
import { type Decision, receivedScript, receiveScript } from './kubeadm-restore-scripts';
import {
  aboutWayBack,
  newWayBack,
  stageCheckScript,
  stagedKnownScript,
  stageFactsScript,
  stageScript,
  unstageScript,
  type WayBack,
  wayBack,
  wayBackIn,
} from './kubeadm-staged-scripts';
import { askMachine, isSo, type MachineQuestion } from './machine-ask';
import { runStep } from './machine-steps';

const sendMs = 60 * 60_000;
/** The hash of a large snapshot takes a while. */
const placeMs = 10 * 60_000;
/** V2. */
const stagedMargin = 100_000_000_000;

/** What a machine knows of a way back. */
export interface StagedKnown {
  /** Whether something of the restore was stopped there. */
  readonly isBegun: boolean;
  /** Empty where none is staged. */
  readonly about: string;
}

/** A snapshot, as it lies here. */
export interface StagedSnapshot extends Omit<WayBack, 'decision'> {
  readonly file: string;
}

/** Throws PortError: `rejected` where something is missing there; or the signal's reason. */
export async function stageRestore(
  options: RestoreOptions,
  order: StageOrder,
  context: DriverContext,
): Promise<void> {
  const members = membersOf(options);
  const snapshot = await stagedSnapshot(order);
  const known = await onEach(members, (member) => askKnown(options, member, 'none', context));
  await stageAlike({ options, known, context }, snapshot);
}

/** Safe to repeat. Throws PortError, or the signal's reason. */
export async function unstageRestore(options: RestoreOptions, signal: AbortSignal): Promise<void> {
  const doing = 'removing the staged way back';
  await onEach(membersOf(options), (machine) =>
    askMachine(options.machines, { machine, doing, script: unstageScript }, signal),
  );
}

/** Throws PortError `rejected` where there are none. */
export function membersOf({ members }: RestoreOptions): readonly MemberName[] {
  if (members.length > 0) return members;
  throw new PortError('rejected', 'the access file names no members that could be restored');
}

export async function stagedSnapshot(order: StageOrder): Promise<StagedSnapshot> {
  const { snapshotFile: file, snapshotRevision: revision, version, etcdVersion } = order;
  const { size: bytes } = await stat(file).catch((error: unknown) => {
    throw new PortError('rejected', `reading ${file}: ${String(error)}`);
  });
  return { file, version, etcdVersion, bytes, revision, sha256: await sha256Of(file) };
}

export async function askKnown(
  { machines }: RestoreOptions,
  machine: MemberName,
  id: string,
  { signal }: Pick<DriverContext, 'signal'>,
): Promise<StagedKnown> {
  const doing = 'looking whether the restore was begun';
  const question = { machine, doing, script: stagedKnownScript, args: [id] };
  const lines = (await askMachine(machines, question, signal)).trim().split('\n');
  const isBegun = lines[0] === 'begun';
  return { isBegun, about: lines[isBegun ? 1 : 0] ?? '' };
}

/** On all that are known: what one of them has of this snapshot already, the others come to. */
export async function stageAlike(
  {
    known,
    ...staging
  }: Omit<Staging, 'members'> & { readonly known: ReadonlyMap<MemberName, StagedKnown> },
  snapshot: StagedSnapshot,
): Promise<WayBack> {
  const all = [...known];
  const [way] = all.flatMap(([, { about }]) => stagedOf(about, snapshot) ?? []);
  if (way === undefined) return await stageOn({ ...staging, members: [...known.keys()] }, snapshot);
  const about = aboutWayBack(way);
  const members = all.filter(([, one]) => one.about !== about).map(([member]) => member);
  return members.length === 0
    ? way
    : await stageOn({ ...staging, members }, snapshot, way.decision);
}

/** Undefined where it is of another snapshot, or none. */
function stagedOf(about: string, snapshot: StagedSnapshot): WayBack | undefined {
  const decision = wayBackIn(about)?.decision;
  if (decision === undefined) return undefined;
  const way = { ...snapshot, decision };
  return aboutWayBack(way) === about ? way : undefined;
}

interface Staging {
  readonly options: RestoreOptions;
  readonly members: readonly MemberName[];
  readonly context: DriverContext;
}

/** `decided`: for members that are to come to what others have. */
async function stageOn(
  { options, members, context }: Staging,
  snapshot: StagedSnapshot,
  decided?: Decision,
): Promise<WayBack> {
  const { signal, limitMs } = context;
  const doing = 'staging the way back';
  const ask = (question: Omit<MachineQuestion, 'doing'>): Promise<string> =>
    askMachine(options.machines, { doing, ...question }, signal);
  await onEach(members, async (machine) => {
    context.onPhase(`${machine}: looking whether it could be restored to ${snapshot.version}`);
    const check = { machine, doing, script: stageCheckScript(snapshot) };
    await runStep(options, check, { ...context, operationId: `${context.operationId}-stage` });
  });
  const facts = await onEach(members, (machine) => ask({ machine, script: stageFactsScript }));
  const way = { ...snapshot, decision: decided ?? decide(snapshot, [...facts.values()]) };
  const args = [newWayBack, way.sha256];
  const timeoutMs = Math.min(limitMs, sendMs);
  await onEach(members, async (machine) => {
    const received = { machine, doing, script: receivedScript, args, timeoutMs };
    if (await isSo(options.machines, received, signal)) return;
    context.onPhase(`${machine}: sending the snapshot, ${way.bytes} bytes`);
    const input = () => ({ stream: createReadStream(snapshot.file), bytes: way.bytes });
    await ask({ machine, script: receiveScript, args, timeoutMs, input });
  });
  // V3.
  await onEach(members, async (machine) => {
    await ask({ machine, script: stageScript(way), timeoutMs: Math.min(limitMs, placeMs) });
    context.log(`${machine}: the way back is staged in ${wayBack}: ${aboutWayBack(way)}`);
  });
  return way;
}

/** V1. Answers of stageFactsScript, one of each member. */
function decide(
  { revision, sha256 }: Pick<WayBack, 'revision' | 'sha256'>,
  facts: readonly string[],
): Decision {
  const told = (name: string): readonly string[] =>
    facts.flatMap((text) => new RegExp(`^${name}: (.+)$`, 'm').exec(text)?.[1] ?? []);
  const numbers = [...told('present'), ...told('highest')].filter((text) => /^\d+$/.test(text));
  const target = Math.max(revision, ...numbers.map(Number)) + stagedMargin;
  const cluster = told('member');
  if (cluster.length !== facts.length) {
    throw new PortError('unexpected', 'not every machine tells which member of etcd it is');
  }
  const token = `ascent-${sha256.slice(0, 12)}-${target}`;
  return { target, token, cluster: cluster.toSorted().join(',') };
}

/** All at once; every one of them ends. What is refused anywhere is one refusal. */
export async function onEach<Result>(
  members: readonly MemberName[],
  work: (member: MemberName) => Promise<Result>,
): Promise<ReadonlyMap<MemberName, Result>> {
  const results = new Map<MemberName, Result>();
  const ends = await Promise.allSettled(
    members.map(async (member) => void results.set(member, await work(member))),
  );
  const failed = ends.flatMap((end) =>
    end.status === 'rejected' ? [{ error: end.reason as unknown }] : [],
  );
  throwRefusals(failed);
  if (failed[0] !== undefined) throw failed[0].error;
  return results;
}
