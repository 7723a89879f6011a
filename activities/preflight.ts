// preflight: looks at the cluster and hands what it saw to the rules of domain/preflight.

import type { AscentActivities } from '../domain/activity-contract';
import { evaluatePreflight } from '../domain/preflight/preflight';
import { type ActivityDependencies, runActivity } from './activity-run';
import { observeForPreflight } from './observe';

export function preflightActivities(
  deps: ActivityDependencies,
): Pick<AscentActivities, 'preflight'> {
  return {
    /** Reads only. Bound: that of one observation. Findings are a result. */
    preflight: ({ cluster, hop, planned, etcd }) =>
      runActivity(
        {
          deps,
          cluster,
          doing: `checking cluster ${cluster} before ${hop.id}`,
          code: 'unexpected',
        },
        async ({ signal, beat }) => {
          const onPhase = (phase: string): void => beat({ phase });
          const observation = await observeForPreflight({ ...deps, signal, onPhase });
          return evaluatePreflight({
            observation,
            hop,
            ...(planned === undefined ? {} : { planned }),
            ...(etcd === undefined ? {} : { etcd }),
          });
        },
      ),
  };
}
