// lookAtHopToCome: a preflight of the hop to come, between those of hops, compared with the one
// before it. The upgrade is asked which hop that is; it is never told anything.

import { WorkflowNotFoundError } from '@temporalio/common';

import type { AscentActivities } from '../domain/activity-contract';
import type { ClusterName } from '../domain/names';
import type { Plan } from '../domain/plan/plan';
import { hopToCome, type OpenUpgrade, preflightOfHop } from '../domain/preflight/hop-to-come';
import { lookedAhead, notLookedAhead } from '../domain/preflight/look-ahead';
import type { UpgradeStatus } from '../domain/status/progress';
import { upgradeWorkflowId } from '../domain/workflow-ids';
import { type ActivityDependencies, type OwnTemporal, runActivity } from './activity-run';
import { lookBeforeHop } from './preflight';

export function lookAheadActivities(
  deps: ActivityDependencies,
): Pick<AscentActivities, 'lookAtHopToCome'> {
  return {
    /** Reads only. Bound: three questions to Temporal and one observation. */
    lookAtHopToCome: ({ cluster, before }) =>
      runActivity(
        { deps, cluster, doing: `looking ahead on cluster ${cluster}`, code: 'unexpected' },
        async (run) => {
          run.beat({ phase: 'asking the upgrade' });
          const upgrade = await readOpenUpgrade(run.temporal(), cluster);
          const nowMs = deps.ports.clock.nowMs();
          const next = hopToCome(upgrade, nowMs);
          if (next.kind === 'none') return notLookedAhead(next.why, nowMs, before);
          const { hop } = next;
          const { findings } = await lookBeforeHop(deps, preflightOfHop(hop, next), run);
          const acknowledgements = upgrade?.status.acknowledgements;
          return lookedAhead({ hop, findings, acknowledgements, nowMs, before });
        },
      ),
  };
}

/** For all questions together: a worker of the upgrade may be starting again. */
const askMs = 30_000;

/**
 * Undefined: none runs. Throws what Temporal's client throws, also when no worker of the upgrade
 * answers in time.
 */
async function readOpenUpgrade(
  temporal: OwnTemporal,
  cluster: ClusterName,
): Promise<OpenUpgrade | undefined> {
  const handle = temporal.workflow.getHandle(upgradeWorkflowId(cluster));
  return temporal.withDeadline(Date.now() + askMs, async () => {
    if (!(await isRunning(handle))) return undefined;
    // Names of queries in workflows/messages.ts. What is not there yet comes as null.
    const status = await handle.query<UpgradeStatus>('status');
    const plan = await handle.query<Plan | null>('plan');
    return plan === null ? { status } : { status, plan };
  });
}

async function isRunning(
  handle: ReturnType<OwnTemporal['workflow']['getHandle']>,
): Promise<boolean> {
  try {
    const { status } = await handle.describe();
    return status.name === 'RUNNING';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}
