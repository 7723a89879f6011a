// The part of an access file that says how kubeadm's machines are reached.

import path from 'node:path';

import * as z from 'zod';

import { requiredText } from '../../domain/input-words';
import type {
  ClusterAccess,
  EtcdUnitsAccess,
  KubeadmDriverAccess,
  KubeadmJobsAccess,
  KubeadmPackages,
  KubeadmSshAccess,
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

const jobsSchema = z.strictObject({
  namespace: z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'expected a namespace'),
  image: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._/:@-]*$/, 'expected an image'),
  kubeconfig: filePath.optional(),
});

const machine = z.strictObject({
  host: word.optional(),
  port: port.optional(),
  hostname: word.optional(),
});

const pathThere = z.string().startsWith('/', 'expected an absolute path, on the machines');

const unitName = z
  .string()
  .regex(/^[A-Za-z0-9_][A-Za-z0-9_.@-]*$/, 'expected the name of a unit')
  .transform((text) => text.replace(/\.service$/, ''));

const etcdSchema = z.strictObject({
  unit: unitName,
  machines: z.record(word, machine).default({}),
  client: z.strictObject({ ca: pathThere, certificate: pathThere, key: pathThere }).optional(),
});

const managers = ['apt', 'dnf', 'zypper'] as const satisfies readonly ManagedPackages['kind'][];

export const kubeadmSchema = z
  .strictObject({
    kind: z.literal('kubeadm'),
    ssh: sshSchema.optional(),
    jobs: jobsSchema.optional(),
    machines: z
      .record(z.string(), machine)
      .refine((all) => Object.keys(all).length > 0, 'expected at least one machine'),
    etcd: etcdSchema.optional(),
    packages: z.discriminatedUnion(
      'kind',
      [
        z.strictObject({ kind: z.literal('binaries'), directory: pathThere }),
        z.strictObject({ kind: z.literal(managers), repository: pathThere.optional() }),
        z.strictObject({ kind: z.literal('command'), install: pathThere, releases: pathThere }),
      ],
      `expected binaries, ${managers.join(', ')}, command`,
    ),
    pullImages: z.boolean('expected true or false').optional(),
  })
  .superRefine(({ jobs, machines, etcd }, context) => {
    for (const [name, { host }] of Object.entries(etcd?.machines ?? {})) {
      const path = ['etcd', 'machines', name];
      const message = 'driver.machines has it already: leave it out here';
      if (machines[name] !== undefined) context.addIssue({ code: 'custom', path, message });
      if (host !== undefined) continue;
      context.addIssue({ code: 'custom', path: [...path, 'host'], message: requiredText });
    }
    if (jobs === undefined || etcd === undefined) return;
    context.addIssue({ code: 'custom', path: ['etcd'], message: 'expected with ssh only' });
  })
  .superRefine(({ ssh, jobs, machines }, context) => {
    if ((ssh === undefined) === (jobs === undefined)) {
      const message = 'expected either ssh or jobs';
      context.addIssue({ code: 'custom', path: ['ssh'], message });
      return;
    }
    for (const [name, { host, port: own }] of Object.entries(machines)) {
      const problem = (key: string, message: string): void =>
        context.addIssue({ code: 'custom', path: ['machines', name, key], message });
      if (jobs === undefined && host === undefined) problem('host', requiredText);
      if (jobs !== undefined && host !== undefined) problem('host', 'expected with ssh only');
      if (jobs !== undefined && own !== undefined) problem('port', 'expected with ssh only');
    }
  });

type Parsed = z.infer<typeof kubeadmSchema>;
type EtcdParsed = NonNullable<Parsed['etcd']>;
type JobsParsed = NonNullable<Parsed['jobs']>;
type JumpParsed = NonNullable<NonNullable<Parsed['ssh']>['jump']>;

