// The two looks around a restore, and what they come to (domain/rollback/account.ts).
// L1. Neither keeps a rollback from going on: what could not be looked at is told as not known.
// L2. The look before is taken once for an upgrade. A rollback whose workflow is lost begins again,
//     perhaps on data that was restored meanwhile, where nothing of it could be seen any more.
// L3. A report that was confirmed a moment ago has seen what the look before would see. It stands
//     for it while it is fresh and whole: nodes that return first may take hours.

import { isCancellation, patched } from '@temporalio/workflow';

import type { ClusterName, SnapshotId } from '../domain/names';
import {
  accountSummary,
  noteSummary,
  type NotLooked,
  type RestoreAccount,
  restoreAccount,
  type RestoreCount,
  type RestoreNote,
} from '../domain/rollback/account';
import { defaultReportLimits } from '../domain/rollback/report-limits';
import { failureOf } from './activity-failures';
import { activity, outageNoteMs } from './activity-options';
import type { StepRun } from './step-run';

/** Comparing may take so long while the API serves, and while it does not. */
const noteSeconds = 60;
const outageNoteSeconds = 15;
/** L3. About as long as one look may take. */
const freshMs = 60_000;

interface Looked {
  readonly run: StepRun;
  readonly cluster: ClusterName;
  readonly snapshotId: SnapshotId;
}

/** Whether this rollback looks: one that began on an older release does not. */
export function looksAround(): boolean {
  return patched('2026-11-21-restore-account');
}

interface Before {
  /** What an earlier rollback of this upgrade has seen (L2). */
  readonly known: RestoreNote | NotLooked | undefined;
  /** What the report has seen by which this one was confirmed (L3). */
  readonly confirmed: RestoreNote | undefined;
  readonly isApiThere: boolean;
}

/** Before data moves. */
export async function lookBefore(
  of: Looked,
  { known, confirmed, isApiThere }: Before,
): Promise<RestoreNote | NotLooked> {
  if (known !== undefined) return known;
  const isSpared = confirmed !== undefined && isFresh(confirmed);
  const note = isSpared ? confirmed : await look(of, isApiThere);
  const text = noteSummary(note);
  of.run.line.report({ kind: 'note', event: 'rollback.noted', text, restoreNote: note });
  return note;
}

/** L3. By two clocks, of a worker and of Temporal: one that is ahead makes no report old. */
function isFresh({ madeAtMs, cutShortBy }: RestoreNote): boolean {
  return cutShortBy === undefined && Date.now() - madeAtMs <= freshMs;
}

function look(
  { cluster, snapshotId }: Looked,
  isApiThere: boolean,
): Promise<RestoreNote | NotLooked> {
  const seconds = isApiThere ? noteSeconds : outageNoteSeconds;
  const call = activity(cluster, 'noteBeforeRestore', {
    summary: `what is not in ${snapshotId}`,
    ...(isApiThere ? {} : { totalMs: outageNoteMs }),
  });
  const limits = { ...defaultReportLimits, seconds };
  return looked(call({ cluster, snapshotId, limits }));
}

/** After everything else: the cluster serves. */
export async function lookAfter(
  { run, cluster, snapshotId }: Looked,
  note: RestoreNote | NotLooked,
): Promise<RestoreAccount> {
  const call = activity(cluster, 'countRestored', { summary: `count against ${snapshotId}` });
  const limits = defaultReportLimits;
  const after = await looked<RestoreCount>(call({ cluster, snapshotId, limits }));
  const account = restoreAccount(note, after);
  const text = accountSummary(account);
  run.line.report({ kind: 'note', event: 'rollback.counted', text });
  return account;
}

/** L1. */
async function looked<Look>(looking: Promise<Look>): Promise<Look | NotLooked> {
  try {
    return await looking;
  } catch (error) {
    if (isCancellation(error)) throw error;
    return { problem: failureOf(error).message };
  }
}
