// What befalls a machine, for tests of what an upgrade does then.

import { cutPower, type MachineContext, onMachine, startMachine } from './machine';
import { machineOf } from './machines-file';
import { podSubnetsOf } from './machine-cluster';
import { setCable } from './network';

export interface MachineFaults {
  /** Every process of it is killed at once; nothing is told. Disks keep what was written. */
  powerOff(machine: string): Promise<void>;
  /** Boots it again; resolves when its containerd answers, which is before its kubelet does. */
  powerOn(machine: string): Promise<void>;
  /** Its cable is pulled: it runs on, and nobody reaches it. */
  unplug(machine: string): Promise<void>;
  plugIn(machine: string): Promise<void>;
  /** Runs a command as root, with the machine's own PATH; answers what it prints. */
  run(machine: string, args: readonly string[], timeoutMs?: number): Promise<string>;
}

/** Of a lab that is up. A name that no machine has throws LabError `options-invalid`. */
export function machineFaults(context: MachineContext): MachineFaults {
  const { layout, lab } = context;
  const named = (name: string): string => machineOf(lab, name).name;
  return {
    powerOff: async (machine) => cutPower(context, named(machine)),
    powerOn: async (machine) =>
      startMachine(context, machineOf(lab, machine), (await podSubnetsOf(layout)) ?? {}),
    unplug: async (machine) => setCable(lab.name, named(machine), 'down'),
    plugIn: async (machine) => setCable(lab.name, named(machine), 'up'),
    run: async (machine, args, timeoutMs) =>
      onMachine(context, named(machine), {
        doing: `running ${args.join(' ')}`,
        args,
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
      }),
  };
}
