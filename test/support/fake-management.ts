// A cluster that manages another one, in memory: one MachineDeployment, and controllers that do one
// thing each second, as those of Cluster API: a machine more, then one of another version less.

import type {
  CapiCluster,
  DeploymentPatch,
  Machine,
  MachineDeployment,
  ManagementCluster,
} from '../../activities/drivers/capi-objects';
import { parseDeployment, parseMachine } from '../../activities/drivers/capi-objects';
import { PortError } from '../../activities/ports';
import type { FakeClock } from './fake-clock';
import type { FakeKube } from './fake-kube';

const everyMs = 1_000;

export class FakeManagement implements ManagementCluster {
  isClusterPaused = false;
  deployment: MachineDeployment;
  found: Machine[] = [];
  /** Machines that are asked to go stay, and say this. */
  stuckBy: string | undefined;
  readonly patches: DeploymentPatch[] = [];
  readonly #kube: FakeKube;
  #made = 0;

  constructor(kube: FakeKube, clock: FakeClock, replicas = 2) {
    this.#kube = kube;
    this.deployment = parseDeployment({
      metadata: { name: 'web-md-0', resourceVersion: '1', generation: 1 },
      spec: { replicas, template: { spec: { version: 'v1.28.15' } } },
    });
    for (let index = 0; index < replicas; index += 1) this.#make();
    this.#join();
    const tick = (): void => {
      this.#reconcile();
      clock.after(everyMs, tick);
    };
    clock.after(everyMs, tick);
    this.#tell();
  }

  cluster(): Promise<CapiCluster> {
    return Promise.resolve({ spec: { paused: this.isClusterPaused } });
  }

  machineDeployments(): Promise<readonly MachineDeployment[]> {
    return Promise.resolve([this.deployment]);
  }

  controlPlane(): Promise<never> {
    return Promise.reject(new PortError('rejected', 'it names no control plane'));
  }

  changeControlPlane(): Promise<never> {
    return this.controlPlane();
  }

  machines(): Promise<readonly Machine[]> {
    return Promise.resolve(this.found);
  }

  changeDeployment(name: string, patch: DeploymentPatch): Promise<void> {
    const { metadata } = this.deployment;
    if (patch.metadata.resourceVersion !== metadata.resourceVersion) {
      return Promise.reject(new PortError('conflict', `changing ${name}: it was changed`));
    }
    this.patches.push(patch);
    const annotations = Object.entries({ ...metadata.annotations, ...patch.metadata.annotations });
    const kept = annotations.flatMap(([key, value]) => (value === null ? [] : [[key, value]]));
    const version = patch.spec.template?.spec.version ?? this.#version;
    this.change(
      { annotations: Object.fromEntries(kept) as Record<string, string> },
      {
        paused: patch.spec.paused,
        template: { spec: { ...this.deployment.spec.template.spec, version } },
      },
    );
    return Promise.resolve();
  }

  /** By anybody. */
  change(
    metadata: Partial<MachineDeployment['metadata']>,
    spec: Partial<MachineDeployment['spec']>,
  ): void {
    const before = this.deployment;
    const generation = before.metadata.generation + 1;
    this.deployment = {
      ...before,
      metadata: { ...before.metadata, ...metadata, generation, resourceVersion: `${generation}` },
      spec: { ...before.spec, ...spec },
    };
  }

  get #version(): string | undefined {
    return this.deployment.spec.template.spec.version;
  }

  #reconcile(): void {
    const { spec } = this.deployment;
    const isLeaving = (one: Machine): boolean => one.metadata.deletionTimestamp !== undefined;
    const hasJoined = this.found.every(({ status }) => status.nodeRef !== undefined);
    const leaving = this.found.filter(isLeaving);
    const old = this.found.filter((one) => one.spec.version !== this.#version && !isLeaving(one));
    if (!hasJoined) this.#join();
    else if (leaving.length > 0 && this.stuckBy === undefined) this.#remove(leaving);
    else if (!spec.paused && !this.isClusterPaused && leaving.length === 0) {
      if (old.length > 0 && this.found.length === spec.replicas) this.#make();
      else if (this.found.length > spec.replicas) this.#askToGo(old);
    }
    this.#tell();
  }

  #make(): void {
    this.#made += 1;
    const labels = { 'cluster.x-k8s.io/deployment-name': this.deployment.metadata.name };
    const metadata = { name: `web-md-0-${this.#made}`, labels };
    const status = { phase: 'Provisioning' };
    this.found.push(parseMachine({ metadata, spec: { version: this.#version }, status }));
  }

  #join(): void {
    this.found = this.found.map((machine) => {
      if (machine.status.nodeRef !== undefined) return machine;
      const name = machine.metadata.name.replace('md-0', 'node');
      this.#kube.addNode(name, { kubeletVersion: machine.spec.version ?? '' });
      return { ...machine, status: { ...machine.status, nodeRef: { name }, phase: 'Running' } };
    });
  }

  #askToGo([first]: readonly Machine[]): void {
    const message = this.stuckBy ?? '';
    const condition = { type: 'DrainingSucceeded', status: 'False', reason: 'Draining', message };
    this.found = this.found.map((machine) =>
      machine === first
        ? {
            ...machine,
            metadata: { ...machine.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' },
            status: { ...machine.status, phase: 'Deleting', conditions: [condition] },
          }
        : machine,
    );
  }

  #remove(leaving: readonly Machine[]): void {
    for (const { status } of leaving) this.#kube.nodes.delete(status.nodeRef?.name ?? '');
    this.found = this.found.filter((one) => !leaving.includes(one));
  }

  /** What the status says is about what was asked for last. */
  #tell(): void {
    const joined = this.found.filter(({ status }) => status.nodeRef !== undefined);
    const updated = this.found.filter(({ spec }) => spec.version === this.#version);
    this.deployment = {
      ...this.deployment,
      status: {
        observedGeneration: this.deployment.metadata.generation,
        replicas: this.found.length,
        updatedReplicas: updated.length,
        availableReplicas: joined.length,
      },
    };
  }
}
