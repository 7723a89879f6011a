// The control plane as processes: which there are, in which order they start, and how one member
// changes version. etcd as a whole is etcd-members.ts, restoring it restore.ts;
// nodes are machines.ts.
// C1. A version is written to machines.json before the old process is stopped, so that a
//     supervisor that dies in between starts the new one.
// C2. A member leaves the balancer before its API server is told to stop.
//     Connections that it keeps are held while it ends them (last-requests.ts).
// C3. Who waits for a member to become ready in one version gives up when another is ordered.

import type { LabBinaries } from '../binaries';
import {
  apiServerFlags,
  controllerManagerFlags,
  emulationFlags,
  etcdFlags,
  kwokFlags,
  schedulerFlags,
  type FlagContext,
} from '../flags';
import type { LabFile, LabMember } from '../lab-file';
import type { LabLayout } from '../layout';
import { messageOf } from '../lab-error';
import type { LoadBalancer } from '../load-balancer';
import { Child, type ChildHost, type StartedAs } from './child';
import { EtcdMembers } from './etcd-members';
import { whileLastAreHeld } from './last-requests';
import type { Leases } from './leases';
import type { MachineStateStore } from './machine-state';
import type { PlannedFaults } from './planned-faults';
import { mustHold, type Probes } from './probes';
import { emulationProblem, isSameProgram, programName, type Program } from './program';
import { LabProblemError } from './problem';

export interface MemberProcesses {
  readonly member: LabMember;
  readonly etcd: Child;
  readonly apiServer: Child;
  readonly controllerManager: Child;
  readonly scheduler: Child;
}

export interface ControlPlaneParts {
  readonly lab: LabFile;
  readonly layout: LabLayout;
  readonly binaries: LabBinaries;
  readonly state: MachineStateStore;
  readonly host: ChildHost;
  readonly probes: Probes;
  readonly balancer: LoadBalancer;
  readonly leases: Leases;
  readonly faults: PlannedFaults;
}

type Component = 'api-server' | 'controllers' | 'etcd';

/** Delay, watches and a reserve (flags.ts); longer than that it hangs and is killed. */
const apiServerStopMs = 20_000;
const controllerStopMs = 5_000;
/** On a busy machine with 100,000 objects 10 s were seen. */
const readyMs = 90_000;
/** A leader that is asked to end hands its leadership over first. */
const etcdStopMs = 15_000;

export class ControlPlane {
  readonly members: readonly MemberProcesses[];
  readonly kwok: Child;
  /** All of its members. */
  readonly etcd: EtcdMembers;
  private readonly parts: ControlPlaneParts;
  /** The program that was ordered last, by member and component (C3). */
  private readonly ordered = new Map<string, string>();
  /** Broken on purpose: `cp-1 api-server 1.29.15`. */
  private readonly broken = new Set<string>();

  constructor(parts: ControlPlaneParts) {
    this.parts = parts;
    this.members = parts.lab.members.map((member) => this.processesOf(member));
    this.etcd = new EtcdMembers(parts, this.members);
    this.kwok = new Child(
      {
        name: 'kwok',
        ports: [],
        command: () =>
          Promise.resolve({
            file: parts.binaries.kwok,
            args: kwokFlags(parts),
            version: 'kwok',
          }),
        // A new kwok waits for the old one's node leases to run out unless they are gone.
        beforeStart: async () => {
          await parts.leases.forgetNodes();
        },
      },
      parts.host,
    );
  }

  /** Undefined for a name that no member has. */
  find(name: string): MemberProcesses | undefined {
    return this.members.find((processes) => processes.member.name === name);
  }

  /** Every process by its name, for status and faults. */
  children(): readonly Child[] {
    return [
      ...this.members.flatMap((processes) => [
        processes.etcd,
        processes.apiServer,
        processes.controllerManager,
        processes.scheduler,
      ]),
      this.kwok,
    ];
  }

  /** Starts all of them; `onFirst` runs as soon as one is ready. Resolves when all are. */
  async startApiServers(onFirst: (member: LabMember) => Promise<void>): Promise<void> {
    let first: Promise<void> | undefined;
    await Promise.all(
      this.members.map(async ({ member, apiServer }) => {
        await apiServer.start();
        await this.apiServerReady(member);
        this.parts.balancer.admit(member.name);
        first ??= onFirst(member);
      }),
    );
    await first;
  }

