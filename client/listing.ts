// Which upgrades there are, from Temporal's visibility store (about a second behind).

import { upgradeWorkflowId } from '../domain/workflow-ids';
import type { ClusterName } from '../domain/names';
import { searchAttributes } from '../workflows/messages';
import type { Session } from './calls';
import { explainedError } from './calls';
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

/** Newest first, as the visibility store orders. Throws AscentError as every call. */
export async function listUpgrades(
  session: Session,
  options: ListOptions = {},
): Promise<readonly UpgradeSummary[]> {
  const begun = Date.now();
  const found: UpgradeSummary[] = [];
  const limit = options.limit ?? defaultLimit;
  try {
    await session.client.withDeadline(begun + session.callTimeoutMs, async () => {
      const executions = session.client.workflow.list({ query: listQuery(options) });
      for await (const execution of executions) {
        // A run that went on as another is a part of an upgrade, not one of its own.
        if (execution.status.name === 'CONTINUED_AS_NEW') continue;
        found.push(summaryOf(execution));
        if (found.length >= limit) break;
      }
    });
    return found;
  } catch (error) {
    throw await explainedError(session, error, Date.now() - begun);
  }
}

function listQuery(options: ListOptions): string {
  const conditions = [`WorkflowType = '${upgradeWorkflowType}'`];
  if (options.cluster !== undefined) {
    conditions.push(`WorkflowId = '${quoted(upgradeWorkflowId(options.cluster as ClusterName))}'`);
  }
  if (options.running === true) conditions.push(`ExecutionStatus = 'Running'`);
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
