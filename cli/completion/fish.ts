// Completion script for fish.

import type { CompletableCommand, CompletableOption } from './words';
import { shellQuoted } from './words';

/** To be written into ~/.config/fish/completions/ascent.fish. */
export function fishScript(
  program: string,
  commands: readonly CompletableCommand[],
  globals: readonly CompletableOption[],
): string {
  const lines = commands.flatMap((command) => {
    const condition = conditionOf(command);
    return [
      ...command.subcommands.map(
        ({ name, description }) =>
          `complete -c ${program} -n ${condition} -a ${name} -d ${shellQuoted(description)}`,
      ),
      ...command.choices.map((choice) => `complete -c ${program} -n ${condition} -a ${choice}`),
      ...(command.path === '' ? [] : command.options.map(optionLine(program, condition))),
    ];
  });
  return [
    `# fish completion for ${program}`,
    `complete -c ${program} -f`,
    ...globals.map(optionLine(program, undefined)),
    ...lines,
    '',
  ].join('\n');
}

/** Where in the command line: after all words of the path, before any subcommand. */
function conditionOf({ path, subcommands }: CompletableCommand): string {
  if (path === '') return '__fish_use_subcommand';
  const seen = path.split(' ').map((word) => `__fish_seen_subcommand_from ${word}`);
  const names = subcommands.map(({ name }) => name).join(' ');
  const not = names === '' ? [] : [`not __fish_seen_subcommand_from ${names}`];
  return shellQuoted([...seen, ...not].join('; and '));
}

function optionLine(program: string, condition: string | undefined) {
  return ({ flags, description, value }: CompletableOption): string => {
    const names = flags.map((flag) =>
      flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`,
    );
    const takes = {
      none: '',
      file: ' -r -F',
      text: ' -x',
      choices: value.kind === 'choices' ? ` -x -a ${shellQuoted(value.choices.join(' '))}` : '',
    }[value.kind];
    const where = condition === undefined ? '' : ` -n ${condition}`;
    const what = `${names.join(' ')}${takes} -d ${shellQuoted(description)}`;
    return `complete -c ${program}${where} ${what}`;
  };
}
