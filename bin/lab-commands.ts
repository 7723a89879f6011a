// `lab up`, `lab down`, `lab status`: a real cluster on this machine, for trying things out.

import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';

import { examples } from '../cli/commands/examples';
import type { CliContext } from '../cli/context';
import type { ExitCode } from '../cli/exit-codes';
import { exitCodes } from '../cli/exit-codes';
import type { AddCommands } from '../cli/program';
import type { CommandRun, Invocation } from '../cli/session';
import { withSchema } from '../cli/session';
import type { Lab, LabState, LabUpOptions } from '../lab/lab';
import type { TemporalServer } from '../lab/temporal-server';
import type { Interruption } from './interruption';
import { guarded } from './lab-failures';
import { labLines } from './lab-text';
import { bringMachinesUp, machineLines } from './machine-lab';

interface LabOptions {
  readonly name?: string;
  readonly stateDir?: string;
}

interface UpOptions extends LabOptions {
  readonly members?: number;
  readonly nodes?: number;
  readonly zones?: number;
  readonly pods?: number;
  readonly kubernetes?: string;
  readonly releases?: readonly string[];
  readonly workloads?: 'demo' | 'none';
  readonly temporal?: boolean;
  readonly machines?: string;
}

interface DownOptions extends LabOptions {
  readonly keepData?: boolean;
}

const defaultName = 'lab';

/** `interruption`: of the process that takes down what it could not bring up. */
export function labCommands(interruption: Interruption): AddCommands {
  return (program, run) => addLabCommands(program, run, interruption);
}

function addLabCommands(program: Command, run: CommandRun, interruption: Interruption): void {
  const lab = program
    .command('lab')
    .summary('bring up a real cluster on this machine')
    .description('Runs real control planes with simulated nodes on this machine.')
    .addHelpText(
      'after',
      examples([
        ['lab up --temporal', 'all that an upgrade needs but a worker'],
        ['lab status', 'what runs in it, member by member'],
        ['lab down', 'end it, and remove its directory'],
      ]),
    );
  addUp(lab, run, interruption);
  const down = withPlace(lab.command('down'))
    .summary('end a lab')
    .description('Ends every process of a lab and removes its directory.')
    .option('--keep-data', 'leave the directory, so that the lab can come up again as it was')
    .addHelpText(
      'after',
      examples([
        ['lab down', 'the lab of the default name'],
        ['lab down --name side --keep-data', 'for another day'],
      ]),
    );
  run.bind<DownOptions>(down, guarded(downLab));
  const status = withPlace(lab.command('status'))
    .summary('say what runs in a lab')
    .description('Says what runs in a lab, member by member.')
    .addHelpText('after', examples([['lab status', 'the lab of the default name']]));
  run.bind<LabOptions>(status, guarded(showLab));
}

function withPlace(command: Command): Command {
  return command
    .option('--name <name>', `name of the lab and of its cluster (default: ${defaultName})`)
    .option('--state-dir <directory>', 'where everything of the lab is kept');
}

function addUp(lab: Command, run: CommandRun, interruption: Interruption): void {
  const up = withPlace(lab.command('up'))
    .summary('bring a lab up')
    .description(
      'Brings a lab up and waits until all of it serves. A lab that runs is left as it is; one' +
        ' that crashed comes up again with its data.',
    )
    .option('--members <number>', 'control-plane members (default: 3)', wholeNumber)
    .option('--nodes <number>', 'simulated worker nodes (default: 9)', wholeNumber)
    .option('--zones <number>', 'zones that the nodes are spread over (default: 3)', wholeNumber)
    .option('--pods <number>', 'so many pods (default: 120, or 6 a node)', wholeNumber)
    .option('--kubernetes <version>', 'release to begin with (default: 1.28.15)')
    .option('--releases <versions>', 'installed as well, such as 1.32,1.33', commaSeparated)
    .addOption(new Option('--workloads <kind>', 'what runs in it').choices(['demo', 'none']))
    .option('--machines <counts>', 'real machines: control planes and workers, such as 1+2')
    .option('--temporal', 'with a Temporal server of its own, UI included')
    .addHelpText(
      'after',
      examples([
        ['lab up', 'three members, nine nodes, about 120 pods'],
        ['lab up --temporal', 'and all that an upgrade needs but a worker'],
        ['lab up --machines 1+2', 'real machines, made by kubeadm; as root'],
        ['lab up --name side --members 1 --nodes 200', 'another one beside it'],
        ['lab up --kubernetes 1.31 --releases 1.32,1.33', 'for releases after 1.30: built first'],
      ]),
    );
  run.bind<UpOptions>(
    up,
    guarded((invocation) => bringUp(invocation, interruption)),
  );
}

