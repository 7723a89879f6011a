// Figures that the demo reads from where they are kept: history lengths from Temporal, pods from
// the API, memory from the kernel.

import { readFile } from 'node:fs/promises';

import type { Client } from '@temporalio/client';

import type { Connection } from './observer/connection';
import { send } from './observer/connection';

interface PodList {
  readonly items: readonly {
    readonly metadata: { readonly deletionTimestamp?: string };
    readonly status?: {
      readonly phase?: string;
      readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    };
  }[];
}

/** Pods of all namespaces; a finished pod of a Job is not expected to be Ready. */
export async function countPods(
  connection: Connection,
): Promise<{ readonly total: number; readonly notReady: number }> {
  const reply = await send(connection, { method: 'GET', path: '/api/v1/pods', timeoutMs: 30_000 });
  if (reply.status !== 200) throw new Error(`the pods could not be listed: ${reply.status}`);
  const { items } = JSON.parse(reply.body) as PodList;
  const notReady = items.filter(
    ({ status }) =>
      status?.phase !== 'Succeeded' &&
      !(status?.conditions ?? []).some((condition) =>
        Boolean(condition.type === 'Ready' && condition.status === 'True'),
      ),
  );
  return { total: items.length, notReady: notReady.length };
}

/** The largest history of the cluster's node workflows, in events; asked of each one directly. */
export async function eventsPerNodeWorkflow(
  client: Client,
  workflowIds: readonly string[],
): Promise<number> {
  let most = 0;
  for (const workflowId of workflowIds) {
    const { historyLength } = await client.workflow.getHandle(workflowId).describe();
    most = Math.max(most, historyLength);
  }
  return most;
}

/** Highest resident memory of a process so far, in MiB (`VmHWM`, proc(5)). */
export async function peakRssMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const kib = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kib === undefined) throw new Error(`/proc/${pid}/status has no VmHWM`);
  return Math.round(Number(kib) / 1024);
}
