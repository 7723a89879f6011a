// The ways back from a hop, the cheapest first: nothing to be undone, one member put back, the
// emulation left, etcd restored. Says which one suffices, and why no cheaper one does. Pure in the
// facts.
// G1. A way back suffices when everything that the hop has changed is as before it afterwards.
// G2. A member that is put back keeps all data. That is enough only while no other member has
//     served in the new version: what that one has written, the old version need not understand.
//     In a hop of two steps all may be put back until the first serves as its own minor.
// G3. What is not known for certain counts as changed.

import type { FailureCode } from '../failures';
import { endsEmulation } from '../status/step-labels';
import type { MemberName, PoolName } from '../names';
import type { Words } from '../words';
import { say } from '../words';

/**
 * `none`: the hop has changed nothing, or what it changed was put back. `put-back`: the member in
 * work returns to its old programs, which the upgrade does by itself when it does not come up.
 * `leave-emulation`: every member does, on the same data, which the new ones have written as the
 * old ones would.
 */
export type Rung = 'none' | 'put-back' | 'leave-emulation' | 'restore-etcd';

export type RungReason =
  /** They have come up in the new version (G2). */
  | { readonly code: 'members-moved'; readonly members: readonly MemberName[] }
  /** Kubelets of it may be newer than an API server that is put back. */
  | { readonly code: 'pool-begun'; readonly pool: PoolName }
  /** It is being changed now. */
  | { readonly code: 'member-in-work'; readonly member: MemberName }
  /** It failed, and is not known to run its old programs (G3). */
  | { readonly code: 'member-not-put-back'; readonly member: MemberName }
  /** They serve as their own minor (G2), or may. */
  | { readonly code: 'switch-begun'; readonly members: readonly MemberName[] }
  /** The workflow of the hop was lost, and with it what it has changed (G3). */
  | { readonly code: 'progress-unknown' };

/** The cheapest way back that suffices. */
export interface RungChoice {
  readonly rung: Rung;
  /** Cheaper ones, and why each does not suffice. */
  readonly tooLittle: readonly { readonly rung: Rung; readonly reason: RungReason }[];
  /** A rollback takes the old programs and no restore: nothing that was written is lost. */
  readonly keepsData?: true;
}

export interface RungFacts {
  /** Labels of the hop's steps that are done (step-labels.ts). */
  readonly done: readonly string[];
  /** Label of the step that is being taken, or waits at its gate. */
  readonly current?: string;
  /** Failure of the current step, while it waits at its gate. */
  readonly failure?: FailureCode;
  /** Labels of steps whose member failed, and was not seen in its old version since. */
  readonly unsettled: readonly string[];
  /** The workflow of the hop was lost, and may have done more than is told here. */
  readonly isLost: boolean;
  /** Its emulation can be left until it is ended (leavableEmulation); absent: it has none. */
  readonly isTwoStep?: boolean;
}

/** The cheapest way back from a hop with a snapshot. */
export function cheapestRung(facts: RungFacts): RungChoice {
  const plain = inOneStep(facts);
  if (facts.isTwoStep !== true) return plain;
  if (plain.rung !== 'restore-etcd') return { ...plain, keepsData: true };
  const reason = whyNotLeft(facts, plain);
  return reason === undefined
    ? { rung: 'leave-emulation', tooLittle: plain.tooLittle, keepsData: true }
    : { ...plain, tooLittle: [...plain.tooLittle, { rung: 'leave-emulation', reason }] };
}

/** Why the old programs do not suffice; undefined when they do. */
function whyNotLeft(
  { done, current, failure, unsettled, isLost }: RungFacts,
  { tooLittle }: RungChoice,
): RungReason | undefined {
  if (isLost) return { code: 'progress-unknown' };
  const reason = tooLittle.at(-1)?.reason;
  if (reason?.code === 'pool-begun') return reason;
  // One that failed and is not unsettled was put back, or never taken out.
  const inWork = current === undefined || failure !== undefined ? [] : [current];
  const ended = [...done, ...unsettled, ...inWork].filter(endsEmulation);
  const members = [...new Set(ended.flatMap(membersOf))];
  return members.length === 0 ? undefined : { code: 'switch-begun', members };
}

function inOneStep(facts: RungFacts): RungChoice {
  const { done, current, failure, unsettled, isLost } = facts;
  const begun = current === undefined ? done : [...done, current];
  const pool = begun.map(poolOf).find((name) => name !== undefined);
  if (pool !== undefined) return restoring({ code: 'pool-begun', pool });
  const members = [...new Set(done.flatMap(membersOf))];
  if (members.length > 0) return restoring({ code: 'members-moved', members });
  if (isLost) return restoring({ code: 'progress-unknown' });
  const [failed] = unsettled.flatMap(membersOf);
  const [member] = current === undefined ? [] : membersOf(current);
  if (failed !== undefined && failure !== undefined) {
    return restoring({ code: 'member-not-put-back', member: failed });
  }
  if (member === undefined || failure !== undefined) return { rung: 'none', tooLittle: [] };
  const reason: RungReason = { code: 'member-in-work', member };
  return { rung: 'put-back', tooLittle: [{ rung: 'none', reason }] };
}

function restoring(reason: RungReason): RungChoice {
  return {
    rung: 'restore-etcd',
    tooLittle: [
      { rung: 'none', reason },
      { rung: 'put-back', reason },
    ],
  };
}

function poolOf(label: string): PoolName | undefined {
  return label.startsWith('pool ') ? (label.slice('pool '.length) as PoolName) : undefined;
}

/** Every step with the name of an object that is no pool changes a member. */
function membersOf(label: string): readonly MemberName[] {
  const [, member] = /^(?!pool |rollback )\S+ (\S+)$/.exec(label) ?? [];
  return member === undefined ? [] : [member as MemberName];
}

/** Whether the step changes a member of the control plane. */
export function isMemberStep(label: string): boolean {
  return membersOf(label).length > 0;
}

const reasonWords: Words<RungReason> = {
  'members-moved': ({ members }) =>
    `${members.join(', ')} ${members.length === 1 ? 'has' : 'have'} served in the new version`,
  'pool-begun': ({ pool }) => `pool ${pool} has begun, and its kubelets may be newer`,
  'switch-begun': ({ members }) =>
    `${members.join(', ')} ${members.length === 1 ? 'serves as its' : 'serve as their'} own minor`,
  'member-in-work': ({ member }) => `${member} is being changed`,
  'member-not-put-back': ({ member }) => `${member} failed and could not be put back`,
  'progress-unknown': () => 'what the hop has changed is not known, its workflow was lost',
};

/** One clause, without a full stop. */
export function rungText({ rung, tooLittle }: RungChoice): string {
  const reason = tooLittle.at(-1)?.reason;
  const why = reason === undefined ? '' : `: ${say(reasonWords, reason)}`;
  switch (rung) {
    case 'none':
      return 'nothing of the hop has to be undone: no member runs the new version';
    case 'put-back':
      return `a member that does not come up is put back by itself, which is enough${why}`;
    case 'leave-emulation':
      return (
        'going back takes the old programs and no restore, until the first member serves as its' +
        ` own minor${why}`
      );
    case 'restore-etcd':
      return `going back takes a restore of etcd${why}`;
  }
}
