// Brings back an etcd member of a kubeadm cluster that a restore went on without: its entry is
// removed from the list, a new one added, and it fetches everything from the others
// (etcd.io/docs/v3.5/op-guide/runtime-configuration, "Replace a failed machine"). Its machine may
// have been away all the time, and be of the newer version still: its control plane is that of the
// others afterwards.
// Z1. A member that is in the list and healthy stays as it is.
// Z2. Its data is aside before its entry is removed, and its etcd is not started before the new one
//     is there: it never makes a cluster of its own.
// Z3. Every step is known by the call. Another call begins from the start: an entry that nobody has
//     started is removed and added like any other.

import { setTimeout as delay } from 'node:timers/promises';

import type { MemberName } from '../../domain/names';
import type { DriverContext } from '../driver-context';
import { PortError } from '../ports';
import {
  addScript,
  hasEntryScript,
  joinScript,
  joinUnitScript,
  listScript,
  putAsideScript,
  sourceScript,
  sourceUnitScript,
  versionsScript,
} from './kubeadm-repair-scripts';
import {
  checkScript,
  finishScript,
  hashScript,
  startApiServerScript,
  startControllersScript,
} from './kubeadm-restore-scripts';
import { checkUnitScript } from './etcd-unit-restore-scripts';
import type { EtcdUnit } from './etcd-unit-scripts';
import type { RestoreOptions } from './kubeadm-restore';
import { askMachine, isSo, type MachineQuestion } from './machine-ask';
import { runStep } from './machine-steps';

const awayMs = 30_000;
const stepMs = 10 * 60_000;
const sameDataMs = 60_000;

/** Returns when it holds what the others hold. Throws PortError, or the signal's reason. */
export async function repairMember(
  options: RestoreOptions,
  member: MemberName,
  context: DriverContext,
): Promise<void> {
  await new Repair(options, member, context).run();
}

class Repair {
  readonly #options: RestoreOptions;
  readonly #member: MemberName;
  readonly #context: DriverContext;
  readonly #id: string;

  constructor(options: RestoreOptions, member: MemberName, context: DriverContext) {
    this.#options = { ...options, awayMs };
    this.#member = member;
    this.#context = context;
    this.#id = encodeURIComponent(`repair-${context.operationId}`);
  }

