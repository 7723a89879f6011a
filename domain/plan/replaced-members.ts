// Control planes whose members are replaced by other machines: what is planned for them, and what
// stands in the way.
// D1. The step names no member: those of a later hop have no names yet, and a plan that is made
//     again after a hop must equal the one before.
// D2. A change to any version but the one that is planned is somebody else's: it is waited for.
// D3. It has no way back but a cluster that is built anew from the snapshot (R6). A person says so,
//     whatever the spec does: the hop waits for an approval.

import type { ControlPlaneFault, PlanBlocker } from '../blockers';
import type { ControlPlaneObjectObservation } from '../observation';
import type { Hop, ReplaceMembersStep } from './plan';
import type { UpgradeSpec } from '../spec';
import type { KubeVersion } from '../versions';

/** What is planned in a hop; nothing inside of a minor where the object is there already. */
export function replaceMembersSteps(
  { object, replicas }: ControlPlaneObjectObservation,
  { controlPlane }: Pick<UpgradeSpec, 'controlPlane'>,
  { from, to }: { readonly from: KubeVersion; readonly to: KubeVersion },
): readonly ReplaceMembersStep[] {
  if (from === to) return [];
  const stuckMs = controlPlane.memberTimeoutMs;
  return [{ kind: 'replace-members', object, from, to, replicas, stuckMs }];
}

/** Every reason why it cannot be replaced; none where no hop wants that. */
export function controlPlaneObjectBlockers(
  seen: ControlPlaneObjectObservation | undefined,
  hops: readonly Hop[],
  apiServer: KubeVersion,
): readonly PlanBlocker[] {
  const steps = hops.flatMap((hop) => hop.steps);
  const step = steps.find((one) => one.kind === 'replace-members');
  if (seen === undefined || step?.kind !== 'replace-members') return [];
  const { object, holds, version } = seen;
  const faults: readonly ControlPlaneFault[] = [
    ...holds.map((why) => ({ why, controlPlane: object })),
    ...otherVersion(object, version, { to: step.to, apiServer }),
  ];
  return faults.map((fault) => ({ code: 'control-plane-unusable', ...fault }) as const);
}

/** D2. */
function otherVersion(
  controlPlane: string,
  version: KubeVersion | undefined,
  { to, apiServer }: { readonly to: KubeVersion; readonly apiServer: KubeVersion },
): readonly ControlPlaneFault[] {
  if (version === undefined) return [{ why: 'no-version', controlPlane }];
  if (version === to || version === apiServer) return [];
  return [{ why: 'under-way', controlPlane, version, at: apiServer }];
}
