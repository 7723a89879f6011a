// Puts the parts of a running lab together: brings it up, answers the protocol, takes it down.

import { mkdir, readFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { z } from 'zod';

import type {
  LabNeeds,
  LabRestoreRequest,
  LabRestoreResult,
  LabRestoreStatus,
  LabStatus,
  LabVersionRequest,
} from '../../activities/drivers/lab-protocol';
import type { LabBinaries } from '../binaries';
import { pkiOf } from '../certificates';
import { balancerUrl } from '../flags';
import type { HttpFrontOptions } from '../http-front';
import type { UtsMode } from '../isolation';
import { KubeRest } from '../kube-rest';
import { messageOf } from '../lab-error';
import type { labFaultSchema, LabPhase, LabProgress } from '../lab-faults';
import { readLabFile, type LabFile } from '../lab-file';
import type { LabLayout } from '../layout';
import { LoadBalancer } from '../load-balancer';
import { sleep } from '../waiting';
import type { ChildHost } from './child';
import { ControlPlane, type MemberProcesses } from './control-plane';
import { EtcdAdmin } from './etcd-admin';
import { repairEtcd } from './etcd-repair';
import { allowKwok } from './kwok-role';
import { labStatus } from './lab-status';
import { Leases } from './leases';
import { Machines } from './machines';
import { MachineStateStore } from './machine-state';
import { PlannedFaults } from './planned-faults';
import { Probes } from './probes';
import { LabProblemError } from './problem';
import { restoreNeeds } from './restore-needs';
import { Restores } from './restore';
import { serveLab, type LabHost } from './server';
import { Turns } from './turns';

export interface SupervisorOptions {
  readonly layout: LabLayout;
  readonly binaries: LabBinaries;
  readonly utsMode: UtsMode;
  readonly log: (line: string) => void;
  /** Called when everything has ended and the process may go. */
  readonly onEnd: () => void;
}

/** What strikes at once; `in-restore` has one of them inside. */
type Strike = Exclude<z.output<typeof labFaultSchema>, { readonly kind: 'in-restore' }>;

interface Parts {
  readonly lab: LabFile;
  readonly layout: LabLayout;
  readonly binaries: LabBinaries;
  readonly state: MachineStateStore;
  readonly probes: Probes;
  readonly balancer: LoadBalancer;
  readonly kube: KubeRest;
  readonly leases: Leases;
  readonly controlPlane: ControlPlane;
  readonly machines: Machines;
  readonly restores: Restores;
  readonly faults: PlannedFaults;
  readonly log: (line: string) => void;
}

async function frontOptions(layout: LabLayout, ca: string): Promise<HttpFrontOptions> {
  const pki = pkiOf(layout.pki);
  const pairOf = async (name: string): Promise<HttpFrontOptions['serving']> => ({
    certificate: await readFile(pki.certificate(name), 'utf8'),
    key: await readFile(pki.key(name), 'utf8'),
  });
  return {
    ca,
    serving: await pairOf('balancer'),
    frontProxy: await pairOf('front-proxy-client'),
  };
}

async function assemble(options: SupervisorOptions): Promise<Parts> {
  const { layout, binaries, utsMode, log } = options;
  const lab = await readLabFile(layout.labFile);
  if (lab === undefined) throw new Error(`there is no lab in ${layout.stateDir}`);
  for (const directory of [layout.logs, layout.processes, layout.etcd, layout.snapshots]) {
    await mkdir(directory, { recursive: true, mode: 0o700 });
  }
  const state = await MachineStateStore.open(layout.machinesFile, lab);
  const probes = await Probes.open(layout);
  const balancer = new LoadBalancer({
    port: lab.balancerPort,
    backends: lab.members.map((member) => ({
      name: member.name,
      host: '127.0.0.1',
      port: member.ports.apiServer,
    })),
    health: { ca: probes.ca },
    http1: await frontOptions(layout, probes.ca),
  });
  const kube = await KubeRest.admin(layout, balancerUrl(lab));
  const leases = new Leases(kube, log);
  const host: ChildHost = {
    processesDir: layout.processes,
    logsDir: layout.logs,
    utsMode,
    log,
  };
  const faults = new PlannedFaults();
  const shared = { lab, layout, binaries, state, probes, balancer, leases, faults, log };
  const controlPlane = new ControlPlane({ ...shared, host });
  const machines = new Machines(lab, state, kube, log);
  const restores = new Restores({ ...shared, controlPlane });
  return { ...shared, kube, controlPlane, machines, restores };
}

export class Supervisor implements LabHost {
  private readonly parts: Parts;
  private readonly turns = new Turns();
  private readonly onEnd: () => void;
  private phase: LabPhase = 'starting-etcd';
  private problem: string | undefined;
  private server: Server | undefined;
  private ended: Promise<void> | undefined;

  private constructor(parts: Parts, onEnd: () => void) {
    this.parts = parts;
    this.onEnd = onEnd;
  }

  static async open(options: SupervisorOptions): Promise<Supervisor> {
    return new Supervisor(await assemble(options), options.onEnd);
  }

  /** Serves the protocol at once and brings the lab up behind it. */
  async start(): Promise<void> {
    const { balancer, layout, log } = this.parts;
    this.server = await serveLab(this, layout.socket);
    const everyone = this.parts.lab.members.map((member) => member.name);
    void this.turns.take(everyone, async () => {
      try {
        await balancer.start();
        await this.bringUp();
        if (this.phase !== 'stopping') this.phase = 'running';
        log('the lab runs');
      } catch (error) {
        if (this.phase === 'stopping') return;
        this.phase = 'failed';
        this.problem = messageOf(error);
        log(`the lab did not come up: ${this.problem}`);
      }
    });
  }

  status(): Promise<LabStatus> {
    return labStatus(this.parts);
  }

  progress(): LabProgress {
    const { balancer, controlPlane, lab } = this.parts;
    const counts = balancer.counts();
    return {
      phase: this.phase,
      running: controlPlane
        .children()
        .filter((child) => child.isRunning)
        .map((child) => child.name),
      servingMembers: lab.members
        .map((member) => member.name)
        .filter((name) => balancer.isServing(name)),
      ...(this.problem === undefined ? {} : { problem: this.problem }),
      balancer: { connections: counts.open, byMember: counts.byBackend },
    };
  }

  async changeApiServer(member: string, to: LabVersionRequest): Promise<void> {
    const processes = this.member(member);
    this.parts.controlPlane.order(member, 'api-server', to);
    await this.turns.take([member], () => this.parts.controlPlane.changeApiServer(processes, to));
  }

  async changeControllers(member: string, to: LabVersionRequest): Promise<void> {
    const processes = this.member(member);
    this.parts.controlPlane.order(member, 'controllers', to);
    await this.turns.take([member], () => this.parts.controlPlane.changeControllers(processes, to));
  }

  async changeEtcd(member: string, version: string): Promise<void> {
    const processes = this.member(member);
    this.parts.controlPlane.order(member, 'etcd', { version });
    await this.turns.take([member], () => this.parts.controlPlane.changeEtcd(processes, version));
  }

  async changeKubelet(node: string, version: string): Promise<void> {
    const { binaries, machines } = this.parts;
    if (!machines.has(node)) throw new LabProblemError('not-found', `no node ${node}`);
    // A simulated kubelet needs no binary, but only releases of the lab make sense.
    if ((await binaries.kube(version)) === undefined) {
      throw new LabProblemError('unknown-version', `Kubernetes ${version} is not installed here`);
    }
    await this.turns.take([`node ${node}`], () => machines.changeKubelet(node, version));
  }

  needs(): Promise<LabNeeds> {
    const { lab, layout, state } = this.parts;
    return restoreNeeds({ lab, layout, etcdToken: state.current.etcdToken });
  }

  /** Nobody else works on any member meanwhile: the list of the members changes. */
  async repairEtcd(member: string): Promise<void> {
    const { lab, layout, probes, state, faults, log } = this.parts;
    const processes = this.member(member);
    const parts = { lab, layout, probes, state, faults, log, admin: new EtcdAdmin(probes) };
    await this.turns.take(
      lab.members.map(({ name }) => name),
      () => repairEtcd(parts, processes.member, processes.etcd),
    );
  }

  async restore(order: LabRestoreRequest): Promise<LabRestoreResult> {
    const { lab, machines, restores } = this.parts;
    const everyone = lab.members.map((member) => member.name);
    return this.turns.take(everyone, async () => {
      this.phase = 'restoring';
      try {
        const result = await restores.restore(order);
        this.problem = undefined;
        // A lab that did not come up, for want of the snapshot, is up now.
        machines.start();
        return result;
      } finally {
        this.phase = 'running';
      }
    });
  }

  async restoreStatus(restoreId: string): Promise<LabRestoreStatus | undefined> {
    return await this.parts.restores.status(restoreId);
  }

  fault(fault: z.output<typeof labFaultSchema>): void {
    const { faults, log } = this.parts;
    log(`fault on purpose: ${JSON.stringify(fault)}`);
    if (fault.kind !== 'in-restore') {
      this.strike(fault);
      return;
    }
    faults.plan(fault.phase, () => {
      log(`fault on purpose, now: ${JSON.stringify(fault.strike)}`);
      try {
        this.strike(fault.strike);
      } catch (error) {
        log(`it did not strike: ${messageOf(error)}`);
      }
    });
  }

  shutdown(): void {
    void this.end();
  }

  /** Ends every process; may be called again and resolves when all of it is done. */
  end(): Promise<void> {
    this.ended ??= this.takeDown();
    return this.ended;
  }

  private async bringUp(): Promise<void> {
    const { controlPlane, leases, restores, kube, machines, log } = this.parts;
    const unfinished = await restores.unfinished();
    if (unfinished !== undefined) {
      log(`going on with restore ${unfinished.restoreId}, which was left at ${unfinished.phase}`);
      this.phase = 'restoring';
      await restores.resume(unfinished);
      machines.start();
      return;
    }
    await controlPlane.etcd.start();
    this.phase = 'starting-api-servers';
    await controlPlane.startApiServers(async () => {
      // Nobody of an earlier run is left, so nobody holds these.
      await leases.forgetLeaders();
      await controlPlane.startControllers();
      await allowKwok(kube);
      machines.start();
      await controlPlane.kwok.start();
    });
    this.phase = 'starting-controllers';
    await controlPlane.controllersHealthy();
  }

  private strike(fault: Strike): void {
    const { controlPlane, faults, machines } = this.parts;
    switch (fault.kind) {
      case 'end-supervisor':
        process.kill(process.pid, 'SIGKILL');
        return;
      case 'kill': {
        const child = controlPlane.children().find(({ name }) => name === fault.process);
        if (child === undefined) {
          throw new LabProblemError('not-found', `no process ${fault.process}`);
        }
        if (child.crash(fault.signal)) return;
        throw new LabProblemError('not-found', `${fault.process} does not run just now`);
      }
      case 'node-not-ready':
        if (!machines.has(fault.node)) {
          throw new LabProblemError('not-found', `no node ${fault.node}`);
        }
        machines.breakFor(fault.node, fault.seconds);
        return;
      case 'hold-restore':
        faults.holdRestores(fault.seconds);
        return;
      case 'lose-etcd': {
        const { etcd } = this.member(fault.member);
        faults.loseDisk(fault.member, fault.seconds);
        etcd.crash('SIGKILL');
        return;
      }
      case 'broken-start': {
        this.member(fault.member);
        const mend = controlPlane.breakStart(fault.member, fault.component, fault);
        setTimeout(mend, fault.seconds * 1_000).unref();
        return;
      }
      case 'stop-etcd':
        void this.keepDown(this.member(fault.member).etcd, fault.seconds);
    }
  }

  private member(name: string): MemberProcesses {
    const found = this.parts.controlPlane.find(name);
    if (found !== undefined) return found;
    const names = this.parts.lab.members.map((member) => member.name);
    throw new LabProblemError('not-found', `no member ${name}; there are ${names.join(', ')}`);
  }

  private async keepDown(etcd: MemberProcesses['etcd'], seconds: number): Promise<void> {
    try {
      await etcd.stop('SIGTERM', 3_000);
      await sleep(seconds * 1_000);
      if (this.phase !== 'stopping') await etcd.start();
    } catch (error) {
      this.parts.log(`${etcd.name}: ${messageOf(error)}`);
    }
  }

  private async takeDown(): Promise<void> {
    const { balancer, controlPlane, kube, machines, log } = this.parts;
    this.phase = 'stopping';
    log('the lab stops');
    machines.stop();
    await controlPlane.killApiServersAndControllers();
    await Promise.all([balancer.close(), controlPlane.etcd.kill()]);
    kube.close();
    this.server?.close();
    this.server?.closeAllConnections();
    log('the lab is down');
    this.onEnd();
  }
}
