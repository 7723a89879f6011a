// How scripts for machines begin, and how those of steps say things.

import { memberComponents } from '../../domain/observation';

/** What a script ends with when asking again cannot help (EX_NOPERM of sysexits.h). */
export const refusedCode = 77;

export const scriptEnvironment =
  'export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** As words of sh: each has a static pod of that name on a control plane of kubeadm's. */
export const componentWords = memberComponents.join(' ');

/** `refuse WHY` ends a script for good; `phase TEXT` tells what it is about. */
export const scriptHead = `
set -eu
${scriptEnvironment}

refuse() { echo "$1"; exit ${refusedCode}; }
phase() { echo "phase: $1"; }
`;

/** A word of sh. */
export function shellWord(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
