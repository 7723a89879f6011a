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
  /** Its connections over SSH end, and new ones get no answer; everything else goes on. */
  closeSsh(machine: string): Promise<void>;
  openSsh(machine: string): Promise<void>;
  /** Runs a command as root, with the machine's own PATH; answers what it prints. */
  run(machine: string, args: readonly string[], timeoutMs?: number): Promise<string>;
}

const dropSsh = ['INPUT', '-p', 'tcp', '--dport', '22', '-j', 'DROP'];

/** Each is a child of the sshd that listens, and that one of the first process. */
const endSessions = `
listening=$(ps -o pid=,ppid= -C sshd | awk '$2 == 1 { print $1 }')
sessions=$(ps -o pid= --ppid "$listening")
if [ -n "$sessions" ]; then kill -9 $sessions; fi
`;

/** Of a lab that is up. A name that no machine has throws LabError `options-invalid`. */
export function machineFaults(context: MachineContext): MachineFaults {
  const { layout, lab } = context;
  const named = (name: string): string => machineOf(lab, name).name;
  const run = (machine: string, args: readonly string[], timeoutMs?: number): Promise<string> =>
    onMachine(context, named(machine), {
      doing: `running ${args.join(' ')}`,
      args,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
  return {
    powerOff: async (machine) => cutPower(context, named(machine)),
    powerOn: async (machine) =>
      startMachine(context, machineOf(lab, machine), (await podSubnetsOf(layout)) ?? {}),
    unplug: async (machine) => setCable(lab.name, named(machine), 'down'),
    plugIn: async (machine) => setCable(lab.name, named(machine), 'up'),
    closeSsh: async (machine) => {
      await run(machine, ['iptables', '-I', ...dropSsh]);
      await run(machine, ['sh', '-c', endSessions]);
    },
    openSsh: async (machine) => void (await run(machine, ['iptables', '-D', ...dropSsh])),
    run: async (...args) => run(...args),
  };
}
