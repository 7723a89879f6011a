// How the scripts of machine steps begin, and how they say things.

import { refusedCode } from './machine-steps';

/** `refuse WHY` ends a script for good; `phase TEXT` tells what it is about. */
export const scriptHead = `
set -eu
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

refuse() { echo "$1"; exit ${refusedCode}; }
phase() { echo "phase: $1"; }
`;

/** A word of sh. */
export function shellWord(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
