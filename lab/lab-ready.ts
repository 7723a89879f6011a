// Waits until a lab that is coming up is what was asked for: members serve, nodes are Ready, every
// pod of the workloads is available.

import { readFile } from 'node:fs/promises';
import path from 'node:path';

import type { LabControl } from './control';
import { balancerUrl } from './flags';
import { KubeRest } from './kube-rest';
import { LabError, messageOf } from './lab-error';
import type { LabProgress } from './lab-faults';
import type { LabFile } from './lab-file';
import type { LabLayout } from './layout';
import { sleep } from './waiting';
import { applyWorkloads, workloadAvailability } from './workloads';

export interface ReadyContext {
  readonly layout: LabLayout;
  readonly lab: LabFile;
  readonly control: LabControl;
  readonly signal: AbortSignal | undefined;
  readonly report: (text: string) => void;
  /** Whether the supervisor still lives. */
  readonly isSupervised: () => Promise<boolean>;
}

const socketTimeoutMs = 10_000;
/** Per pod beyond the first hundreds: 1,200 pods take minutes on two cores. */
const availableBaseMs = 180_000;
const availablePerPodMs = 500;
const pollMs = 200;
const logTailLines = 5;

/** Applies the workloads as soon as somebody serves. Throws LabError `lab-failed`. */
export async function labReady(context: ReadyContext): Promise<void> {
  await untilServing(context);
  await untilAvailable(context);
  await untilRunning(context);
}

async function progressOf(context: ReadyContext): Promise<LabProgress> {
  context.signal?.throwIfAborted();
  const { control, layout } = context;
  const deadline = performance.now() + socketTimeoutMs;
  for (;;) {
    try {
      const progress = await control.progress();
      if (progress.problem === undefined) return progress;
      throw new LabError('lab-failed', `the lab did not come up: ${progress.problem}`);
    } catch (error) {
      const isStarting = error instanceof LabError && error.code === 'lab-down';
      if (!isStarting) throw error;
      if (!(await context.isSupervised()) || performance.now() > deadline) {
        throw new LabError(
          'lab-failed',
          `the lab's supervisor ended: ${await tailOf(path.join(layout.logs, 'supervisor.log'))}`,
          { cause: error },
        );
      }
      await sleep(20, context.signal);
    }
  }
}

async function untilServing(context: ReadyContext): Promise<void> {
  for (;;) {
    const { servingMembers, phase } = await progressOf(context);
    if (servingMembers.length > 0) return;
    context.report(phaseText[phase]);
    await sleep(50, context.signal);
  }
}

const phaseText = {
  'starting-etcd': 'starting etcd',
  'starting-api-servers': 'starting the API servers',
  'starting-controllers': 'starting the controllers',
  restoring: 'going on with a restore',
  running: 'the control plane runs',
  failed: 'the lab did not come up',
  stopping: 'the lab stops',
} as const satisfies Record<LabProgress['phase'], string>;

async function untilAvailable(context: ReadyContext): Promise<void> {
  const { lab, layout, signal } = context;
  const kube = await KubeRest.admin(layout, balancerUrl(lab));
  try {
    if (lab.workloads === 'demo') await applyWorkloads(kube, lab, signal);
    const deadline = performance.now() + availableBaseMs + availablePerPodMs * lab.pods;
    for (;;) {
      const progress = await progressOf(context);
      const nodes = await readyNodes(kube, signal);
      const pods = await workloadAvailability(kube, lab, signal);
      const text =
        `${progress.servingMembers.length} of ${lab.members.length} API servers serve, ` +
        `${nodes} of ${lab.nodes.length} nodes Ready, ` +
        `${pods.available} of ${pods.wanted} pods available`;
      context.report(text);
      const isThere = nodes >= lab.nodes.length && pods.available >= pods.wanted;
      if (isThere) return;
      if (performance.now() > deadline) {
        throw new LabError('lab-failed', `the lab was not ready in time: ${text}`);
      }
      await sleep(pollMs, signal);
    }
  } finally {
    kube.close();
  }
}

interface NodeList {
  readonly items: readonly {
    readonly status?: { readonly conditions?: readonly { type: string; status: string }[] };
  }[];
}

async function readyNodes(kube: KubeRest, signal: AbortSignal | undefined): Promise<number> {
  const { body } = await kube.must({
    method: 'GET',
    path: '/api/v1/nodes',
    ...(signal === undefined ? {} : { signal }),
  });
  return (body as NodeList).items.filter((node) =>
    node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'),
  ).length;
}

async function untilRunning(context: ReadyContext): Promise<void> {
  for (;;) {
    const { phase, servingMembers } = await progressOf(context);
    if (phase === 'running' && servingMembers.length === context.lab.members.length) return;
    context.report(phaseText[phase]);
    await sleep(pollMs, context.signal);
  }
}

async function tailOf(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim().split('\n').slice(-logTailLines).join(' | ');
  } catch (error) {
    return `no log (${messageOf(error)})`;
  }
}
