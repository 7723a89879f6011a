// The part of an access file that says how machines change version.

import path from 'node:path';

import ms from 'ms';
import * as z from 'zod';

import { type KubeVersion, parseVersion } from '../../domain/versions';
import type { ClusterAccess, CommandAccess, CommandDriverAccess, CommandStep } from '../access';
import { filePath } from './access-words';
import { clusterApiSchema, clusterApiWithAbsolutePaths } from './access-cluster-api';
import { kubeadmSchema, kubeadmWithAbsolutePaths } from './access-kubeadm';

const release = z
  .string()
  .regex(/^v?\d+\.\d+\.\d+$/, 'expected a release such as "1.29.15"')
  .transform((text) => parseVersion(text) as KubeVersion);

function releases(what: string) {
  const message = `expected at least one release; leave ${what} out for those that Ascent knows`;
  return z.array(release).min(1, message);
}

/** Milliseconds afterwards. */
function duration(from: ms.StringValue, to: ms.StringValue) {
  return z
    .string()
    .regex(/^\d+(\.\d+)?\s?(s|m|h)$/, {
      error: 'expected a duration with a unit, such as 30s, 5m or 2h',
      abort: true,
    })
    .transform((text) => ms(text as ms.StringValue))
    .refine((value) => value >= ms(from) && value <= ms(to), {
      error: `expected a duration from ${from} to ${to}`,
    });
}

/** A change of one machine is bounded by the spec as well. */
const defaultTimeoutMs = 30 * 60_000;
const defaultGraceMs = 10_000;

const command = z.strictObject({
  argv: z.tuple(
    [z.string().min(1, 'expected a program')],
    z.string(),
    'expected a list that begins with a program',
  ),
  timeout: duration('1s', '24h').optional(),
});

const commands = {
  node: command.optional(),
  apiServer: command.optional(),
  controllers: command.optional(),
  member: command.optional(),
  putBack: command.optional(),
  etcd: command.optional(),
  restore: command.optional(),
  repairEtcd: command.optional(),
  restoreNeeds: command.optional(),
  versions: command.optional(),
} satisfies Record<CommandStep, unknown>;

const steps = Object.keys(commands) as readonly CommandStep[];
/** These change nothing. */
const tellingSteps: readonly CommandStep[] = ['restoreNeeds', 'versions'];

const commandSchema = z
  .strictObject({
    kind: z.literal('command'),
    ...commands,
    environment: z
      .array(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'expected the name of a variable'))
      .default([]),
    grace: duration('1s', '5m').optional(),
    releases: releases('releases').optional(),
    etcdReleases: z.array(release).min(1, 'expected at least one release').optional(),
  })
  .superRefine((driver, context) => {
    if (!steps.some((step) => driver[step] !== undefined && !tellingSteps.includes(step))) {
      const message = 'is required: without a command for any change, the kind is none';
      context.addIssue({ code: 'custom', path: ['node'], message });
    }
    for (const part of ['apiServer', 'controllers'] as const) {
      if (driver.member === undefined || driver[part] === undefined) continue;
      const message = 'there is a command member, which changes all of a member';
      context.addIssue({ code: 'custom', path: [part], message });
    }
    for (const key of ['releases', 'etcdReleases'] as const) {
      if (driver.versions === undefined || driver[key] === undefined) continue;
      const message = 'there is a command versions, which tells them';
      context.addIssue({ code: 'custom', path: [key], message });
    }
  });

export const driverSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('lab'), socket: filePath }),
  commandSchema,
  kubeadmSchema,
  clusterApiSchema,
  z.strictObject({ kind: z.literal('none'), releases: releases('releases').optional() }),
]);

type Parsed = z.infer<typeof driverSchema>;
type ParsedCommand = Extract<Parsed, { readonly kind: 'command' }>;

/** `folder`: of the access file; relative paths are relative to it, those of arguments as well. */
export function driverWithAbsolutePaths(driver: Parsed, folder: string): ClusterAccess['driver'] {
  switch (driver.kind) {
    case 'lab':
      return { kind: 'lab', socket: path.resolve(folder, driver.socket) };
    case 'command':
      return commandDriverOf(driver, folder);
    case 'kubeadm':
      return kubeadmWithAbsolutePaths(driver, folder);
    case 'cluster-api':
      return clusterApiWithAbsolutePaths(driver, folder);
    case 'none':
      return driver.releases === undefined
        ? { kind: 'none' }
        : { kind: 'none', releases: driver.releases };
  }
}

function commandDriverOf(driver: ParsedCommand, directory: string): CommandDriverAccess {
  const { environment, grace, releases: known, etcdReleases } = driver;
  const named: Partial<Record<CommandStep, CommandAccess>> = {};
  for (const step of steps) {
    const one = driver[step];
    if (one === undefined) continue;
    const [program, ...args] = one.argv;
    // A bare name is looked up on PATH; only something with a slash is a path.
    const found = program.includes('/') ? path.resolve(directory, program) : program;
    named[step] = { argv: [found, ...args], timeoutMs: one.timeout ?? defaultTimeoutMs };
  }
  return {
    kind: 'command',
    directory,
    commands: named,
    environment,
    graceMs: grace ?? defaultGraceMs,
    ...(known === undefined ? {} : { releases: known }),
    ...(etcdReleases === undefined ? {} : { etcdReleases }),
  };
}

/** Programs that must be there and executable. */
export function driverPrograms(
  driver: ClusterAccess['driver'],
): readonly { readonly key: string; readonly file: string }[] {
  if (driver.kind !== 'command') return [];
  return Object.entries(driver.commands).flatMap(([step, { argv }]) =>
    argv[0].includes('/') ? [{ key: `driver.${step}.argv.0`, file: argv[0] }] : [],
  );
}
