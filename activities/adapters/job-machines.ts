// The machines of a cluster by jobs on their nodes, as root.
// N1. A machine is asked who it is before anything else, as by SSH: nodes may be named otherwise
//     than their machines.
// N2. What is said to a machine goes through API server, kubelet and container runtime. While one
//     of them is away nobody knows what became of it, and the machine is away.

import { setTimeout as delay } from 'node:timers/promises';

import type { KubeadmJobsAccess } from '../access';
import {
  isAway,
  type MachineShell,
  type Machines,
  type RootScript,
} from '../drivers/machine-shell';
import type { ScriptEnd } from '../drivers/machine-shell';
import { PortError } from '../ports';
import type { KubeConnection } from './kube-connection';
import { execInPod } from './kube-exec';
import { dataCommand, machineCommand, nodeJobContainer, NodeJobs } from './node-jobs';

const startMs = 60_000;
/**
 * A pod is called running for a moment after it has ended, and an API server that has just started
 * knows no rights yet.
 */
const staleMs = 10_000;
const pollMs = 1_000;
const askMs = 20_000;
const answerBytesMax = 4_096;

/** Connects nothing yet. */
export function createJobMachines(
  connection: KubeConnection,
  { jobs: access, machines }: Pick<KubeadmJobsAccess, 'jobs' | 'machines'>,
): Machines {
  const jobs = new NodeJobs(connection, access);
  const enter = async (name: string, signal: AbortSignal): Promise<MachineShell> => {
    const pod = await jobs.podOn(name, startMs, signal);
    const shell = shellIn(connection, { namespace: access.namespace, pod, name });
    await checkName(shell, name, machines[name]?.hostname ?? name, signal);
    return shell;
  };
  return {
    names: Object.keys(machines),
    needApiServer: true,
    connect: async (name, signal) => {
      if (machines[name] === undefined) throw unknownMachine(name);
      const untilMs = performance.now() + staleMs;
      for (;;) {
        try {
          return await enter(name, signal);
        } catch (error) {
          if (!mayPass(error) || performance.now() >= untilMs) throw error;
        }
        await delay(pollMs, undefined, { signal }).catch(() => signal.throwIfAborted());
      }
    },
  };
}

function mayPass(error: unknown): boolean {
  return isAway(error) || (error instanceof PortError && error.code === 'forbidden');
}

function unknownMachine(name: string): PortError {
  const message = `no machine is known for ${name}: add driver.machines.${name} to the access file`;
  return new PortError('rejected', message);
}

interface Entered {
  readonly namespace: string;
  readonly pod: string;
  readonly name: string;
}

function shellIn(connection: KubeConnection, { namespace, pod, name }: Entered): MachineShell {
  const container = nodeJobContainer;
  return {
    run: (asked: RootScript, signal: AbortSignal): Promise<ScriptEnd> => {
      const { script, args, input, timeoutMs, outputBytesMax } = asked;
      const doing = `${asked.doing} on machine ${name}`;
      const limits = { doing, timeoutMs, outputBytesMax };
      const where = { namespace, pod, container, ...limits };
      if (input === undefined) {
        const command = machineCommand(script, args);
        return execInPod(connection, { ...where, command, input: script }, signal);
      }
      const command = dataCommand(script, args, input.bytes);
      return execInPod(connection, { ...where, command, input: input.stream }, signal);
    },
    // Others may use the pod; it ends by itself.
    close: () => undefined,
  };
}

/** N1. */
async function checkName(
  shell: MachineShell,
  name: string,
  expected: string,
  signal: AbortSignal,
): Promise<void> {
  const doing = 'asking who it is';
  const limits = { timeoutMs: askMs, outputBytesMax: answerBytesMax };
  const script = 'hostname || uname -n\n';
  const { code, output, complaints } = await shell.run(
    { doing, script, args: [], ...limits },
    signal,
  );
  const called = output.toString('utf8').trim().toLowerCase();
  if (code !== 0 || called === '') {
    const why = complaints.at(-1) ?? `it ended with ${code}`;
    throw new PortError('unexpected', `${doing} on machine ${name}: ${why}`);
  }
  if (called === expected.toLowerCase()) return;
  const message =
    `node ${name} is not machine ${expected}: it calls itself ${called}` +
    ` - name its hostname in driver.machines.${name}`;
  throw new PortError('rejected', message);
}
