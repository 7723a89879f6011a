// What Temporal has kept of an upgrade: how many events, and the time of its nodes.

import type { Client } from '@temporalio/client';

import { connectTemporal } from '../client/connect';
import type { ClusterName } from '../domain/names';
import { upgradeWorkflowId } from '../domain/workflow-ids';
import { eventually } from '../lab/waiting';
import { nodeTimes, type NodeTimes } from './node-times';

/** The visibility store is about a second behind. */
const visibleMs = 60_000;

export interface Histories {
  /** Of all workflows of the upgrade, all their runs. */
  readonly events: number;
  /** The longest of one run, whatever it is of. */
  readonly longest: number;
  /** Of some nodes, evenly chosen. */
  readonly times: readonly NodeTimes[];
}

interface Run {
  readonly workflowId: string;
  readonly runId: string;
  readonly type: string;
  readonly historyLength: number;
  readonly isRunning: boolean;
}

/** Once the upgrade has ended; `nodes`: how many workflows of nodes there are. */
export async function readHistories(
  temporalAddress: string,
  cluster: string,
  { nodes, timed }: { readonly nodes: number; readonly timed: number },
): Promise<Histories> {
  const temporal = await connectTemporal({ address: temporalAddress, env: {} });
  try {
    const { workflow } = temporal.client;
    const runs = await endedRuns(workflow, cluster, nodes);
    const ofNodes = runs.filter(({ type }) => type === 'upgradeNode');
    const lengths = runs.map(({ historyLength }) => historyLength);
    const every = Math.max(1, Math.floor(nodes / timed));
    const times: NodeTimes[] = [];
    for (const { workflowId } of ofNodes.filter((_, index) => index % every === 0)) {
      const history = await workflow.getHandle(workflowId).fetchHistory();
      times.push(nodeTimes(history.events ?? []));
    }
    const events = lengths.reduce((sum, length) => sum + length, 0);
    return { events, longest: Math.max(...lengths), times };
  } finally {
    await temporal.close();
  }
}

/** All workflows of an upgrade that has ended; `nodes`: how many of them are of nodes. */
export async function endedRuns(
  workflow: Client['workflow'],
  cluster: string,
  nodes: number,
): Promise<readonly Run[]> {
  let runs: readonly Run[] = [];
  const ofNodes = (): readonly Run[] => runs.filter(({ type }) => type === 'upgradeNode');
  const isAllThere = await eventually(
    async () => {
      const found: Run[] = [];
      for await (const { workflowId, runId, type, historyLength, status } of workflow.list()) {
        const isRunning = status.name === 'RUNNING';
        found.push({ workflowId, runId, type, historyLength, isRunning });
      }
      const id = upgradeWorkflowId(cluster as ClusterName);
      runs = found.filter((run) => run.workflowId === id || run.workflowId.startsWith(`${id}/`));
      return ofNodes().length === nodes && !runs.some(({ isRunning }) => isRunning);
    },
    { timeoutMs: visibleMs, everyMs: 1_000 },
  );
  if (!isAllThere) throw new Error(`${ofNodes().length} workflows of nodes, expected ${nodes}`);
  return runs;
}
