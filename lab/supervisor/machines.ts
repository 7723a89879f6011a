// The agent of the simulated machines: it registers nodes, reports their kubelet version and
// whether they are Ready, as kubelets would. kwok plays their pods and renews their leases.
// M1. machines.json says which kubelet a machine has; the API is told so again whenever it
//     disagrees, for instance after an etcd restore.

import type { KubeRest } from '../kube-rest';
import { fakeNodeAnnotation } from '../flags';
import type { LabFile, LabNode } from '../lab-file';
import { messageOf } from '../lab-error';
import { sleep } from '../waiting';
import type { MachineStateStore } from './machine-state';
import { podsPerNode } from '../workload-manifests';

interface NodeObject {
  readonly metadata: { readonly name: string };
  readonly status?: {
    readonly nodeInfo?: { readonly kubeletVersion?: string };
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

const everyMs = 2_000;
const slowestMs = 15_000;
/** Looking at the nodes takes at most one part in so many of the time. */
const pausesPerLook = 20;
const kubeletRestartMs = 1_000;
/** A kubelet change is done when the machine has it; telling the API is tried for this long. */
const reportMs = 10_000;
const registerAtOnce = 8;

const capacity = {
  cpu: '8',
  memory: '32Gi',
  pods: String(podsPerNode),
  'ephemeral-storage': '100Gi',
} as const;

type NotReadyReason = 'KubeletRestarting' | 'LabFault';

export class Machines {
  private readonly lab: LabFile;
  private readonly state: MachineStateStore;
  private readonly kube: KubeRest;
  private readonly log: (line: string) => void;
  private readonly notReady = new Map<string, NotReadyReason>();
  private readonly ending = new AbortController();
  private lastProblem = '';
  private looping: Promise<void> | undefined;

  constructor(lab: LabFile, state: MachineStateStore, kube: KubeRest, log: (line: string) => void) {
    this.lab = lab;
    this.state = state;
    this.kube = kube;
    this.log = log;
  }

  has(name: string): boolean {
    return this.lab.nodes.some((node) => node.name === name);
  }

  /** Once is enough. Goes on until stop(); problems of the API are logged once and waited out. */
  start(): void {
    this.looping ??= this.loop();
  }

  stop(): void {
    this.ending.abort();
  }

  /** The machine gets another kubelet: NotReady for a moment, then Ready in the new version. */
  async changeKubelet(name: string, version: string): Promise<void> {
    const isChange = this.state.current.nodes[name] !== version;
    await this.state.setKubelet(name, version);
    if (isChange) {
      this.notReady.set(name, 'KubeletRestarting');
      await this.tryReport(name);
      await sleep(kubeletRestartMs, this.ending.signal);
      this.notReady.delete(name);
    }
    await this.tryReport(name);
  }

  /** A machine that says it is not ready, for at most the given time. */
  breakFor(name: string, seconds: number): void {
    this.notReady.set(name, 'LabFault');
    void this.tryReport(name);
    sleep(seconds * 1_000, this.ending.signal)
      .then(async () => {
        if (this.notReady.get(name) === 'LabFault') this.notReady.delete(name);
        await this.tryReport(name);
      })
      .catch(() => undefined);
  }

  /** Creates what is missing and corrects what differs (M1). Throws when the API is away. */
  async reconcile(): Promise<void> {
    const { body } = await this.kube.must({ method: 'GET', path: '/api/v1/nodes?limit=5000' });
    const { items } = body as { readonly items: readonly NodeObject[] };
    const byName = new Map(items.map((node) => [node.metadata.name, node]));
    const work = this.lab.nodes.flatMap((node) => {
      const found = byName.get(node.name);
      if (found === undefined) return [() => this.register(node)];
      return this.isAsReported(found) ? [] : [() => this.report(node.name)];
    });
    await inParallel(work, registerAtOnce);
  }

  private async loop(): Promise<void> {
    const { signal } = this.ending;
    while (!signal.aborted) {
      const startedMs = performance.now();
      let pauseMs = everyMs;
      try {
        await this.reconcile();
        this.lastProblem = '';
        // A thousand nodes are a large answer.
        pauseMs = Math.max(everyMs, pausesPerLook * (performance.now() - startedMs));
      } catch (error) {
        const problem = messageOf(error);
        if (problem !== this.lastProblem && !signal.aborted) this.log(`nodes: ${problem}`);
        this.lastProblem = problem;
      }
      await sleep(Math.min(pauseMs, slowestMs), signal).catch(() => undefined);
    }
  }

  private isAsReported(node: NodeObject): boolean {
    const ready = node.status?.conditions?.find((condition) => condition.type === 'Ready')?.status;
    const wanted = this.notReady.has(node.metadata.name) ? 'False' : 'True';
    const version = `v${this.state.current.nodes[node.metadata.name] ?? this.lab.version}`;
    return ready === wanted && node.status?.nodeInfo?.kubeletVersion === version;
  }

  private async register(node: LabNode): Promise<void> {
    await this.kube.must(
      {
        method: 'POST',
        path: '/api/v1/nodes',
        body: {
          apiVersion: 'v1',
          kind: 'Node',
          metadata: {
            name: node.name,
            labels: {
              'kubernetes.io/hostname': node.name,
              'kubernetes.io/os': 'linux',
              // With the names of before 1.14, which a kubelet sets, too: else a controller adds
              // them, some seconds later.
              'beta.kubernetes.io/arch': 'amd64',
              'beta.kubernetes.io/os': 'linux',
              'kubernetes.io/arch': 'amd64',
              'topology.kubernetes.io/zone': node.zone,
              'node-role.kubernetes.io/worker': '',
            },
            annotations: { [fakeNodeAnnotation.key]: fakeNodeAnnotation.value },
          },
          spec: { providerID: `kwok://${node.name}` },
          status: this.statusOf(node.name),
        },
      },
      [409],
    );
  }

  private async report(name: string): Promise<void> {
    await this.kube.must(
      {
        method: 'PATCH',
        path: `/api/v1/nodes/${name}/status`,
        contentType: 'application/strategic-merge-patch+json',
        body: { status: this.statusOf(name) },
      },
      [404],
    );
  }

  private async tryReport(name: string): Promise<void> {
    const deadline = performance.now() + reportMs;
    while (!this.ending.signal.aborted) {
      try {
        await this.report(name);
        return;
      } catch (error) {
        if (performance.now() >= deadline) {
          this.log(`node ${name}: not told to the API: ${messageOf(error)}`);
          return;
        }
      }
      await sleep(250, this.ending.signal).catch(() => undefined);
    }
  }

  private statusOf(name: string): Readonly<Record<string, unknown>> {
    const now = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
    const reason = this.notReady.get(name);
    const healthy = ['MemoryPressure', 'DiskPressure', 'PIDPressure'].map((type) => ({
      type,
      status: 'False',
      reason: 'KubeletHasNoPressure',
      message: 'the machine has what it needs',
      lastHeartbeatTime: now,
      lastTransitionTime: now,
    }));
    return {
      capacity,
      allocatable: capacity,
      phase: 'Running',
      addresses: [{ type: 'Hostname', address: name }],
      nodeInfo: {
        kubeletVersion: `v${this.state.current.nodes[name] ?? this.lab.version}`,
        kubeProxyVersion: `v${this.state.current.nodes[name] ?? this.lab.version}`,
        containerRuntimeVersion: 'containerd://1.7.27',
        kernelVersion: 'lab',
        osImage: 'Ascent lab',
        operatingSystem: 'linux',
        architecture: 'amd64',
        machineID: name,
        systemUUID: name,
        bootID: name,
      },
      conditions: [
        {
          type: 'Ready',
          status: reason === undefined ? 'True' : 'False',
          reason: reason ?? 'KubeletReady',
          message: reason === undefined ? 'kubelet is posting ready status' : 'the machine says so',
          lastHeartbeatTime: now,
          lastTransitionTime: now,
        },
        ...healthy,
      ],
    };
  }
}

async function inParallel(work: readonly (() => Promise<void>)[], atOnce: number): Promise<void> {
  const queue = [...work];
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) await next();
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, queue.length) }, worker));
}
