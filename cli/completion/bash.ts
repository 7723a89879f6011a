// Completion script for bash 4.

import type { CompletableCommand } from './words';
import { choicesOf, flagsWith, shellQuoted } from './words';

/** To be sourced: `source <(ascent completion bash)`. */
export function bashScript(
  program: string,
  commands: readonly CompletableCommand[],
  globalFlags: readonly string[],
): string {
  const name = `_${program.replaceAll(/\W/g, '_')}`;
  return `# bash completion for ${program}
${name}() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]}
  local path='' word words='' options='' i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    case "\${path:+$path }$word" in
      ${pathPattern(commands)}) path="\${path:+$path }$word" ;;
    esac
  done
  case "$prev" in
    ${flagsWith(commands, 'file').join('|')})
      mapfile -t COMPREPLY < <(compgen -f -- "$cur")
      return ;;
${choiceCases(commands)}
    ${flagsWith(commands, 'text').join('|')}) return ;;
  esac
  case "$path" in
${commands.map(commandCase).join('\n')}
  esac
  [[ $cur == -* ]] && words="$options ${globalFlags.join(' ')}"
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -o filenames -F ${name} ${program}
`;
}

export function pathPattern(commands: readonly CompletableCommand[]): string {
  return commands
    .filter(({ path }) => path !== '')
    .map(({ path }) => shellQuoted(path))
    .join('|');
}

function choiceCases(commands: readonly CompletableCommand[]): string {
  return choicesOf(commands)
    .map(
      ({ flags, choices }) => `    ${flags.join('|')})
      mapfile -t COMPREPLY < <(compgen -W ${shellQuoted(choices.join(' '))} -- "$cur")
      return ;;`,
    )
    .join('\n');
}

function commandCase({ path, subcommands, choices, options }: CompletableCommand): string {
  const words = [...subcommands.map(({ name }) => name), ...choices].join(' ');
  const flags = options.flatMap((option) => option.flags).join(' ');
  const key = shellQuoted(path);
  return `    ${key}) words=${shellQuoted(words)} options=${shellQuoted(flags)} ;;`;
}
