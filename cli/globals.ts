// Options that every command has, and what they stand for.

import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';

import type { ConnectOptions } from '../client';
import type { CliContext } from './context';

/** Of all commands; those besides the first two are for some of them only. */
const outputFormats = ['human', 'json', 'html', 'table', 'sarif', 'junit'] as const;

export type OutputFormat = (typeof outputFormats)[number];

export const usualFormats: readonly OutputFormat[] = ['human', 'json'];

export interface GlobalOptions {
  readonly output: OutputFormat;
  readonly profile?: string;
  readonly configFile?: string;
  readonly address?: string;
  readonly namespace?: string;
  /** A worker serves several clusters; every other command is about one. */
  readonly access?: readonly string[];
  readonly lab?: string;
  readonly actor?: string;
}

export function addGlobalOptions(program: Command): void {
  program
    .addOption(
      new Option('-o, --output <format>', 'how to answer')
        .choices(usualFormats)
        .argParser(outputFormat)
        .default('human'),
    )
    .option('--profile <name>', 'connection profile of Temporal (environment: TEMPORAL_PROFILE)')
    .option('--config-file <file>', 'where profiles are (environment: TEMPORAL_CONFIG_FILE)')
    .option('--address <host:port>', 'address of Temporal, before profile and environment')
    .option('--namespace <name>', 'namespace of Temporal, before profile and environment')
    .option('--access <file>', 'how to reach the cluster (environment: ASCENT_ACCESS)', collect)
    .option('--lab <name>', 'the lab of that name, instead of --access')
    .option('--actor <name>', 'who asks, for the audit trail (default: user@host)');
}

/** The option is read before it is known which command it is for: that one says what it takes. */
function outputFormat(text: string): OutputFormat {
  const format = outputFormats.find((one) => one === text);
  if (format !== undefined) return format;
  throw new InvalidArgumentError(`Allowed choices are ${usualFormats.join(', ')}.`);
}

/** For an option that may be given several times. */
export function collect(text: string, others: readonly string[] = []): readonly string[] {
  return [...others, text];
}

export function connectOptions(options: GlobalOptions, context: CliContext): ConnectOptions {
  const { profile, configFile, address, namespace } = options;
  return {
    ...(profile === undefined ? {} : { profile }),
    ...(configFile === undefined ? {} : { configFile }),
    ...(address === undefined ? {} : { address }),
    ...(namespace === undefined ? {} : { namespace }),
    env: context.env,
  };
}
