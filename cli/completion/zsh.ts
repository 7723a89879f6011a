// Completion script for zsh.

import { pathPattern } from './bash';
import type { CompletableCommand, CompletableOption } from './words';
import { choicesOf, flagsWith, shellQuoted } from './words';

/** To be sourced, or put as `_ascent` into a directory of fpath. */
export function zshScript(
  program: string,
  commands: readonly CompletableCommand[],
  globals: readonly CompletableOption[],
): string {
  const name = `_${program.replaceAll(/\W/g, '_')}`;
  return `#compdef ${program}
${name}() {
  local at='' word i
  local -a candidates options
  for ((i = 2; i < CURRENT; i++)); do
    word=$words[i]
    case "\${at:+$at }$word" in
      ${pathPattern(commands)}) at="\${at:+$at }$word" ;;
    esac
  done
  case "$words[CURRENT-1]" in
    ${flagsWith(commands, 'file').join('|')}) _files; return ;;
${choiceCases(commands)}
    ${flagsWith(commands, 'text').join('|')}) return ;;
  esac
  case "$at" in
${commands.map(commandCase).join('\n')}
  esac
  if [[ $words[CURRENT] == -* ]]; then
    options+=(${optionWords(globals)})
    _describe -o option options
  else
    _describe command candidates
  fi
}
if [[ \${funcstack[1]} == ${name} ]]; then ${name} "$@"; else compdef ${name} ${program}; fi
`;
}

function choiceCases(commands: readonly CompletableCommand[]): string {
  return choicesOf(commands)
    .map(({ flags, choices }) => `    ${flags.join('|')}) compadd ${choices.join(' ')}; return ;;`)
    .join('\n');
}

function commandCase({ path, subcommands, choices, options }: CompletableCommand): string {
  const words = [
    ...subcommands.map(({ name, description }) => described(name, description)),
    ...choices.map(shellQuoted),
  ].join(' ');
  return `    ${shellQuoted(path)}) candidates=(${words}); options=(${optionWords(options)}) ;;`;
}

function optionWords(options: readonly CompletableOption[]): string {
  return options
    .flatMap(({ flags, description }) => flags.map((flag) => described(flag, description)))
    .join(' ');
}

/** In _describe a colon ends the word. */
function described(word: string, description: string): string {
  return shellQuoted(`${word.replaceAll(':', String.raw`\:`)}:${description}`);
}
