// planUpgrade: looks at the cluster and hands what it saw to the planner. The plan is judged by
// plan-checks before anybody sees it: a planner that breaks a rule must not get that far.

import type { AscentActivities } from '../domain/activity-contract';
import type { Observation } from '../domain/observation';
import type { PlanResult } from '../domain/plan';
import { checkPlan } from '../domain/plan-checks';
import { planUpgrade } from '../domain/planner';
import { knownReleases } from '../domain/releases';
import type { UpgradeSpec } from '../domain/spec';
import { type ActivityDependencies, runActivity } from './activity-run';
import { terminalFailure } from './failure-mapping';
import { observeCluster } from './observe';

export function planActivities(deps: ActivityDependencies): Pick<AscentActivities, 'planUpgrade'> {
  return {
    /** Reads only. Bound: that of one observation. Blockers are a result. */
    planUpgrade: ({ spec }) =>
      runActivity(
        {
          deps,
          cluster: spec.cluster,
          doing: `planning the upgrade of cluster ${spec.cluster}`,
          code: 'unexpected',
        },
        async ({ signal, beat }) => {
          const onPhase = (phase: string): void => beat({ phase });
          const observation = await observeCluster({ ...deps, signal, onPhase });
          return planAndCheck(spec, observation);
        },
      ),
  };
}

/** Plans from an observation, with the releases that are known here. Throws `unexpected` when the
 * plan breaks a rule of plan-checks: a defect of the planner, told with every violation. */
export function planAndCheck(spec: UpgradeSpec, observation: Observation): PlanResult {
  const result = planUpgrade({ spec, observation, releases: knownReleases });
  if (result.kind === 'blocked') return result;
  const violations = checkPlan({ plan: result.plan, spec, observation });
  if (violations.length === 0) return result;
  throw terminalFailure({
    code: 'unexpected',
    message: `the plan of cluster ${spec.cluster} breaks ${violations.length} rules and is not used`,
    details: { violations },
  });
}
