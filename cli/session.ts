// One run of one command: its options, its output in the format that was asked for, its client.

import type { Command } from 'commander';

import type { ConnectOptions } from '../client';
import type { CliContext, UpgradeClient } from './context';
import type { ErrorDocument } from './cli-error';
import { usageError } from './cli-error';
import type { ExitCode } from './exit-codes';
import { exitCodes } from './exit-codes';
import type { GlobalOptions, OutputFormat } from './globals';
import { connectOptions, usualFormats } from './globals';
import type { Style } from './render/style';
import { colourStyle, plainStyle } from './render/style';

/** Every document names its shape and version first (docs/json-output.md). */
export interface SchemaDocument {
  readonly schema: string;
}

export function withSchema(schema: string, fields: object): SchemaDocument {
  return { schema, ...fields };
}

/** What a command answers with: data with a schema, and the same for people. */
export interface Answer {
  readonly json: SchemaDocument;
  readonly lines: (style: Style, width: number) => readonly string[];
}

export interface Invocation<Options = unknown> {
  readonly context: CliContext;
  readonly options: GlobalOptions & Options;
  /** Positional arguments, each of several in its place; what was left out is undefined. */
  readonly args: readonly (string | undefined)[];
  readonly actor: string;
  /** Prints the answer on stdout, in the format that was asked for. */
  print(answer: Answer): void;
  /** Connects, hands the client over, and closes it whatever happens. */
  withClient<T>(
    use: (client: UpgradeClient) => Promise<T>,
    timeouts?: Pick<ConnectOptions, 'timeoutMs' | 'callTimeoutMs'>,
  ): Promise<T>;
}

export type Handler<Options> = (invocation: Invocation<Options>) => Promise<ExitCode>;

/** Binds handlers to commands and keeps the exit code, which commander has no place for. */
export class CommandRun {
  readonly context: CliContext;
  exitCode: ExitCode = exitCodes.ok;
  /** Format of the command that ran, for its error; read from the arguments before that. */
  output: GlobalOptions['output'];

  constructor(context: CliContext, argv: readonly string[]) {
    this.context = context;
    this.output = asksForJson(argv) ? 'json' : 'human';
  }

  /** `formats`: what `-o` may be for this command. */
  bind<Options>(
    command: Command,
    handler: Handler<Options>,
    formats: readonly OutputFormat[] = usualFormats,
  ): void {
    command.action(async () => {
      const options = command.optsWithGlobals<GlobalOptions & Options>();
      if (!formats.includes(options.output)) {
        const message = `${command.name()} does not answer with -o ${options.output}`;
        throw usageError(message, `give one of ${formats.join(', ')}`);
      }
      this.output = options.output;
      this.exitCode = await handler(this.invocation(options, command.processedArgs));
    });
  }

  private invocation<Options>(
    options: GlobalOptions & Options,
    args: readonly unknown[],
  ): Invocation<Options> {
    const { context } = this;
    return {
      context,
      options,
      args: args.flat().map((arg) => (typeof arg === 'string' ? arg : undefined)),
      actor: options.actor ?? context.user,
      print: (answer) => printAnswer(context, options, answer),
      async withClient(use, timeouts) {
        const client = await context.connect({ ...connectOptions(options, context), ...timeouts });
        try {
          return await use(client);
        } finally {
          await client.close();
        }
      },
    };
  }

  /** The sentence on stderr; with `-o json` the document on stdout as well. */
  printError(document: ErrorDocument): void {
    const { stdout, stderr } = this.context;
    if (this.output === 'json') stdout.write(`${JSON.stringify(document, null, 2)}\n`);
    const style = stderr.hasColours ? colourStyle : plainStyle;
    const problems = document.problems.map((problem) => `  ${problem}\n`).join('');
    const remedy = style.faint(`→ ${document.remedy}`);
    stderr.write(`${style.bad('error:')} ${document.message}\n${problems}${remedy}\n`);
    this.exitCode = document.exitCode;
  }
}

/** `-o json`, `-ojson`, `--output json`, `--output=json`: known before the parser has finished. */
function asksForJson(argv: readonly string[]): boolean {
  return argv.some((arg, index) => {
    if (arg === '-ojson' || arg === '--output=json') return true;
    return (arg === '-o' || arg === '--output') && argv[index + 1] === 'json';
  });
}

export function styleOf(context: Pick<CliContext, 'stdout'>): Style {
  return context.stdout.hasColours ? colourStyle : plainStyle;
}

function printAnswer(context: CliContext, options: GlobalOptions, answer: Answer): void {
  const { stdout } = context;
  const text =
    options.output === 'json'
      ? JSON.stringify(answer.json, null, 2)
      : answer.lines(styleOf(context), stdout.width).join('\n');
  stdout.write(`${text}\n`);
}
