// Puts another release within reach of every machine, as a package repository and a registry would:
// binaries in a directory of its own, images imported. Nothing of it is in use yet.

import { constants } from 'node:fs';
import { chmod, copyFile, mkdir } from 'node:fs/promises';
import path from 'node:path';

import { ensureImages } from './images';
import type { MachineContext } from './machine';
import { importImages } from './machine-cluster';
import { machineDirectory } from './machine-files';
import { nodeMachines } from './machines-file';
import { machineBinaries, machineRelease, releasesDirectory } from './releases';

const programs = ['kubeadm', 'kubelet', 'kubectl'] as const;

/** Where a machine finds the programs of a release: `/opt/releases/1.29.15/kubeadm`. */
export function offeredAt(version: string, program: (typeof programs)[number]): string {
  return path.posix.join(releasesDirectory, version, program);
}

/**
 * `asked` is a version or a minor; answers the version. Safe to repeat. Throws LabError
 * `options-invalid`, or ToolchainError when its programs are not installed.
 */
export async function offerRelease(context: MachineContext, asked: string): Promise<string> {
  const { release, images } = await offerPrograms(context, asked);
  for (const machine of context.lab.machines) await importImages(context, machine, images);
  return release;
}

/**
 * Its programs without its images; answers where the archives of these lie. Throws as offerRelease
 * does.
 */
export async function offerPrograms(
  context: MachineContext,
  asked: string,
): Promise<{ readonly release: string; readonly images: readonly string[] }> {
  const release = machineRelease(asked);
  const binaries = await machineBinaries(release);
  const images = await ensureImages(release, binaries);
  for (const machine of nodeMachines(context.lab)) {
    const disk = path.join(machineDirectory(context.layout, machine.name), 'disk');
    for (const program of programs) {
      const file = path.join(disk, offeredAt(release.kubernetes, program));
      await mkdir(path.dirname(file), { recursive: true });
      await copyFile(binaries.of(program), file, constants.COPYFILE_FICLONE);
      await chmod(file, 0o755);
    }
  }
  return { release: release.kubernetes, images };
}
