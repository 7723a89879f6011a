// What a rollback would undo, and the confirmation of exactly that.
// P1. The report that is confirmed is the last one that was made: it is the result of the latest
//     run of its workflow. A confirmation makes another one and compares.
// P2. What only time has changed is no difference (domain/rollback/report.ts).

import { WorkflowFailedError } from '@temporalio/client';

import type { ClusterName, HopId } from '../domain/names';
import type { RestoreNote } from '../domain/rollback/account';
import { noteOfReport, reportDifferences, type RollBackReport } from '../domain/rollback/report';
import { defaultReportLimits, type ReportLimits } from '../domain/rollback/report-limits';
import type { CommandAccepted, CommandRefusal, RollBackRequest } from '../domain/status/control';
import type { UpgradeProgress, UpgradeStatus } from '../domain/status/progress';
import { rollBackPreviewWorkflowId } from '../domain/workflow-ids';
import {
  type PreviewRollBackInput,
  type RollBackPreview,
  wayBackQuery,
} from '../workflows/messages';
import type { Session } from './calls';
import { callUpgrade, explainedError } from './calls';
import { sendCommand } from './commands';
import { CommandRefusedError } from './errors';
import { readProgress, readStatus } from './progress';
import { runWorkflow } from './run-workflow';
import { isWorkflowNotFound } from './temporal-errors';

export interface PreviewOptions {
  /** The hop that would be rolled back; by default the one that can be. */
  readonly hop?: string;
  /** Beyond them the comparison ends, and the report says so. */
  readonly limits?: Partial<ReportLimits>;
}

export type { RollBackPreview } from '../workflows/messages';

/** Fetching, restoring and starting a scratch etcd, on top of the comparison. */
const aroundMs = 11 * 60_000;

/**
 * Compares the cluster with the snapshot of the hop. A failure to do so is a value. Throws
 * AscentError as every call, `command-refused` when the hop cannot be rolled back.
 */
export async function previewRollBack(
  session: Session,
  cluster: string,
  options: PreviewOptions = {},
): Promise<RollBackPreview> {
  const progress = await readProgress(session, cluster);
  const { status } = progress;
  const target = await callUpgrade(session, cluster, (handle) => handle.query(wayBackQuery));
  const isMeant = options.hop === undefined || options.hop === target?.hop;
  // A query cannot answer undefined in JSON: it comes as null.
  if (target === null || target === undefined || !isMeant) {
    throw new CommandRefusedError(unavailable(status, options.hop));
  }
  const nodeSeconds = secondsOfNode(progress);
  return run(session, {
    ...target,
    cluster: status.cluster,
    limits: { ...defaultReportLimits, ...options.limits },
    ...(nodeSeconds === undefined ? {} : { nodeSeconds }),
  });
}

/**
 * Rolls the hop back if a report made now would be confirmed by the same digest (P1, P2); else
 * throws `command-refused` with `report-unknown`, `report-changed` or `report-failed`.
 */
export async function confirmRollBack(
  session: Session,
  cluster: string,
  { report: given, ...request }: RollBackRequest & { readonly report: string },
): Promise<CommandAccepted> {
  const send = (report: string, note?: RestoreNote): Promise<CommandAccepted> => {
    const noted = note === undefined ? {} : { note };
    const asked = { ...request, report, ...noted };
    return sendCommand(session, cluster, { name: 'rollBack', request: asked });
  };
  // A repeated request gets its answer; any other one is refused by the upgrade itself.
  const { rollBackTo } = await readStatus(session, cluster);
  if (rollBackTo?.cheapest === undefined) return send(given);
  const confirmed = await lastReport(session, cluster);
  if (confirmed === undefined || !confirmed.digest.startsWith(given)) {
    throw new CommandRefusedError({ code: 'report-unknown', given });
  }
  const { hop } = request;
  // Within other limits another part would be compared.
  const { limits } = confirmed.objects;
  const preview = await previewRollBack(session, cluster, { hop, limits });
  if (preview.kind === 'failed') {
    throw new CommandRefusedError({ code: 'report-failed', hop, failure: preview.failure });
  }
  const differences = reportDifferences(confirmed, preview.report);
  if (differences.length > 0) {
    const { digest: current } = preview.report;
    throw new CommandRefusedError({ code: 'report-changed', given, current, differences });
  }
  return send(confirmed.digest, noteOfReport(preview.report));
}

function unavailable(status: UpgradeStatus, asked: string | undefined): CommandRefusal {
  const { result, rollBackTo, hop: running } = status;
  if (result !== undefined) return { code: 'upgrade-ended', outcome: result.outcome };
  const hop = (asked ?? rollBackTo?.hop ?? running?.id ?? 'the hop') as HopId;
  return { code: 'rollback-unavailable', hop, why: whyUnavailable(status, hop) };
}

function whyUnavailable(
  { rollBackTo, noWayBack = [], hop: running }: UpgradeStatus,
  hop: HopId,
): Extract<CommandRefusal, { readonly code: 'rollback-unavailable' }>['why'] {
  // There is a way back, and it is not open any more: it was decided.
  if (rollBackTo?.hop === hop) return 'already-rolling-back';
  const closed = noWayBack.find((one) => one.hop === hop);
  if (closed?.reason === 'machines-replaced') return closed.reason;
  if (closed !== undefined) return 'next-hop-begun';
  return running?.id === hop ? 'no-snapshot-yet' : 'not-begun';
}

/** The median of the nodes that this upgrade has brought up. */
function secondsOfNode({ status, pool }: UpgradeProgress): number | undefined {
  const nodes = [...status.hops.flatMap((hop) => hop.nodes), ...(pool?.done ?? [])];
  const seconds = nodes
    .filter(({ outcome }) => outcome === 'upgraded')
    .map((node) => node.seconds)
    .toSorted((a, b) => a - b);
  return seconds[Math.floor(seconds.length / 2)];
}

function run(session: Session, input: PreviewRollBackInput): Promise<RollBackPreview> {
  return runWorkflow<PreviewRollBackInput, RollBackPreview>(session, {
    workflowType: 'previewRollBack',
    workflowId: rollBackPreviewWorkflowId(input.cluster),
    input,
    // Two who look at the same time see the same.
    conflict: 'USE_EXISTING',
    timeoutMs: input.limits.seconds * 1_000 + aroundMs,
    summary: `what a rollback of ${input.hop} would undo`,
  });
}

/** P1. Undefined when none was made, the last one was ended, or Temporal has forgotten it. */
async function lastReport(session: Session, cluster: string): Promise<RollBackReport | undefined> {
  const begun = Date.now();
  const handle = session.client.workflow.getHandle(
    rollBackPreviewWorkflowId(cluster as ClusterName),
  );
  try {
    const last = (await session.client.withDeadline(begun + session.callTimeoutMs, () =>
      handle.result(),
    )) as RollBackPreview;
    return last.kind === 'report' ? last.report : undefined;
  } catch (error) {
    if (isWorkflowNotFound(error) || error instanceof WorkflowFailedError) return undefined;
    throw await explainedError(session, error, Date.now() - begun);
  }
}
