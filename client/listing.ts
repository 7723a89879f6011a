// Which upgrades there are, from Temporal's visibility store (about a second behind).

import { upgradeWorkflowId } from '../domain/workflow-ids';
import type { ClusterName } from '../domain/names';
import { searchAttributes } from '../workflows/messages';
import type { Session } from './calls';
import { explainedError, resultOf } from './calls';
import type { EndedOutcome } from './errors';
import { upgradeWorkflowType } from './start';

export interface ListOptions {
  readonly cluster?: string;
  /** Only those that run now. */
  readonly running?: boolean;
  /** Newest first; default 50. */
  readonly limit?: number;
}

export interface UpgradeSummary {
  readonly cluster: string;
  readonly workflowId: string;
  readonly runId: string;
  readonly state: 'running' | 'ended' | 'failed' | 'cancelled' | 'terminated' | 'timed-out';
  /** How it ended; absent while it runs, and when its result could not be read. */
  readonly outcome?: EndedOutcome;
  readonly from?: string;
  readonly to?: string;
  readonly phase?: string;
  /** Id of the gate that waits for a person. */
  readonly waitingFor?: string;
  /** RFC 3339. */
  readonly startedAt: string;
  readonly endedAt?: string;
}

const defaultLimit = 50;
/** Results that are read at the same time. */
const resultsAtOnce = 10;

/** Newest first, as the visibility store orders. Throws AscentError as every call. */
export async function listUpgrades(
  session: Session,
  options: ListOptions = {},
): Promise<readonly UpgradeSummary[]> {
  const begun = Date.now();
  const isWanted = ({ state }: UpgradeSummary) => options.running !== true || state === 'running';
  const found: UpgradeSummary[] = [];
  const limit = options.limit ?? defaultLimit;
  const deadline = begun + session.callTimeoutMs;
  try {
    await session.client.withDeadline(deadline, async () => {
      const executions = session.client.workflow.list({ query: listQuery(options) });
      for await (const execution of executions) {
        const isEarlierRun = execution.status.name === 'CONTINUED_AS_NEW';
        if (isEarlierRun) startEarlier(found, execution);
        else if (found.filter(isWanted).length === limit) break;
        else found.push(summaryOf(execution));
      }
    });
    return await withOutcomes(session, found.filter(isWanted), deadline);
  } catch (error) {
    throw await explainedError(session, error, Date.now() - begun);
  }
}

/**
 * A run that went on as another is a part of an upgrade, not one of its own: it says when the
 * upgrade began. Newest first, so of its cluster the upgrade that was found last is the one. (That
 * is why the query does not ask for running ones only: ended ones part one upgrade from another.)
 */
function startEarlier(
  found: UpgradeSummary[],
  { workflowId, startTime }: Pick<Execution, 'workflowId' | 'startTime'>,
): void {
  const index = found.findLastIndex((upgrade) => upgrade.workflowId === workflowId);
  const upgrade = found[index];
  if (upgrade !== undefined) found[index] = { ...upgrade, startedAt: startTime.toISOString() };
}

/** The visibility store does not know results: each is read from the end of its history. */
async function withOutcomes(
  session: Session,
  upgrades: readonly UpgradeSummary[],
  deadline: number,
): Promise<readonly UpgradeSummary[]> {
  const told = [...upgrades];
  const waiting = told.entries();
  const read = async () => {
    for (const [index, upgrade] of waiting) {
      const outcome = await outcomeOf(session, upgrade, deadline);
      if (outcome !== undefined) told[index] = { ...upgrade, outcome };
    }
  };
  await Promise.all(Array.from({ length: resultsAtOnce }, read));
  return told;
}

async function outcomeOf(
  session: Session,
  { cluster, workflowId, runId, state }: UpgradeSummary,
  deadline: number,
): Promise<EndedOutcome | undefined> {
  if (state === 'running') return undefined;
  if (state !== 'ended') return state;
  const handle = session.client.workflow.getHandle(workflowId, runId);
  try {
    const result = await session.client.withDeadline(deadline, () => resultOf(handle, cluster));
    return result.outcome;
  } catch {
    // Its history is gone, or there was no time left: the list is of use without it.
    return undefined;
  }
}

function listQuery(options: ListOptions): string {
  const conditions = [`WorkflowType = '${upgradeWorkflowType}'`];
  if (options.cluster !== undefined) {
    conditions.push(`WorkflowId = '${quoted(upgradeWorkflowId(options.cluster as ClusterName))}'`);
  }
  return conditions.join(' AND ');
}

/** A quote in a name must not end the literal. */
function quoted(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll("'", "\\'");
}

type Execution = Awaited<
  ReturnType<ReturnType<Session['client']['workflow']['getHandle']>['describe']>
>;

const states = {
  RUNNING: 'running',
  PAUSED: 'running',
  COMPLETED: 'ended',
  FAILED: 'failed',
  CANCELLED: 'cancelled',
  TERMINATED: 'terminated',
  TIMED_OUT: 'timed-out',
} as const satisfies Record<string, UpgradeSummary['state']>;

function summaryOf(execution: Omit<Execution, 'raw' | 'staticDetails' | 'staticSummary'>) {
  const { typedSearchAttributes: attributes, status } = execution;
  const from = attributes.get(searchAttributes.from);
  const to = attributes.get(searchAttributes.to);
  const phase = attributes.get(searchAttributes.phase);
  const waitingFor = attributes.get(searchAttributes.waitingFor);
  const summary: UpgradeSummary = {
    cluster: execution.workflowId.replace(/^upgrade\//, ''),
    workflowId: execution.workflowId,
    runId: execution.runId,
    state: status.name in states ? states[status.name as keyof typeof states] : 'running',
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(phase === undefined ? {} : { phase }),
    ...(waitingFor === undefined ? {} : { waitingFor }),
    startedAt: execution.startTime.toISOString(),
    ...(execution.closeTime === undefined ? {} : { endedAt: execution.closeTime.toISOString() }),
  };
  return summary;
}