  async run(): Promise<void> {
    const unit = this.#unit;
    const source = await this.#source();
    if (unit === undefined) await this.#repair(source);
    else await this.#repairUnit(source, unit);
    for (const machine of [this.#member, source]) {
      await this.#step(machine, 'finish', finishScript(this.#id, unit));
    }
  }

  /** With the control plane beside it. */
  async #repair(source: MemberName): Promise<void> {
    const member = this.#member;
    const { version, etcdVersion } = versionsOf(await this.#ask(source, versionsScript(this.#id)));
    await this.#step(member, 'check', checkScript(this.#id, { version, etcdVersion, bytes: 0 }));
    if (await this.#isGood(source)) return;
    await this.#step(member, 'put-aside', putAsideScript(this.#id), 'control-plane');
    const listed = await this.#addAgain(source);
    await this.#step(member, 'join', joinScript(this.#id, version, listed), 'etcd');
    await this.#compare(source);
    await this.#step(member, 'start-api-server', startApiServerScript(this.#id));
    await this.#step(member, 'start-controllers', startControllersScript(this.#id));
  }

  async #repairUnit(source: MemberName, unit: EtcdUnit): Promise<void> {
    const member = this.#member;
    await this.#step(member, 'check', checkUnitScript(this.#id, unit, 0));
    if (await this.#isGood(source)) return;
    await this.#step(member, 'put-aside', putAsideScript(this.#id, unit), 'etcd');
    const listed = await this.#addAgain(source);
    await this.#step(member, 'join', joinUnitScript(this.#id, unit, listed), 'etcd');
    await this.#compare(source);
  }

  get #unit(): EtcdUnit | undefined {
    return this.#options.etcd?.unit;
  }

  /** Z1. */
  async #isGood(source: MemberName): Promise<boolean> {
    const entry = hasEntryScript(this.#id, this.#member, this.#unit);
    const hash = hashScript(this.#id, this.#unit);
    return (await this.#is(source, entry)) && (await this.#is(this.#member, hash));
  }

  /** Every member then, itself included, as etcd takes them. */
  async #addAgain(source: MemberName): Promise<string> {
    const entry = await this.#entryOf(this.#member);
    await this.#step(source, 'add', addScript(this.#id, entry, this.#unit));
    return (await this.#ask(source, listScript(this.#id, this.#member, this.#unit))).trim();
  }

  /** The first other one whose etcd is healthy. */
  async #source(): Promise<MemberName> {
    const problems: string[] = [];
    const { members, etcd } = this.#options;
    const id = this.#id;
    const unit = this.#unit;
    const script = unit === undefined ? sourceScript(id) : sourceUnitScript(id, unit);
    for (const name of etcd?.members ?? members) {
      if (name === this.#member) continue;
      try {
        await this.#step(name, 'source', script);
        return name;
      } catch (error) {
        if (!(error instanceof PortError)) throw error;
        problems.push(error.message);
      }
    }
    const why = problems.join('; ') || 'it is the only one';
    throw new PortError('unexpected', `no other etcd member is healthy: ${why}`);
  }

  /** `cp-3=https://10.0.0.13:2380`. */
  async #entryOf(member: MemberName): Promise<string> {
    const text = await this.#ask(member, `cat /var/lib/ascent/restores/'${this.#id}'/member\n`);
    return text.trim();
  }

  /** At one revision: the cluster is written to meanwhile. */
  async #compare(source: MemberName): Promise<void> {
    const untilMs = performance.now() + sameDataMs;
    for (;;) {
      const theirs = await this.#ask(source, hashScript(this.#id, this.#unit));
      const revision = Number(/"revision":(\d+)/.exec(theirs)?.[1]);
      const script = hashScript(this.#id, this.#unit, revision);
      const [first, second] = await Promise.all([
        this.#hash(source, script),
        this.#hash(this.#member, script),
      ]);
      if (first !== undefined && first === second) return;
      if (performance.now() >= untilMs) {
        const message = `etcd of ${this.#member} does not hold what that of ${source} holds`;
        throw new PortError('unexpected', message);
      }
      await delay(1_000, undefined, { signal: this.#context.signal });
    }
  }

  /** Undefined while it has not come as far as the revision. */
  async #hash(machine: MemberName, script: string): Promise<string | undefined> {
    try {
      return /"hash":(\d+)/.exec(await this.#ask(machine, script))?.[1];
    } catch (error) {
      if (error instanceof PortError && error.code === 'unexpected') return undefined;
      throw error;
    }
  }

  #question(machine: MemberName, script: string): MachineQuestion {
    const doing = `bringing etcd of ${this.#member} back`;
    return { machine, doing, script, awayMs };
  }

  #ask(machine: MemberName, script: string): Promise<string> {
    const question = this.#question(machine, script);
    return askMachine(this.#options.machines, question, this.#context.signal);
  }

  #is(machine: MemberName, script: string): Promise<boolean> {
    const question = this.#question(machine, script);
    return isSo(this.#options.machines, question, this.#context.signal);
  }

  /** `changes`: what is still under way to change the same there is ended. */
  async #step(
    machine: MemberName,
    name: string,
    script: string,
    changes?: 'control-plane' | 'etcd',
  ): Promise<void> {
    const context = {
      ...this.#context,
      operationId: `${this.#id}-${name}`,
      limitMs: Math.min(stepMs, this.#context.limitMs),
      onPhase: (phase: string) => this.#context.onPhase(`${machine}: ${phase}`),
    };
    const doing = `bringing etcd of ${this.#member} back`;
    const step = { machine, doing, script, ...(changes === undefined ? {} : { changes }) };
    await runStep(this.#options, step, context);
  }
}

function versionsOf(text: string): { readonly version: string; readonly etcdVersion: string } {
  const [version, etcdVersion] = text.trim().split(' ');
  if (version !== undefined && etcdVersion !== undefined) return { version, etcdVersion };
  throw new PortError('unexpected', `the manifests of the other member name no versions: ${text}`);
}
