// noteBeforeRestore and countRestored: the cluster beside the snapshot, before a restore moves data
// and after it. Reads only, and of etcd no value: names, and how many there are.

import type { AscentActivities } from '../domain/activity-contract';
import type { RestoreLookInput } from '../domain/rollback-contract';
import type { NodeName } from '../domain/names';
import { isFinished } from '../domain/pod-phase';
import { type RestoreCount, type RestoreNote, strandedPodsMax } from '../domain/rollback/account';
import { compareTexts } from '../domain/text-order';
import { type ActivityDependencies, type ActivityRun, runActivity } from './activity-run';
import { terminalFailure } from './failure-mapping';
import type { ClusterPorts } from './ports';
import type { KeyComparison } from './snapshot-ports';
import { compareWithSnapshot, findSnapshot } from './stored-snapshot';

export function restoreLookActivities(
  deps: ActivityDependencies,
): Pick<AscentActivities, 'noteBeforeRestore' | 'countRestored'> {
  const look = <Result>(
    input: RestoreLookInput,
    doing: string,
    body: (run: ActivityRun) => Promise<Result>,
  ): Promise<Result> =>
    runActivity({ deps, cluster: input.cluster, doing, code: 'cluster-unreachable' }, body);
  return {
    /**
     * Reads only. Bound: the attempt's startToClose; the comparison has a limit of its own and is
     * told as cut short there. Needs etcd, not the API. Heartbeats the keys. Fails
     * `snapshot-missing`, `snapshot-unverified` or `cluster-unreachable`.
     */
    noteBeforeRestore: (input) =>
      look(input, `comparing the cluster with ${input.snapshotId} before the restore`, (run) =>
        noteBefore(deps.ports, run, input),
      ),
    /** Reads only, once the API serves again. Bound, heartbeats and failures as of the above. */
    countRestored: (input) =>
      look(input, `counting against ${input.snapshotId} after the restore`, (run) =>
        countAfter(deps.ports, run, input),
      ),
  };
}

async function noteBefore(
  ports: ClusterPorts,
  run: ActivityRun,
  input: RestoreLookInput,
): Promise<RestoreNote> {
  await throwUnlessEtcdAnswers(ports, run);
  const { tally, cutShortBy } = await compared(ports, run, input);
  return {
    madeAtMs: ports.clock.nowMs(),
    anchors: tally.anchors,
    ...(cutShortBy === undefined ? {} : { cutShortBy }),
  };
}

/**
 * Before a snapshot is fetched and opened, and not tried again: where the API is away every second
 * counts, and a restore does not need this.
 */
async function throwUnlessEtcdAnswers({ etcd }: ClusterPorts, run: ActivityRun): Promise<void> {
  run.beat({ phase: 'asking etcd' });
  const seen = await etcd.observe(run.signal);
  if (seen.kind === 'observed') return;
  const message = `etcd does not answer: ${seen.problem.message}`;
  throw terminalFailure({ code: 'cluster-unreachable', message });
}

async function countAfter(
  ports: ClusterPorts,
  run: ActivityRun,
  input: RestoreLookInput,
): Promise<RestoreCount> {
  run.beat({ phase: 'looking at pods and nodes' });
  const stranded = await strandedPods(ports, run);
  const { tally, cutShortBy } = await compared(ports, run, input);
  return { ...tally, stranded, ...(cutShortBy === undefined ? {} : { cutShortBy }) };
}

/** In the order of their names. Nodes are listed last: one that joins meanwhile strands nobody. */
async function strandedPods(
  { kube }: ClusterPorts,
  { signal }: ActivityRun,
): Promise<RestoreCount['stranded']> {
  const pods = await kube.listPods(signal);
  const there = new Set((await kube.listNodes(signal)).map(({ name }): string => name));
  const stranded = pods
    .filter((pod) => pod.node !== '' && !there.has(pod.node) && !isFinished(pod))
    .map(({ ref: { namespace, name }, node }) => ({
      pod: { namespace, name },
      node: node as NodeName,
    }))
    .toSorted(
      (a, b) =>
        compareTexts(a.pod.namespace, b.pod.namespace) || compareTexts(a.pod.name, b.pod.name),
    );
  return { count: stranded.length, pods: stranded.slice(0, strandedPodsMax) };
}

async function compared(
  ports: ClusterPorts,
  run: ActivityRun,
  { snapshotId, limits }: RestoreLookInput,
): Promise<KeyComparison> {
  const record = await findSnapshot(ports, snapshotId);
  return compareWithSnapshot(ports, run, { record, limits });
}
