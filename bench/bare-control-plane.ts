// Three members of a control plane as bare processes, without supervisor, balancer or journal:
// what a script does that knows the machine by heart. It has the lab's flags, certificates and
// hostnames, so that both do the same work.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';

import { auditPolicy } from '../lab/audit-policy';
import { type LabBinaries, installedBinaries } from '../lab/binaries';
import { ensurePki } from '../lab/certificates';
import {
  apiServerFlags,
  apiServerUrl,
  auditPolicyFile,
  balancerUrl,
  controllerManagerFlags,
  etcdFlags,
  type FlagContext,
  schedulerFlags,
} from '../lab/flags';
import { isPortFree } from '../lab/free-ports';
import { isolated, requireIsolation, type UtsMode } from '../lab/isolation';
import { writeAccess } from '../lab/kubeconfig';
import { designLab, type LabFile, type LabMember } from '../lab/lab-file';
import { type LabLayout, labLayout } from '../lab/layout';
import { Probes } from '../lab/supervisor/probes';
import { eventually } from '../lab/waiting';

export const bareComponents = ['api-server', 'controller-manager', 'scheduler'] as const;
type Component = 'etcd' | (typeof bareComponents)[number];

const fields = {
  'api-server': { binary: 'apiServer', flags: apiServerFlags },
  'controller-manager': { binary: 'controllerManager', flags: controllerManagerFlags },
  scheduler: { binary: 'scheduler', flags: schedulerFlags },
} as const;

const patienceMs = 90_000;
/** As often as the lab's supervisor. */
const lookMs = 50;

export class BareControlPlane {
  readonly lab: LabFile;
  readonly layout: LabLayout;
  readonly binaries: LabBinaries;
  readonly probes: Probes;
  readonly #utsMode: UtsMode;
  readonly #running = new Map<string, ChildProcess>();

  private constructor(parts: {
    readonly lab: LabFile;
    readonly layout: LabLayout;
    readonly binaries: LabBinaries;
    readonly probes: Probes;
    readonly utsMode: UtsMode;
  }) {
    this.lab = parts.lab;
    this.layout = parts.layout;
    this.binaries = parts.binaries;
    this.probes = parts.probes;
    this.#utsMode = parts.utsMode;
  }

  /** Certificates and configuration in an empty directory; nothing is started. */
  static async prepare(stateDir: string, version: string): Promise<BareControlPlane> {
    const layout = labLayout(stateDir);
    const shape = { name: 'bare', version, members: 3, nodes: 1, zones: 1, pods: 0 };
    const lab = await designLab({ ...shape, workloads: 'none' }, Date.now(), new Set());
    for (const directory of [layout.logs, layout.config, layout.etcd]) {
      await mkdir(directory, { recursive: true, mode: 0o700 });
    }
    await ensurePki(layout.pki, lab, Date.now());
    const binaries = await installedBinaries();
    await writeAccess(lab, layout, { ...binaries, apiServers: await binaries.apiServers() });
    await writeFile(auditPolicyFile(layout), auditPolicy());
    for (const member of lab.members) await ownConfig(lab, layout, member);
    const probes = await Probes.open(layout);
    return new BareControlPlane({ lab, layout, binaries, probes, utsMode: requireIsolation() });
  }

  contextOf(member: LabMember): FlagContext {
    return { lab: this.lab, layout: configOf(this.layout, member), member };
  }

  async startEtcd(token: string): Promise<void> {
    const { etcd: file } = this.binaries;
    for (const member of this.lab.members) {
      await this.#start(member, 'etcd', { file, args: etcdFlags(this.contextOf(member), token) });
    }
    await this.#allMembers('etcd is healthy', (member) => this.probes.isEtcdHealthy(member));
  }

  async start(version: string, components: readonly Exclude<Component, 'etcd'>[]): Promise<void> {
    const files = await this.binaries.kube(version);
    if (files === undefined) throw new Error(`Kubernetes ${version} is not installed`);
    const starts = this.lab.members.flatMap((member) =>
      components.map((component) => {
        const { binary, flags } = fields[component];
        const command = { file: files[binary], args: flags(this.contextOf(member)) };
        return this.#start(member, component, command);
      }),
    );
    await Promise.all(starts);
  }

