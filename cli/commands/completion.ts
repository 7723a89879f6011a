// `completion`: the script with which a shell completes commands, options and file names.

import type { Command } from 'commander';
import { Argument } from 'commander';

import { bashScript } from '../completion/bash';
import { fishScript } from '../completion/fish';
import { completableCommands } from '../completion/words';
import { zshScript } from '../completion/zsh';
import { exitCodes } from '../exit-codes';
import type { CommandRun } from '../session';
import { withSchema } from '../session';
import { examples } from './examples';

const shells = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof shells)[number];

/** Must be added last: the script knows the commands that are there when it is asked for. */
export function addCompletion(program: Command, run: CommandRun): void {
  const command = program
    .command('completion')
    .summary('print a completion script for a shell')
    .description('Prints the script that makes a shell complete commands, options and files.')
    .addArgument(new Argument('<shell>', 'which shell').choices(shells))
    .addHelpText(
      'after',
      examples([
        ['completion bash > ~/.local/share/bash-completion/completions/ascent', 'bash'],
        ['completion zsh > "${fpath[1]}/_ascent"', 'zsh'],
        ['completion fish > ~/.config/fish/completions/ascent.fish', 'fish'],
      ]),
    );
  run.bind(command, (invocation) => {
    const shell = shells.find((one) => one === invocation.args[0]) ?? 'bash';
    const script = scriptFor(shell, program);
    invocation.print({
      json: withSchema('ascent.completion/v1', { shell, script }),
      lines: () => [script.trimEnd()],
    });
    return Promise.resolve(exitCodes.ok);
  });
}

function scriptFor(shell: Shell, program: Command): string {
  const commands = completableCommands(program);
  const globals = commands[0]?.options ?? [];
  switch (shell) {
    case 'bash': {
      const flags = globals.flatMap((option) => option.flags);
      return bashScript(program.name(), commands, flags);
    }
    case 'zsh':
      return zshScript(program.name(), commands, globals);
    case 'fish':
      return fishScript(program.name(), commands, globals);
  }
}
