// Returns the control plane of a kubeadm cluster to a snapshot, over SSH and without an API server:
// every phase is a step on every member (machine-steps.ts), known by the restore and the phase, so
// that a call that is repeated finds what is done. All members end a phase before the next begins.
// Y1. Nothing is stopped before every member that answers has said that it has all it needs, the
//     snapshot included.
// Y2. A member that is away, or fails, is left behind as long as the others are a quorum, until
//     etcd runs again; from then on a failure is one of the restore.
// Y3. What all members must restore alike is chosen once, when nobody can write any more, and is on
//     the disks of a quorum before any data is replaced. A repeated call takes what it finds.
// Y4. Revisions only ever grow: it goes on above all that this etcd can have served.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { pipeline } from 'node:stream/promises';

import type { MemberName } from '../../domain/names';
import type { LostEtcdMember } from '../../domain/rollback-contract';
import type { DriverContext } from '../driver-context';
import type { ControlPlaneDriver } from '../driver-ports';
import { PortError } from '../ports';
import {
  checkScript,
  decideScript,
  type Decision,
  directoryOf,
  finishScript,
  hashScript,
  inspectScript,
  knownScript,
  receivedScript,
  receiveScript,
  restoreDataScript,
  startApiServerScript,
  startControllersScript,
  startEtcdScript,
  stopControlPlaneScript,
  stopEtcdScript,
} from './kubeadm-restore-scripts';
import { askMachine, isSo, type MachineQuestion } from './machine-ask';
import { runStep, type StepOptions } from './machine-steps';

export type RestoreOrder = Parameters<ControlPlaneDriver['restore']>[0];

/** As of a restore; `snapshotFile` lives as long as the call. */
export type StageOrder = Omit<RestoreOrder, 'restoreId'>;

export interface RestoreOptions extends StepOptions {
  /** Machines of the control plane. */
  readonly members: readonly MemberName[];
}

/** Where the others are a quorum without it. */
const awayMs = 30_000;
const phaseMs = 10 * 60_000;
const dataMs = 60 * 60_000;
const sameDataMs = 60_000;

/** Room above what was seen: writes that were served and not on a disk yet. */
export const knownMargin = 1_000_000;
/** Where no disk tells. */
export const unknownMargin = 1_000_000_000;

/** Throws PortError: `rejected` when nothing was stopped; or the signal's reason. */
export async function restoreMembers(
  options: RestoreOptions,
  order: RestoreOrder,
  context: DriverContext,
): Promise<{ readonly lost: readonly LostEtcdMember[] }> {
  if (options.members.length === 0) {
    throw new PortError('rejected', 'the access file names no members that could be restored');
  }
  return await new Restore(options, order, context).run();
}

interface Phase {
  readonly name: string;
  readonly doing: string;
  readonly script: string;
  readonly limitMs?: number;
  /** Whether it may go on without a member (Y2). */
  readonly mayLose: boolean;
  /** What is still under way to change the same there is ended. */
  readonly changes?: string;
}

class Restore {
  readonly #options: RestoreOptions & { readonly awayMs: number };
  readonly #order: RestoreOrder;
  readonly #context: DriverContext;
  readonly #id: string;
  readonly #endsMs: number;
  readonly #lost = new Map<MemberName, string>();

  constructor(options: RestoreOptions, order: RestoreOrder, context: DriverContext) {
    const isAlone = options.members.length < 3;
    this.#options = { ...options, awayMs: isAlone ? context.limitMs : awayMs };
    this.#order = order;
    this.#context = context;
    this.#id = encodeURIComponent(order.restoreId);
    this.#endsMs = performance.now() + context.limitMs;
  }

