// The restore of a control plane whose machines are reached by way of their own API servers: each
// machine performs it by itself, as one step (kubeadm-staged-scripts.ts), from what was staged
// there (kubeadm-way-back.ts).
// Z1. What is asked of machines before they are begun needs an API server. Where none serves, a
//     person begins it there, by the command that the phase names: it is the same step, so that the
//     attempt that waits finds it when an API server serves again.
// Z2. Who has begun it cannot be asked while it runs: it has a limit of its own, longer than any
//     attempt's.
// Z3. Machines do not wait for each other, and nothing here keeps them in step. One holds the old
//     data or the new, and takes part in nothing of the other's: of one set of machines there
//     cannot be an old quorum and a new one. Whoever is late joins.
// Z4. Nothing is begun before every member that lets us in has said that it has all it needs.
// Z5. A member that is away, fails or is late is left behind once the others are a quorum; one that
//     was begun goes on by itself, and joins them.

import { setTimeout as delay } from 'node:timers/promises';

import type { MemberName } from '../../domain/names';
import type { LostEtcdMember } from '../../domain/rollback-contract';
import type { DriverContext } from '../driver-context';
import { PortError } from '../ports';
import { type RestoreOptions, type RestoreOrder, throwRefusals } from './kubeadm-restore';
import {
  aloneOperation,
  aloneScript,
  stagedLimitSeconds,
  stagedLookScript,
  stagedOperation,
  stagedRestoreScript,
  type WayBack,
  wayBack,
} from './kubeadm-staged-scripts';
import {
  askKnown,
  membersOf,
  onEach,
  stageAlike,
  type StagedKnown,
  type StagedSnapshot,
  stagedSnapshot,
} from './kubeadm-way-back';
import { journalDirectory } from './machine-journal';
import { runStep } from './machine-steps';

const defaultPollMs = 1_000;
/** Of a member, once a quorum of the others is done or lets us in (Z5). */
const behindMs = 180_000;

export interface StagedRestoreOptions extends RestoreOptions {
  /** Default: three minutes. */
  readonly behindMs?: number;
}

/** Throws PortError: `rejected` when nothing was stopped; or the signal's reason. */
export async function restoreStaged(
  options: StagedRestoreOptions,
  order: RestoreOrder,
  context: DriverContext,
): Promise<{ readonly lost: readonly LostEtcdMember[] }> {
  const members = membersOf(options);
  return await new StagedRestore({ options, members, context, id: order.restoreId }).run(order);
}

/** One member, followed until it is done. */
interface Follow {
  readonly member: MemberName;
  readonly leave: AbortController;
  /** Never fails: `state` and `error` tell. */
  readonly done: Promise<void>;
  state: 'open' | 'done' | 'failed';
  error: unknown;
}

class StagedRestore {
  readonly #options: StagedRestoreOptions;
  readonly #members: readonly MemberName[];
  readonly #context: DriverContext;
  readonly #id: string;
  readonly #behindMs: number;
  readonly #lost = new Map<MemberName, string>();
  /** Whether a member of those that are begun is done: an API server serves what is new then. */
  #isServed = false;

  constructor(given: {
    readonly options: StagedRestoreOptions;
    readonly members: readonly MemberName[];
    readonly context: DriverContext;
    readonly id: string;
  }) {
    this.#options = given.options;
    this.#members = given.members;
    this.#context = given.context;
    this.#id = encodeURIComponent(given.id);
    this.#behindMs = given.options.behindMs ?? behindMs;
  }

  async run(order: RestoreOrder): Promise<{ readonly lost: readonly LostEtcdMember[] }> {
    const snapshot = await stagedSnapshot(order);
    const known = await this.#letIn();
    const way = await this.#wayBack(known, snapshot);
    await this.#lookAtAll(known, way);
    await this.#followAll(way);
    return { lost: [...this.#lost].map(([member, problem]) => ({ member, problem })) };
  }

  #pause(): Promise<void> {
    return delay(this.#options.pollMs ?? defaultPollMs);
  }

  get #there(): readonly MemberName[] {
    return this.#members.filter((name) => !this.#lost.has(name));
  }

  #isQuorum(count: number): boolean {
    return count * 2 > this.#members.length;
  }