function wholeNumber(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('give a whole number.');
}

function commaSeparated(text: string): readonly string[] {
  return text.split(',').filter((part) => part !== '');
}

async function bringUp(
  invocation: Invocation<UpOptions>,
  interruption: Interruption,
): Promise<ExitCode> {
  const { context, options } = invocation;
  const stateDir = await stateDirOf(options);
  const { machines, kubernetes: version } = options;
  if (machines !== undefined) {
    const wanted = { name: nameOf(options), stateDir, machines, place: placeOf(options) };
    const whole = version === undefined ? wanted : { ...wanted, version };
    return await bringMachinesUp(whole, invocation, interruption);
  }
  const { stillRunning } = await import('../lab/still-running.js');
  const started = {
    what: `lab ${nameOf(options)}`,
    endWith: `${context.program} lab down ${placeOf(options)}`,
    left: () => stillRunning(stateDir),
  };
  const { lab, temporal } = await interruption.whileTearingDown(started, async () => {
    const wanted = { ...shapeOf(options), stateDir };
    const { checkLabUp } = await import('../lab/lab.js');
    await checkLabUp(wanted);
    await installTools(context, [...(options.releases ?? []), wanted.version]);
    return bringUpAs(wanted, invocation);
  });
  invocation.print({
    json: withSchema('ascent.lab/v1', upDocument(lab, temporal)),
    lines: () => [...upLines(lab, temporal), ...nextLines(lab, invocation)],
  });
  return exitCodes.ok;
}

/** What every lab runs, and these releases of Kubernetes beside it. */
async function installTools(
  { stderr, signal }: CliContext,
  releases: readonly (string | undefined)[],
): Promise<void> {
  const [{ kubeRequests }, { resolveToolchain }, { describeProgress }] = await Promise.all([
    import('../lab/binaries.js'),
    import('../lab/toolchain/resolve.js'),
    import('../lab/toolchain/progress.js'),
  ]);
  const asked = kubeRequests(releases.filter((release) => release !== undefined));
  // A release that there is not is told before anything is built.
  for (const requests of [asked, undefined]) {
    await resolveToolchain(requests, {
      signal,
      onProgress: (event) => {
        const text = describeProgress(event);
        if (text !== undefined) stderr.write(`${text}\n`);
      },
    });
  }
}

interface Up {
  readonly lab: Lab;
  readonly temporal: TemporalServer | undefined;
}

/** Only what was given: the lab knows its defaults. */
function shapeOf(options: UpOptions): LabUpOptions {
  const { members, nodes, zones, pods, workloads, kubernetes } = options;
  const shape = { members, nodes, zones, pods, workloads, version: kubernetes };
  const given = Object.entries(shape).filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(given), name: nameOf(options) };
}

async function bringUpAs(
  wanted: LabUpOptions & { readonly stateDir: string },
  { context, options }: Invocation<UpOptions>,
): Promise<Up> {
  const { labUp } = await import('../lab/lab.js');
  const { signal, stderr } = context;
  const { stateDir } = wanted;
  let last = '';
  const lab = await labUp({
    ...wanted,
    signal,
    onProgress: ({ text, seconds }) => {
      if (text !== last) stderr.write(`${seconds.toFixed(1).padStart(6)} s  ${text}\n`);
      last = text;
    },
  });
  try {
    signal.throwIfAborted();
    const temporal = options.temporal === true ? await temporalOf(stateDir, signal) : undefined;
    // Pressed when the last of it had just come up, Ctrl-C means the same.
    if (signal.aborted && temporal?.wasUp === false) await endTemporal(stateDir);
    signal.throwIfAborted();
    return { lab, temporal };
  } catch (error) {
    // One that was up before this command is not this command's to end.
    if (!lab.wasUp) await endLab(stateDir);
    throw error;
  }
}

/** Data stays, as after every `lab up` that does not succeed. */
async function endLab(stateDir: string): Promise<void> {
  const { labDown } = await import('../lab/lab.js');
  await labDown({ stateDir, keepData: true });
}

