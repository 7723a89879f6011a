// A cluster that manages another one, in memory: its KubeadmControlPlane, and a controller that
// does one thing each second, as that of Cluster API: a machine more, then the oldest one less.

import {
  type ControlPlaneObject,
  type ControlPlanePatch,
  parseControlPlane,
} from '../../activities/drivers/capi-control-plane';
import {
  type CapiCluster,
  type Machine,
  type ManagementCluster,
  parseCluster,
  parseMachine,
} from '../../activities/drivers/capi-objects';
import { PortError } from '../../activities/ports';
import type { FakeClock } from './fake-clock';
import type { FakeHosts } from './fake-hosts';

const everyMs = 1_000;
const template = { infrastructureRef: { name: 'cp' } };

/** How it counts and where it names its template, by contract. */
export type FakeContract = 'v1beta1' | 'v1beta2';

export class FakeControlPlane implements ManagementCluster {
  clusterSpec: object = {};
  annotations: Record<string, string> = {};
  /** Machines that are new never join, and it says this. */
  stuckBy: string | undefined;
  version: string | undefined = 'v1.28.15';
  hosted = false;
  found: Machine[] = [];
  readonly patches: ControlPlanePatch[] = [];
  readonly machineDeployments = () => Promise.resolve([]);
  readonly #hosts: FakeHosts;
  readonly #contract: FakeContract;
  #generation = 1;
  #observed = 1;
  #made = 0;

  constructor(hosts: FakeHosts, clock: FakeClock, contract: FakeContract = 'v1beta1') {
    this.#hosts = hosts;
    this.#contract = contract;
    hosts.machines.clear();
    for (let index = 0; index < 3; index += 1) this.#make();
    this.#join();
    const tick = (): void => {
      this.#reconcile();
      clock.after(everyMs, tick);
    };
    clock.after(everyMs, tick);
  }

  cluster(): Promise<CapiCluster> {
    return Promise.resolve(parseCluster({ spec: this.clusterSpec }));
  }

  machines(): Promise<readonly Machine[]> {
    const metadata = { name: 'prod-md-0-1', labels: {} };
    return Promise.resolve([...this.found, parseMachine({ metadata, spec: {} })]);
  }

  controlPlane(): Promise<ControlPlaneObject> {
    return Promise.resolve(this.#object());
  }

  changeControlPlane(_seen: ControlPlaneObject, patch: ControlPlanePatch): Promise<void> {
    if (patch.metadata.resourceVersion !== `${this.#generation}`) {
      return Promise.reject(new PortError('conflict', 'it was changed'));
    }
    this.patches.push(patch);
    this.change(patch.spec.version);
    return Promise.resolve();
  }

  changeDeployment(): Promise<void> {
    return Promise.reject(new Error('nobody asks for that'));
  }

  /** By anybody. */
  change(version: string | undefined): void {
    this.version = version;
    this.#generation += 1;
  }

  #object(): ControlPlaneObject {
    const isNewer = this.#contract === 'v1beta2';
    const updated = this.found.filter(({ spec }) => spec.version === this.version).length;
    const joined = this.found.filter(({ status }) => status.nodeRef !== undefined);
    const versions = joined.map(({ spec }) => spec.version ?? '').toSorted();
    const message = this.stuckBy ?? '';
    const rolling = isNewer
      ? { type: 'ScalingUp', status: 'True', reason: 'ScalingUp', message }
      : { type: 'Resized', status: 'False', reason: 'ScalingUp', message };
    const ready = { type: 'Ready', status: 'False', reason: 'ScalingUp', message };
    return parseControlPlane({
      apiVersion: `controlplane.cluster.x-k8s.io/${this.#contract}`,
      kind: 'KubeadmControlPlane',
      metadata: {
        name: 'prod-cp',
        resourceVersion: `${this.#generation}`,
        generation: this.#generation,
        annotations: this.annotations,
      },
      spec: {
        replicas: 3,
        machineTemplate: isNewer ? { spec: template } : template,
        ...(this.version === undefined ? {} : { version: this.version }),
      },
      status: {
        version: versions[0],
        ...(isNewer ? {} : { observedGeneration: this.#observed }),
        replicas: this.found.length,
        ...(isNewer ? { upToDateReplicas: updated } : { updatedReplicas: updated }),
        readyReplicas: joined.length,
        externalManagedControlPlane: this.hosted,
        conditions: this.stuckBy === undefined ? [] : [ready, rolling],
      },
    });
  }

  #reconcile(): void {
    if ('cluster.x-k8s.io/paused' in this.annotations) return;
    this.#observed = this.#generation;
    const isLeaving = (one: Machine): boolean => one.metadata.deletionTimestamp !== undefined;
    const leaving = this.found.filter(isLeaving);
    const old = this.found.filter((one) => one.spec.version !== this.version && !isLeaving(one));
    if (this.found.some(({ status }) => status.nodeRef === undefined)) this.#join();
    else if (leaving.length > 0) this.#remove(leaving);
    else if (this.found.length > 3) this.#askToGo(old);
    else if (old.length > 0) this.#make();
  }

  #make(): void {
    this.#made += 1;
    const name = `prod-cp-${this.#made}`;
    const labels = { 'cluster.x-k8s.io/control-plane': '' };
    const spec = { version: this.version };
    this.found.push(parseMachine({ metadata: { name, labels }, spec }));
  }

  #join(): void {
    if (this.stuckBy !== undefined) return;
    this.found = this.found.map((machine) => {
      if (machine.status.nodeRef !== undefined) return machine;
      const { name } = machine.metadata;
      this.#hosts.addMember(name, (machine.spec.version ?? '').slice(1));
      return { ...machine, status: { ...machine.status, nodeRef: { name }, phase: 'Running' } };
    });
  }

  #askToGo([first]: readonly Machine[]): void {
    this.found = this.found.map((one) => {
      if (one !== first) return one;
      const metadata = { ...one.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' };
      return { ...one, metadata, status: { ...one.status, phase: 'Deleting' } };
    });
  }

  #remove(leaving: readonly Machine[]): void {
    for (const { metadata } of leaving) this.#hosts.machines.delete(metadata.name);
    this.found = this.found.filter((one) => !leaving.includes(one));
  }
}
