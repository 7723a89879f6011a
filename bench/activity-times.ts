// Where the time of an upgrade goes: what each activity of it took, and each turn of a node, from
// the histories of its workflows.

import type { Client } from '@temporalio/client';

import { connectTemporal } from '../client/connect';
import { endedRuns } from './histories';
import { nodeTimes, secondsOf } from './node-times';

export interface ActivityTime {
  readonly activity: string;
  /** What the Temporal UI shows beside it. */
  readonly summary: string;
  /** Since the upgrade began. */
  readonly atSeconds: number;
  readonly seconds: number;
}

export interface UpgradeTimes {
  /** In the order of their beginnings. */
  readonly activities: readonly ActivityTime[];
  /** By node: from the cordon to the end, one for each turn. */
  readonly turns: ReadonlyMap<string, readonly number[]>;
}

type Event = NonNullable<
  Awaited<ReturnType<ReturnType<Client['workflow']['getHandle']>['fetchHistory']>>['events']
>[number];

/** Once the upgrade has ended; `turns`: how many workflows of nodes there are. */
export async function readTimes(
  temporalAddress: string,
  cluster: string,
  turns: number,
): Promise<UpgradeTimes> {
  const temporal = await connectTemporal({ address: temporalAddress, env: {} });
  try {
    const { workflow } = temporal.client;
    const activities: ActivityTime[] = [];
    const byNode = new Map<string, number[]>();
    for (const { workflowId, runId, type } of await endedRuns(workflow, cluster, turns)) {
      const { events } = await workflow.getHandle(workflowId, runId).fetchHistory();
      activities.push(...activitiesOf(events ?? []));
      if (type !== 'upgradeNode') continue;
      const node = workflowId.split('/').at(-1) ?? '';
      const { whole = 0 } = nodeTimes(events ?? []);
      byNode.set(node, [...(byNode.get(node) ?? []), whole]);
    }
    activities.sort((a, b) => a.atSeconds - b.atSeconds);
    const first = activities[0]?.atSeconds ?? 0;
    const since = activities.map((one) => ({ ...one, atSeconds: one.atSeconds - first }));
    return { activities: since, turns: byNode };
  } finally {
    await temporal.close();
  }
}

function activitiesOf(events: readonly Event[]): readonly ActivityTime[] {
  const scheduled = new Map(events.map((event) => [String(event.eventId), event]));
  return events.flatMap((event) => {
    const ended = event.activityTaskCompletedEventAttributes;
    const begun = scheduled.get(String(ended?.scheduledEventId));
    if (begun === undefined) return [];
    const { activityType } = begun.activityTaskScheduledEventAttributes ?? {};
    const atSeconds = secondsOf(begun);
    return [
      {
        activity: activityType?.name ?? 'unknown',
        summary: summaryOf(begun),
        atSeconds,
        seconds: secondsOf(event) - atSeconds,
      },
    ];
  });
}

function summaryOf({ userMetadata }: Event): string {
  const data = userMetadata?.summary?.data;
  return data ? String(JSON.parse(Buffer.from(data).toString('utf8'))) : '';
}
