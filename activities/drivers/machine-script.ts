// How scripts for machines begin, and how those of steps say things.

import { memberComponents } from '../../domain/observation';

/** What a script ends with when asking again cannot help (EX_NOPERM of sysexits.h). */
export const refusedCode = 77;
/** What a script ends with where a disk has no room (EX_CANTCREAT). */
export const fullCode = 73;
/** What a script ends with that has failed, and would fail again (EX_SOFTWARE). */
export const brokenCode = 70;
/** What a script ends with that goes on when its machine has started again (ERESTART). */
export const restartCode = 85;

export const scriptEnvironment =
  'export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** As words of sh: each has a static pod of that name on a control plane of kubeadm's. */
export const componentWords = memberComponents.join(' ');

/**
 * `refuse WHY` ends a script for good; `phase TEXT` tells what it is about. `need_room DIRECTORY
 * KIB WHAT` ends it where that much does not fit there.
 */
export const scriptHead = `
set -eu
${scriptEnvironment}

refuse() { echo "$1"; exit ${refusedCode}; }
phase() { echo "phase: $1"; }

need_room() {
  left=$(df -Pk "$1" | awk 'NR == 2 { print $4 }')
  if [ "$left" -ge "$2" ]; then return; fi
  echo "reason: $3 needs $2 KiB in $1, and $left KiB are left"
  exit ${fullCode}
}
`;

/** A word of sh. */
export function shellWord(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
