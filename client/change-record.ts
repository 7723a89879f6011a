// Makes the change record of an upgrade: asks its workflow what it keeps, and reads what it does
// not keep from the histories that Temporal still has (record-histories.ts).
// R1. What cannot be read any more is told in the record, and is no error; that there is no such
//     upgrade, and that nobody answers, is.

import type { WorkflowExecutionDescription, WorkflowHandle } from '@temporalio/client';
import type { LoadedDataConverter } from '@temporalio/common';
import { loadDataConverter } from '@temporalio/common/lib/internal-non-workflow';

import type { RecordEvidence } from '../domain/record/build-record';
import { buildRecord, stepTimes } from '../domain/record/build-record';
import type { ChangeRecord, FindingsLook, MissingPart, RecordedNow } from '../domain/record/record';
import type { ClusterName } from '../domain/names';
import type { UpgradeStatus } from '../domain/status/progress';
import { upgradeWorkflowId } from '../domain/workflow-ids';
import { auditQuery, planQuery, statusQuery } from '../workflows/messages';
import type { Session } from './calls';
import { callWorkflow, explainedError } from './calls';
import { UpgradeNotFoundError } from './errors';
import { readProgress } from './progress';
import type { RootFacts, RunRef } from './record-histories';
import { preflightLooks, rootFacts } from './record-histories';
import { isWorkflowNotFound } from './temporal-errors';

export interface ChangeRecordOptions {
  /** Of an earlier upgrade of the cluster: run id of its workflow; default: the last upgrade. */
  readonly runId?: string;
}

/** Runs of a root, and hops with their rollbacks, that are read; a path has some dozens of both. */
const runsMax = 200;

/** Throws AscentError: upgrade-not-found, worker-missing, and as every call. */
export async function makeChangeRecord(
  session: Session,
  cluster: string,
  options: ChangeRecordOptions = {},
): Promise<ChangeRecord> {
  const reading = new RecordReading(session, cluster);
  return buildRecord(await reading.evidence(options.runId));
}

class RecordReading {
  readonly #session: Session;
  readonly #cluster: string;
  readonly #converter: LoadedDataConverter;
  readonly #unread: MissingPart[] = [];

  constructor(session: Session, cluster: string) {
    this.#session = session;
    this.#cluster = cluster;
    this.#converter = loadDataConverter(session.client.options.dataConverter);
  }

