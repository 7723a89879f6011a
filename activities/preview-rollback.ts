// previewRollBack: what a rollback would undo, from the keys of etcd themselves, and which nodes it
// would return first. Reads only; nobody's objects are read, only that and when they changed.

import type { AscentActivities } from '../domain/activity-contract';
import type { RollBackPreviewInput } from '../domain/rollback-contract';
import { newerKubelets } from '../domain/rollback/kubelets';
import {
  boundedGroups,
  reportNodesMax,
  type RollBackFacts,
  type RollBackReport,
  rollBackReport,
} from '../domain/rollback/report';
import { defaultReportLimits } from '../domain/rollback/report-limits';
import { compareTexts } from '../domain/text-order';
import { parseVersion } from '../domain/versions';
import { type ActivityDependencies, type ActivityRun, runActivity } from './activity-run';
import { secondsBetween } from './passes';
import type { KubeApi } from './ports';
import { compareWithSnapshot, findSnapshot } from './stored-snapshot';

export function previewRollBackActivities(
  deps: ActivityDependencies,
): Pick<AscentActivities, 'previewRollBack'> {
  return {
    /**
     * Reads only. Bound: the attempt's startToClose; the comparison has a limit of its own and is
     * told as cut short there. Heartbeats the keys. Fails `snapshot-missing`, `snapshot-unverified`
     * or `cluster-unreachable`.
     */
    previewRollBack: (input) =>
      runActivity(
        {
          deps,
          cluster: input.cluster,
          doing: `comparing the cluster with snapshot ${input.snapshotId}`,
          code: 'cluster-unreachable',
        },
        (run) => preview(deps, run, input),
      ),
  };
}

async function preview(
  { ports }: ActivityDependencies,
  run: ActivityRun,
  input: RollBackPreviewInput,
): Promise<RollBackReport> {
  const { cluster, hop, at, cheapest, limits = defaultReportLimits, nodeSeconds } = input;
  const { clock, kube } = ports;
  const startedAtMs = clock.nowMs();
  const record = await findSnapshot(ports, input.snapshotId);
  run.beat({ phase: 'looking at the nodes' });
  const nodes = nodeFacts(await kube.listNodes(run.signal), input);
  // The old programs on the same data: nothing is lost.
  const compared =
    cheapest.keepsData === true
      ? undefined
      : await compareWithSnapshot(ports, run, { record, limits });
  const { groups = [], comparedKeys = 0, cutShortBy } = compared ?? {};
  const anchors = compared?.tally.anchors ?? [];
  const { id, takenAt, revision, totalKeys } = record;
  const facts = {
    cluster,
    hop,
    at,
    snapshot: { id, takenAt, revision, keys: totalKeys },
    objects: {
      ...boundedGroups(groups),
      ...(anchors.length === 0 ? {} : { anchors }),
      comparedKeys,
      seconds: secondsBetween(startedAtMs, clock.nowMs()),
      limits,
      ...(cutShortBy === undefined ? {} : { cutShortBy }),
    },
    ...nodes,
    cheapest,
  };
  const timed = nodeSeconds === undefined ? {} : { nodeSeconds };
  const members = (await ports.members.members(run.signal)).length;
  return rollBackReport(facts, { atMs: clock.nowMs(), members, ...timed });
}

/** By name; what stays newer is told apart from what returns (kubelets.ts). */
function nodeFacts(
  listed: Awaited<ReturnType<KubeApi['listNodes']>>,
  input: RollBackPreviewInput,
): Pick<RollBackFacts, 'nodes' | 'moreNodes' | 'staying' | 'moreStaying'> {
  const seen = listed
    .map(({ name, kubeletVersion }) => ({
      name,
      version: parseVersion(kubeletVersion),
      told: { node: name, kubelet: kubeletVersion },
    }))
    .toSorted((a, b) => compareTexts(a.name, b.name));
  const { returning, staying } = newerKubelets(seen, input);
  return {
    nodes: returning.slice(0, reportNodesMax).map(({ seen: one, to }) => ({ ...one.told, to })),
    moreNodes: Math.max(0, returning.length - reportNodesMax),
    staying: staying.slice(0, reportNodesMax).map(({ told }) => told),
    moreStaying: Math.max(0, staying.length - reportNodesMax),
  };
}
