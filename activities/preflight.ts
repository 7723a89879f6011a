// preflight: looks at the cluster and hands what it saw to the rules of domain/preflight.

import type { AscentActivities, PreflightInput } from '../domain/activity-contract';
import type { PreflightReport } from '../domain/preflight/findings';
import { evaluatePreflight } from '../domain/preflight/preflight';
import { type ActivityDependencies, type ActivityRun, runActivity } from './activity-run';
import { observeForPreflight } from './observe';

export function preflightActivities(
  deps: ActivityDependencies,
): Pick<AscentActivities, 'preflight'> {
  return {
    /** Reads only. Bound: that of one observation. Findings are a result. */
    preflight: (input) =>
      runActivity(
        {
          deps,
          cluster: input.cluster,
          doing: `checking cluster ${input.cluster} before ${input.hop.id}`,
          code: 'unexpected',
        },
        (run) => lookBeforeHop(deps, input, run),
      ),
  };
}

/** Observes and evaluates, as each preflight of a hop does. Throws as an observation. */
export async function lookBeforeHop(
  deps: ActivityDependencies,
  { hop, planned, etcd, pools }: Omit<PreflightInput, 'cluster'>,
  { signal, beat }: Pick<ActivityRun, 'signal' | 'beat'>,
): Promise<PreflightReport> {
  const onPhase = (phase: string): void => beat({ phase });
  const observation = await observeForPreflight({
    ...deps,
    signal,
    onPhase,
    drainsNothing: pools?.length === 0,
  });
  return evaluatePreflight({
    observation,
    hop,
    ...(planned === undefined ? {} : { planned }),
    ...(etcd === undefined ? {} : { etcd }),
    ...(pools === undefined ? {} : { pools }),
  });
}