  /** Resolves when one API server is ready. */
  async firstApiServer(): Promise<LabMember> {
    let first: LabMember | undefined;
    await until('an API server is ready', async () => {
      const ready = await Promise.all(
        this.lab.members.map((member) => this.probes.isApiServerReady(member)),
      );
      first = this.lab.members[ready.indexOf(true)];
      return first !== undefined;
    });
    if (first === undefined) throw new Error('no API server is ready');
    return first;
  }

  apiServersReady(): Promise<void> {
    return this.#allMembers('it is ready', (member) => this.probes.isApiServerReady(member));
  }

  controllersHealthy(): Promise<void> {
    return this.#allMembers('its controllers are healthy', (member) =>
      this.probes.areControllersHealthy(member),
    );
  }

  /** Members of etcd have the same content, as soon as each has put its own in order. */
  async sameContent(): Promise<void> {
    await until('members of etcd are equal', async () => {
      const hashes = await Promise.all(
        this.lab.members.map((member) => this.probes.etcdHash(member)),
      );
      return hashes[0] !== undefined && hashes.every((hash) => hash === hashes[0]);
    });
  }

  /** SIGKILL; resolves when the processes are gone. */
  async kill(components: readonly Component[]): Promise<void> {
    await Promise.all(
      [...this.#running].map(async ([name, child]) => {
        if (!components.some((component) => name.endsWith(` ${component}`))) return;
        this.#running.delete(name);
        const ended = once(child, 'exit');
        if (child.exitCode === null && child.signalCode === null) {
          child.kill('SIGKILL');
          await ended;
        }
      }),
    );
  }

  async end(): Promise<void> {
    await this.kill(['etcd', ...bareComponents]);
    await rm(this.layout.stateDir, { recursive: true, force: true });
  }

  async #start(
    member: LabMember,
    component: Component,
    command: { readonly file: string; readonly args: readonly string[] },
  ): Promise<void> {
    for (const port of portsOf(member, component)) {
      await until(`port ${port} is free`, () => isPortFree(port));
    }
    const { file, args } = isolated(command, {
      parentPid: process.pid,
      hostname: { name: member.name, mode: this.#utsMode },
    });
    const log = await open(path.join(this.layout.logs, `${member.name}-${component}.log`), 'a');
    try {
      const env = { PATH: process.env['PATH'] ?? '', HOME: '/' };
      const child = spawn(file, args, { stdio: ['ignore', log.fd, log.fd], env });
      this.#running.set(`${member.name} ${component}`, child);
    } finally {
      await log.close();
    }
  }

  async #allMembers(what: string, holds: (member: LabMember) => Promise<boolean>): Promise<void> {
    await Promise.all(
      this.lab.members.map((member) => until(`${member.name}: ${what}`, () => holds(member))),
    );
  }
}

/** Controllers ask their own member: there is no balancer. */
async function ownConfig(lab: LabFile, layout: LabLayout, member: LabMember): Promise<void> {
  const { config } = configOf(layout, member);
  await cp(layout.config, config, { recursive: true });
  for (const name of ['controller-manager', 'scheduler']) {
    const file = path.join(config, `${name}.kubeconfig`);
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace(balancerUrl(lab), apiServerUrl(member)));
  }
}

function configOf(layout: LabLayout, member: LabMember): LabLayout {
  return { ...layout, config: `${layout.config}-${member.name}` };
}

function portsOf({ ports }: LabMember, component: Component): readonly number[] {
  if (component === 'etcd') return [ports.etcdClient, ports.etcdPeer];
  if (component === 'api-server') return [ports.apiServer];
  return [component === 'scheduler' ? ports.scheduler : ports.controllerManager];
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  if (await eventually(holds, { timeoutMs: patienceMs, everyMs: lookMs })) return;
  throw new Error(`not within ${patienceMs / 1_000} s: ${what}`);
}
