// Programs of a release that come with an image of the system: two commands of the machine's owner
// list them and bring them. A part of scripts.
// I1. Whether it has done what it was asked is seen by the programs, never by its exit code.

import type { KubeVersion } from '../../domain/versions';
import type { CommandPackages } from '../access';
import { refusedCode, shellWord } from './machine-script';

function commandsScript({ install, releases }: CommandPackages): string {
  return `
install=${shellWord(install)}
releases=${shellWord(releases)}
check_commands() {
  for command in install releases; do
    eval "file=\\$$command"
    if [ ! -f "$file" ] || [ ! -x "$file" ]; then
      refuse "$file is no program on this machine: correct driver.packages.$command"
    fi
  done
}
`;
}

const changing = `
lacking() {
  for program in "$@"; do
    if [ "$(version_of "$(place_of "$program")" || true)" != "$to" ]; then echo "$program"; fi
  done
}

check_programs() {
  check_commands
  if [ -z "$(lacking kubeadm kubelet kubectl)" ]; then return 0; fi
  listed=$("$releases" < /dev/null) || { echo "$releases ended with $?"; exit 1; }
  if ! echo "$listed" | grep -q -x -F -e "$plain" -e "$to"; then
    refuse "$releases does not tell $plain"
  fi
}

put() {
  missing=$(lacking "$@")
  if [ -z "$missing" ]; then return 0; fi
  phase "installing $plain: $(echo $missing)"
  ended=0
  "$install" "$plain" $missing < /dev/null || ended=$?
  case $ended in
    0) ;;
    ${refusedCode}) exit ${refusedCode} ;;
    *) echo "$install ended with $ended"; exit 1 ;;
  esac
  for program in $missing; do
    found=$(version_of "$(place_of "$program")" || true)
    if [ "$found" = "$to" ]; then continue; fi
    echo "$(place_of "$program") is \${found:-nothing} after $install, not $to"
    exit 1
  done
}
`;

/** `check_programs` and `put`, as programsScript has them. */
export function imageScript(packages: CommandPackages, to: KubeVersion): string {
  return `
plain=${to}
${commandsScript(packages)}${changing}`;
}

/** Prints what the command lists. */
export function imageReleasesScript(packages: CommandPackages): string {
  return `
${commandsScript(packages)}
check_commands
listed=$("$releases" < /dev/null)
echo "$listed" | grep -x -E 'v?[0-9]+[.][0-9]+[.][0-9]+' || true
`;
}