async function endTemporal(stateDir: string): Promise<void> {
  const { temporalDown } = await import('../lab/temporal-server.js');
  await temporalDown({ stateDir, keepData: true });
}

async function temporalOf(stateDir: string, signal: AbortSignal): Promise<TemporalServer> {
  const { temporalUp } = await import('../lab/temporal-server.js');
  return temporalUp({ stateDir, signal });
}

function upDocument(lab: Lab, temporal: TemporalServer | undefined) {
  const { access: _access, control: _control, ...facts } = lab;
  return { kind: 'up', ...facts, ...(temporal === undefined ? {} : { temporal }) };
}

function upLines(lab: Lab, temporal: TemporalServer | undefined): readonly string[] {
  const { name, wasUp, seconds } = lab;
  return [
    wasUp ? `lab ${name} was up already` : `lab ${name} is up, in ${seconds.toFixed(1)} s`,
    `  look at it    export KUBECONFIG=${lab.kubeconfig}`,
    ...(temporal === undefined
      ? []
      : [
          `  Temporal      export TEMPORAL_ADDRESS=${temporal.address}`,
          `  its UI        ${temporal.uiUrl}`,
        ]),
  ];
}

/** Lines to copy. A lab in a directory of its own is found by its files, not by its name. */
function nextLines(
  { name, accessFile }: Lab,
  { context, options }: Invocation<LabOptions>,
): readonly string[] {
  const { program } = context;
  const which = options.stateDir === undefined ? `--lab ${name}` : `--access ${accessFile}`;
  return [
    `  plan for it   ${program} plan ${which} --spec upgrade.yaml`,
    `  serve it      ${program} worker --access ${accessFile}`,
    `  end it        ${program} lab down ${placeOf(options)}`,
  ];
}

async function downLab(invocation: Invocation<DownOptions>): Promise<ExitCode> {
  const { options } = invocation;
  const [{ labDown }, { temporalDown }] = await Promise.all([
    import('../lab/lab.js'),
    import('../lab/temporal-server.js'),
  ]);
  const stateDir = await stateDirOf(options);
  const keepData = options.keepData === true;
  const { machinesDown } = await import('../lab/machines/machines-lab.js');
  const machines = await machinesDown({ stateDir, keepData });
  // A worker that was kept is among the lab's processes; without either of them Temporal is idle.
  await temporalDown({ stateDir, keepData });
  const { wasUp } = machines.wasThere ? machines : await labDown({ stateDir, keepData });
  const name = nameOf(options);
  invocation.print({
    json: withSchema('ascent.lab-down/v1', { name, stateDir, wasUp, keptData: keepData }),
    lines: () => [wasUp ? `lab ${name} has ended` : `lab ${name} was not running`],
  });
  return exitCodes.ok;
}

async function showLab(invocation: Invocation<LabOptions>): Promise<ExitCode> {
  const [{ labStatus }, { machinesStatus }] = await Promise.all([
    import('../lab/lab.js'),
    import('../lab/machines/machines-lab.js'),
  ]);
  const stateDir = await stateDirOf(invocation.options);
  const name = nameOf(invocation.options);
  const machines = await machinesStatus({ stateDir });
  if (machines.kind === 'machines') {
    invocation.print({
      json: withSchema('ascent.lab/v1', machines),
      lines: () => machineLines(machines),
    });
    const isUp = machines.machines.every(({ processes }) => processes > 0);
    return isUp ? exitCodes.ok : exitCodes.notFound;
  }
  const state: LabState = await labStatus({ stateDir });
  invocation.print({
    json: withSchema('ascent.lab/v1', { name, ...state }),
    lines: (style) => labLines(name, state, style),
  });
  return state.kind === 'up' ? exitCodes.ok : exitCodes.notFound;
}

/** `--lab`, which every command has, means the same. */
function nameOf(options: LabOptions & { readonly lab?: string }): string {
  return options.name ?? options.lab ?? defaultName;
}

/** The options that name this lab to another command. */
function placeOf(options: LabOptions & { readonly lab?: string }): string {
  const { stateDir } = options;
  const name = `--name ${nameOf(options)}`;
  return stateDir === undefined ? name : `${name} --state-dir ${stateDir}`;
}

async function stateDirOf(options: LabOptions & { readonly lab?: string }): Promise<string> {
  const { defaultStateDir } = await import('../lab/layout.js');
  return options.stateDir ?? defaultStateDir(nameOf(options));
}