  /** As fast as possible: everything they know is in etcd. */
  async killApiServersAndControllers(): Promise<void> {
    await this.kwok.stop('SIGKILL', 0);
    await Promise.all(
      this.members.flatMap(({ member, apiServer, controllerManager, scheduler }) => {
        this.parts.balancer.drain(member.name);
        return [apiServer, controllerManager, scheduler].map((child) => child.stop('SIGKILL', 0));
      }),
    );
  }

  async startControllers(): Promise<void> {
    await Promise.all(
      this.members.flatMap(({ controllerManager, scheduler }) => [
        controllerManager.start(),
        scheduler.start(),
      ]),
    );
  }

  async controllersHealthy(): Promise<void> {
    await Promise.all(
      this.members.map(({ member }) =>
        mustHold(
          `controllers of ${member.name} were healthy`,
          () => this.parts.probes.areControllersHealthy(member),
          readyMs,
        ),
      ),
    );
  }

  /** To be said before whoever works on the member has finished (C3). */
  order(member: string, component: Component, program: Program): void {
    this.ordered.set(`${member} ${component}`, programName(program));
  }

  /**
   * What is started as this program ends at once, for an unknown flag, until the function that
   * this gives is called.
   */
  breakStart(member: string, component: Component, program: Program): () => void {
    const key = `${member} ${component} ${programName(program)}`;
    this.broken.add(key);
    return () => void this.broken.delete(key);
  }

  /**
   * Replaces one member's API server (C1, C2). No-op when it runs as that program and is ready.
   * Throws LabProblemError `unknown-version`, `stop-failed` or `start-failed`.
   */
  async changeApiServer(processes: MemberProcesses, to: Program): Promise<void> {
    const { member, apiServer } = processes;
    const { balancer, probes, state } = this.parts;
    await this.requireProgram(to);
    const isThere = isSameProgram(apiServer.runningProgram, to);
    if (isThere && (await probes.isApiServerReady(member))) return;
    if (!isThere) {
      balancer.drain(member.name);
      await state.setMember(member.name, {
        apiServer: to.version,
        apiServerEmulates: to.emulates,
      });
      await whileLastAreHeld({ member, balancer }, () => stopOrFail(apiServer, apiServerStopMs));
    }
    try {
      await startOrFail(apiServer, async () => {
        await this.apiServerReady(member, () => this.mustBeOrdered(member, 'api-server', to));
      });
    } finally {
      balancer.admit(member.name);
    }
    await mustHold(
      `the balancer took ${member.name} back`,
      () => Promise.resolve(balancer.isServing(member.name)),
      readyMs,
    );
  }

  /** Replaces one member's controller-manager and scheduler (C1); errors as changeApiServer. */
  async changeControllers(processes: MemberProcesses, to: Program): Promise<void> {
    const { member, controllerManager, scheduler } = processes;
    const { leases, probes, state } = this.parts;
    await this.requireProgram(to);
    const isDone = [controllerManager, scheduler].every(({ runningProgram }) =>
      isSameProgram(runningProgram, to),
    );
    if (isDone && (await probes.areControllersHealthy(member))) return;
    await state.setMember(member.name, {
      controllers: to.version,
      controllersEmulate: to.emulates,
    });
    await Promise.all([
      stopOrFail(controllerManager, controllerStopMs),
      stopOrFail(scheduler, controllerStopMs),
    ]);
    // Between the end of the old process and the start of the new one: whatever this member
    // still holds is held by nobody.
    await leases.releaseOf(member.name);
    await startOrFail(controllerManager, () => scheduler.start());
    try {
      await mustHold(
        `controllers of ${member.name} ${programName(to)} were healthy`,
        () => {
          this.mustBeOrdered(member, 'controllers', to);
          return probes.areControllersHealthy(member);
        },
        readyMs,
      );
    } catch (error) {
      throw new LabProblemError('start-failed', messageOf(error), { cause: error });
    }
  }

  /** Replaces the etcd of one member on its data (C1); errors as changeApiServer. */
  async changeEtcd({ member, etcd }: MemberProcesses, version: string): Promise<void> {
    const { binaries, probes, state } = this.parts;
    if ((await binaries.etcdOf(version)) === undefined) {
      const versions = (await binaries.etcdVersions()).join(', ');
      const message = `etcd ${version} is not installed here; there are ${versions}`;
      throw new LabProblemError('unknown-version', message);
    }
    if (etcd.runningVersion === version && (await probes.isEtcdHealthy(member))) return;
    if (etcd.runningVersion !== version) {
      await state.setMember(member.name, { etcd: version });
      await stopOrFail(etcd, etcdStopMs);
    }
    await startOrFail(etcd, () =>
      mustHold(
        `etcd of ${member.name} ${version} was healthy`,
        () => {
          this.mustBeOrdered(member, 'etcd', { version });
          return probes.isEtcdHealthy(member);
        },
        readyMs,
      ),
    );
  }

