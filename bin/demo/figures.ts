// Figures that the demo reads from where they are kept: history lengths from Temporal, pods from
// the API, memory from the kernel.

import { readFile } from 'node:fs/promises';

import type { Client } from '@temporalio/client';

import type { AuditEntry } from '../../domain/status/control';
import type { Connection } from './observer/connection';
import { listAll } from './observer/pod-watch';
import type { PodCount } from './report';

export interface CountedPod {
  readonly metadata: {
    readonly uid: string;
    readonly namespace: string;
    readonly ownerReferences?: readonly { readonly kind: string; readonly uid: string }[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

export interface CountedJob {
  readonly metadata: { readonly uid: string };
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

function holds({ status }: CountedPod | CountedJob, type: string): boolean {
  return (status?.conditions ?? []).some((one) => one.type === type && one.status === 'True');
}

/** All pods, to be counted before and after. */
export async function listPods(connection: Connection): Promise<readonly CountedPod[]> {
  return (await listAll<CountedPod>(connection, '/api/v1/pods')).items;
}

export async function listJobs(connection: Connection): Promise<readonly CountedJob[]> {
  return (await listAll<CountedJob>(connection, '/apis/batch/v1/jobs')).items;
}

/**
 * Compares the pods. A finished pod is not expected to be Ready; one of a Job that is complete is
 * not made again when it is evicted (Jobs, "Job termination and cleanup").
 */
export function countPods(
  before: readonly CountedPod[],
  after: readonly CountedPod[],
  jobs: readonly CountedJob[],
): PodCount {
  const left = new Set(after.map(({ metadata }) => metadata.uid));
  const complete = new Set(
    jobs.filter((job) => holds(job, 'Complete')).map(({ metadata }) => metadata.uid),
  );
  const isFinished = ({ status }: CountedPod): boolean => status?.phase === 'Succeeded';
  const gone = before.filter(
    ({ metadata: { uid, ownerReferences = [] } }) =>
      !left.has(uid) &&
      ownerReferences.some((owner) => owner.kind === 'Job' && complete.has(owner.uid)),
  );
  return {
    before: before.length,
    after: after.length,
    notReady: after.filter((pod) => !isFinished(pod) && !holds(pod, 'Ready')).length,
    finished: after.filter(isFinished).length,
    ofCompleteJobsGone: gone.length,
  };
}

const interrupting = /^command\.(?:pause|retryNode|skipNode|quarantineNode)$/;

/** Commands in the audit trail after which a node does part of its work again. */
export function countInterruptions(trail: readonly AuditEntry[]): number {
  return trail.filter(({ event }) => interrupting.test(event)).length;
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
