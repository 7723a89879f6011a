// The part of an access file that says how kubeadm's machines are reached.

import path from 'node:path';

import * as z from 'zod';

import type {
  ClusterAccess,
  KubeadmDriverAccess,
  KubeadmPackages,
  MachineAddress,
  ManagedPackages,
} from '../access';
import { filePath } from './access-words';

const sshPort = 22;

const port = z.int('expected a port').min(1, 'expected a port').max(65_535, 'expected a port');

/** Of hosts and users: nothing that a shell or ssh could take for something else. */
const word = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_.:-]*$/, 'expected a name or an address');

const sshSchema = z
  .strictObject({
    user: word.default('root'),
    key: filePath.optional(),
    agent: z.literal(true, 'expected true, or no agent').optional(),
    knownHosts: filePath,
    port: port.optional(),
    jump: z.strictObject({ host: word, port: port.optional(), user: word.optional() }).optional(),
  })
  .superRefine(({ key, agent }, context) => {
    if ((key === undefined) !== (agent === undefined)) return;
    const message = 'expected either a key or an agent';
    context.addIssue({ code: 'custom', path: ['key'], message });
  });

const machine = z.strictObject({ host: word, port: port.optional(), hostname: word.optional() });

const pathThere = z.string().startsWith('/', 'expected an absolute path, on the machines');

const managers = ['apt', 'dnf', 'zypper'] as const satisfies readonly ManagedPackages['kind'][];

export const kubeadmSchema = z.strictObject({
  kind: z.literal('kubeadm'),
  ssh: sshSchema,
  machines: z
    .record(z.string(), machine)
    .refine((all) => Object.keys(all).length > 0, 'expected at least one machine'),
  packages: z.discriminatedUnion(
    'kind',
    [
      z.strictObject({ kind: z.literal('binaries'), directory: pathThere }),
      z.strictObject({ kind: z.literal(managers), repository: pathThere.optional() }),
      z.strictObject({ kind: z.literal('command'), install: pathThere, releases: pathThere }),
    ],
    `expected binaries, ${managers.join(', ')}, command`,
  ),
});

type Parsed = z.infer<typeof kubeadmSchema>;

/** `folder`: of the access file; the directory of binaries is on the machines. */
export function kubeadmWithAbsolutePaths(
  { ssh, machines, packages }: Parsed,
  folder: string,
): KubeadmDriverAccess {
  const { user, key, knownHosts, jump } = ssh;
  const named: Record<string, MachineAddress> = {};
  for (const [name, { host, port: own, hostname }] of Object.entries(machines)) {
    const address = { host, port: own ?? ssh.port ?? sshPort };
    named[name] = hostname === undefined ? address : { ...address, hostname };
  }
  return {
    kind: 'kubeadm',
    ssh: {
      user,
      ...(key === undefined ? {} : { key: path.resolve(folder, key) }),
      knownHosts: path.resolve(folder, knownHosts),
      ...(jump === undefined ? {} : { jump: jumpOf(jump) }),
    },
    machines: named,
    packages: packagesOf(packages),
  };
}

function packagesOf(packages: Parsed['packages']): KubeadmPackages {
  if (packages.kind === 'binaries' || packages.kind === 'command') return packages;
  const { kind, repository } = packages;
  return repository === undefined ? { kind } : { kind, repository };
}

function jumpOf({
  host,
  port: own = sshPort,
  user,
}: NonNullable<Parsed['ssh']['jump']>): NonNullable<KubeadmDriverAccess['ssh']['jump']> {
  return user === undefined ? { host, port: own } : { host, port: own, user };
}

/** Files that must be there and readable. */
export function driverFiles(
  driver: ClusterAccess['driver'],
): readonly { readonly key: string; readonly file: string }[] {
  if (driver.kind === 'cluster-api') {
    return [{ key: 'driver.kubeconfig', file: driver.kubeconfig }];
  }
  if (driver.kind !== 'kubeadm') return [];
  const { key, knownHosts } = driver.ssh;
  return [
    { key: 'driver.ssh.knownHosts', file: knownHosts },
    ...(key === undefined ? [] : [{ key: 'driver.ssh.key', file: key }]),
  ];
}
