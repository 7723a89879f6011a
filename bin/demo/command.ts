// `ascent demo`: the command line of the demo.

import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';

import { examples } from '../../cli/commands/examples';
import type { ExitCode } from '../../cli/exit-codes';
import { exitCodes } from '../../cli/exit-codes';
import type { AddCommands } from '../../cli/program';
import type { CommandRun, Invocation } from '../../cli/session';
import { defaultStateDir } from '../../lab/layout';
import { stillRunning } from '../../lab/still-running';
import type { Interruption } from '../interruption';
import { guarded } from '../lab-failures';
import type { DemoScreen } from './demo';
import type { Ground } from './ground';
import { keptLines, meanwhileLines } from './kept';

interface DemoFlags {
  readonly yes?: boolean;
  readonly keep?: boolean;
  readonly report: string;
  readonly name: string;
  readonly members: number;
  readonly nodes: number;
  readonly to: string;
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new InvalidArgumentError('Expected a whole number above 0.');
}

/** The pods of a drained node have to go somewhere. */
function nodeCount(text: string): number {
  const value = wholeNumber(text);
  if (value > 1) return value;
  throw new InvalidArgumentError('Expected at least 2: drained pods have to go somewhere.');
}

async function demo(
  invocation: Invocation<DemoFlags>,
  interruption: Interruption,
): Promise<ExitCode> {
  const { context, options } = invocation;
  const { signal } = context;
  const isJson = options.output === 'json';
  // What only the demo needs is loaded here: `status` shall not wait for it.
  const [demoModule, { reportLines }, screens, { prepareToolchain }, { findKubectl }] =
    await Promise.all([
      import('./demo.js'),
      import('./report.js'),
      import('./screen.js'),
      import('./toolchain.js'),
      import('../../lab/kubectl.js'),
    ]);
  const { runDemo } = demoModule;
  const { terminalScreen, silentScreen } = screens;
  const screen: DemoScreen = isJson ? silentScreen : terminalScreen(context, options.yes === true);
  const demoOptions = {
    name: options.name,
    members: options.members,
    nodes: options.nodes,
    to: options.to,
    yes: options.yes === true || isJson,
    keep: options.keep === true,
    signal,
  };
  const started = {
    what: `lab ${options.name}`,
    endWith: `${context.program} lab down --name ${options.name}`,
    left: () => stillRunning(defaultStateDir(options.name)),
  };
  const report = await interruption.whileTearingDown(started, async (keep) => {
    await prepareToolchain((text) => screen.line(text), signal);
    const kubectl = options.keep === true ? await findKubectl() : undefined;
    const onGround = (ground: Ground): void => {
      const { program } = context;
      if (options.keep === true) keep();
      const lines = options.keep ? keptLines(ground, program, kubectl) : meanwhileLines(ground);
      lines.forEach((text) => screen.line(text));
    };
    return runDemo({ ...demoOptions, onGround }, screen);
  });
  const file = path.resolve(options.report);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify(report, null, 2)}\n`);
  invocation.print({
    json: report,
    lines: () => ['', ...reportLines(report), `report             ${file}`],
  });
  return report.ok ? exitCodes.ok : exitCodes.unexpected;
}

/** `demo`; `interruption`: of the process that takes down what it has started. */
export function demoCommand(interruption: Interruption): AddCommands {
  return (program, run) => addDemoCommand(program, run, interruption);
}

function addDemoCommand(program: Command, run: CommandRun, interruption: Interruption): void {
  const command = program
    .command('demo')
    .summary('upgrade a real cluster on this machine, and prove it')
    .description(
      'Brings up a lab and Temporal, upgrades the lab from 1.28 to 1.30 through 1.29, and reports' +
        ' what an independent observer saw. Ends with 0 only if all of it is true on the cluster.',
    )
    .option('--yes', 'approve every hop without asking')
    .option('--keep', 'leave everything running at the end')
    .option('--report <file>', 'where the report goes', 'report.json')
    .option('--name <name>', 'name of the lab and of its cluster', 'demo')
    .option('--members <number>', 'control-plane members', wholeNumber, 3)
    .option('--nodes <number>', 'simulated worker nodes, at least 2', nodeCount, 9)
    .option('--to <version>', 'target', '1.30')
    .addHelpText(
      'after',
      examples([
        ['demo', 'asks before the second hop'],
        ['demo --yes --report demo.json', 'without questions'],
        ['demo --keep', 'to look around afterwards'],
      ]),
    );
  run.bind<DemoFlags>(
    command,
    guarded((invocation) => demo(invocation, interruption)),
  );
}