  async run(): Promise<{ readonly lost: readonly LostEtcdMember[] }> {
    await this.#prepare();
    const id = this.#id;
    const stop = { name: 'stop', doing: 'stopping the control plane', mayLose: true };
    const changes = 'control-plane';
    await this.#each({ ...stop, script: stopControlPlaneScript(id), changes });
    const etcd = { name: 'stop-etcd', doing: 'stopping etcd', mayLose: true };
    await this.#each({ ...etcd, script: stopEtcdScript(id), changes: 'etcd' });
    await this.#restoreData(await this.#decide());
    await this.#compare();
    const { version } = this.#order;
    const starting = { mayLose: false, changes };
    const api = { name: 'start-api-server', doing: `starting the API server ${version}` };
    await this.#each({ ...api, ...starting, script: startApiServerScript(id) });
    const controllers = { name: 'start-controllers', doing: `starting controllers ${version}` };
    await this.#each({ ...controllers, ...starting, script: startControllersScript(id) });
    await this.#clearUp();
    return { lost: [...this.#lost].map(([member, problem]) => ({ member, problem })) };
  }

  get #there(): readonly MemberName[] {
    return this.#options.members.filter((name) => !this.#lost.has(name));
  }

  #question(machine: MemberName, doing: string, script: string): MachineQuestion {
    return { machine, doing, script, awayMs: this.#options.awayMs };
  }

  #ask(question: MachineQuestion): Promise<string> {
    return askMachine(this.#options.machines, question, this.#context.signal);
  }

  /** Y1. */
  async #prepare(): Promise<void> {
    const { snapshotFile, snapshotRevision, version, etcdVersion } = this.#order;
    const { size: bytes } = await stat(snapshotFile).catch((error: unknown) => {
      throw new PortError('rejected', `reading ${snapshotFile}: ${String(error)}`);
    });
    const check = checkScript(this.#id, { version, etcdVersion, bytes });
    const doing = `looking whether it can be restored to ${version}`;
    await this.#each({ name: 'check', doing, script: check, mayLose: true });
    await this.#send(bytes);
    const inspect = inspectScript(this.#id, snapshotRevision);
    const inspecting = { name: 'inspect', doing: 'looking at the snapshot', mayLose: true };
    await this.#each({ ...inspecting, script: inspect });
  }

  /** The snapshot, to whoever has not got it. */
  async #send(bytes: number): Promise<void> {
    const { snapshotFile } = this.#order;
    const args = [directoryOf(this.#id), await sha256Of(snapshotFile)];
    const doing = 'sending the snapshot';
    await this.#eachOf(doing, true, async (member) => {
      const timeoutMs = this.#limit(dataMs);
      const received = { ...this.#question(member, doing, receivedScript), args, timeoutMs };
      if (await isSo(this.#options.machines, received, this.#context.signal)) return;
      // It was needed until its data was made.
      if ((await this.#known(member)).isRestored) return;
      this.#context.onPhase(`${member}: sending the snapshot, ${bytes} bytes`);
      const input = () => ({ stream: createReadStream(snapshotFile), bytes });
      await this.#ask({ ...received, script: receiveScript, input });
    });
  }

  async #restoreData(decision: Decision): Promise<void> {
    const { snapshotRevision, version, etcdVersion } = this.#order;
    const script = restoreDataScript(this.#id, decision, snapshotRevision);
    const data = { name: 'data', doing: 'restoring the data of etcd', limitMs: dataMs };
    await this.#each({ ...data, script, mayLose: true, changes: 'etcd' });
    const start = { name: 'start-etcd', doing: `starting etcd ${etcdVersion}`, mayLose: true };
    const started = { script: startEtcdScript(this.#id, version), changes: 'etcd' };
    await this.#each({ ...start, ...started });
  }

  /** Y3, Y4. */
  async #decide(): Promise<Decision> {
    const known = new Map<MemberName, Known>();
    await this.#eachOf('reading what was stopped', true, async (member) => {
      known.set(member, await this.#known(member));
    });
    const all = [...known.values()];
    // One that a call noted and came no further with may differ from that of the data.
    const noted = all.find(({ isRestored }) => isRestored) ?? all.find((one) => one.decision);
    const decision = noted?.decision ?? this.#choose(all);
    const args = [`${decision.target} ${decision.token} ${decision.cluster}`];
    const doing = 'noting what is restored';
    await this.#eachOf(doing, true, async (member) => {
      await this.#ask({ ...this.#question(member, doing, decideScript(this.#id)), args });
    });
    const named = decision.cluster.split(',').map((one) => one.split('=')[0]);
    for (const member of this.#there) {
      if (named.includes(member)) continue;
      this.#lost.set(member, 'it was away when the members of the new cluster were chosen');
    }
    this.#requireQuorum();
    return decision;
  }

  #choose(all: readonly Known[]): Decision {
    const { restoreId, snapshotRevision } = this.#order;
    const seen = all.flatMap(({ revision }) => revision ?? []);
    const isKnown = seen.length * 2 > this.#options.members.length;
    const highest = all.map((one) => one.highest ?? 0);
    const floor = Math.max(snapshotRevision, ...seen, ...highest);
    return {
      target: floor + (isKnown ? knownMargin : unknownMargin),
      token: `restore-${encodeURIComponent(restoreId)}`,
      cluster: all
        .flatMap(({ member }) => member ?? [])
        .toSorted()
        .join(','),
    };
  }

  async #known(member: MemberName): Promise<Known> {
    const doing = 'reading what was stopped';
    return knownOf(await this.#ask(this.#question(member, doing, knownScript(this.#id))));
  }

  /** Nobody writes yet: their newest revisions are the same one. */
  async #compare(): Promise<void> {
    const untilMs = performance.now() + sameDataMs;
    for (;;) {
      const hashes = new Set<string>();
      const doing = 'comparing etcd';
      await this.#eachOf(doing, false, async (member) => {
        const question = this.#question(member, doing, hashScript(this.#id));
        hashes.add(hashOf(await this.#ask(question)));
      });
      if (hashes.size === 1) return;
      if (performance.now() >= untilMs) {
        const all = [...hashes].join(', ');
        const message = `the restored members of etcd do not hold the same: ${all}`;
        throw new PortError('unexpected', message);
      }
      await delay(1_000, undefined, { signal: this.#context.signal });
    }
  }

  async #each({ name, limitMs = phaseMs, mayLose, ...step }: Phase): Promise<void> {
    await this.#eachOf(step.doing, mayLose, async (machine) => {
      const context = {
        ...this.#context,
        operationId: `restore-${this.#id}-${name}`,
        limitMs: this.#limit(limitMs),
        onPhase: (phase: string) => this.#context.onPhase(`${machine}: ${phase}`),
      };
      await runStep(this.#options, { machine, ...step }, context);
    });
  }

  /** What is not removed now is removed by the next restore but two. */
  async #clearUp(): Promise<void> {
    const finish = { name: 'finish', doing: 'clearing up', mayLose: false };
    try {
      await this.#each({ ...finish, script: finishScript(this.#id) });
    } catch (error) {
      if (!(error instanceof PortError)) throw error;
      this.#context.log(`not all of the restore is cleared up: ${error.message}`);
    }
  }

  #limit(limitMs: number): number {
    return Math.min(limitMs, Math.max(0, this.#endsMs - performance.now()));
  }

  /** All at once; every one of them ends, so that nothing goes on behind the next phase. */
  async #eachOf(
    doing: string,
    mayLose: boolean,
    work: (member: MemberName) => Promise<void>,
  ): Promise<void> {
    this.#context.onPhase(doing);
    const there = this.#there;
    const ends = await Promise.allSettled(there.map(work));
    this.#context.signal.throwIfAborted();
    const failed = there.flatMap((member, at) => {
      const end = ends[at];
      return end?.status === 'rejected' ? [{ member, error: end.reason as unknown }] : [];
    });
    throwRefusals(failed);
    const [first] = failed;
    if (first === undefined) return;
    const left = there.length - failed.length;
    const areEnough = left * 2 > this.#options.members.length;
    if (!mayLose || !areEnough) throw first.error;
    for (const { member, error } of failed) {
      if (!(error instanceof PortError)) throw error;
      this.#context.log(`goes on without ${member}: ${error.message}`);
      this.#lost.set(member, error.message);
    }
  }

  #requireQuorum(): void {
    if (this.#there.length * 2 > this.#options.members.length) return;
    const lost = [...this.#lost].map(([member, problem]) => `${member}: ${problem}`).join('; ');
    throw new PortError('unexpected', `no quorum of etcd is left to be restored: ${lost}`);
  }
}

/** Every problem of every member in one message. */
function throwRefusals(failed: readonly { readonly error: unknown }[]): void {
  const refusals = failed.flatMap(({ error }) =>
    error instanceof PortError && error.code === 'rejected' ? [error.message] : [],
  );
  if (refusals.length > 0) throw new PortError('rejected', refusals.join('; '));
}

interface Known {
  readonly member: string | undefined;
  readonly revision: number | undefined;
  readonly highest: number | undefined;
  readonly decision: Decision | undefined;
  readonly isRestored: boolean;
}

function knownOf(text: string): Known {
  const lines = new Map(
    text.split('\n').flatMap((line) => {
      const match = /^(\w+): (.*)$/.exec(line);
      return match === null ? [] : [[match[1], match[2] ?? ''] as const];
    }),
  );
  const numberIn = (name: string): number | undefined => {
    const found = lines.get(name);
    return found !== undefined && /^\d+$/.test(found) ? Number(found) : undefined;
  };
  const [target, token, cluster] = lines.get('decision')?.split(' ') ?? [];
  const isWhole = target !== undefined && token !== undefined && cluster !== undefined;
  return {
    member: lines.get('member'),
    revision: numberIn('revision'),
    highest: numberIn('highest'),
    decision: isWhole ? { target: Number(target), token, cluster } : undefined,
    isRestored: lines.has('restored'),
  };
}

/** `etcdctl endpoint hashkv -w json`. */
function hashOf(answer: string): string {
  const field = (name: string): string => new RegExp(`"${name}":(-?\\d+)`).exec(answer)?.[1] ?? '';
  const [hash, revision, compacted] = [field('hash'), field('revision'), field('compact_revision')];
  if (hash === '') throw new PortError('unexpected', 'etcdctl tells no hash of the keys');
  return `${hash} of revision ${revision} above ${compacted}`;
}

export async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
