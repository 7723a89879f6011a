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
// Y5. Where etcd runs outside of kubeadm, as units, its members are restored on their machines, and
//     only they can be left behind: an API server that is away may run on, and would write into
//     what was restored. All control planes are waited for.

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

import type { MemberName } from '../../domain/names';
import type { LostEtcdMember } from '../../domain/rollback-contract';
import type { DriverContext } from '../driver-context';
import type { ControlPlaneDriver } from '../driver-ports';
import { etcdUnitFaultText } from '../../domain/etcd-places';
import { minorOf, parseVersion } from '../../domain/versions';
import { PortError } from '../ports';
import { type EtcdUnits, lookAtUnit } from './etcd-unit-look';
import {
  checkControlPlaneScript,
  checkUnitScript,
  startUnitScript,
} from './etcd-unit-restore-scripts';
import { hashOf, type Known, knownOf, sha256Of } from './kubeadm-restore-answers';
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
  /** Where etcd is units; absent: a static pod of each member. */
  readonly etcd?: EtcdUnits;
}

/** Where the others are a quorum without it. */
const awayMs = 30_000;
const phaseMs = 10 * 60_000;
const dataMs = 60 * 60_000;
const sameDataMs = 60_000;

/** Room above what was seen: writes that were served and not on a disk yet. */
const knownMargin = 1_000_000;
/** Where no disk tells. */
const unknownMargin = 1_000_000_000;

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

type Group = 'control-plane' | 'etcd';

interface Phase {
  readonly name: string;
  readonly doing: string;
  readonly script: string;
  /** Whose; where etcd is a static pod both are the same. */
  readonly of: Group;
  readonly limitMs?: number;
  /** Whether it may go on without a member (Y2). */
  readonly mayLose: boolean;
  /** What is still under way to change the same there is ended. */
  readonly changes?: string;
}

class Restore {
  readonly #options: RestoreOptions;
  readonly #order: RestoreOrder;
  readonly #context: DriverContext;
  readonly #id: string;
  readonly #endsMs: number;
  readonly #etcdMembers: readonly MemberName[];
  readonly #lost = new Map<MemberName, string>();

  constructor(options: RestoreOptions, order: RestoreOrder, context: DriverContext) {
    this.#options = options;
    this.#order = order;
    this.#context = context;
    this.#id = encodeURIComponent(order.restoreId);
    this.#endsMs = performance.now() + context.limitMs;
    this.#etcdMembers = options.etcd?.members ?? options.members;
  }

  async run(): Promise<{ readonly lost: readonly LostEtcdMember[] }> {
    await this.#prepare();
    const id = this.#id;
    const changes = 'control-plane';
    const ofControlPlane = { of: 'control-plane', changes } as const;
    const stop = { name: 'stop', doing: 'stopping the control plane', mayLose: true };
    await this.#each({ ...stop, ...ofControlPlane, script: stopControlPlaneScript(id) });
    const etcd = { name: 'stop-etcd', doing: 'stopping etcd', mayLose: true, of: 'etcd' } as const;
    await this.#each({ ...etcd, script: stopEtcdScript(id, this.#unit), changes: 'etcd' });
    await this.#restoreData(await this.#decide());
    await this.#compare();
    const { version } = this.#order;
    const starting = { mayLose: false, ...ofControlPlane };
    const api = { name: 'start-api-server', doing: `starting the API server ${version}` };
    const apiScript = startApiServerScript(id, this.#unit === undefined ? undefined : version);
    await this.#each({ ...api, ...starting, script: apiScript });
    const controllers = { name: 'start-controllers', doing: `starting controllers ${version}` };
    await this.#each({ ...controllers, ...starting, script: startControllersScript(id) });
    await this.#clearUp();
    return { lost: [...this.#lost].map(([member, problem]) => ({ member, problem })) };
  }

  get #there(): readonly MemberName[] {
    return this.#etcdMembers.filter((name) => !this.#lost.has(name));
  }

  get #unit(): EtcdUnits['unit'] | undefined {
    return this.#options.etcd?.unit;
  }

  /** Y5. */
  #isWhole(of: Group): boolean {
    return of === 'control-plane' && this.#unit !== undefined;
  }

