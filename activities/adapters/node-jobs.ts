// Node jobs: a pod on a certain node from which its machine is entered.
// J1. Whoever needs one takes the one that is there. It ends when nobody has asked it for five
//     minutes, or after its deadline, and its Job goes with it: nobody has to take it away.
// J2. It bears what an upgrade does to its node: cordons, taints, and no network of pods.

import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

import {
  BatchV1Api,
  type V1ContainerStateWaiting,
  type V1Job,
  type V1Pod,
} from '@kubernetes/client-node';

import { drainAnnotation } from '../../domain/drain/drain-verdicts';
import type { NodeJobsAccess } from '../access';
import { PortError } from '../ports';
import type { KubeConnection } from './kube-connection';
import { KubeRequests } from './kube-requests';

/** A label of Job and pod; its value is the name of the Job. */
const jobLabel = 'ascent.dev/node-job';
export const nodeJobContainer = 'machine';

/** On the machine; when it was touched last, somebody asked. */
const askedFile = '/run/ascent-node-job';
const idleMinutes = 5;
const deadlineSeconds = 6 * 3_600;
const pollMs = 300;
const namesMax = 50;

/** What runs in the container, and what is run there, does so in the machine's namespaces. */
const machineShell =
  'nsenter -t 1 -m -u -i -n -- /usr/bin/env -i HOME=/root' +
  ' PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin /bin/sh -c';
const onMachine = machineShell.split(' ');

const stayWhileAsked =
  `touch ${askedFile}; ` +
  `while [ -n "$(find ${askedFile} -mmin -${idleMinutes})" ]; do sleep 15; done`;

const runInput = `touch ${askedFile}; head -c "$1" | { shift; exec /bin/sh -s -- "$@"; }`;

/** The command that runs a script, its input, with these arguments. */
export function machineCommand(script: string, args: readonly string[]): readonly string[] {
  return [...onMachine, runInput, 'sh', String(Buffer.byteLength(script)), ...args];
}

const readInput =
  `touch ${askedFile}; bytes=$1 script=$2; shift 2;` +
  ' head -c "$bytes" | /bin/sh -c "$script" sh "$@"';

/** The command that runs a script with so many bytes as its input. */
export function dataCommand(
  script: string,
  args: readonly string[],
  bytes: number,
): readonly string[] {
  return [...onMachine, readInput, 'sh', String(bytes), script, ...args];
}

/** Of a node. Names of its pods are six characters longer, and are labels as well. */
export function nodeJobName(node: string): string {
  const plain = node.replaceAll('.', '-');
  if (plain === node && node.length <= namesMax) return `ascent-${node}`;
  const hash = createHash('sha256').update(node).digest('hex').slice(0, 8);
  return `ascent-${plain.slice(0, namesMax - 9)}-${hash}`;
}

export class NodeJobs {
  readonly #access: NodeJobsAccess;
  readonly #requests: KubeRequests;
  readonly #batch: BatchV1Api;

  constructor(connection: KubeConnection, access: NodeJobsAccess) {
    this.#access = access;
    this.#requests = new KubeRequests(connection);
    this.#batch = connection.client(BatchV1Api);
  }

