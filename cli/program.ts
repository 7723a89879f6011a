// The command line of Ascent as commander sees it. bin/ adds the commands that need more than a
// client (lab, worker, demo); tests run all of it in-process.

import { Command, CommanderError } from 'commander';

import type { CliContext } from './context';
import { errorDocument } from './cli-error';
import { addAcknowledge } from './commands/acknowledge';
import { addGateCommands, addNodeCommands, addPauseCommands } from './commands/answers';
import { addRollBack } from './commands/rollback';
import { addCompletion } from './commands/completion';
import { addDrain } from './commands/drain';
import { addDrill } from './commands/drill';
import { addForce } from './commands/force';
import { addObserve } from './commands/observe';
import { addPlan } from './commands/plan';
import { addPreflight } from './commands/preflight';
import { addAudit, addList } from './commands/records';
import { addUnschedule } from './commands/schedule';
import { addReport } from './commands/report';
import { addScan } from './commands/scan';
import { addSet } from './commands/set';
import { addSimulate } from './commands/simulate';
import { addSnapshot } from './commands/snapshot';
import { addStart } from './commands/start';
import { addStatus } from './commands/status';
import { addUncordon } from './commands/uncordon';
import { addWatch } from './commands/watch';
import type { ExitCode } from './exit-codes';
import { exitCodes } from './exit-codes';
import { addGlobalOptions } from './globals';
import { CommandRun } from './session';

/** Adds commands of its own to the program; they bind their handlers with `run`. */
export type AddCommands = (program: Command, run: CommandRun) => void;

export function buildProgram(run: CommandRun, extraCommands: readonly AddCommands[]): Command {
  const { context } = run;
  const program = new Command('ascent')
    .description('Takes a Kubernetes cluster across several minors, durably.')
    .version(context.version, '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand(false)
    .configureHelp({
      showGlobalOptions: true,
      subcommandTerm: (command) => `${command.name()} ${command.usage()}`,
    })
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text),
      // Errors of the parser are told like all others, by runCli.
      outputError: () => undefined,
      getOutHelpWidth: () => context.stdout.width,
      getErrHelpWidth: () => context.stderr.width,
      getOutHasColors: () => context.stdout.hasColours,
      getErrHasColors: () => context.stderr.hasColours,
    });
  addGlobalOptions(program);
  addCommands(program, run, extraCommands);
  return program;
}

function addCommands(
  program: Command,
  run: CommandRun,
  extraCommands: readonly AddCommands[],
): void {
  program.commandsGroup('Look before you leap:');
  addObserve(program, run);
  addPreflight(program, run);
  addPlan(program, run);
  addSimulate(program, run);
  addScan(program, run);
  addDrill(program, run);
  program.commandsGroup('Run:');
  addStart(program, run);
  addStatus(program, run);
  addWatch(program, run);
  addList(program, run);
  addAudit(program, run);
  addReport(program, run);
  addUnschedule(program, run);
  program.commandsGroup('Answer:');
  addGateCommands(program, run);
  addPauseCommands(program, run);
  addRollBack(program, run);
  addNodeCommands(program, run);
  addForce(program, run);
  addSet(program, run);
  addAcknowledge(program, run);
  program.commandsGroup('One node:');
  addDrain(program, run);
  addUncordon(program, run);
  program.commandsGroup('Operate:');
  addSnapshot(program, run);
  for (const add of extraCommands) add(program, run);
  addCompletion(program, run);
}

/**
 * Runs one command line (without the executable's own words) and tells its exit code. Nothing is
 * thrown: what goes wrong is printed, as a sentence and with `-o json` as a document.
 */
export async function runCli(
  argv: readonly string[],
  context: CliContext,
  extraCommands: readonly AddCommands[] = [],
): Promise<ExitCode> {
  const run = new CommandRun(context, argv);
  const program = buildProgram(run, extraCommands);
  try {
    if (argv.length === 0) {
      program.outputHelp();
      return exitCodes.invalidInput;
    }
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (isHelp(error)) return exitCodes.ok;
    if (context.isInterrupted()) {
      context.stderr.write('interrupted\n');
      return exitCodes.interrupted;
    }
    const document = errorDocument(error);
    run.printError(document);
    // Nobody has foreseen it: where it comes from is all there is to go on.
    const isDefect = document.code === 'unexpected' && error instanceof Error;
    if (isDefect) context.stderr.write(`${error.stack ?? ''}\n`);
  }
  return run.exitCode;
}

/** `--help` and `--version` end the parser by an error, after they have printed. */
function isHelp(error: unknown): boolean {
  return error instanceof CommanderError && error.exitCode === 0;
}