  async evidence(asked: string | undefined): Promise<RecordEvidence> {
    const workflowId = upgradeWorkflowId(this.#cluster as ClusterName);
    const last = await this.#lastRun({ workflowId, runId: asked ?? '' });
    const runs = await this.#runs({ workflowId, runId: last.runId });
    const looks = await this.#looks(runs.flatMap(({ children }) => children));
    // Asked last: what a history tells is in the trail by then.
    const handle = this.#handle({ workflowId, runId: last.runId });
    const status = await this.#call(() => handle.query(statusQuery));
    const trail = await this.#call(() => handle.query(auditQuery));
    const plan = await this.#call(() => handle.query(planQuery));
    const closed = closedState(last, status);
    const isRunning = closed === undefined && status.result === undefined;
    return {
      upgrade: runs.at(-1)?.upgrade ?? firstRunOf(last),
      status,
      ...(closed === undefined ? {} : { closed }),
      trails: [...runs.map((run) => run.trail), trail],
      plans: [...runs.map((run) => run.plan), plan].flatMap((one) => one ?? []),
      requests: runs.flatMap(({ requests }) => requests),
      steps: runs.flatMap(({ steps }) => steps),
      looks: [...runs.flatMap((run) => run.looks), ...looks],
      ...(isRunning ? { now: await this.#now(status) } : {}),
      unread: this.#unread,
    };
  }

  #handle({ workflowId, runId }: RunRef): WorkflowHandle {
    return this.#session.client.workflow.getHandle(workflowId, runId === '' ? undefined : runId);
  }

  #call<T>(ask: () => Promise<T>): Promise<T> {
    const notFound = (cause: unknown) => new UpgradeNotFoundError(this.#cluster, cause);
    return callWorkflow(this.#session, ask, notFound);
  }

  /** The last run of the chain that the given run is of. */
  async #lastRun(given: RunRef): Promise<WorkflowExecutionDescription> {
    let run = given;
    for (;;) {
      const handle = this.#handle(run);
      const description = await this.#call(() => handle.describe());
      if (description.status.name !== 'CONTINUED_AS_NEW') return description;
      const history = await this.#call(() => handle.fetchHistory());
      const continued = history.events?.at(-1)?.workflowExecutionContinuedAsNewEventAttributes;
      run = { ...run, runId: continued?.newExecutionRunId ?? '' };
    }
  }

  /** What the runs of the root tell, the oldest first; those that are gone are told (R1). */
  async #runs(last: RunRef): Promise<readonly RootFacts[]> {
    const runs: RootFacts[] = [];
    let next: string | undefined = last.runId;
    while (next !== undefined) {
      if (runs.length === runsMax) {
        this.#unread.push({ code: 'histories-unread', count: 1 });
        break;
      }
      const history = await this.#history({ ...last, runId: next });
      if (history === undefined) break;
      const facts = await rootFacts(history, this.#converter);
      runs.unshift(facts);
      next = facts.before;
    }
    return runs;
  }

  async #looks(children: readonly RunRef[]): Promise<readonly FindingsLook[]> {
    const looks: FindingsLook[] = [];
    const hops = children.filter(({ workflowId }) => !workflowId.endsWith('/rollback'));
    for (const hop of hops.slice(0, runsMax)) {
      const history = await this.#history(hop);
      if (history === undefined) continue;
      looks.push(...(await preflightLooks(hop.workflowId, history, this.#converter)));
    }
    const count = hops.length - runsMax;
    if (count > 0) this.#unread.push({ code: 'histories-unread', count });
    return looks;
  }

  async #history(run: RunRef) {
    const { client, callTimeoutMs } = this.#session;
    const begun = Date.now();
    try {
      return await client.withDeadline(begun + callTimeoutMs, () =>
        this.#handle(run).fetchHistory(),
      );
    } catch (error) {
      if (!isWorkflowNotFound(error)) {
        throw await explainedError(this.#session, error, Date.now() - begun);
      }
      this.#unread.push({ code: 'history-gone', ...run });
      return undefined;
    }
  }

  /** What hop and pool say that run; what does not answer is left out, as in a status. */
  async #now(status: UpgradeStatus): Promise<RecordedNow> {
    const progress = await readProgress(this.#session, this.#cluster);
    const { sentence, hop } = progress.status;
    const told = { asOfMs: Date.now(), sentence };
    if (hop === undefined || status.phase === 'ended') return told;
    return {
      ...told,
      hop: {
        id: hop.id,
        step: hop.step,
        stepSinceMs: hop.stepSinceMs,
        steps: stepTimes(progress.stepSeconds ?? {}),
        members: progress.members,
        nodes: progress.pool?.done ?? [],
      },
    };
  }
}

/** Not every server tells it; a history does, where there is one. */
function firstRunOf({ raw, runId }: WorkflowExecutionDescription): string {
  return raw.workflowExecutionInfo?.firstRunId || runId;
}

/** How Temporal closed it; undefined while it runs, and where it has told its result. */
function closedState(
  { status: { name } }: WorkflowExecutionDescription,
  { result }: UpgradeStatus,
): RecordEvidence['closed'] {
  if (result !== undefined || name === 'RUNNING' || name === 'PAUSED') return undefined;
  if (name === 'FAILED') return 'failed';
  if (name === 'TERMINATED') return 'terminated';
  return name === 'TIMED_OUT' ? 'timed-out' : 'unknown';
}