  /**
   * Name of the pod that runs on the node. Throws PortError `unreachable` when none does within
   * that time, what the API server says, or the signal's reason.
   */
  async podOn(node: string, withinMs: number, signal: AbortSignal): Promise<string> {
    const untilMs = performance.now() + withinMs;
    const doing = `entering machine ${node} by a job`;
    for (;;) {
      const found = await this.#look(node, doing, signal);
      if (found.kind === 'running') return found.pod;
      if (performance.now() >= untilMs) {
        const message = `${doing}: ${found.says} after ${withinMs / 1_000} s`;
        throw new PortError('unreachable', message);
      }
      await delay(pollMs, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }

  async #look(node: string, doing: string, signal: AbortSignal): Promise<NodeJobLook> {
    const { namespace } = this.#access;
    const name = nodeJobName(node);
    const asking = { doing, signal };
    const job = await this.#requests.find(asking, (call) =>
      this.#batch.readNamespacedJob({ namespace, name }, call),
    );
    const where = `${namespace}/${name}`;
    if (job === undefined) {
      await this.#create(node, doing, signal);
      return { kind: 'awaited', says: `Job ${where} has no pod` };
    }
    if (isOver(job)) {
      await this.#remove(job, doing, signal);
      return { kind: 'awaited', says: `Job ${where} is not gone` };
    }
    const pods = await this.#requests.list(asking, {
      request: (page, call) => {
        const labelSelector = `${jobLabel}=${name}`;
        return this.#requests.core.listNamespacedPod({ namespace, labelSelector, ...page }, call);
      },
      view: (pod) => pod,
    });
    const own = pods.filter(({ metadata }) => isOwnedBy(metadata, job));
    return podLook(own[0], where);
  }

  async #create(node: string, doing: string, signal: AbortSignal): Promise<void> {
    const { namespace } = this.#access;
    const body = nodeJob(node, this.#access);
    try {
      await this.#requests.change({ doing, signal }, (call) =>
        this.#batch.createNamespacedJob({ namespace, body }, call),
      );
    } catch (error) {
      if (!(error instanceof PortError)) throw error;
      // Somebody else was faster.
      if (error.code === 'conflict') return;
      if (error.code !== 'not-found') throw error;
      throw new PortError('rejected', `${error.message} - create it (docs/kubeadm.md)`);
    }
  }

  async #remove({ metadata = {} }: V1Job, doing: string, signal: AbortSignal): Promise<void> {
    if (metadata.deletionTimestamp !== undefined) return;
    const { namespace } = this.#access;
    const { name = '', uid } = metadata;
    const preconditions = uid === undefined ? {} : { uid };
    const body = { propagationPolicy: 'Background', preconditions };
    try {
      await this.#requests.change({ doing, signal }, (call) =>
        this.#batch.deleteNamespacedJob({ namespace, name, body }, call),
      );
    } catch (error) {
      const isGone =
        error instanceof PortError && (error.code === 'not-found' || error.code === 'conflict');
      if (!isGone) throw error;
    }
  }
}

type NodeJobLook =
  | { readonly kind: 'running'; readonly pod: string }
  | { readonly kind: 'awaited'; readonly says: string };

function isOver({ metadata, status }: V1Job): boolean {
  const ended = ['Complete', 'Failed', 'FailureTarget', 'SuccessCriteriaMet'];
  const hasEnded = status?.conditions?.some(
    ({ type, status: said }) => ended.includes(type) && said === 'True',
  );
  return hasEnded === true || metadata?.deletionTimestamp !== undefined;
}

function isOwnedBy(metadata: V1Pod['metadata'], job: V1Job): boolean {
  return metadata?.ownerReferences?.some(({ uid }) => uid === job.metadata?.uid) === true;
}

function podLook(pod: V1Pod | undefined, job: string): NodeJobLook {
  if (pod === undefined) return { kind: 'awaited', says: `Job ${job} has no pod` };
  const name = pod.metadata?.name ?? '';
  const container = pod.status?.containerStatuses?.[0]?.state;
  const isLeaving = pod.metadata?.deletionTimestamp !== undefined;
  if (container?.running !== undefined && !isLeaving) return { kind: 'running', pod: name };
  const said = saidOf(pod.status, container?.waiting);
  return { kind: 'awaited', says: `pod ${name} of Job ${job} does not run (${said})` };
}

/** Why it does not run, by itself or by its container. */
function saidOf(status: V1Pod['status'], waiting: V1ContainerStateWaiting | undefined): string {
  const said = [waiting?.reason ?? status?.phase, waiting?.message ?? status?.message];
  return said.filter((text) => text !== undefined).join(': ');
}

function nodeJob(node: string, { namespace, image }: NodeJobsAccess): V1Job {
  const name = nodeJobName(node);
  const labels = { 'app.kubernetes.io/managed-by': 'ascent', [jobLabel]: name };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace, labels },
    spec: {
      backoffLimit: 0,
      activeDeadlineSeconds: deadlineSeconds,
      ttlSecondsAfterFinished: 0,
      template: {
        metadata: { labels, annotations: { [drainAnnotation]: 'skip' } },
        spec: {
          nodeName: node,
          // J2.
          tolerations: [{ operator: 'Exists' }],
          priorityClassName: 'system-node-critical',
          hostNetwork: true,
          hostPID: true,
          dnsPolicy: 'Default',
          restartPolicy: 'Never',
          terminationGracePeriodSeconds: 1,
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          containers: [
            {
              name: nodeJobContainer,
              image,
              imagePullPolicy: 'IfNotPresent',
              command: [...onMachine, stayWhileAsked],
              securityContext: { privileged: true, runAsUser: 0 },
            },
          ],
        },
      },
    },
  };
}
