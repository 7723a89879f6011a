// What a process of a lab has been started as, from its log: what nobody can have undone since.

import { readFile } from 'node:fs/promises';
import path from 'node:path';

import { labLayout } from '../../lab/layout';

/** `1.31.4`, `1.32.5 as 1.31`, …: one for each start, first to last. */
export async function startsOf(stateDir: string, process: string): Promise<readonly string[]> {
  const log = await readFile(path.join(labLayout(stateDir).logs, `${process}.log`), 'utf8');
  return [...log.matchAll(/^--- \S+ \S+ \((.*)\)$/gm)].map(([, program = '']) => program);
}