  /** Z1. Waits as long as the attempt for somebody to let us in. */
  async #letIn(): Promise<ReadonlyMap<MemberName, StagedKnown>> {
    const { signal, limitMs } = this.#context;
    const untilMs = performance.now() + limitMs;
    const since = new Date().toISOString();
    const known = new Map<MemberName, StagedKnown>();
    let servedMs: number | undefined;
    for (;;) {
      const away = await this.#askAll(known);
      const [first] = away;
      if (first === undefined) return known;
      const nowMs = performance.now();
      if (this.#isQuorum(known.size)) {
        servedMs ??= nowMs;
        if (nowMs - servedMs >= this.#behindMs) {
          for (const { member, error } of away) this.#leaveBehind(member, error.message);
          return known;
        }
      }
      const byHand = this.#byHand(away, since);
      if (nowMs >= untilMs) throw new PortError(first.error.code, byHand);
      this.#context.log(first.error.message);
      this.#context.onPhase(byHand);
      await this.#pause();
      signal.throwIfAborted();
    }
  }

  /** Those that have not answered yet; who is away is told with why. */
  async #askAll(
    known: Map<MemberName, StagedKnown>,
  ): Promise<readonly { readonly member: MemberName; readonly error: PortError }[]> {
    const asked = this.#members.filter((member) => !known.has(member));
    const away: { readonly member: MemberName; readonly error: PortError }[] = [];
    await onEach(asked, async (member) => {
      try {
        known.set(member, await askKnown(this.#options, member, this.#id, this.#context));
      } catch (error) {
        // Whatever keeps us out, a person is not.
        if (!(error instanceof PortError) || error.code === 'rejected') throw error;
        away.push({ member, error });
      }
    });
    return away;
  }

  #byHand(
    away: readonly { readonly member: MemberName; readonly error: PortError }[],
    since: string,
  ): string {
    const names = away.map(({ member }) => member).join(', ');
    const why = away[0]?.error.message ?? '';
    const isOne = away.length === 1;
    return (
      `no API server has let us onto ${isOne ? 'machine' : 'machines'} ${names} since ${since}` +
      ` (${why}): to restore ${isOne ? 'it' : 'them'} without one, run` +
      ` ${isOne ? 'there' : 'on each of them'} as root: sh ${wayBack}/restore ${this.#id}`
    );
  }

  /** What all of them restore; it is staged where it is not. */
  async #wayBack(
    known: ReadonlyMap<MemberName, StagedKnown>,
    snapshot: StagedSnapshot,
  ): Promise<WayBack> {
    const begun = [...known.values()].filter(({ isBegun }) => isBegun);
    const abouts = [...new Set(begun.map(({ about }) => about))];
    if (abouts.length > 1) {
      const message = `members were begun with different ways back: ${abouts.join(' | ')}`;
      throw new PortError('unexpected', message);
    }
    // What was begun comes first: the others are to be of the same cluster.
    const sorted = [...known].toSorted(([, a], [, b]) => Number(b.isBegun) - Number(a.isBegun));
    const staging = { options: this.#options, context: this.#context, known: new Map(sorted) };
    return await stageAlike(staging, snapshot);
  }

  /** Z4. A machine that is alone looks before its first stop, and nobody has to wait for it. */
  async #lookAtAll(known: ReadonlyMap<MemberName, StagedKnown>, way: WayBack): Promise<void> {
    if (this.#members.length === 1) return;
    const isBegun = (member: MemberName): boolean => known.get(member)?.isBegun === true;
    const begun = this.#there.filter(isBegun).length;
    const operationId = `restore-${this.#id}-look`;
    const script = stagedLookScript(this.#id, way);
    const doing = `looking whether it can be restored to ${way.version}`;
    const options = { ...this.#options, awayMs: this.#behindMs };
    await onEach(
      this.#there.filter((member) => !isBegun(member)),
      async (machine) => {
        const onPhase = (phase: string): void => this.#context.onPhase(`${machine}: ${phase}`);
        try {
          const context = { ...this.#context, onPhase, operationId };
          await runStep(options, { machine, doing, script }, context);
        } catch (error) {
          const isLeft = error instanceof PortError && this.#isQuorum(begun);
          if (!isLeft) throw error;
          this.#leaveBehind(machine, error.message);
        }
      },
    );
  }

  /** Z3, Z5. */
  async #followAll(way: WayBack): Promise<void> {
    const follows = this.#there.map((member) => this.#follow(member, way));
    const those = (state: Follow['state']) => follows.filter((one) => one.state === state);
    let quorumMs: number | undefined;
    for (;;) {
      const open = those('open');
      if (open.length === 0) break;
      if (this.#isQuorum(those('done').length)) quorumMs ??= performance.now();
      const isLate = quorumMs !== undefined && performance.now() - quorumMs >= this.#behindMs;
      // The others would wait for a quorum that does not come.
      const isVain = this.#isQuorum(those('failed').length + this.#lost.size);
      if (isLate || isVain) for (const { leave, member } of open) leave.abort(this.#late(member));
      await Promise.race([...open.map(({ done }) => done), this.#pause()]);
    }
    this.#context.signal.throwIfAborted();
    this.#judge(those('done').length, those('failed'));
  }

  #judge(done: number, failed: readonly Follow[]): void {
    if (!this.#isQuorum(done)) {
      throwRefusals(failed);
      const [first] = [...failed.filter(({ leave }) => !leave.signal.aborted), ...failed];
      throw first?.error;
    }
    for (const { member, error } of failed) {
      if (!(error instanceof PortError)) throw error;
      this.#leaveBehind(member, error.message);
    }
  }

  #late(member: MemberName): PortError {
    const message =
      `machine ${member} was not done ${Math.round(this.#behindMs / 1_000)} s after the others;` +
      ` it goes on by itself where it was begun, and else by: sh ${wayBack}/restore ${this.#id}`;
    return new PortError('unreachable', message);
  }

  #follow(member: MemberName, way: WayBack): Follow {
    const leave = new AbortController();
    const signal = AbortSignal.any([this.#context.signal, leave.signal]);
    const follow: Follow = {
      member,
      leave,
      state: 'open',
      error: undefined,
      done: this.#restoreOn(member, way, signal).then(
        () => {
          this.#isServed = true;
          follow.state = 'done';
        },
        (error: unknown) => {
          follow.state = 'failed';
          follow.error = error;
        },
      ),
    };
    return follow;
  }

  /** Z2. */
  async #restoreOn(machine: MemberName, way: WayBack, signal: AbortSignal): Promise<void> {
    const runsMs = stagedLimitSeconds * 1_000;
    const options = { ...this.#options, awayMs: this.#context.limitMs };
    const alone = {
      machine,
      doing: 'ending what changes etcd',
      script: aloneScript,
      changes: 'etcd',
      runsMs,
    };
    const operationId = aloneOperation(this.#id);
    await runStep(options, alone, { ...this.#context, signal, operationId });
    let awaySince: string | undefined;
    const awayPhase = (): string => {
      awaySince ??= new Date().toISOString();
      return this.#ownProgress(machine, awaySince);
    };
    const step = {
      machine,
      doing: `restoring Kubernetes ${way.version}`,
      script: stagedRestoreScript(way),
      changes: 'control-plane',
      runsMs,
      awayPhase,
    };
    const onPhase = (phase: string): void => this.#context.onPhase(`${machine}: ${phase}`);
    const following = { ...this.#context, signal, onPhase };
    await runStep(options, step, { ...following, operationId: stagedOperation(this.#id) });
  }

  #ownProgress(machine: MemberName, since: string): string {
    const away = this.#isServed
      ? `machine ${machine} has not answered since ${since}, and others are restored: it`
      : `no API server has answered since ${since}: machine ${machine}`;
    return (
      `${away} restores itself, and tells how far it is in` +
      ` ${journalDirectory}/${stagedOperation(this.#id)}/output; should it have stopped,` +
      ` run there as root: sh ${wayBack}/restore ${this.#id}`
    );
  }

  #leaveBehind(member: MemberName, problem: string): void {
    this.#context.log(`goes on without ${member}: ${problem}`);
    this.#lost.set(member, problem);
  }
}
