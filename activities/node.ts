// upgradeNode: the kubelet of one node changes its version. Whether the node is good afterwards is
// looked at by verifyNode.
// N1. Only a cordoned node is changed (R8).
// N2. A kubelet never becomes newer than the oldest API server that answers (R5).
// N3. Whether a machine that is to start again has done so only its driver knows: it is asked, also
//     when the kubelet reports the version.

import type { AscentActivities, ChangeResult, NodeUpgradeInput } from '../domain/activity-contract';
import { parseVersion } from '../domain/versions';
import { type ActivityDependencies, type ActivityRun, runActivity } from './activity-run';
import { refuseOlderApiServers } from './api-server-ages';
import { readChangeCheckpoint } from './change-checkpoint';
import { terminalFailure } from './failure-mapping';
import { mismatchFailure, watchUntilSeen } from './mismatch-watch';
import { mismatchesText, nodeMismatches } from './mismatches';
import { secondsBetween } from './passes';
import type { NodeView } from './ports';

/** How long the API server may need to hear of the new kubelet. */
const versionPatienceMs = 120_000;

interface NodeChange {
  readonly deps: ActivityDependencies;
  readonly run: ActivityRun;
  readonly input: NodeUpgradeInput;
}

export function nodeActivities(deps: ActivityDependencies): Pick<AscentActivities, 'upgradeNode'> {
  return {
    /**
     * Key: the node. A node whose kubelet reports `to` is done (but N3). Goes both ways: a rollback
     * returns kubelets with it. Bound: the driver's, then 2 min until the version is seen.
     * Heartbeats the driver's phases. Fails `node-missing`, `node-upgrade-failed`, or
     * `space-missing` where its machine has no room for the step.
     */
    upgradeNode: (input) =>
      runActivity(
        {
          deps,
          cluster: input.cluster,
          doing: `changing the kubelet of node ${input.node} to ${input.to}`,
          code: 'node-upgrade-failed',
          notFoundCode: 'node-missing',
        },
        (run) => changeKubelet({ deps, run, input }),
      ),
  };
}

async function changeKubelet(change: NodeChange): Promise<ChangeResult> {
  const { deps, run, input } = change;
  const { clock } = deps.ports;
  const resumed = readChangeCheckpoint(run.resume);
  const startedAtMs = resumed?.startedAtMs ?? clock.nowMs();
  const node = await existingNode(change);
  const running = parseVersion(node.kubeletVersion);
  const before = resumed?.before ?? running ?? input.from;
  const { reboot } = input;
  const driven = running !== input.to || resumed?.driven === true;
  const beat = (phase: string): void => run.beat({ phase, before, startedAtMs, driven });
  if (running !== input.to || reboot !== undefined) {
    await refuseUnsafeChange(change, node);
    beat('changing the kubelet');
    const restart = reboot === undefined ? {} : { reboot };
    const context = { ...run.driving(), from: before, onPhase: beat, ...restart };
    await deps.ports.nodes.upgradeNode(input.node, input.to, context);
    beat('looking for the new version');
    await seeVersion(change);
  }
  const seconds = secondsBetween(startedAtMs, clock.nowMs());
  return { before, after: input.to, changed: driven, seconds };
}

async function existingNode({ deps, run, input }: NodeChange): Promise<NodeView> {
  const node = await deps.ports.kube.getNode(input.node, run.signal);
  if (node !== undefined) return node;
  const message = `node ${input.node} does not exist, so its kubelet cannot be changed`;
  throw terminalFailure({ code: 'node-missing', message });
}

/** N1 and N2. */
async function refuseUnsafeChange({ deps, run, input }: NodeChange, node: NodeView): Promise<void> {
  const refused = `the kubelet of node ${input.node} was not changed to ${input.to}`;
  if (!node.unschedulable) {
    const message = `${refused}: the node is not cordoned`;
    throw terminalFailure({ code: 'node-upgrade-failed', message });
  }
  const { drives = [] } = deps.ports.controlPlane;
  if (input.reboot !== undefined && !drives.includes('reboot')) {
    const message = `${refused}: its machine is to start again, and the driver cannot do that`;
    throw terminalFailure({ code: 'node-upgrade-failed', message });
  }
  await refuseOlderApiServers(deps, run, { refused, to: input.to, code: 'node-upgrade-failed' });
}

async function seeVersion({ deps, run, input }: NodeChange): Promise<void> {
  const result = await watchUntilSeen({
    clock: deps.ports.clock,
    run,
    patienceMs: versionPatienceMs,
    look: async () => {
      const node = await deps.ports.kube.getNode(input.node, run.signal);
      const mismatches = nodeMismatches(input.node, node, input.to);
      return mismatches.filter(({ code }) => code !== 'node-not-ready');
    },
  });
  if (result.kind === 'good') return;
  const message =
    `the kubelet of node ${input.node} was replaced, but ${result.seconds} s later` +
    ` ${mismatchesText(result.wrong)}`;
  throw mismatchFailure('node-upgrade-failed', message, result.wrong);
}
