// `snapshot list`: what lies in the store of a cluster. Reads records only, where it runs. Temporal
// is asked whether a schedule takes more of them; it need not be there.

import type { Command } from 'commander';

import { PortError } from '../../activities/ports';
import type { SnapshotStore } from '../../activities/snapshot-ports';
import type { SnapshotSchedule } from '../../client';
import type { SnapshotRecord } from '../../domain/activity-contract';
import type { ClusterName } from '../../domain/names';
import { type Retention, retentionOf } from '../../domain/snapshots/retention';
import { requireAccess } from '../access';
import { errorDocument } from '../cli-error';
import { exitCodes } from '../exit-codes';
import { renderSnapshots } from '../render/snapshots';
import type { CommandRun, Invocation } from '../session';
import { withSchema } from '../session';
import { examples } from './examples';

export interface ListedSnapshot extends SnapshotRecord {
  /** False: the key that it was sealed with is not at hand here. */
  readonly canBeOpened: boolean;
  readonly retention: Omit<Retention, 'id'>;
}

/** Neither of the two: no schedule takes snapshots of the cluster. */
export interface ListedRoutine {
  readonly schedule?: SnapshotSchedule;
  /** Temporal could not be asked. */
  readonly scheduleUnknown?: { readonly code: string; readonly message: string };
}

/** Who looks for a way back does not wait long for what only Temporal knows. */
const scheduleTimeoutMs = 2_000;

export function addSnapshotList(snapshot: Command, run: CommandRun): void {
  const command = snapshot
    .command('list')
    .summary('show the snapshots of a cluster, and which of them stay')
    .description(
      'Shows the snapshots in the store of a cluster, the oldest first: what each is of, whether' +
        ' it can be opened with the key at hand, and why it stays. Reads only, and where it runs:' +
        ' a directory is that of this machine. Tells the schedule, too, where Temporal is there.',
    )
    .addHelpText(
      'after',
      examples([
        ['snapshot list --access access.json', 'what there is to go back to'],
        ['snapshot list --lab demo -o json', 'with all that records tell'],
      ]),
    );
  run.bind(command, list);
}

async function list(invocation: Invocation) {
  const { context, options } = invocation;
  const { access } = await requireAccess(options, context);
  const cluster = access.cluster as ClusterName;
  const { snapshots: store } = await context.openSnapshots(access);
  const { location, keep } = store;
  const [snapshots, routine] = await Promise.all([
    listed(store, cluster),
    routineOf(invocation, cluster),
  ]);
  invocation.print({
    json: withSchema('ascent.snapshots/v1', {
      cluster,
      location,
      ...(keep === undefined ? {} : { keep }),
      snapshots,
      ...routine,
    }),
    lines: (style) => renderSnapshots(location, { snapshots, routine }, style),
  });
  return exitCodes.ok;
}

async function routineOf(invocation: Invocation, cluster: ClusterName): Promise<ListedRoutine> {
  const timeouts = { timeoutMs: scheduleTimeoutMs, callTimeoutMs: scheduleTimeoutMs };
  try {
    const schedule = await invocation.withClient(
      (client) => client.snapshotSchedule(cluster),
      timeouts,
    );
    return schedule === undefined ? {} : { schedule };
  } catch (error) {
    const { code, message } = errorDocument(error);
    return { scheduleUnknown: { code, message } };
  }
}

async function listed(
  store: SnapshotStore,
  cluster: ClusterName,
): Promise<readonly ListedSnapshot[]> {
  const records = await store.list();
  // Whoever only looks may not be let at the key.
  const keys = await store.keys().catch((error: unknown): readonly string[] => {
    if (error instanceof PortError) return [];
    throw error;
  });
  const reasons = retentionOf(records, { cluster, keep: store.keep });
  return records.flatMap((record, index) => {
    const reason = reasons[index];
    if (reason === undefined) return [];
    const { id: _same, ...retention } = reason;
    const { sealed } = record;
    return [
      { ...record, canBeOpened: sealed === undefined || keys.includes(sealed.key), retention },
    ];
  });
}
