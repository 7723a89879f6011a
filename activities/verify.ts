// verifyNode and verifyCluster: looks only, several times, and says what differs as data.
// P1. A DaemonSet pod that is broken for months must not hold every upgrade. What was broken before
//     is known from the mark of our cordon (a hint, R7): without one every pod must be Ready.

import type {
  AscentActivities,
  VerifyClusterInput,
  VerifyClusterResult,
  VerifyNodeInput,
  VerifyNodeResult,
} from '../domain/activity-contract';
import { daemonSetOf } from '../domain/drain/drain-verdicts';
import type { PodRef } from '../domain/names';
import type { Programs } from '../domain/versions';
import { type ActivityDependencies, type ActivityRun, runActivity } from './activity-run';
import { cordonedAtMs } from './cordon-mark';
import { terminalFailure } from './failure-mapping';
import { controlPlaneMismatches, membersIn } from './member-looks';
import { mismatchFailure, watchUntilMatched } from './mismatch-watch';
import { type Mismatch, mismatchesText, nodeMismatches } from './mismatches';
import { watchUntilGood } from './passes';
import type { ClusterPorts, PodView } from './ports';

/** A node that must be good for a while is looked at this often, and at least once more. */
const looksPerSoak = 20;
const fastestLookMs = 500;
const slowestLookMs = 5_000;
/** How long a node may need until it is Ready with its DaemonSet pods. */
const nodePatienceMs = 300_000;
/**
 * A DaemonSet pod that was not Ready for this long when the node was cordoned is not what the
 * upgrade did to it. More than clocks differ, more than a restart takes.
 */
const brokenBeforeMs = 60_000;
/** How long a cluster may look wrong: leaders change, members answer late. */
const clusterPatienceMs = 60_000;

export function verifyActivities(
  deps: ActivityDependencies,
): Pick<AscentActivities, 'verifyNode' | 'verifyCluster'> {
  return {
    /**
     * Reads only. The node runs the kubelet, is Ready, and its DaemonSet pods are Ready, all
     * through soakMs; a cordon is no mismatch. A pod that was broken before we cordoned the node is
     * not waited for, it is told as `brokenBefore` (P1). Bound: 5 min of looking wrong without a
     * break, the attempt's startToClose in all. Fails `node-not-ready` with MismatchDetails or
     * `node-missing`.
     */
    verifyNode: (input) =>
      runActivity(
        {
          deps,
          cluster: input.cluster,
          doing: `verifying node ${input.node}`,
          code: 'node-not-ready',
        },
        (run) => verifyNode(deps, run, input),
      ),

    /**
     * Reads only, three passes. Bound: 1 min of looking wrong. Fails `verification-failed` with
     * MismatchDetails.
     */
    verifyCluster: (input) =>
      runActivity(
        {
          deps,
          cluster: input.cluster,
          doing: `verifying cluster ${input.cluster}`,
          code: 'verification-failed',
        },
        (run) => verifyCluster(deps, run, input),
      ),
  };
}

async function verifyNode(
  { ports }: ActivityDependencies,
  run: ActivityRun,
  input: VerifyNodeInput,
): Promise<VerifyNodeResult> {
  const { node, version, soakMs } = input;
  let brokenBefore: readonly PodRef[] = [];
  const everyMs = Math.min(slowestLookMs, Math.max(fastestLookMs, soakMs / looksPerSoak));
  const result = await watchUntilGood<Mismatch>({
    clock: ports.clock,
    signal: run.signal,
    passes: soakMs > 0 ? 2 : 1,
    soakMs,
    patienceMs: run.boundedMs(nodePatienceMs),
    limitMs: run.boundedMs(nodePatienceMs + 2 * soakMs),
    everyMs,
    look: async () => {
      const look = await lookAtNode(ports, run.signal, input);
      ({ brokenBefore } = look);
      return look.mismatches;
    },
    onLook: ({ goodInARow, wrong }) => {
      const seen = wrong.length === 0 ? `good ${goodInARow} times` : mismatchesText(wrong);
      run.beat({ phase: `verifying: ${seen}` });
    },
  });
  if (result.kind === 'good') {
    const { passes } = result;
    return brokenBefore.length === 0 ? { passes } : { passes, brokenBefore };
  }
  const message =
    `node ${node} is not good in ${version} after ${result.seconds} s:` +
    ` ${mismatchesText(result.wrong)}`;
  throw mismatchFailure('node-not-ready', message, result.wrong);
}

interface NodeLook {
  readonly mismatches: readonly Mismatch[];
  /** DaemonSet pods that are not Ready, and were not before the upgrade (P1). */
  readonly brokenBefore: readonly PodRef[];
}

async function lookAtNode(
  { kube }: ClusterPorts,
  signal: AbortSignal,
  { node: name, version }: VerifyNodeInput,
): Promise<NodeLook> {
  const [node, pods] = await Promise.all([
    kube.getNode(name, signal),
    kube.listPodsOnNode(name, 'now', signal),
  ]);
  if (node === undefined) {
    const message = `node ${name} does not exist`;
    throw terminalFailure({ code: 'node-missing', message });
  }
  const notReady = pods.filter(
    (pod) => daemonSetOf(pod) !== undefined && !pod.ready && pod.deletionTimestampMs === undefined,
  );
  const beforeMs = (cordonedAtMs(node) ?? -Infinity) - brokenBeforeMs;
  const isOld = ({ notReadySinceMs = Infinity }: PodView): boolean => notReadySinceMs <= beforeMs;
  const waitedFor = notReady.filter((pod) => !isOld(pod));
  const code = 'daemonset-pod-not-ready' as const;
  return {
    mismatches: [
      ...nodeMismatches(name, node, version),
      ...waitedFor.map((pod) => ({ code, node: name, pod: pod.ref })),
    ],
    brokenBefore: notReady.filter(isOld).map(({ ref }) => ref),
  };
}

async function verifyCluster(
  { ports }: ActivityDependencies,
  run: ActivityRun,
  input: VerifyClusterInput,
): Promise<VerifyClusterResult> {
  const { controlPlane: version, emulates } = input;
  const expected: Programs = emulates === undefined ? { version } : { version, emulates };
  const result = await watchUntilMatched({
    clock: ports.clock,
    run,
    patienceMs: clusterPatienceMs,
    look: async () => {
      const looks = await Promise.all([
        controlPlaneMismatches(ports.members, expected, run.signal),
        nodesMismatches(ports, run.signal, input),
      ]);
      return looks.flat();
    },
    beat: (phase) => run.beat({ phase }),
  });
  if (result.kind === 'good') {
    const members = await membersIn(ports.members, input.controlPlane, run.signal);
    return { passes: result.passes, members };
  }
  const message =
    `cluster ${input.cluster} is not as planned after ${result.seconds} s:` +
    ` ${mismatchesText(result.wrong)}`;
  throw mismatchFailure('verification-failed', message, result.wrong);
}

async function nodesMismatches(
  { kube }: ClusterPorts,
  signal: AbortSignal,
  { nodes: expected, isMissingFine }: VerifyClusterInput,
): Promise<readonly Mismatch[]> {
  if (expected.length === 0) return [];
  const nodes = await kube.listNodes(signal);
  const byName = new Map(nodes.map((node) => [node.name, node]));
  return expected.flatMap(({ name, version }) => {
    const node = byName.get(name);
    if (node === undefined && isMissingFine === true) return [];
    return nodeMismatches(name, node, version);
  });
}
