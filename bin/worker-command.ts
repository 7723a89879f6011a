// `worker`: runs upgrades, and the activities of the clusters that it has access to.

import type { Command } from 'commander';
import { Option } from 'commander';

import { CliError } from '../cli/cli-error';
import { examples } from '../cli/commands/examples';
import type { ExitCode } from '../cli/exit-codes';
import { exitCodes } from '../cli/exit-codes';
import type { GlobalOptions } from '../cli/globals';
import type { CommandRun, Invocation } from '../cli/session';
import { withSchema } from '../cli/session';
import type { WorkerFlags } from '../worker/config';
import type { WorkerErrorCode } from '../worker/worker-error';
import { WorkerError } from '../worker/worker-error';

type WorkerOptions = Omit<WorkerFlags, 'access'>;

export function addWorkerCommand(program: Command, run: CommandRun): void {
  const command = program
    .command('worker')
    .summary('serve upgrades and clusters')
    .description(
      'Runs upgrades (task queue ascent) and the activities of the clusters of its access files' +
        ' (task queues cluster/NAME) until it is stopped. Every setting has an environment' +
        ' variable, too; docs/operate.md lists them.',
    )
    .addOption(
      new Option('--only <part>', 'one half of the work').choices(['workflows', 'activities']),
    )
    .option('--health-address <host:port>', 'serve /healthz and /readyz there')
    .option('--metrics-address <host:port>', 'serve Prometheus metrics there')
    .option('--max-cached-workflows <number>', 'workflows kept in memory')
    .option('--max-concurrent-activities <number>', 'activities of one cluster at a time')
    .option('--shutdown-grace-ms <ms>', 'time for activities to end by themselves')
    .option('--shutdown-force-ms <ms>', 'time after that before the worker gives up')
    .option('--connect-timeout-ms <ms>', 'how long to wait for Temporal at the start')
    .option('--log-level <level>', 'ERROR, WARN, INFO, DEBUG or TRACE')
    .option('--log-format <format>', 'text or json')
    .addHelpText(
      'after',
      examples([
        ['worker --access access.json', 'everything for one cluster'],
        ['worker --only activities --access a.json --access b.json', 'beside two clusters'],
        ['worker --only workflows', 'beside Temporal, without any credentials'],
      ]),
    );
  run.bind<WorkerOptions>(command, serve);
}

async function serve(invocation: Invocation<WorkerOptions>): Promise<ExitCode> {
  const { context, options } = invocation;
  const { runWorkerProcess } = await import('../worker/main.js');
  const { profile, configFile, address, namespace } = options;
  try {
    await runWorkerProcess({
      flags: { ...options, access: await accessFilesOf(invocation) },
      temporal: { profile, configFile, address, namespace },
      env: context.env,
      signal: context.signal,
      write: (line) => context.stderr.write(`${line}\n`),
      onReady: (taskQueues) => {
        if (options.output !== 'json') return;
        const ready = withSchema('ascent.worker-ready/v1', { taskQueues });
        context.stdout.write(`${JSON.stringify(ready)}\n`);
      },
    });
  } catch (error) {
    if (error instanceof WorkerError) throw workerError(error);
    throw error;
  }
  return exitCodes.ok;
}

/** --access, else --lab, else the environment, else the only lab that runs. */
async function accessFilesOf({
  context,
  options,
}: Invocation<WorkerOptions>): Promise<readonly string[] | undefined> {
  const { access, lab }: GlobalOptions = options;
  if (access !== undefined) return access;
  const isSaid = (context.env['ASCENT_ACCESS'] ?? '') !== '' || options.only === 'workflows';
  if (lab === undefined && isSaid) return undefined;
  const labs = await context.runningLabs();
  const meant = labs.filter(({ name }) => lab === undefined || name === lab);
  const [only, ...others] = meant;
  return only === undefined || others.length > 0 ? undefined : [only.accessFile];
}

const exitCodeOfWorkerErrors = {
  'config-invalid': exitCodes.invalidInput,
  'access-invalid': exitCodes.invalidInput,
  'connection-invalid': exitCodes.invalidInput,
  'temporal-unreachable': exitCodes.unreachable,
  'temporal-refused': exitCodes.unreachable,
  'namespace-missing': exitCodes.unreachable,
  'search-attributes-missing': exitCodes.unreachable,
} as const satisfies Record<WorkerErrorCode, ExitCode>;

function workerError(error: WorkerError): CliError {
  const { code, message, remedy, problems } = error;
  const exitCode = exitCodeOfWorkerErrors[code];
  return new CliError({ exitCode, code, message, remedy, problems, cause: error });
}
