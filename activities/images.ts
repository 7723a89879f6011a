// pullImages: what a hop will run is brought to its machines before anything is changed there.

import type { AscentActivities } from '../domain/activity-contract';
import { count } from '../domain/counts';
import { machineNames } from '../domain/plan/images-step';
import { type ActivityDependencies, runActivity } from './activity-run';

export function imageActivities(deps: ActivityDependencies): Pick<AscentActivities, 'pullImages'> {
  return {
    /**
     * Key: each machine; an image that is there stays. Bound: `timeoutMs` a machine, a few at a
     * time, and the attempt's. Cancelled, what is under way on machines ends there by itself.
     * Heartbeats the driver's phases. Fails `image-unavailable`, or `space-missing` where a machine
     * has no room.
     */
    pullImages: ({ cluster, ...order }) => {
      const machines = machineNames(order).length;
      const doing = `bringing images of ${order.to} to ${count(machines, 'machine')}`;
      return runActivity({ deps, cluster, doing, code: 'image-unavailable' }, async (run) => {
        const { controlPlane } = deps.ports;
        // Absent: the access file was changed since the plan was made.
        if (controlPlane.pullImages === undefined) return { kind: 'left' } as const;
        const context = { ...run.driving(), onPhase: (phase: string) => run.beat({ phase }) };
        const { pulled, unknown } = await controlPlane.pullImages(order, context);
        const untold = unknown.length === 0 ? {} : { unknown };
        return { kind: 'present', machines, pulled, ...untold } as const;
      });
    },
  };
}
