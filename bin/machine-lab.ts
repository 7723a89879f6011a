// `lab up --machines 1+2`: the same commands for a lab whose nodes are real machines.

import type { CliContext } from '../cli/context';
import type { ExitCode } from '../cli/exit-codes';
import { exitCodes } from '../cli/exit-codes';
import { columns } from '../cli/render/text';
import { withSchema, type Invocation } from '../cli/session';
import type { MachinesLab, MachinesState } from '../lab/machines/machines-lab';
import type { Interruption } from './interruption';

/** What only a lab of simulated nodes has. */
const otherShape = ['members', 'nodes', 'zones', 'pods', 'workloads', 'temporal'] as const;

export interface MachinesUp {
  readonly name: string;
  readonly stateDir: string;
  /** `1+2`. */
  readonly machines: string;
  readonly version?: string;
  /** The options that take the lab down. */
  readonly place: string;
}

export async function bringMachinesUp(
  wanted: MachinesUp,
  invocation: Invocation<object>,
  interruption: Interruption,
): Promise<ExitCode> {
  const { context, options } = invocation;
  const [{ machinesUp }, { machineCounts }, { LabError }] = await Promise.all([
    import('../lab/machines/machines-lab.js'),
    import('../lab/machines/machines-file.js'),
    import('../lab/lab-error.js'),
  ]);
  const given: Readonly<Record<string, unknown>> = { ...options };
  const wrong = otherShape.filter((name) => given[name] !== undefined).map((name) => `--${name}`);
  if (wrong.length > 0) {
    throw new LabError('options-invalid', `--machines does not go with ${wrong.join(', ')}`);
  }
  const { name, stateDir, version, place } = wanted;
  const endWith = `${context.program} lab down ${place}`;
  const started = { what: `lab ${name}`, endWith, left: () => machinesRunning(stateDir) };
  const lab = await interruption.whileTearingDown(started, async () => {
    const counts = machineCounts(wanted.machines);
    await installMachines(context, version);
    let last = '';
    return await machinesUp({
      name,
      stateDir,
      ...counts,
      ...(version === undefined ? {} : { version }),
      signal: context.signal,
      onProgress: ({ text, seconds }) => {
        if (text !== last) context.stderr.write(`${seconds.toFixed(1).padStart(6)} s  ${text}\n`);
        last = text;
      },
    });
  });
  const { access: _access, context: _context, ...facts } = lab;
  invocation.print({
    json: withSchema('ascent.lab/v1', { kind: 'up', ...facts }),
    lines: () => upLines(lab, endWith),
  });
  return exitCodes.ok;
}

async function machinesRunning(stateDir: string): Promise<readonly string[]> {
  const { machinesStatus } = await import('../lab/machines/machines-lab.js');
  const state = await machinesStatus({ stateDir });
  if (state.kind === 'absent') return [];
  return state.machines.filter(({ processes }) => processes > 0).map(({ name }) => name);
}

/** The host is asked first: nobody waits for a build that is of no use. */
async function installMachines(
  { stderr, signal }: CliContext,
  version: string | undefined,
): Promise<void> {
  const [needs, releases, { resolveToolchain }, { describeProgress }] = await Promise.all([
    import('../lab/machines/host-needs.js'),
    import('../lab/machines/releases.js'),
    import('../lab/toolchain/resolve.js'),
    import('../lab/toolchain/progress.js'),
  ]);
  await needs.requireMachineHost();
  const first = releases.machineRelease(version ?? releases.firstMachineRelease);
  await resolveToolchain(releases.machineRequests([first]), {
    signal,
    onProgress: (event) => {
      const text = describeProgress(event);
      if (text !== undefined) stderr.write(`${text}\n`);
    },
  });
}

function upLines(lab: MachinesLab, endWith: string): readonly string[] {
  const { name, wasUp, seconds, stateDir, machines } = lab;
  const ssh = machines[0]?.ports.ssh;
  const trust = `-o UserKnownHostsFile=${stateDir}/ssh/known_hosts`;
  return [
    wasUp ? `lab ${name} was up already` : `lab ${name} is up, in ${seconds.toFixed(1)} s`,
    `  look at it    export KUBECONFIG=${lab.kubeconfig}`,
    `  enter it      ssh -i ${stateDir}/ssh/key ${trust} -p ${ssh} root@127.0.0.1`,
    `  end it        ${endWith}`,
  ];
}

export function machineLines(
  state: Extract<MachinesState, { kind: 'machines' }>,
): readonly string[] {
  const rows = state.machines.map(({ name, role, address, ports, processes }) => [
    name,
    role,
    address,
    String(ports.ssh),
    processes === 0 ? 'off' : `${processes} processes`,
  ]);
  return [
    `lab ${state.name} of machines, made with Kubernetes ${state.version}`,
    '',
    ...columns([['MACHINE', 'ROLE', 'ADDRESS', 'SSH PORT', 'RUNS'], ...rows]),
    '',
    `KUBECONFIG=${state.kubeconfig}`,
  ];
}
