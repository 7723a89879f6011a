// The network of a lab of machines: a switch, which is a network namespace with a bridge and no
// uplink, and a network namespace per machine with one cable to it. The host's own interfaces,
// routes and packet filter are not touched.
// N1. A machine's namespace is made anew at every start: like at a real boot, nothing of the last
//     one's interfaces, routes and rules is left.

import { readdir } from 'node:fs/promises';
import path from 'node:path';

import { errnoOf } from '../lab-error';
import { type Machine, type MachinesFile, network } from './machines-file';
import { runHere } from './run-here';

const namespaces = '/run/netns';
const bridge = 'machines0';
export const cable = 'eth0';

function prefixOf(lab: string): string {
  return `ascent-${lab}--`;
}

export function switchNamespace(lab: string): string {
  return `${prefixOf(lab)}switch`;
}

export function machineNamespace(lab: string, machine: string): string {
  return `${prefixOf(lab)}${machine}`;
}

export function namespaceFile(name: string): string {
  return path.join(namespaces, name);
}

/** Those of the lab that there are. */
export async function networkNamespaces(lab: string): Promise<readonly string[]> {
  try {
    const names = await readdir(namespaces);
    return names.filter((name) => name.startsWith(prefixOf(lab)));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

async function ip(doing: string, ...args: readonly string[]): Promise<void> {
  await runHere({ doing, file: 'ip', args });
}

async function makeNamespace(name: string, doing: string): Promise<void> {
  await ip(doing, 'netns', 'add', name);
  await ip(doing, '-n', name, 'link', 'set', 'lo', 'up');
}

export async function makeSwitch(lab: string): Promise<void> {
  const name = switchNamespace(lab);
  const doing = `making the switch of lab ${lab}`;
  await makeNamespace(name, doing);
  await ip(doing, '-n', name, 'link', 'add', bridge, 'type', 'bridge');
  const address = `${network.switch}/${network.prefixLength}`;
  await ip(doing, '-n', name, 'address', 'add', address, 'dev', bridge);
  await ip(doing, '-n', name, 'link', 'set', bridge, 'up');
}

/** N1. The cable's end at the switch is named after the machine. */
export async function plugIn(lab: string, { name, address }: Machine): Promise<void> {
  const doing = `plugging in ${name}`;
  const [own, hub] = [machineNamespace(lab, name), switchNamespace(lab)];
  await unplug(lab, name);
  await makeNamespace(own, doing);
  const peer = ['peer', 'name', cable, 'netns', own];
  await ip(doing, '-n', hub, 'link', 'add', name, 'type', 'veth', ...peer);
  await ip(doing, '-n', hub, 'link', 'set', name, 'master', bridge, 'up');
  const whole = `${address}/${network.prefixLength}`;
  await ip(doing, '-n', own, 'address', 'add', whole, 'dev', cable);
  await ip(doing, '-n', own, 'link', 'set', cable, 'up');
  // Without a route to it, an address of a Service would be refused before it is translated.
  await ip(doing, '-n', own, 'route', 'add', 'default', 'via', network.switch);
}

/** The cable first: that of a namespace which is gone goes some time later. */
async function unplug(lab: string, machine: string): Promise<void> {
  const [doing, hub] = [`unplugging ${machine}`, switchNamespace(lab)];
  const links = await runHere({ doing, file: 'ip', args: ['-n', hub, '-o', 'link', 'show'] });
  if (links.includes(` ${machine}@`)) await ip(doing, '-n', hub, 'link', 'delete', machine);
  const name = machineNamespace(lab, machine);
  if (!(await networkNamespaces(lab)).includes(name)) return;
  await ip(doing, 'netns', 'delete', name);
}

/** Pulls the machine's cable, or puts it back. */
export async function setCable(lab: string, machine: string, state: 'up' | 'down'): Promise<void> {
  const hub = switchNamespace(lab);
  await ip(`setting the cable of ${machine} ${state}`, '-n', hub, 'link', 'set', machine, state);
}

/** Pods of the other machines are reached through those machines. `podSubnets`: by machine. */
export async function routePods(
  { name: lab, machines }: MachinesFile,
  machine: string,
  podSubnets: Readonly<Record<string, string>>,
): Promise<void> {
  const own = machineNamespace(lab, machine);
  for (const other of machines) {
    const subnet = podSubnets[other.name];
    if (other.name === machine || subnet === undefined) continue;
    const doing = `routing the pods of ${other.name} on ${machine}`;
    await ip(doing, '-n', own, 'route', 'replace', subnet, 'via', other.address);
  }
}

/** Every namespace of the lab; what runs in them keeps them until it ends. */
export async function removeNetwork(lab: string): Promise<void> {
  for (const name of await networkNamespaces(lab)) {
    await ip(`removing ${name}`, 'netns', 'delete', name);
  }
}
