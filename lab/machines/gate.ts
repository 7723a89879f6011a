// The way from the host's loopback to the machines, and the balancer of the API servers: rules for
// the program machine-gate (tools/toolchain/go/machine/machine-gate).

import path from 'node:path';
import { writeFile } from 'node:fs/promises';

import { LabError } from '../lab-error';
import { isAlive, recordedProcess, recordProcess } from '../process-identity';
import { spawnDetached } from '../spawn-detached';
import { eventually } from '../waiting';
import { isListening } from '../free-ports';
import { type MachinesFile, type MachinesLayout, network } from './machines-file';
import { namespaceFile, switchNamespace } from './network';

const gateName = 'gate';
const loopback = '127.0.0.1';
export const apiPort = 6443;

const portsOnMachines = {
  ssh: 22,
  apiServer: apiPort,
  controllerManager: 10_257,
  scheduler: 10_259,
  etcd: 2379,
} as const;

interface Rule {
  readonly listen: string;
  readonly targets: readonly string[];
}

interface GateRules {
  readonly network: string;
  readonly host: readonly Rule[];
  readonly inside: readonly Rule[];
}

/** Kubelets and kubeadm reach the balancer at the switch, everybody else on the loopback. */
export function gateRules(lab: MachinesFile): GateRules {
  const controlPlanes = lab.machines.filter(({ role }) => role === 'control-plane');
  const apiServers = controlPlanes.map(({ address }) => `${address}:${apiPort}`);
  return {
    network: namespaceFile(switchNamespace(lab.name)),
    host: [
      { listen: `${loopback}:${lab.balancerPort}`, targets: apiServers },
      ...lab.machines.flatMap(({ address, ports }) =>
        (Object.keys(portsOnMachines) as (keyof typeof portsOnMachines)[]).flatMap((what) => {
          const port = ports[what];
          if (port === undefined) return [];
          const targets = [`${address}:${portsOnMachines[what]}`];
          return [{ listen: `${loopback}:${port}`, targets }];
        }),
      ),
    ],
    inside: [{ listen: `${network.switch}:${apiPort}`, targets: apiServers }],
  };
}

/** Throws LabError `lab-failed` when it does not listen within 10 s. */
export async function startGate(
  layout: MachinesLayout,
  lab: MachinesFile,
  program: string,
): Promise<void> {
  const running = await recordedProcess(layout.processes, gateName);
  if (running !== undefined && isAlive(running)) return;
  const rules = path.join(layout.config, 'gate.json');
  await writeFile(rules, JSON.stringify(gateRules(lab)), { mode: 0o600 });
  const logFile = path.join(layout.logs, `${gateName}.log`);
  const started = await spawnDetached({
    what: 'the gate of the machines',
    file: 'sh',
    args: ['-c', 'exec "$1" < "$2"', 'sh', program, rules],
    directory: layout.stateDir,
    logFile,
  });
  await recordProcess(layout.processes, gateName, started);
  const isOpen = await eventually(
    async () => !isAlive(started) || (await isListening(lab.balancerPort)),
    { timeoutMs: 10_000, everyMs: 50 },
  );
  if (isOpen && isAlive(started)) return;
  throw new LabError('lab-failed', `the gate of the machines does not listen; see ${logFile}`);
}
