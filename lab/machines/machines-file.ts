// What a lab of machines is: written once before anything of it exists, so that whoever ends the
// lab knows all that may have been begun.

import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { z } from 'zod';

import { readJson, writeJsonAtomic } from '../atomic-file';
import { freePortBlock } from '../free-ports';
import { LabError } from '../lab-error';
import { labLayout, type LabLayout } from '../layout';
import { ownCgroups } from './cgroups';

const port = z.number().int().min(1).max(65_535);

const machineSchema = z.strictObject({
  name: z.string(),
  /** `etcd`: no node; nothing but a member of etcd. */
  role: z.enum(['control-plane', 'worker', 'etcd']),
  /** In the lab's own network. */
  address: z.string(),
  /** Where the host's loopback leads to it. */
  ports: z.strictObject({
    ssh: port,
    apiServer: port.optional(),
    controllerManager: port.optional(),
    scheduler: port.optional(),
    etcd: port.optional(),
  }),
});

const machinesFileSchema = z.strictObject({
  apiVersion: z.literal('ascent/machines/v1'),
  name: z.string(),
  /** Of Kubernetes, with which the lab was made. */
  version: z.string(),
  machines: z.array(machineSchema),
  /** etcd is a unit of the machines that have one; absent: static pods of the control planes. */
  etcd: z.literal('units').optional(),
  /** On the host's loopback, of the load balancer of the API servers. */
  balancerPort: port,
  /** For kubeadm join. */
  token: z.string(),
  /** With it the control plane's certificates go from one member to the next. */
  certificateKey: z.string(),
  /** Directory of the lab per controller of cgroup v1. */
  cgroups: z.record(z.string(), z.string()),
});

export type Machine = z.infer<typeof machineSchema>;
export type MachinesFile = z.infer<typeof machinesFileSchema>;

export interface MachinesLayout extends LabLayout {
  readonly machinesLabFile: string;
  /** A directory a machine: what it sees as its disk, and the upper sides of its overlays. */
  readonly machines: string;
  /** The key that every machine lets in as root, the machines' own host keys, and known_hosts. */
  readonly ssh: string;
}

export function machinesLayout(stateDirectory: string): MachinesLayout {
  const layout = labLayout(stateDirectory);
  const at = (name: string): string => path.join(layout.stateDir, name);
  return {
    ...layout,
    machinesLabFile: at('machine-lab.json'),
    machines: at('machines'),
    ssh: at('ssh'),
  };
}

/** The whole of the lab's network; it exists in no namespace but the lab's own. */
export const network = {
  subnet: '172.31.77.0/24',
  prefixLength: 24,
  switch: '172.31.77.1',
  firstMachine: 11,
} as const;

const machinesMax = 20;

export interface MachineCounts {
  readonly controlPlanes: number;
  readonly workers: number;
}

/** Where etcd is a unit: on the control planes, or on so many machines of its own. */
export type EtcdUnitsShape = 'control-planes' | number;

/** `1+2`: one control plane and two workers. Throws LabError `options-invalid`. */
export function machineCounts(text: string): MachineCounts {
  const [, first = '0', second = '0'] = /^(\d{1,2})\+(\d{1,2})$/.exec(text) ?? [];
  const [controlPlanes, workers] = [Number(first), Number(second)];
  if (controlPlanes >= 1 && controlPlanes + workers <= machinesMax)
    return { controlPlanes, workers };
  throw new LabError(
    'options-invalid',
    `machines "${text}": give control planes and workers, such as 1+2; ` +
      `at least one control plane, at most ${machinesMax} machines`,
  );
}

export interface MachinesShape extends MachineCounts {
  readonly name: string;
  readonly version: string;
  /** Absent: as static pods. */
  readonly etcd?: EtcdUnitsShape;
}

/** Longer ones would not fit into names of interfaces and network namespaces. */
const namePattern = /^[a-z][a-z0-9-]{0,39}$/;

