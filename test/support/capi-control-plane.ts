// Plays the controller of a KubeadmControlPlane, and its machines, on the real objects. Behind each
// machine is a member of the lab, at an address that no other machine has or had.
// K1. A machine more comes first; when it serves, the oldest of another version goes.
// K2. Nothing is done to a paused control plane, nor to that of a paused Cluster.
// K3. A machine that joins brings its release along: the member behind it changes then.

import { createServer, connect, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import {
  type ControlPlaneObject,
  parseControlPlane,
} from '../../activities/drivers/capi-control-plane';
import {
  controlPlaneLabel,
  type Machine,
  parseCluster,
  parseMachine,
} from '../../activities/drivers/capi-objects';
import type { MemberPorts } from '../../activities/access';
import { machineAddresses } from '../../lab/certificates';
import type { LabControl } from '../../lab/control';
import type { KubeRequest, KubeRest } from '../../lab/kube-rest';
import type { LabFile } from '../../lab/lab-file';
import { nodeOf } from './capi-controllers';

const everyMs = 200;
const finalizer = 'machine.cluster.x-k8s.io';
const merging = 'application/merge-patch+json';
const role = 'node-role.kubernetes.io/control-plane';
const core = '/apis/cluster.x-k8s.io/v1beta1/namespaces';
const controlPlaneGroup = '/apis/controlplane.cluster.x-k8s.io/v1beta1/namespaces';

type LabMember = LabFile['members'][number];

export interface PlayedControlPlane {
  readonly kube: KubeRest;
  readonly control: LabControl;
  readonly members: readonly LabMember[];
  readonly namespace: string;
  readonly cluster: string;
  readonly name: string;
}

/** What a machine is made of. */
interface Behind {
  readonly member: LabMember;
  readonly address: string;
  readonly servers: readonly Server[];
}

function nowText(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, 'Z');
}

export class CapiControlPlane {
  /** Nobody joins any more, and this is said. */
  stuckBy: string | undefined;
  readonly ports: MemberPorts;
  readonly #played: PlayedControlPlane;
  readonly #behind = new Map<string, Behind>();
  readonly #ending = new AbortController();
  #made = 0;
  #running: Promise<void> | undefined;

  constructor(played: PlayedControlPlane) {
    this.#played = played;
    const [first] = played.members;
    if (first === undefined) throw new Error('the lab has no member');
    const { apiServer, controllerManager, scheduler, etcdClient: etcd } = first.ports;
    this.ports = { apiServer, controllerManager, scheduler, etcd };
  }

  get path(): string {
    const { namespace, name } = this.#played;
    return `${controlPlaneGroup}/${namespace}/kubeadmcontrolplanes/${name}`;
  }

  /** Machines for all members, of the version of the lab. */
  async make(version: string): Promise<void> {
    const { kube, namespace, name, members } = this.#played;
    const infrastructureRef = { apiVersion: 'test/v1', kind: 'TestMachineTemplate', name };
    await kube.must({
      method: 'POST',
      path: `${controlPlaneGroup}/${namespace}/kubeadmcontrolplanes`,
      body: {
        apiVersion: 'controlplane.cluster.x-k8s.io/v1beta1',
        kind: 'KubeadmControlPlane',
        metadata: { name },
        spec: {
          version,
          replicas: members.length,
          kubeadmConfigSpec: {},
          machineTemplate: { infrastructureRef },
        },
      },
    });
    for (const member of members) await this.#makeMachine(version, member);
    this.#running ??= this.#loop();
  }

  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#running;
    for (const name of this.#behind.keys()) this.#unplug(name);
  }

  async object(): Promise<ControlPlaneObject> {
    const { body } = await this.#played.kube.must({ method: 'GET', path: this.path });
    return parseControlPlane(body);
  }

