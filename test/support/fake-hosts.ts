// Control-plane members and node hosts in memory: what the drivers change and the probes see.

import type { DriverContext } from '../../activities/driver-context';
import type { ControlPlaneDriver, NodeDriver } from '../../activities/driver-ports';
import type { MemberProbe } from '../../activities/ports';
import type { RestoreNeed } from '../../activities/snapshot-ports';
import type { MemberUpgradeInput } from '../../domain/activity-contract';
import type { Seen } from '../../domain/api-extensions';
import type { DeprecatedApiUse } from '../../domain/deprecated-apis';
import type { LostEtcdMember } from '../../domain/rollback-contract';
import type { MemberName, NodeName } from '../../domain/names';
import type {
  ApiServerObservation,
  ControllerObservation,
  DrivenChange,
  MemberObservation,
  Problem,
} from '../../domain/observation';
import { type KubeVersion, type Programs, programsText } from '../../domain/versions';
import type { FakeKube } from './fake-kube';

type Process<T> = T extends { readonly kind: 'observed' }
  ? { -readonly [Key in keyof T]: T[Key] }
  : never;

export interface FakeMember {
  apiServer: Process<ApiServerObservation>;
  controllerManager: Process<ControllerObservation>;
  scheduler: Process<ControllerObservation>;
}

const notAnswering: Problem = { code: 'unreachable', message: 'connection refused' };

export class FakeHosts implements MemberProbe, ControlPlaneDriver, NodeDriver {
  readonly machines = new Map<string, FakeMember>();
  /** Probes of these answer as unobserved: `cp-1 kube-apiserver`. */
  readonly silent = new Set<string>();
  /** What was driven: `cp-1 kube-apiserver 1.29.15`, `worker-1 kubelet 1.29.15`. */
  readonly driven: string[] = [];
  /** What members were asked for; nothing unless a test says so. */
  readonly deprecatedUse = new Map<string, readonly DeprecatedApiUse[]>();
  /** What members show; nothing unless a test says so. */
  readonly certificatesOf = new Map<string, NonNullable<MemberObservation['certificates']>>();
  /** Undefined: this driver cannot tell. */
  needs: readonly RestoreNeed[] | undefined;
  needsFailure: Error | undefined;
  installable: readonly KubeVersion[] | undefined;
  changedAs?: 'member';
  /** Thrown by the next calls of a driver, one each. */
  readonly driverFailures: Error[] = [];
  /** Runs inside every driver call, after its phase was told and before anything changed. */
  duringDrive: ((context: DriverContext) => Promise<void> | void) | undefined;
  /** False: drivers return without having changed anything. */
  obedient = true;
  /** Called when the etcd of a member was replaced. */
  onEtcd: (member: MemberName, to: KubeVersion) => void = () => undefined;
  installableEtcd: readonly KubeVersion[] | undefined;
  drives?: readonly DrivenChange[];
  machineFacts?: NonNullable<ControlPlaneDriver['machineFacts']>;
  /** Absent: a restore reaches its machines without the cluster. */
  stageRestore?: NonNullable<ControlPlaneDriver['stageRestore']>;
  unstageRestore?: NonNullable<ControlPlaneDriver['unstageRestore']>;
  etcdPlaces?: NonNullable<ControlPlaneDriver['etcdPlaces']>;
  etcdIsApart?: true;
  /** What a restore tells as lost. */
  lostEtcd: readonly LostEtcdMember[] = [];
  private readonly restored = new Set<string>();
  private readonly kube: FakeKube;

  constructor(kube: FakeKube) {
    this.kube = kube;
  }

  async restoreNeeds(): Promise<readonly RestoreNeed[] | undefined> {
    if (this.needsFailure !== undefined) throw this.needsFailure;
    return this.needs;
  }

  addMember(name: string, version: string): this {
    const at = version as KubeVersion;
    this.machines.set(name, {
      apiServer: { kind: 'observed', version: at, ready: true, failingChecks: [] },
      controllerManager: { kind: 'observed', version: at, healthy: true },
      scheduler: { kind: 'observed', version: at, healthy: true },
    });
    return this;
  }

  member(name: string): FakeMember {
    const member = this.machines.get(name);
    if (member === undefined) throw new Error(`the test knows no member ${name}`);
    return member;
  }

  async members(): Promise<readonly { readonly name: MemberName; readonly endpoint: string }[]> {
    return [...this.machines.keys()].map((name) => ({
      name: name as MemberName,
      endpoint: `https://${name}:6443`,
    }));
  }

  async apiServer(member: MemberName, signal: AbortSignal): Promise<ApiServerObservation> {
    return this.look(member, 'kube-apiserver', this.member(member).apiServer, signal);
  }

  async controllerManager(member: MemberName, signal: AbortSignal): Promise<ControllerObservation> {
    const observed = this.member(member).controllerManager;
    return this.look(member, 'kube-controller-manager', observed, signal);
  }

