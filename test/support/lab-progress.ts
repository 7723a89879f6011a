// Follows an upgrade of a lab until it is where a test wants it.

import type { UpgradeProgress, UpgradeResult } from '../../domain/progress';
import type { LabGround } from './lab-ground';
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

/** Waits until nothing but `pod` is left to be moved from the node, and the drain is told so. */
export async function untilDrainedTo(
  ground: LabGround,
  node: string,
  pod: { readonly uid: string },
): Promise<void> {
  await untilProgress(ground, `the drain of ${node} waits for one pod`, ({ nodes }) =>
    nodes.some((one) => one.node === node && one.phase === 'draining' && one.remaining === 1)
      ? true
      : undefined,
  );
  await until(`${node} holds one pod`, async () => {
    const pods = await ground.kube.movablePods(node);
    return pods.length === 1 && pods[0]?.uid === pod.uid ? true : undefined;
  });
}
