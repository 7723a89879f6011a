// Follows an upgrade of a lab until it is where a test wants it.

import type { Gate } from '../../domain/status/control';
import type { UpgradeProgress, UpgradeResult } from '../../domain/status/progress';
import type { LabGround } from './lab-ground';
import type { SeenPod } from './lab-kube';
import type { UntilOptions } from './lab-until';
import { Hopeless, until } from './lab-until';

/**
 * The first defined answer of `see`. Fails at once when the upgrade has ended, or waits for a
 * person because something failed, and `see` does not want that.
 */
export function untilProgress<Answer>(
  ground: LabGround,
  what: string,
  see: (progress: UpgradeProgress) => Answer | undefined,
  options: UntilOptions = {},
): Promise<Answer> {
  return until(
    what,
    async () => {
      const progress = await ground.client.progress(ground.cluster);
      const answer = see(progress);
      if (answer !== undefined) return answer;
      const { phase, sentence } = progress.status;
      if (phase === 'ended' || phase === 'needs-operator') {
        throw new Hopeless(`not seen: ${what}; the upgrade stands at ${phase}: ${sentence}`);
      }
      return undefined;
    },
    options,
  );
}

/** Waits until the upgrade has ended, unless it comes to wait for a person first. */
export function untilEnded(ground: LabGround): Promise<UpgradeResult> {
  return untilProgress(ground, 'the upgrade has ended', ({ status }) => status.result);
}

/** Waits until the hop's snapshot is verified: its preflight is over, and it can be rolled back. */
export async function untilSnapshot(ground: LabGround, hop: string): Promise<void> {
  await untilProgress(ground, `the snapshot of ${hop} is verified`, ({ status }) =>
    status.rollBackTo?.hop === hop && status.hop?.id === hop ? true : undefined,
  );
}

/** Waits until all but one pod have left the node, and the drain waits for that one. */
export async function untilOnePodLeft(ground: LabGround, node: string): Promise<SeenPod> {
  await untilProgress(ground, `the drain of ${node} waits for one pod`, ({ nodes }) =>
    nodes.some((one) => one.node === node && one.phase === 'draining' && one.remaining === 1)
      ? true
      : undefined,
  );
  return until(`${node} holds one pod`, async () => {
    const [pod, ...others] = await ground.kube.movablePods(node);
    return others.length === 0 ? pod : undefined;
  });
}

/** Waits for the first gate that is open; `cluster` is the lab's unless another one is named. */
export function untilGate(ground: LabGround, cluster: string = ground.cluster): Promise<Gate> {
  return until(`a gate of ${cluster} is open`, async () => {
    const { gates, phase, sentence } = await ground.client.status(cluster);
    if (phase === 'ended') throw new Hopeless(`no gate was opened: ${sentence}`);
    return gates[0];
  });
}