  async scheduler(member: MemberName, signal: AbortSignal): Promise<ControllerObservation> {
    return this.look(member, 'kube-scheduler', this.member(member).scheduler, signal);
  }

  async deprecatedApis(member: MemberName): Promise<Seen<DeprecatedApiUse>> {
    return { kind: 'observed', items: this.deprecatedUse.get(member) ?? [] };
  }

  async certificates(member: MemberName): Promise<NonNullable<MemberObservation['certificates']>> {
    return this.certificatesOf.get(member) ?? {};
  }

  async availableVersions(signal: AbortSignal): Promise<readonly KubeVersion[] | undefined> {
    signal.throwIfAborted();
    return this.installable;
  }

  async availableEtcdVersions(signal: AbortSignal): Promise<readonly KubeVersion[] | undefined> {
    signal.throwIfAborted();
    return this.installableEtcd;
  }

  /** Controllers do not tell what they emulate. */
  async upgrade(
    member: MemberName,
    component: MemberUpgradeInput['component'],
    to: Programs,
    context: DriverContext,
  ): Promise<void> {
    await this.drive(`${member} ${component} ${programsText(to)}`, context, () => {
      const { apiServer, controllerManager, scheduler } = this.member(member);
      if (component !== 'controllers') {
        this.silent.delete(`${member} kube-apiserver`);
        this.run(apiServer, to);
      }
      if (component === 'kube-apiserver') return;
      controllerManager.version = to.version;
      scheduler.version = to.version;
    });
  }

  async putBack(
    member: MemberName,
    component: MemberUpgradeInput['component'],
    to: Programs,
    context: DriverContext,
  ): Promise<void> {
    await this.drive(`${member} ${component} back to ${programsText(to)}`, context, () => {
      const controllers = ['kube-controller-manager', 'kube-scheduler'];
      const replaced =
        component === 'controllers' ? controllers : ['kube-apiserver', ...controllers];
      for (const one of replaced) this.silent.delete(`${member} ${one}`);
      const { apiServer, controllerManager, scheduler } = this.member(member);
      if (component !== 'controllers') {
        this.run(apiServer, to);
        Object.assign(apiServer, { ready: true, failingChecks: [] });
      }
      if (component === 'kube-apiserver') return;
      for (const one of [controllerManager, scheduler]) {
        Object.assign(one, { version: to.version, healthy: true });
      }
    });
  }

  async changeEtcd(member: MemberName, to: KubeVersion, context: DriverContext): Promise<void> {
    await this.drive(`${member} etcd ${to}`, context, () => this.onEtcd(member, to));
  }

  async upgradeNode(node: NodeName, to: KubeVersion, context: DriverContext): Promise<void> {
    await this.drive(`${node} kubelet ${to}`, context, () => {
      const view = this.kube.nodes.get(node);
      if (view !== undefined) view.kubeletVersion = `v${to}`;
    });
  }

  async restore(
    options: {
      readonly restoreId: string;
      readonly snapshotFile: string;
      readonly snapshotRevision: number;
      readonly version: KubeVersion;
      readonly etcdVersion: string;
    },
    context: DriverContext,
  ): Promise<{ readonly lost: readonly LostEtcdMember[] }> {
    const { lostEtcd: lost } = this;
    if (this.restored.has(options.restoreId)) return { lost };
    const { snapshotFile, snapshotRevision, version, etcdVersion } = options;
    const what = `restore ${snapshotFile}@${snapshotRevision} ${version} etcd ${etcdVersion}`;
    await this.drive(what, context, () => {
      this.restored.add(options.restoreId);
      for (const name of this.machines.keys()) this.addMember(name, version);
    });
    return { lost };
  }

  async repairEtcdMember(member: MemberName, context: DriverContext): Promise<void> {
    await this.drive(`${member} etcd repair`, context, () => undefined);
  }

  private run(apiServer: FakeMember['apiServer'], { version, emulates }: Programs): void {
    apiServer.version = version;
    if (emulates === undefined) delete apiServer.emulates;
    else apiServer.emulates = emulates;
  }

  private look<Observed extends object>(
    member: MemberName,
    component: string,
    observed: Observed,
    signal: AbortSignal,
  ): Observed | { readonly kind: 'unobserved'; readonly problem: Problem } {
    signal.throwIfAborted();
    if (this.silent.has(`${member} ${component}`)) {
      return { kind: 'unobserved', problem: notAnswering };
    }
    return { ...observed };
  }

  private async drive(what: string, context: DriverContext, change: () => void): Promise<void> {
    const failure = this.driverFailures.shift();
    if (failure !== undefined) throw failure;
    context.onPhase('stopping');
    await this.duringDrive?.(context);
    context.signal.throwIfAborted();
    this.driven.push(what);
    if (this.obedient) change();
  }
}
