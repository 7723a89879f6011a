// endSurges: what a drain raised and could not put back itself, because its worker died or nobody
// let it, is put back by the marks that it left.

import type { AscentActivities } from '../../domain/activity-contract';
import type { SurgeEnd } from '../../domain/drain/surge';
import { type ActivityDependencies, runActivity } from '../activity-run';
import type { ScaleApi, ScaleView } from './scale-api';
import { putBack } from './surge-marks';

export function endSurgesActivities(
  deps: ActivityDependencies,
): Pick<AscentActivities, 'endSurges'> {
  const { kube } = deps.ports;
  return {
    /**
     * Key: the node; without a mark of its drain there is nothing to do.
     * Bound: one listing of Deployments and autoscalers, a few requests for each mark.
     */
    endSurges: ({ cluster, node }) =>
      runActivity(
        {
          deps,
          cluster,
          doing: `putting back what the drain of node ${node} raised`,
          code: 'unexpected',
        },
        async ({ signal }) => {
          const ended: SurgeEnd[] = [];
          for (const { object: raised, mark } of await surgedFor(kube, { cluster, node }, signal)) {
            ended.push(await putBack(kube, { raised, mark }, signal));
          }
          return { ended };
        },
      ),
  };
}

type Marked = ScaleView & Required<Pick<ScaleView, 'mark'>>;

/** What the drain of this node has raised, by its marks. */
export async function surgedFor(
  kube: ScaleApi,
  of: { readonly cluster: string; readonly node: string },
  signal: AbortSignal,
): Promise<readonly Marked[]> {
  const found = await kube.listSurged(signal);
  return found.filter(
    (view): view is Marked => view.mark?.node === of.node && view.mark.cluster === of.cluster,
  );
}
