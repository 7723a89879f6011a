// What commands without Temporal look at: a spec, and a cluster, live or as a file.

import { observeCluster, observeForPreflight } from '../activities/observe';
import { parseSpecFile, specProblemText } from '../client/spec-file';
import type { ClusterName } from '../domain/names';
import type { PreflightObservation } from '../domain/preflight/drains';
import type { UpgradeSpec } from '../domain/spec';
import { type FoundAccess, requireAccess } from './access';
import { CliError } from './cli-error';
import type { CliContext } from './context';
import { exitCodes } from './exit-codes';
import type { GlobalOptions } from './globals';
import { readInput } from './input-files';
import { parseObservation } from './observation-file';

interface Source {
  readonly context: CliContext;
  readonly options: GlobalOptions & { readonly observation?: string };
  /** Whether machines are asked as well, where a driver reaches them. */
  readonly withMachines?: boolean;
  /** Goes to a file or a reader: without what is large and no part of an Observation. */
  readonly isKept?: boolean;
}

/** Throws CliError `spec-invalid` with every problem, its line and a suggestion. */
export async function readSpec(context: CliContext, file: string): Promise<UpgradeSpec> {
  const text = await readInput(context, file, 'spec');
  const result = parseSpecFile(text, file);
  if (result.kind === 'valid') return result.spec;
  throw new CliError({
    exitCode: exitCodes.invalidInput,
    code: 'spec-invalid',
    message: `the spec ${file} is not valid`,
    remedy: 'correct what is named; docs/spec.schema.json completes it in an editor',
    problems: result.problems.map((problem) => specProblemText(file, problem)),
  });
}

/**
 * From `--observation FILE`, else from the cluster itself. Throws CliError `wrong-cluster` when it
 * is not the one that is expected.
 */
export async function readObservation(
  source: Source,
  expected?: ClusterName,
): Promise<PreflightObservation> {
  const { context, options } = source;
  if (options.observation !== undefined) {
    const text = await readInput(context, options.observation, 'observation');
    const observation = parseObservation(text, options.observation);
    assertCluster(observation.cluster, options.observation, expected);
    return observation;
  }
  const drainsNothing = source.isKept === true;
  const forPreflight: Observe = (looking) => observeForPreflight({ ...looking, drainsNothing });
  const observe = source.withMachines === true ? forPreflight : observeCluster;
  return observeThrough(await requireAccess(options, context), context, { expected, observe });
}

type Observe = (looking: Parameters<typeof observeCluster>[0]) => Promise<PreflightObservation>;

/** From the cluster itself; throws CliError `wrong-cluster` likewise. */
export async function observeThrough(
  { file, access }: FoundAccess,
  context: CliContext,
  {
    expected,
    observe = observeCluster,
  }: { readonly expected?: ClusterName | undefined; readonly observe?: Observe } = {},
): Promise<PreflightObservation> {
  assertCluster(access.cluster, file, expected);
  const cluster = access.cluster as ClusterName;
  const ports = await context.openCluster(access);
  try {
    return await observe({ cluster, ports, signal: context.signal });
  } finally {
    await ports.close();
  }
}

function assertCluster(actual: string, file: string, expected: ClusterName | undefined): void {
  if (expected === undefined || actual === expected) return;
  throw new CliError({
    exitCode: exitCodes.invalidInput,
    code: 'wrong-cluster',
    message: `${file} is about cluster ${actual}, the spec about ${expected}`,
    remedy: 'give the access file, the lab or the observation of the cluster in the spec',
  });
}
