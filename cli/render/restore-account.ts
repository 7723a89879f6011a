// What a rollback came to, for people: workloads beside the snapshot, orphans, what is not known.

import {
  gapSentence,
  orphanSentence,
  type RestoreAccount,
  workloadsSentence,
} from '../../domain/rollback/account';

interface AccountLine {
  readonly text: string;
  /** Nobody has to see to it. */
  readonly isFine: boolean;
}

/** None for a rollback that was not accounted for. */
export function accountLines(account: RestoreAccount | undefined): readonly AccountLine[] {
  if (account === undefined) return [];
  const { workloads, orphans, gaps } = account;
  return [
    ...(workloads === undefined ? [] : [{ text: workloadsSentence(workloads), isFine: true }]),
    ...orphans.map((group) => ({ text: orphanSentence(group), isFine: false })),
    ...gaps.map((gap) => ({ text: gapSentence(gap), isFine: false })),
  ];
}
