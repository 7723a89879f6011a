// planUpgrade: looks at the cluster and hands what it saw to the planner. The plan is judged by
// plan-checks before anybody sees it: a planner that breaks a rule must not get that far.

import type { AscentActivities, PlanInput } from '../domain/activity-contract';
import type { ClusterName } from '../domain/names';
import type { Observation } from '../domain/observation';
import type { PlanResult } from '../domain/plan/plan';
import { checkPlan, violationSentence } from '../domain/plan/plan-checks';
import { planUpgrade } from '../domain/plan/planner';
import { knownReleases } from '../domain/plan/releases';
import { type ActivityDependencies, runActivity } from './activity-run';
import { terminalFailure } from './failure-mapping';
import { observeCluster } from './observe';

export function planActivities(deps: ActivityDependencies): Pick<AscentActivities, 'planUpgrade'> {
  return {
    /**
     * Reads only. Bound: that of one observation. Blockers are a result. Fails `driver-missing`
     * where nothing could carry the plan out.
     */
    planUpgrade: (input) =>
      runActivity(
        {
          deps,
          cluster: input.spec.cluster,
          doing: `planning the upgrade of cluster ${input.spec.cluster}`,
          code: 'unexpected',
        },
        async ({ signal, beat }) => {
          if (deps.driver === 'none') throw driverMissing(deps.cluster);
          const onPhase = (phase: string): void => beat({ phase });
          const observation = await observeCluster({ ...deps, signal, onPhase });
          return planAndCheck(input, observation);
        },
      ),
  };
}

function driverMissing(cluster: ClusterName): Error {
  return terminalFailure({
    code: 'driver-missing',
    message: `cluster ${cluster} has no driver: its nodes can be drained, not upgraded`,
  });
}

/**
 * Plans from an observation, with the releases that are known here. Throws `unexpected` when the
 * plan breaks a rule of plan-checks: a defect of the planner, with every violation as details.
 */
export function planAndCheck(input: PlanInput, observation: Observation): PlanResult {
  const { spec } = input;
  const result = planUpgrade({ ...input, observation, releases: knownReleases });
  if (result.kind === 'blocked') return result;
  const violations = checkPlan({ ...input, plan: result.plan, observation });
  const [first] = violations;
  if (first === undefined) return result;
  throw terminalFailure({
    code: 'unexpected',
    message:
      `the plan made for cluster ${spec.cluster} is not used, it breaks` +
      ` ${violations.length} of its rules: ${violationSentence(first)}`,
    details: { violations },
  });
}
