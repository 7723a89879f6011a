// `ascent demo`: the command line of the demo.

import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

import type { Command } from 'commander';

import { defaultReportFile, runDemo } from './demo';
import type { DemoOptions } from './demo';
import type { Ground } from './ground';
import { reportLines } from './report';
import { terminalScreen } from './screen';
import { prepareToolchain } from './toolchain';

interface DemoFlags {
  readonly yes?: boolean;
  readonly keep?: boolean;
  readonly report: string;
  readonly name: string;
  readonly members: string;
  readonly nodes: string;
  readonly to: string;
}

const interruptedExitCode = 130;

function keptLines(ground: Ground, program: string): readonly string[] {
  const at = `TEMPORAL_ADDRESS=${ground.temporalAddress} ${program}`;
  return [
    '',
    'Everything is still running:',
    `  cluster      KUBECONFIG=${ground.kubeconfig} kubectl get nodes,pods -A`,
    `  Temporal UI  ${ground.temporalUi}`,
    `  status       ${at} status ${ground.cluster}`,
    `  pause        ${at} pause ${ground.cluster} --reason "looking"`,
    `  resume       ${at} resume ${ground.cluster} --reason "go on"`,
    `  approve      ${at} approve ${ground.cluster} --gate approve/hop-1.30 --reason "ok"`,
    `  roll back    ${at} rollback ${ground.cluster} --hop hop-1.30 --reason "go back"`,
    `  worker log   ${ground.worker.logFile}`,
    `  end it       ${program} lab down --lab ${ground.cluster}`,
  ];
}

async function runCommand(flags: DemoFlags, program: string): Promise<void> {
  const interrupt = new AbortController();
  const onSignal = (): void => interrupt.abort(new Error('interrupted'));
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  const screen = terminalScreen(program, flags.yes === true);
  let ground: Ground | undefined;
  const options: DemoOptions = {
    name: flags.name,
    members: Number(flags.members),
    nodes: Number(flags.nodes),
    to: flags.to,
    yes: flags.yes === true,
    keep: flags.keep === true,
    signal: interrupt.signal,
    onGround: (there) => {
      ground = there;
      for (const text of flags.keep === true ? keptLines(there, program) : []) screen.line(text);
    },
  };
  try {
    await prepareToolchain((text) => screen.line(text), interrupt.signal);
    const report = await runDemo(options, screen);
    const file = path.resolve(flags.report);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, `${JSON.stringify(report, null, 2)}\n`);
    for (const text of ['', ...reportLines(report), `report             ${file}`]) {
      screen.line(text);
    }
    for (const text of flags.keep === true && ground !== undefined
      ? keptLines(ground, program)
      : []) {
      screen.line(text);
    }
    process.exitCode = report.ok ? 0 : 1;
  } catch (error) {
    const isInterrupted = interrupt.signal.aborted;
    screen.line(isInterrupted ? 'interrupted; nothing is left running' : String(error));
    process.exitCode = isInterrupted ? interruptedExitCode : 1;
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}

/** Adds `demo` to the program. */
export function addDemoCommand(program: Command): void {
  program
    .command('demo')
    .summary('upgrade a real cluster on this machine, 1.28 → 1.30, and prove it')
    .description(
      'Brings up a lab and Temporal, upgrades the lab from 1.28 to 1.30 through 1.29, and reports\n' +
        'what an independent observer saw. Exits with 0 only if all of it is true on the cluster.',
    )
    .option('--yes', 'approve every hop without asking')
    .option('--keep', 'leave everything running at the end')
    .option('--report <file>', 'where the report goes', path.basename(defaultReportFile))
    .option('--name <name>', 'name of the lab', 'demo')
    .option('--members <count>', 'control-plane members', '3')
    .option('--nodes <count>', 'worker nodes', '9')
    .option('--to <version>', 'target', '1.30')
    .addHelpText(
      'after',
      '\nExamples:\n  ascent demo --yes\n  ascent demo --keep --report /tmp/report.json',
    )
    .action((flags: DemoFlags) => runCommand(flags, program.name()));
}