  private async apiServerReady(member: LabMember, check = (): void => undefined): Promise<void> {
    await mustHold(
      `the API server of ${member.name} was ready`,
      () => {
        check();
        return this.parts.probes.isApiServerReady(member);
      },
      readyMs,
    );
  }

  /** C3. A program that nobody has ordered, as after a restart of the supervisor, is waited for. */
  private mustBeOrdered({ name }: LabMember, component: Component, program: Program): void {
    const wanted = programName(program);
    const ordered = this.ordered.get(`${name} ${component}`) ?? wanted;
    if (ordered === wanted) return;
    throw new Error(`${component} of ${name} ${wanted} was given up: ${ordered} was ordered`);
  }

  private async requireProgram(program: Program): Promise<void> {
    const { version } = program;
    const problem = emulationProblem(program);
    if (problem !== undefined) throw new LabProblemError('unknown-version', problem);
    if ((await this.parts.binaries.kube(version)) !== undefined) return;
    const versions = await this.parts.binaries.versions();
    throw new LabProblemError(
      'unknown-version',
      `Kubernetes ${version} is not installed here; there are ${versions.join(', ')}`,
    );
  }

  private async etcdCommand(context: FlagContext): Promise<StartedAs> {
    const { binaries, state } = this.parts;
    const { name } = context.member;
    const { etcdJoining = [], etcdToken } = state.current;
    const version = this.etcd.versionOf(name);
    const files = await binaries.etcdOf(version);
    if (files === undefined) throw new Error(`etcd ${version} is not installed`);
    const joins = etcdJoining.includes(name) ? 'existing' : 'new';
    const args = etcdFlags(context, etcdToken, joins);
    return { file: files.etcd, args: this.orBroken(`${name} etcd ${version}`, args), version };
  }

  private orBroken(key: string, args: readonly string[]): readonly string[] {
    return this.broken.has(key) ? [...args, '--broken-on-purpose'] : args;
  }

  private processesOf(member: LabMember): MemberProcesses {
    const { binaries, faults, host, lab, layout, state } = this.parts;
    const context: FlagContext = { lab, layout, member };
    const { ports } = member;
    const child = (
      component: string,
      componentPorts: readonly number[],
      command: () => Promise<StartedAs>,
    ): Child =>
      new Child(
        {
          name: `${member.name}-${component}`,
          hostname: member.name,
          ports: componentPorts,
          command,
        },
        host,
      );
    const kube = async (
      component: 'apiServer' | 'controllerManager' | 'scheduler',
      args: readonly string[],
    ): Promise<StartedAs> => {
      const part = component === 'apiServer' ? 'api-server' : 'controllers';
      const program = state.programOf(member.name, part);
      const { version, emulates } = program;
      const files = await binaries.kube(version);
      if (files === undefined) throw new Error(`Kubernetes ${version} is not installed`);
      const startArgs = this.orBroken(`${member.name} ${part} ${programName(program)}`, [
        ...args,
        ...emulationFlags(emulates),
      ]);
      return { file: files[component], args: startArgs, version, emulates };
    };
    return {
      member,
      etcd: child('etcd', [ports.etcdClient, ports.etcdPeer], async () => {
        faults.requireDisk(member.name);
        return this.etcdCommand(context);
      }),
      apiServer: child('api-server', [ports.apiServer], () =>
        kube('apiServer', apiServerFlags(context)),
      ),
      controllerManager: child('controller-manager', [ports.controllerManager], () =>
        kube('controllerManager', controllerManagerFlags(context)),
      ),
      scheduler: child('scheduler', [ports.scheduler], () =>
        kube('scheduler', schedulerFlags(context)),
      ),
    };
  }
}

async function stopOrFail(child: Child, timeoutMs: number): Promise<void> {
  try {
    await child.stop('SIGTERM', timeoutMs);
  } catch (error) {
    throw new LabProblemError('stop-failed', messageOf(error), { cause: error });
  }
}

async function startOrFail(child: Child, ready: () => Promise<void>): Promise<void> {
  try {
    await child.start();
    await ready();
  } catch (error) {
    throw new LabProblemError(
      'start-failed',
      `${messageOf(error)}; see logs/${child.name}.log in the lab's directory`,
      { cause: error },
    );
  }
}