/** Throws LabError `options-invalid`. */
export function checkMachinesShape({ name }: MachinesShape): void {
  if (namePattern.test(name)) return;
  throw new LabError(
    'options-invalid',
    `the name "${name}" is no name of a lab of machines: at most 40 lower-case letters, digits ` +
      'and hyphens, beginning with a letter',
  );
}

/** Draws free ports; everything else follows from the shape. */
export async function designMachines(
  shape: MachinesShape,
  takenPorts: ReadonlySet<number>,
): Promise<MachinesFile> {
  const { name, version, controlPlanes, workers, etcd } = shape;
  const apart = typeof etcd === 'number' ? etcd : 0;
  let next = await freePortBlock(1 + 5 * controlPlanes + workers + 2 * apart, takenPorts);
  const draw = (): number => next++;
  const portsOf = {
    'control-plane': () => ({
      apiServer: draw(),
      controllerManager: draw(),
      scheduler: draw(),
      ...(apart === 0 ? { etcd: draw() } : {}),
    }),
    worker: () => ({}),
    etcd: () => ({ etcd: draw() }),
  } as const satisfies Record<Machine['role'], () => Omit<Machine['ports'], 'ssh'>>;
  const prefixes = { 'control-plane': 'cp', worker: 'worker', etcd: 'etcd' } as const;
  const machine = (role: Machine['role'], index: number, order: number): Machine => ({
    name: `${prefixes[role]}-${index + 1}`,
    role,
    address: network.switch.replace(/\d+$/, String(network.firstMachine + order)),
    ports: { ssh: draw(), ...portsOf[role]() },
  });
  const machinesOf = (role: Machine['role'], count: number, order: number): readonly Machine[] =>
    Array.from({ length: count }, (_, index) => machine(role, index, order + index));
  return {
    apiVersion: 'ascent/machines/v1',
    name,
    version,
    machines: [
      ...machinesOf('control-plane', controlPlanes, 0),
      ...machinesOf('worker', workers, controlPlanes),
      ...machinesOf('etcd', apart, controlPlanes + workers),
    ],
    ...(etcd === undefined ? {} : { etcd: 'units' as const }),
    balancerPort: draw(),
    token: `${randomBytes(3).toString('hex')}.${randomBytes(8).toString('hex')}`,
    certificateKey: randomBytes(32).toString('hex'),
    cgroups: await ownCgroups(name),
  };
}

export async function writeMachinesFile(file: string, lab: MachinesFile): Promise<void> {
  await writeJsonAtomic(file, lab);
}

/** Undefined when there is none. Throws LabError `state-directory-unusable` for another's file. */
export async function readMachinesFile(file: string): Promise<MachinesFile | undefined> {
  const found = await readJson(file);
  if (found === undefined) return undefined;
  const parsed = machinesFileSchema.safeParse(found);
  if (parsed.success) return parsed.data;
  throw new LabError('state-directory-unusable', `${file} is not of this version of Ascent`, {
    cause: parsed.error,
  });
}

export function machineOf(lab: MachinesFile, name: string): Machine {
  const found = lab.machines.find((machine) => machine.name === name);
  if (found !== undefined) return found;
  const known = lab.machines.map((machine) => machine.name).join(', ');
  throw new LabError('options-invalid', `lab ${lab.name} has no machine ${name}; it has ${known}`);
}

export function controlPlanes(lab: MachinesFile): readonly Machine[] {
  return lab.machines.filter(({ role }) => role === 'control-plane');
}

/** Those that become nodes. */
export function nodeMachines(lab: MachinesFile): readonly Machine[] {
  return lab.machines.filter(({ role }) => role !== 'etcd');
}

/** Those on which etcd is a unit. */
export function etcdMachines(lab: MachinesFile): readonly Machine[] {
  if (lab.etcd === undefined) return [];
  const apart = lab.machines.filter(({ role }) => role === 'etcd');
  return apart.length > 0 ? apart : controlPlanes(lab);
}

/** The one on which kubeadm init runs. */
export function firstOf(lab: MachinesFile): Machine {
  const [first] = lab.machines;
  if (first === undefined) throw new Error(`lab ${lab.name} has no machines`);
  return first;
}