/** `folder`: of the access file; the directory of binaries is on the machines. */
export function kubeadmWithAbsolutePaths(
  { ssh, jobs, machines, packages, pullImages, etcd }: Parsed,
  folder: string,
): KubeadmDriverAccess {
  const pulls = pullImages === undefined ? {} : { pullImages };
  const common = { kind: 'kubeadm', packages: packagesOf(packages), ...pulls } as const;
  // One of both is there (see the schema).
  if (jobs !== undefined) return { ...common, ...byJobs({ jobs, machines }, folder) };
  return { ...common, ...bySsh({ ssh, machines, etcd }, folder) };
}

function addressesOf(
  machines: Parsed['machines'],
  common: number,
): Readonly<Record<string, MachineAddress>> {
  const named: Record<string, MachineAddress> = {};
  for (const [name, { host = '', port: own = common, hostname }] of Object.entries(machines)) {
    named[name] = { host, port: own, ...(hostname === undefined ? {} : { hostname }) };
  }
  return named;
}

function etcdOf({ unit, machines, client }: EtcdParsed, common: number): EtcdUnitsAccess {
  const found = { unit, machines: addressesOf(machines, common) };
  return client === undefined ? found : { ...found, client };
}

function bySsh(
  { ssh, machines, etcd }: Pick<Parsed, 'ssh' | 'machines' | 'etcd'>,
  folder: string,
): Pick<KubeadmSshAccess, 'ssh' | 'machines' | 'etcd'> {
  const { user = 'root', key, knownHosts = '', jump, port: common = sshPort } = ssh ?? {};
  return {
    ssh: {
      user,
      ...(key === undefined ? {} : { key: path.resolve(folder, key) }),
      knownHosts: path.resolve(folder, knownHosts),
      ...(jump === undefined ? {} : { jump: jumpOf(jump) }),
    },
    machines: addressesOf(machines, common),
    ...(etcd === undefined ? {} : { etcd: etcdOf(etcd, common) }),
  };
}

function byJobs(
  { jobs, machines }: { readonly jobs: JobsParsed; readonly machines: Parsed['machines'] },
  folder: string,
): Pick<KubeadmJobsAccess, 'jobs' | 'machines'> {
  const { namespace, image, kubeconfig } = jobs;
  const named = Object.entries(machines).map(([name, { hostname }]) => [
    name,
    hostname === undefined ? {} : { hostname },
  ]);
  const own = kubeconfig === undefined ? {} : { kubeconfig: path.resolve(folder, kubeconfig) };
  return {
    jobs: { namespace, image, ...own },
    machines: Object.fromEntries(named) as KubeadmJobsAccess['machines'],
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
}: JumpParsed): NonNullable<KubeadmSshAccess['ssh']['jump']> {
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
  if ('jobs' in driver) {
    const { kubeconfig } = driver.jobs;
    return kubeconfig === undefined ? [] : [{ key: 'driver.jobs.kubeconfig', file: kubeconfig }];
  }
  const { key, knownHosts } = driver.ssh;
  return [
    { key: 'driver.ssh.knownHosts', file: knownHosts },
    ...(key === undefined ? [] : [{ key: 'driver.ssh.key', file: key }]),
  ];
}

/** Where etcd is units: members on no machine, and machines of no member, each with why. */
export function unreachedEtcd(
  { machines, etcd }: Pick<Parsed, 'machines' | 'etcd'>,
  members: readonly { readonly name: string }[],
): readonly (readonly [name: string, message: string])[] {
  if (etcd === undefined) return [];
  const named = new Set(members.map(({ name }) => name));
  const isReached = (name: string): boolean =>
    etcd.machines[name] !== undefined || machines[name] !== undefined;
  return [
    ...[...named]
      .filter((name) => !isReached(name))
      .map((name) => [name, 'is required: etcd.members names it, and no machine has it'] as const),
    ...Object.keys(etcd.machines)
      .filter((name) => !named.has(name))
      .map((name) => [name, 'etcd.members names no such member'] as const),
  ];
}
