// Plays the controllers of Cluster API, and its machines, on the real objects: as its MachineSets
// do with maxSurge 1 and maxUnavailable 0, without the MachineSets in between.
// C1. A machine more comes first; when all have joined, the oldest of another version is deleted.
// C2. A paused MachineDeployment begins with nothing; what is on its way goes on. Nothing at all is
//     done to the objects of a paused Cluster.
// C3. A machine that is deleted is cordoned and drained by evictions, and then its node goes.

import { setTimeout as sleep } from 'node:timers/promises';

import type { Machine, MachineDeployment } from '../../activities/drivers/capi-objects';
import { deploymentNameLabel, parseCluster } from '../../activities/drivers/capi-objects';
import { parseDeployment, parseMachine } from '../../activities/drivers/capi-objects';
import type { KubeRequest, KubeRest } from '../../lab/kube-rest';

const everyMs = 200;
const finalizer = 'machine.cluster.x-k8s.io';
const merging = 'application/merge-patch+json';
const capacity = { cpu: '8', memory: '32Gi', pods: '110' };

interface PodObject {
  readonly metadata: {
    readonly namespace: string;
    readonly name: string;
    readonly deletionTimestamp?: string;
  };
}

export class CapiControllers {
  /** They do nothing meanwhile, as when nobody runs them. */
  isAway = false;
  readonly #kube: KubeRest;
  readonly #namespace: string;
  readonly #cluster: string;
  readonly #ending = new AbortController();
  #made = 0;
  #running: Promise<void> | undefined;

  constructor(
    kube: KubeRest,
    { namespace, cluster }: { readonly namespace: string; readonly cluster: string },
  ) {
    this.#kube = kube;
    this.#namespace = namespace;
    this.#cluster = cluster;
  }

  start(): void {
    this.#running ??= this.#loop();
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#running;
  }

