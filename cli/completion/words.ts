// What can be completed, read from the parser itself: commands, options, values. The scripts are
// made from it, so that they know every command the program has, and ask nobody at each TAB.

import type { Command, Option } from 'commander';

export interface CompletableOption {
  /** `--spec`, `-s`. */
  readonly flags: readonly string[];
  readonly description: string;
  readonly value: OptionValue;
}

export type OptionValue =
  | { readonly kind: 'none' }
  | { readonly kind: 'file' }
  | { readonly kind: 'text' }
  | { readonly kind: 'choices'; readonly choices: readonly string[] };

export interface CompletableCommand {
  /** Words from the program on: empty for the program itself, `lab up`. */
  readonly path: string;
  readonly description: string;
  readonly subcommands: readonly { readonly name: string; readonly description: string }[];
  readonly options: readonly CompletableOption[];
  /** Choices of the positional arguments. */
  readonly choices: readonly string[];
}

/** The program first, then every command below it, in the order of the help. */
export function completableCommands(program: Command): readonly CompletableCommand[] {
  return describe(program, '');
}

function describe(command: Command, path: string): readonly CompletableCommand[] {
  const help = command.createHelp();
  // --help does the same; the implicit command would stand beside every other.
  const children = help.visibleCommands(command).filter((child) => child.name() !== 'help');
  const own: CompletableCommand = {
    path,
    description: command.summary() || command.description(),
    subcommands: children.map((child) => ({
      name: child.name(),
      description: child.summary() || child.description(),
    })),
    options: help.visibleOptions(command).map(describeOption),
    choices: command.registeredArguments.flatMap((argument) => argument.argChoices ?? []),
  };
  const below = children.flatMap((child) =>
    describe(child, path === '' ? child.name() : `${path} ${child.name()}`),
  );
  return [own, ...below];
}

function describeOption(option: Option): CompletableOption {
  const flags = [option.long, option.short].filter((flag) => typeof flag === 'string');
  return { flags, description: option.description, value: valueOf(option) };
}

function valueOf(option: Option): OptionValue {
  if (!option.required && !option.optional) return { kind: 'none' };
  if (option.argChoices !== undefined) return { kind: 'choices', choices: option.argChoices };
  return /<(file|directory)>/.test(option.flags) ? { kind: 'file' } : { kind: 'text' };
}

/** Options of all commands that take this kind of value, each flag once. */
export function flagsWith(
  commands: readonly CompletableCommand[],
  kind: OptionValue['kind'],
): readonly string[] {
  const options = commands.flatMap((command) => command.options);
  return [...new Set(options.filter((one) => one.value.kind === kind).flatMap((one) => one.flags))];
}

/** Flag → its choices, each pair once. */
export function choicesOf(
  commands: readonly CompletableCommand[],
): readonly { readonly flags: readonly string[]; readonly choices: readonly string[] }[] {
  const found = new Map<string, { flags: readonly string[]; choices: readonly string[] }>();
  for (const { flags, value } of commands.flatMap((command) => command.options)) {
    if (value.kind === 'choices') found.set(flags.join(), { flags, choices: value.choices });
  }
  return [...found.values()];
}

/** `'it'\''s'`: a word for any of the three shells. */
export function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