  async #loop(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      // The API may be away for a moment while a member changes.
      await this.#reconcile().catch(() => undefined);
      await sleep(everyMs, undefined, { signal }).catch(() => undefined);
    }
  }

  #machinesPath(name?: string): string {
    const all = `${core}/${this.#played.namespace}/machines`;
    return name === undefined ? all : `${all}/${name}`;
  }

  #patch(path: string, body: object, allowed: readonly number[] = []): Promise<unknown> {
    const request: KubeRequest = { method: 'PATCH', path, body, contentType: merging };
    return this.#played.kube.must(request, allowed);
  }

  async #machines(): Promise<readonly Machine[]> {
    const selector = encodeURIComponent(controlPlaneLabel);
    const path = `${this.#machinesPath()}?labelSelector=${selector}`;
    const { body } = await this.#played.kube.must({ method: 'GET', path });
    const all = (body as { readonly items: readonly unknown[] }).items.map(parseMachine);
    const turn = ({ metadata }: Machine): number => Number(metadata.name.split('-').at(-1));
    return all.toSorted((a, b) => turn(a) - turn(b));
  }

  /** K2. */
  async #reconcile(): Promise<void> {
    const { kube, namespace, cluster } = this.#played;
    const { body } = await kube.must({
      method: 'GET',
      path: `${core}/${namespace}/clusters/${cluster}`,
    });
    const object = await this.object();
    const isPaused = 'cluster.x-k8s.io/paused' in object.metadata.annotations;
    if (parseCluster(body).spec.paused || isPaused) return;
    const machines = await this.#machines();
    await this.#act(object, machines);
    await this.#tell(object, await this.#machines());
  }

  /** K1, one thing at a time. */
  async #act({ spec }: ControlPlaneObject, machines: readonly Machine[]): Promise<void> {
    const { version = '', replicas } = spec;
    const [joining] = machines.filter(({ status }) => status.nodeRef === undefined);
    const [leaving] = machines.filter(({ metadata }) => metadata.deletionTimestamp !== undefined);
    const [old] = machines.filter((one) => one.spec.version !== version);
    if (joining !== undefined) return this.#join(joining);
    if (leaving !== undefined) return this.#leave(leaving);
    if (old === undefined) return;
    const { name } = old.metadata;
    if (machines.length <= replicas) {
      await this.#makeMachine(version, this.#behindOf(name).member);
      return;
    }
    await this.#played.kube.must({ method: 'DELETE', path: this.#machinesPath(name) }, [404]);
  }

  #behindOf(name: string): Behind {
    const found = this.#behind.get(name);
    if (found === undefined) throw new Error(`nothing is behind machine ${name}`);
    return found;
  }

  async #makeMachine(version: string, member: LabMember): Promise<void> {
    const { kube, cluster } = this.#played;
    const address = machineAddresses[this.#made];
    if (address === undefined) throw new Error('there are no more addresses');
    this.#made += 1;
    const name = `${this.#played.name}-${this.#made}`;
    this.#behind.set(name, { member, address, servers: await this.#plug(member, address) });
    const labels = { 'cluster.x-k8s.io/cluster-name': cluster, [controlPlaneLabel]: '' };
    const infrastructureRef = { apiVersion: 'test/v1', kind: 'TestMachine', name };
    const body = {
      apiVersion: 'cluster.x-k8s.io/v1beta1',
      kind: 'Machine',
      metadata: { name, labels, finalizers: [finalizer] },
      spec: {
        clusterName: cluster,
        version,
        bootstrap: { dataSecretName: name },
        infrastructureRef,
      },
    };
    await kube.must({ method: 'POST', path: this.#machinesPath(), body });
  }

  /** K3. */
  async #join(machine: Machine): Promise<void> {
    if (this.stuckBy !== undefined) return;
    const { kube, control } = this.#played;
    const { name } = machine.metadata;
    const { member, address } = this.#behindOf(name);
    const version = (machine.spec.version ?? '').slice(1);
    await control.changeApiServer(member.name, { version });
    await control.changeControllers(member.name, { version });
    const node = nodeOf(machine) as { readonly metadata: { readonly labels: object } };
    const labels = { ...node.metadata.labels, [role]: '' };
    const spec = { taints: [{ key: role, effect: 'NoSchedule' }] };
    const body = { ...node, metadata: { ...node.metadata, labels }, spec };
    await kube.must({ method: 'POST', path: '/api/v1/nodes', body }, [409]);
    await this.#patch(`${this.#machinesPath(name)}/status`, {
      status: {
        phase: 'Running',
        nodeRef: { kind: 'Node', name },
        addresses: [{ type: 'InternalIP', address }],
      },
    });
  }

  async #leave({ metadata: { name } }: Machine): Promise<void> {
    this.#unplug(name);
    await this.#played.kube.must({ method: 'DELETE', path: `/api/v1/nodes/${name}` }, [404]);
    await this.#patch(this.#machinesPath(name), { metadata: { finalizers: [] } }, [404]);
  }

  /** The ports of the first member, at the address of this machine, lead to the member behind. */
  async #plug({ ports }: LabMember, address: string): Promise<readonly Server[]> {
    const { apiServer, controllerManager, scheduler, etcd } = this.ports;
    const leads = [
      [apiServer, ports.apiServer],
      [controllerManager, ports.controllerManager],
      [scheduler, ports.scheduler],
      [etcd, ports.etcdClient],
    ] as const;
    return Promise.all(leads.map(([from, to]) => forward({ address, from, to })));
  }

  /** What is open ends, too: nobody goes on talking to a machine that is gone. */
  #unplug(name: string): void {
    for (const server of this.#behind.get(name)?.servers ?? []) server.close();
    this.#behind.delete(name);
  }

  /** As the contract has it: the oldest version that a machine is of. */
  async #tell(object: ControlPlaneObject, machines: readonly Machine[]): Promise<void> {
    const { generation } = object.metadata;
    const joined = machines.filter(({ status }) => status.nodeRef !== undefined);
    const versions = joined.map(({ spec }) => spec.version ?? '').toSorted();
    const updated = machines.filter(({ spec }) => spec.version === object.spec.version);
    const condition = {
      type: 'Resized',
      status: 'False',
      severity: 'Warning',
      reason: 'ScalingUp',
      message: this.stuckBy,
      lastTransitionTime: nowText(),
    };
    const status = {
      initialized: true,
      observedGeneration: generation,
      version: versions[0],
      replicas: machines.length,
      updatedReplicas: updated.length,
      readyReplicas: joined.length,
      conditions: this.stuckBy === undefined ? [] : [condition],
    };
    await this.#patch(`${this.path}/status`, { status });
  }
}

function forward(lead: {
  readonly address: string;
  readonly from: number;
  readonly to: number;
}): Promise<Server> {
  const open = new Set<{ destroy(): void }>();
  const server = createServer((client) => {
    const target = connect(lead.to, '127.0.0.1');
    for (const [one, other] of [
      [client, target],
      [target, client],
    ] as const) {
      open.add(one);
      one.pipe(other);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        open.delete(one);
        other.destroy();
      });
    }
  });
  const close = server.close.bind(server);
  server.close = (done) => {
    for (const one of open) one.destroy();
    return close(done);
  };
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(lead.from, lead.address, () => resolve(server));
  });
}
