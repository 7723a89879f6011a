// Installs the Debian packages that machines are made of.
// H1. An installation starts no service: a policy that forbids it stands while it runs
//     (invoke-rc.d(8)), and goes with it.

import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';

import { errnoOf } from '../lab-error';
import { missingPackages } from './host-needs';
import { runHere } from './run-here';

const policyFile = '/usr/sbin/policy-rc.d';
const installMs = 600_000;

/** False when somebody has one already, which is left as it is. */
async function forbidStarts(): Promise<boolean> {
  try {
    await writeFile(policyFile, '#!/bin/sh\nexit 101\n', { mode: 0o755, flag: 'wx' });
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Root on Debian, or on what is made of it. */
export function canInstall(): boolean {
  return process.geteuid?.() === 0 && existsSync('/usr/bin/apt-get');
}

/**
 * As root on Debian, installs what is missing. Answers what is missing afterwards: everything that
 * was, where it cannot install. Throws LabError `lab-failed` with what apt-get said.
 */
export async function installPackages(signal: AbortSignal): Promise<readonly string[]> {
  const missing = missingPackages();
  if (missing.length === 0 || !canInstall()) return missing;
  const isOurs = await forbidStarts();
  try {
    for (const args of [['update'], ['install', '-y', '--no-install-recommends', ...missing]]) {
      await runHere({
        doing: `installing ${missing.join(' ')}`,
        file: 'env',
        args: ['DEBIAN_FRONTEND=noninteractive', 'apt-get', '-q', ...args],
        timeoutMs: installMs,
        signal,
      });
    }
  } finally {
    if (isOurs) await rm(policyFile, { force: true });
  }
  return missingPackages();
}