  #awayMs(of: Group): number {
    const isNeeded = this.#isWhole(of) || this.#etcdMembers.length < 3;
    return isNeeded ? this.#context.limitMs : awayMs;
  }

  #question(machine: MemberName, doing: string, script: string): MachineQuestion {
    return { machine, doing, script, awayMs: this.#awayMs('etcd') };
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
    const checking = { name: 'check', doing, of: 'control-plane', mayLose: true } as const;
    const { etcd } = this.#options;
    if (etcd === undefined) await this.#each({ ...checking, script: check });
    else {
      const script = checkControlPlaneScript(this.#id, version);
      await allRefusals([this.#each({ ...checking, script }), this.#lookAtUnits(doing, etcd)]);
      const checked = { script: checkUnitScript(this.#id, etcd.unit, bytes), mayLose: true };
      await this.#each({ name: 'etcd-check', doing, of: 'etcd', ...checked });
    }
    await this.#send(bytes);
    const inspect = inspectScript(this.#id, snapshotRevision, this.#unit);
    const inspecting = { name: 'inspect', doing: 'looking at the snapshot', of: 'etcd' } as const;
    await this.#each({ ...inspecting, script: inspect, mayLose: true });
  }

  /** One that is stopped may have been noted before: its step finds out. */
  async #lookAtUnits(doing: string, { unit }: EtcdUnits): Promise<void> {
    const wanted = parseVersion(this.#order.etcdVersion);
    await this.#eachOf(doing, { of: 'etcd', mayLose: true }, async (name) => {
      const { machines } = this.#options;
      // What was done in a call before has stopped it.
      if ((await this.#known(name)).member !== undefined) return;
      const asked = { name, unit, awayMs: this.#awayMs('etcd') };
      const seen = await lookAtUnit(machines, asked, this.#context.signal);
      const version = parseVersion(seen.version);
      const isOther =
        version !== undefined && wanted !== undefined && minorOf(version) !== minorOf(wanted);
      const faults = [
        ...seen.faults.filter(({ why }) => why !== 'unit-stopped'),
        ...(isOther ? [{ why: 'other-minor', version, wanted } as const] : []),
      ].map(etcdUnitFaultText);
      if (faults.length === 0) return;
      throw new PortError('rejected', `${doing}: etcd of ${name}: ${faults.join(' | ')}`);
    });
  }

  /** The snapshot, to whoever has not got it. */
  async #send(bytes: number): Promise<void> {
    const { snapshotFile } = this.#order;
    const args = [directoryOf(this.#id), await sha256Of(snapshotFile)];
    const doing = 'sending the snapshot';
    await this.#eachOf(doing, { of: 'etcd', mayLose: true }, async (member) => {
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
    const unit = this.#unit;
    const script = restoreDataScript(this.#id, decision, snapshotRevision, unit);
    const ofEtcd = { of: 'etcd', mayLose: true, changes: 'etcd' } as const;
    const data = { name: 'data', doing: 'restoring the data of etcd', limitMs: dataMs };
    await this.#each({ ...data, ...ofEtcd, script });
    const isPod = unit === undefined;
    const starting = isPod ? startEtcdScript(this.#id, version) : startUnitScript(this.#id, unit);
    const start = { name: 'start-etcd', doing: `starting etcd ${etcdVersion}` };
    await this.#each({ ...start, ...ofEtcd, script: starting });
  }

  /** Y3, Y4. */
  async #decide(): Promise<Decision> {
    const known = new Map<MemberName, Known>();
    const ofEtcd = { of: 'etcd', mayLose: true } as const;
    await this.#eachOf('reading what was stopped', ofEtcd, async (member) => {
      known.set(member, await this.#known(member));
    });
    const all = [...known.values()];
    // One that a call noted and came no further with may differ from that of the data.
    const noted = all.find(({ isRestored }) => isRestored) ?? all.find((one) => one.decision);
    const decision = noted?.decision ?? this.#choose(all);
    const args = [`${decision.target} ${decision.token} ${decision.cluster}`];
    const doing = 'noting what is restored';
    await this.#eachOf(doing, ofEtcd, async (member) => {
      await this.#ask({ ...this.#question(member, doing, decideScript(this.#id)), args });
    });
    const named = decision.cluster.split(',');
    for (const member of this.#there) {
      if (named.includes(known.get(member)?.member ?? '')) continue;
      this.#lost.set(member, 'it was away when the members of the new cluster were chosen');
    }
    this.#requireQuorum();
    return decision;
  }

  #choose(all: readonly Known[]): Decision {
    const { restoreId, snapshotRevision } = this.#order;
    const seen = all.flatMap(({ revision }) => revision ?? []);
    const isKnown = seen.length * 2 > this.#etcdMembers.length;
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
      await this.#eachOf(doing, { of: 'etcd', mayLose: false }, async (member) => {
        const question = this.#question(member, doing, hashScript(this.#id, this.#unit));
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

  async #each({ name, limitMs = phaseMs, mayLose, of, ...step }: Phase): Promise<void> {
    const options = { ...this.#options, awayMs: this.#awayMs(of) };
    await this.#eachOf(step.doing, { of, mayLose }, async (machine) => {
      const context = {
        ...this.#context,
        operationId: `restore-${this.#id}-${name}`,
        limitMs: this.#limit(limitMs),
        onPhase: (phase: string) => this.#context.onPhase(`${machine}: ${phase}`),
      };
      await runStep(options, { machine, ...step }, context);
    });
  }

  /** What is not removed now is removed by the next restore but two. */
  async #clearUp(): Promise<void> {
    const finish = { name: 'finish', doing: 'clearing up', mayLose: false };
    const unit = this.#unit;
    try {
      await this.#each({ ...finish, of: 'control-plane', script: finishScript(this.#id) });
      if (unit === undefined) return;
      const script = finishScript(this.#id, unit);
      await this.#each({ ...finish, name: 'etcd-finish', of: 'etcd', script });
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
    { of, mayLose }: Pick<Phase, 'of' | 'mayLose'>,
    work: (member: MemberName) => Promise<void>,
  ): Promise<void> {
    this.#context.onPhase(doing);
    const there = this.#isWhole(of) ? this.#options.members : this.#there;
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
    const areEnough = left * 2 > this.#etcdMembers.length;
    if (!mayLose || this.#isWhole(of) || !areEnough) throw first.error;
    for (const { member, error } of failed) {
      if (!(error instanceof PortError)) throw error;
      this.#context.log(`goes on without ${member}: ${error.message}`);
      this.#lost.set(member, error.message);
    }
  }

  #requireQuorum(): void {
    if (this.#there.length * 2 > this.#etcdMembers.length) return;
    const lost = [...this.#lost].map(([member, problem]) => `${member}: ${problem}`).join('; ');
    throw new PortError('unexpected', `no quorum of etcd is left to be restored: ${lost}`);
  }
}

/** Waits for all; what they refuse comes before what fails otherwise. */
async function allRefusals(looks: readonly Promise<void>[]): Promise<void> {
  const ends = await Promise.allSettled(looks);
  const failed = ends.flatMap((end) =>
    end.status === 'rejected' ? [{ error: end.reason as unknown }] : [],
  );
  throwRefusals(failed);
  if (failed[0] !== undefined) throw failed[0].error;
}

/** Every problem of every member in one message. */
export function throwRefusals(failed: readonly { readonly error: unknown }[]): void {
  const refusals = failed.flatMap(({ error }) =>
    error instanceof PortError && error.code === 'rejected' ? [error.message] : [],
  );
  if (refusals.length > 0) throw new PortError('rejected', refusals.join('; '));
}