  async #loop(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      // The API may be away while a member of its control plane changes.
      if (!this.isAway) await this.#reconcile().catch(() => undefined);
      await sleep(everyMs, undefined, { signal }).catch(() => undefined);
    }
  }

  #path(plural: string, name?: string): string {
    const all = `/apis/cluster.x-k8s.io/v1beta1/namespaces/${this.#namespace}/${plural}`;
    return name === undefined ? all : `${all}/${name}`;
  }

  async #get(path: string): Promise<unknown> {
    return (await this.#kube.must({ method: 'GET', path })).body;
  }

  async #list<Item>(path: string): Promise<readonly Item[]> {
    return ((await this.#get(path)) as { readonly items: readonly Item[] }).items;
  }

  #patch(path: string, body: object, allowed: readonly number[] = []): Promise<unknown> {
    const request: KubeRequest = { method: 'PATCH', path, body, contentType: merging };
    return this.#kube.must(request, allowed);
  }

  /** C2. */
  async #reconcile(): Promise<void> {
    const cluster = parseCluster(await this.#get(this.#path('clusters', this.#cluster)));
    if (cluster.spec.paused) return;
    const deployments = await this.#list<unknown>(this.#path('machinedeployments'));
    for (const deployment of deployments.map(parseDeployment)) await this.#rollOut(deployment);
  }

  async #machinesOf(name: string): Promise<readonly Machine[]> {
    const found = (await this.#list<unknown>(this.#path('machines'))).map(parseMachine);
    return found.filter(({ metadata }) => metadata.labels[deploymentNameLabel] === name);
  }

  async #rollOut(deployment: MachineDeployment): Promise<void> {
    const { metadata, spec } = deployment;
    const { version } = spec.template.spec;
    const machines = await this.#machinesOf(metadata.name);
    for (const machine of machines) await this.#play(machine);
    const old = machines.filter((one) => one.spec.version !== version);
    const isQuiet = machines.every(
      (one) => one.status.nodeRef !== undefined && one.metadata.deletionTimestamp === undefined,
    );
    // C1.
    if (!spec.paused && isQuiet) {
      const [oldest] = old;
      const wanted = spec.replicas + (oldest === undefined ? 0 : 1);
      if (machines.length < wanted) await this.#make(deployment);
      else if (oldest !== undefined) await this.#delete(oldest);
    }
    await this.#tell(deployment);
  }

  async #make({ metadata, spec }: MachineDeployment): Promise<void> {
    this.#made += 1;
    const name = `${metadata.name}-${this.#made}`;
    const ref = { apiVersion: 'test/v1', kind: 'TestMachine', name };
    const labels = { 'cluster.x-k8s.io/cluster-name': this.#cluster };
    const body = {
      apiVersion: 'cluster.x-k8s.io/v1beta1',
      kind: 'Machine',
      metadata: {
        name,
        labels: { ...labels, [deploymentNameLabel]: metadata.name },
        finalizers: [finalizer],
      },
      spec: {
        clusterName: this.#cluster,
        version: spec.template.spec.version,
        bootstrap: { dataSecretName: name },
        infrastructureRef: ref,
      },
    };
    await this.#kube.must({ method: 'POST', path: this.#path('machines'), body });
  }

  async #delete({ metadata }: Machine): Promise<void> {
    await this.#kube.must({ method: 'DELETE', path: this.#path('machines', metadata.name) }, [404]);
  }

  async #play(machine: Machine): Promise<void> {
    const { metadata, status } = machine;
    if (metadata.deletionTimestamp !== undefined) return this.#leave(machine);
    if (status.nodeRef !== undefined) return;
    await this.#kube.must({ method: 'POST', path: '/api/v1/nodes', body: nodeOf(machine) }, [409]);
    const nodeRef = { kind: 'Node', name: metadata.name };
    await this.#say(machine, { phase: 'Running', nodeRef });
  }

  /** C3. */
  async #leave(machine: Machine): Promise<void> {
    const { name } = machine.metadata;
    await this.#patch(`/api/v1/nodes/${name}`, { spec: { unschedulable: true } }, [404]);
    const pods = await this.#list<PodObject>(`/api/v1/pods?fieldSelector=spec.nodeName%3D${name}`);
    const answers = await Promise.all(pods.map((pod) => this.#evict(pod)));
    if (pods.length > 0) {
      const refused = answers.find((text) => text !== undefined);
      const message = refused ?? `${pods.length} pods are leaving`;
      const drain = { type: 'DrainingSucceeded', status: 'False', reason: 'Draining', message };
      const lastTransitionTime = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
      await this.#say(machine, {
        phase: 'Deleting',
        conditions: [{ ...drain, severity: 'Info', lastTransitionTime }],
      });
      return;
    }
    await this.#kube.must({ method: 'DELETE', path: `/api/v1/nodes/${name}` }, [404]);
    await this.#patch(this.#path('machines', name), { metadata: { finalizers: [] } }, [404]);
  }

  /** What a budget says; undefined when the pod leaves. */
  async #evict({ metadata }: PodObject): Promise<string | undefined> {
    const { namespace, name, deletionTimestamp } = metadata;
    if (deletionTimestamp !== undefined) return undefined;
    const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { namespace, name } };
    const path = `/api/v1/namespaces/${namespace}/pods/${name}/eviction`;
    const answer = await this.#kube.ask({ method: 'POST', path, body });
    if (answer.status !== 429) return undefined;
    return (answer.body as { readonly message: string }).message;
  }

  async #say({ metadata }: Machine, status: object): Promise<void> {
    await this.#patch(`${this.#path('machines', metadata.name)}/status`, { status }, [404]);
  }

  /** Machines that are being deleted count until they are gone. */
  async #tell({ metadata, spec }: MachineDeployment): Promise<void> {
    const machines = await this.#machinesOf(metadata.name);
    const { version } = spec.template.spec;
    const joined = machines.filter(({ status }) => status.nodeRef !== undefined).length;
    const status = {
      observedGeneration: metadata.generation,
      replicas: machines.length,
      updatedReplicas: machines.filter((one) => one.spec.version === version).length,
      readyReplicas: joined,
      availableReplicas: joined,
      unavailableReplicas: Math.max(0, spec.replicas - joined),
    };
    await this.#patch(`${this.#path('machinedeployments', metadata.name)}/status`, { status });
  }
}

/** Ready, and played by kwok from then on. */
export function nodeOf({ metadata, spec }: Machine): object {
  const { name } = metadata;
  const now = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
  const ready = { type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'serves' };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels: { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux' },
      annotations: { 'kwok.x-k8s.io/node': 'fake' },
    },
    status: {
      capacity,
      allocatable: capacity,
      addresses: [{ type: 'Hostname', address: name }],
      nodeInfo: {
        kubeletVersion: spec.version,
        kubeProxyVersion: spec.version,
        containerRuntimeVersion: 'containerd://1.7.27',
        kernelVersion: 'test',
        osImage: 'test',
        operatingSystem: 'linux',
        architecture: 'amd64',
        machineID: name,
        systemUUID: name,
        bootID: name,
      },
      conditions: [{ ...ready, lastHeartbeatTime: now, lastTransitionTime: now }],
    },
  };
}
