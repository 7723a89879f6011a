// machines.json: what every machine of the lab is now. It plays the disks of the hosts, so it
// must not travel back in time with an etcd restore.

import { readJson, writeJsonAtomic } from '../atomic-file';
import type { LabFile } from '../lab-file';
import type { Program } from './program';

export interface MemberState {
  readonly apiServer: string;
  readonly controllers: string;
  /** The minors that they serve as; absent: their own. */
  readonly apiServerEmulates?: string | undefined;
  readonly controllersEmulate?: string | undefined;
  /** Absent: what the lab was made with. */
  readonly etcd?: string;
}

export interface MachineState {
  readonly schema: 'ascent.lab-machines/v1';
  /** Of the etcd cluster; changes with every restore. */
  readonly etcdToken: string;
  /** No revision above this one was ever served before the last restore. */
  readonly highestRevision: number;
  readonly members: Readonly<Record<string, MemberState>>;
  /** Members that the last restore went on without: their etcd is not started. */
  readonly etcdLost?: readonly string[];
  /** Members whose etcd is being brought back (etcd-repair.ts). */
  readonly etcdJoining?: readonly string[];
  /** Kubelet version by node. */
  readonly nodes: Readonly<Record<string, string>>;
}

export function initialMachineState(lab: LabFile): MachineState {
  return {
    schema: 'ascent.lab-machines/v1',
    etcdToken: `${lab.name}-${lab.createdAt}`,
    highestRevision: 0,
    members: Object.fromEntries(
      lab.members.map((member) => [
        member.name,
        { apiServer: lab.version, controllers: lab.version },
      ]),
    ),
    nodes: Object.fromEntries(lab.nodes.map((node) => [node.name, lab.version])),
  };
}

/** The state in memory and on disk; changes are written one after the other. */
export class MachineStateStore {
  private readonly file: string;
  private readonly lab: LabFile;
  private state: MachineState;
  private writing: Promise<void> = Promise.resolve();

  private constructor(file: string, lab: LabFile, state: MachineState) {
    this.file = file;
    this.lab = lab;
    this.state = state;
  }

  /** A lab that has no state yet gets its first one. The file is ours alone: no checks beyond. */
  static async open(file: string, lab: LabFile): Promise<MachineStateStore> {
    const found = (await readJson(file)) as MachineState | undefined;
    const store = new MachineStateStore(file, lab, found ?? initialMachineState(lab));
    if (found === undefined) await store.update((state) => state);
    return store;
  }

  get current(): MachineState {
    return this.state;
  }

  /** What runs there at the next start; what the lab was made with where nobody has said so. */
  programOf(name: string, part: 'api-server' | 'controllers'): Program {
    const member = this.state.members[name];
    if (member === undefined) return { version: this.lab.version };
    const { apiServer, apiServerEmulates, controllers, controllersEmulate } = member;
    return part === 'api-server'
      ? { version: apiServer, emulates: apiServerEmulates }
      : { version: controllers, emulates: controllersEmulate };
  }

  /** Resolves once the change is on disk. */
  async update(change: (state: MachineState) => MachineState): Promise<void> {
    this.state = change(this.state);
    const next = this.writing
      .catch(() => undefined)
      .then(async () => {
        await writeJsonAtomic(this.file, this.state);
      });
    this.writing = next;
    await next;
  }

  async setMember(name: string, change: Partial<MemberState>): Promise<void> {
    await this.update((state) => {
      const member = state.members[name];
      if (member === undefined) throw new Error(`no member ${name}`);
      return { ...state, members: { ...state.members, [name]: { ...member, ...change } } };
    });
  }

  /** All of them. */
  async setMembers(change: Partial<MemberState>): Promise<void> {
    await this.update((state) => {
      const changed = Object.entries(state.members).map(
        ([name, member]) => [name, { ...member, ...change }] as const,
      );
      return { ...state, members: Object.fromEntries(changed) };
    });
  }

  async setKubelet(node: string, version: string): Promise<void> {
    await this.update((state) => ({ ...state, nodes: { ...state.nodes, [node]: version } }));
  }
}
