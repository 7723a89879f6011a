// The step of a hop that brings images to machines before anything is changed there.
// I1. It is there where the driver says that it can (`images` of `drives`), and the hop changes a
//     member or a node: what was planned without it stays as it is.
// I2. kube-proxy is of the whole cluster: where members change it changes on every node of the
//     pools, also on those whose kubelet waits for a later hop. Else only nodes of the hop do.

import type { MemberName, NodeName } from '../names';
import type { Observation } from '../observation';
import { compareTexts } from '../text-order';
import type { KubeVersion } from '../versions';
import type { ImagesStep, Step } from './plan';
import type { ResolvedPool } from './pools';

/** Machines that are pulling at the same time: registries are shared, and so are uplinks. */
export const imagesAtOnce = 5;

/** What is to be on which machines, of the other steps of a hop. */
export function machinesOf(
  changes: readonly Step[],
  pools: readonly Pick<ResolvedPool, 'nodes'>[],
): Pick<ImagesStep, 'members' | 'nodes'> {
  const members = changes.flatMap((step) => (step.kind === 'member' ? [step.member] : []));
  const ofHop = changes.flatMap((step) => (step.kind === 'pool' ? step.nodes : []));
  const all = members.length === 0 ? ofHop : pools.flatMap(({ nodes }) => nodes);
  // Machines of kubeadm are named as their nodes are, and so are members.
  const done = new Set<string>(members);
  const names = new Set<NodeName>(all.flatMap(({ name }) => (done.has(name) ? [] : [name])));
  return { members, nodes: [...names].toSorted(compareTexts) };
}

/** I1. */
export function imagesSteps(hop: {
  readonly drives: Observation['drives'];
  readonly changes: readonly Step[];
  readonly pools: readonly ResolvedPool[];
  readonly to: KubeVersion;
  readonly timeoutMs: number;
}): readonly ImagesStep[] {
  const { drives = [], changes, pools, to, timeoutMs } = hop;
  const { members, nodes } = machinesOf(changes, pools);
  if (!drives.includes('images') || members.length + nodes.length === 0) return [];
  const etcd = changes.find((step) => step.kind === 'etcd');
  const changed = etcd?.kind === 'etcd' ? { etcd: etcd.to } : {};
  return [{ kind: 'images', members, nodes, to, ...changed, timeoutMs }];
}

/** All of them, members first. */
export function machineNames({
  members,
  nodes,
}: Pick<ImagesStep, 'members' | 'nodes'>): readonly (MemberName | NodeName)[] {
  return [...members, ...nodes];
}

/** How often so many machines are at it, one lot after the other. */
export function turnsOf(step: Pick<ImagesStep, 'members' | 'nodes'>): number {
  return Math.ceil(machineNames(step).length / imagesAtOnce);
}
