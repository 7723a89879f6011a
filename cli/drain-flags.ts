// The drain policy as flags. Fields, defaults and words for mistakes are those of an upgrade file;
// kubectl's flags are taken for ours, because fingers know them.

import type { Command } from 'commander';
import { Option } from 'commander';

import type { DrainPolicy } from '../client';
import { parseDrainPolicy } from '../client';
import { collect } from './globals';

export interface DrainFlags {
  readonly timeout?: string;
  readonly gracePeriod?: string;
  readonly emptyDirData?: string;
  readonly unmanagedPods?: string;
  readonly jobPods?: string;
  readonly jobTimeout?: string;
  readonly podSelector?: string;
  readonly namespacePolicy?: readonly string[];
  readonly surge?: boolean;
  readonly surgeAfter?: string;
  readonly force?: boolean;
  readonly deleteEmptydirData?: boolean;
}

/** One node has no pool that could go on without it: at its end a person is asked. */
const surgeLadder = ['surge', 'hold'];

/** Field of an upgrade file's `drain` → our flag. */
const flagOfField: Readonly<Record<string, string>> = {
  timeout: '--timeout',
  gracePeriodSeconds: '--grace-period',
  emptyDirData: '--empty-dir-data',
  unmanagedPods: '--unmanaged-pods',
  jobPods: '--job-pods',
  jobTimeout: '--job-timeout',
  podSelector: '--pod-selector',
  namespaces: '--namespace-policy',
  ladder: '--surge',
  surgeAfter: '--surge-after',
};

export function addDrainFlags(command: Command): Command {
  return command
    .option('--timeout <duration>', 'how long it may take; nothing is forced (default: 30m)')
    .option('--grace-period <seconds>', "in place of each pod's own")
    .addOption(
      choice('--empty-dir-data <what>', 'pods with an emptyDir (default: delete)', [
        'delete',
        'refuse',
      ]),
    )
    .addOption(
      choice('--unmanaged-pods <what>', 'pods that never come back (default: refuse)', [
        'evict',
        'refuse',
      ]),
    )
    .addOption(
      choice('--job-pods <what>', 'running pods of Jobs (default: evict)', ['evict', 'wait']),
    )
    .option('--job-timeout <duration>', 'how long Jobs may go on, with --job-pods wait')
    .option('--pod-selector <selector>', 'only pods with such labels, as kubectl takes it')
    .option(
      '--namespace-policy <namespace=what>',
      'skip, wait or hold its pods; may be repeated',
      collect,
    )
    .option('--surge', 'a temporary replica where a budget never lets a pod leave')
    .option('--surge-after <duration>', 'how long a pod waits for that (default: 1m)')
    .option('--force', 'as kubectl: --unmanaged-pods evict')
    .option('--delete-emptydir-data', 'as kubectl: --empty-dir-data delete')
    .option('--ignore-daemonsets', 'as kubectl: it is always so');
}

/** The parser would stop at the first wrong one; ours are told all at once. */
function choice(flags: string, description: string, choices: string[]): Option {
  const option = new Option(flags, description);
  option.argChoices = choices;
  return option;
}

/** `policy`: undefined when no flag says anything about it. */
export interface ReadFlags {
  readonly policy: DrainPolicy | undefined;
  readonly problems: readonly string[];
}

/** Every problem at once, each with its flag. */
export function readDrainFlags(flags: DrainFlags): ReadFlags {
  const { fields, problems } = fieldsOf(flags);
  if (Object.keys(fields).length === 0) return { policy: undefined, problems };
  const result = parseDrainPolicy(fields);
  if (result.kind === 'valid') return { policy: result.policy, problems };
  const told = result.problems.map(
    ({ field, message }) => `${flagOfField[field] ?? 'the policy'}: ${message}`,
  );
  return { policy: undefined, problems: [...problems, ...told] };
}

function fieldsOf(flags: DrainFlags): {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly problems: readonly string[];
} {
  const { force, deleteEmptydirData, namespacePolicy } = flags;
  const namespaces = namespacesOf(namespacePolicy ?? []);
  const given = {
    timeout: flags.timeout,
    gracePeriodSeconds: flags.gracePeriod === undefined ? undefined : numberOf(flags.gracePeriod),
    emptyDirData: flags.emptyDirData ?? (deleteEmptydirData === true ? 'delete' : undefined),
    unmanagedPods: flags.unmanagedPods ?? (force === true ? 'evict' : undefined),
    jobPods: flags.jobPods,
    jobTimeout: flags.jobTimeout,
    podSelector: flags.podSelector,
    namespaces: namespacePolicy === undefined ? undefined : namespaces.fields,
    ...surgeFields(flags),
  };
  const known = Object.entries(given).filter(([, value]) => value !== undefined);
  const problems = [
    ...(force === true && flags.unmanagedPods === 'refuse'
      ? ['--force: says the contrary of --unmanaged-pods refuse']
      : []),
    ...(deleteEmptydirData === true && flags.emptyDirData === 'refuse'
      ? ['--delete-emptydir-data: says the contrary of --empty-dir-data refuse']
      : []),
    ...namespaces.problems,
  ];
  return { fields: Object.fromEntries(known), problems };
}

function surgeFields({ surge, surgeAfter }: DrainFlags) {
  return { ladder: surge === true ? surgeLadder : undefined, surgeAfter };
}

/** What is no number is told as it was written. */
function numberOf(text: string): number | string {
  return /^\d+$/.test(text) ? Number(text) : text;
}

function namespacesOf(pairs: readonly string[]) {
  const fields: Record<string, string> = {};
  const problems: string[] = [];
  for (const pair of pairs) {
    const [namespace = '', what, ...more] = pair.split('=');
    if (what === undefined || more.length > 0) {
      problems.push(`--namespace-policy: expected NAMESPACE=skip, wait or hold, got "${pair}"`);
    } else if (fields[namespace] !== undefined && fields[namespace] !== what) {
      problems.push(`--namespace-policy: says ${fields[namespace]} and ${what} of ${namespace}`);
    } else fields[namespace] = what;
  }
  return { fields, problems };
}
