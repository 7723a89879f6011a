// What the host must have for a lab of machines, and the Debian packages that bring it.

import { existsSync } from 'node:fs';
import { mkdir, rmdir } from 'node:fs/promises';
import path from 'node:path';

import { LabError } from '../lab-error';
import { hierarchies, ownCgroups } from './cgroups';
import { runHere } from './run-here';

interface HostProgram {
  readonly file: string;
  readonly package: string;
}

export const hostPrograms: readonly HostProgram[] = [
  { file: '/usr/bin/containerd', package: 'containerd' },
  { file: '/usr/bin/ctr', package: 'containerd' },
  { file: '/usr/sbin/runc', package: 'runc' },
  { file: '/usr/sbin/sshd', package: 'openssh-server' },
  { file: '/usr/bin/ssh-keygen', package: 'openssh-client' },
  { file: '/usr/bin/nsenter', package: 'util-linux' },
  { file: '/usr/bin/unshare', package: 'util-linux' },
  { file: '/usr/bin/mount', package: 'mount' },
  { file: '/usr/sbin/ip', package: 'iproute2' },
  { file: '/usr/sbin/xtables-nft-multi', package: 'iptables' },
  { file: '/usr/sbin/conntrack', package: 'conntrack' },
  { file: '/usr/lib/cni/bridge', package: 'containernetworking-plugins' },
  { file: '/usr/sbin/ethtool', package: 'ethtool' },
  { file: '/usr/bin/socat', package: 'socat' },
];

/** Debian's packages of what is not there, each once. */
export function missingPackages(
  isThere: (file: string) => boolean = existsSync,
): readonly string[] {
  const missing = hostPrograms.filter(({ file }) => !isThere(file));
  return [...new Set(missing.map((program) => program.package))];
}

export interface Host {
  readonly platform: NodeJS.Platform;
  readonly isRoot: boolean;
  readonly isThere: (file: string) => boolean;
  /** Whether the controllers are mounted as cgroup v1. */
  readonly hasCgroupV1: boolean;
  /** What this process was refused, though it is root: a container may allow less. */
  readonly refused: readonly string[];
}

/** Each as what a lab of machines needs; empty where it can run. `packages`: those to be missed. */
export function lackingOf(
  { platform, isRoot, isThere, hasCgroupV1, refused }: Host,
  packages = missingPackages(isThere),
): readonly string[] {
  return [
    ...(platform === 'linux' ? [] : [`Linux; this is ${platform}`]),
    ...(isRoot ? [] : ['root: machines are made of namespaces, mounts and control groups']),
    ...(hasCgroupV1 ? [] : ['control groups of version 1 below /sys/fs/cgroup']),
    ...refused,
    ...(packages.length === 0 ? [] : [`the Debian packages ${packages.join(' ')}`]),
  ];
}

/** Throws LabError `lab-unsupported` that names all that is missing. */
export function checkHost(host: Host): void {
  const missing = lackingOf(host);
  if (missing.length === 0) return;
  throw new LabError(
    'lab-unsupported',
    `a lab of machines cannot run here; it needs ${missing.join('; ')}`,
    { problems: missing },
  );
}

/** Throws like `checkHost`. */
export async function requireMachineHost(): Promise<void> {
  checkHost(await thisHost());
}

/** As this process finds it. */
export async function thisHost(): Promise<Host> {
  const isLinux = process.platform === 'linux';
  const names = isLinux ? (await hierarchies()).map(({ name }) => name) : [];
  const isRoot = process.geteuid?.() === 0;
  const hasCgroupV1 = names.includes('memory');
  const refused = isRoot && hasCgroupV1 ? await refusedHere() : [];
  return { platform: process.platform, isRoot, isThere: existsSync, hasCgroupV1, refused };
}

const namespaces = ['--mount', '--net', '--uts', '--ipc', '--pid', '--cgroup'];

/** Tries the two things that a machine cannot do without; nothing of it stays. */
async function refusedHere(): Promise<readonly string[]> {
  const refused: string[] = [];
  const mountOne = ['mount', '-t', 'tmpfs', 'ascent-probe', '/mnt'];
  await runHere({
    doing: 'trying to make namespaces',
    file: 'unshare',
    args: [...namespaces, '--fork', '--propagation', 'private', '--', ...mountOne],
  }).catch(() => refused.push('the right to make namespaces and to mount in them'));
  for (const group of Object.values(await ownCgroups(`probe-${process.pid}`))) {
    try {
      await mkdir(group);
      await rmdir(group);
    } catch {
      refused.push(`the right to make control groups in ${path.dirname(group)}`);
    }
  }
  return refused;
}
