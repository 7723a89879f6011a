// What a rollback does about kubelets that would be newer than the API server it returns to.
// K1. It returns the nodes that its hop takes. A node that joined since, or that a person has set
//     aside, is nobody's to touch: it is told, because its kubelet stays newer (R5).
// K2. A kubelet that does not say its version may be the newer one.

import type { NodeName } from '../names';
import { compareVersions, type KubeVersion } from '../versions';

/** A node of the hop, and the release of its kubelet from before. */
export interface NodeBefore {
  readonly name: NodeName;
  readonly from: KubeVersion;
}

export interface SeenKubelet {
  readonly name: NodeName;
  /** Undefined when what it says is no version. */
  readonly version: KubeVersion | undefined;
}

export interface NewerKubelets<Seen extends SeenKubelet> {
  /** Drained and returned to `to`. */
  readonly returning: readonly { readonly seen: Seen; readonly to: KubeVersion }[];
  /** Newer than the API server afterwards. */
  readonly staying: readonly Seen[];
}

/** `at`: what the control plane returns to; `takes`: nodes of the hop that are not set aside. */
export function newerKubelets<Seen extends SeenKubelet>(
  nodes: readonly Seen[],
  { at, takes }: { readonly at: KubeVersion; readonly takes: readonly NodeBefore[] },
): NewerKubelets<Seen> {
  const before = new Map(takes.map(({ name, from }) => [name, from]));
  const returning: { readonly seen: Seen; readonly to: KubeVersion }[] = [];
  const staying: Seen[] = [];
  for (const seen of nodes) {
    const to = before.get(seen.name);
    const isNewer = seen.version === undefined || compareVersions(seen.version, to ?? at) > 0;
    if (!isNewer) continue;
    if (to === undefined) staying.push(seen);
    else returning.push({ seen, to });
  }
  return { returning, staying };
}
