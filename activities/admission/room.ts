// Whether the pods of a node find room elsewhere, as far as a cluster shows it.
// R1. The scheduler's verdict on a pod of the same owner says more than any reckoning: as long as
//     it finds no node for one, the next would wait beside it.
// R2. Pods of nodes in work that are still to leave look for room as well. The nodes they are on,
//     nodes that are cordoned and nodes that are not Ready have none.
// R3. A pod that no other node would take even if all were in service (it names its node, or its
//     volume is on it) holds nothing up: there is nothing to wait for.

import { type AdmissionHold, type NodeLoad, ownerKey } from '../../domain/pool/admission';
import {
  findRoom,
  type NoRoomReason,
  requestedBy,
  type RoomNode,
  type RoomPod,
  type UnplacedPod,
} from '../../domain/pool/pod-room';
import type { NodeName } from '../../domain/names';
import type { ClusterView, NodeView, PodView } from '../ports';
import type { VolumeZones } from './volume-zones';

/** After so many nodes without room the next are not reckoned: it is the same room for all. */
const reckonedWithout = 5;

type RoomFor = (node: NodeLoad, window: readonly NodeLoad[]) => readonly AdmissionHold[];

export interface RoomQuestion {
  readonly cluster: ClusterView;
  /** By node: pods that have to leave it. */
  readonly leaving: ReadonlyMap<NodeName, readonly PodView[]>;
  readonly volumes: Pick<VolumeZones, 'of'>;
}

/** What is in the way of a node that would leave now. */
export function roomIn(question: RoomQuestion): RoomFor {
  const alike = unscheduledAlike(question.cluster);
  const room = roomOutside(question);
  return (node, window) => {
    const unscheduled = alike(node);
    return unscheduled.length > 0 ? unscheduled : room(node, window);
  };
}

/** R1. */
function unscheduledAlike(cluster: ClusterView): (node: NodeLoad) => readonly AdmissionHold[] {
  const unscheduled = new Map<string, PodView>();
  for (const pod of cluster.unhealthyPods()) {
    const owner = pod.trouble?.code === 'unscheduled' ? ownerKey(pod) : undefined;
    if (owner !== undefined) unscheduled.set(owner, pod);
  }
  return ({ serving }) =>
    [...serving.keys()].flatMap((owner): readonly AdmissionHold[] => {
      const alike = unscheduled.get(owner);
      if (alike === undefined) return [];
      const { ref: pod, trouble } = alike;
      const message = trouble?.code === 'unscheduled' ? trouble.message : undefined;
      const said = message === undefined ? {} : { message };
      return [{ code: 'alike-unscheduled', owner, pod, ...said }];
    });
}

/** R2. */
function roomOutside({ cluster, leaving, volumes }: RoomQuestion): RoomFor {
  let nodes: readonly { readonly name: NodeName; readonly room: RoomNode }[] | undefined;
  const found: (readonly AdmissionHold[])[] = [];
  return (node, window) => {
    const last = found.at(-1);
    if (last !== undefined && found.length >= reckonedWithout) return last;
    nodes ??= cluster
      .nodes()
      .filter(({ ready, unschedulable }) => ready && !unschedulable)
      .map((one) => ({ name: one.name, room: roomNode(one, cluster) }));
    const names = new Set([node, ...window].map(({ name }) => name));
    const pods = [...names]
      .flatMap((name) => leaving.get(name) ?? [])
      .map((pod) => withZones(pod, volumes.of(pod)));
    const outside = nodes.filter(({ name }) => !names.has(name)).map(({ room }) => room);
    const answer = findRoom(pods, outside);
    if (answer.kind === 'fits') return [];
    const inWork = window.flatMap(({ name }) => asInService(cluster, name));
    const waiting = answer.pods.filter((one) => canBeWaitedFor(one, { pods, inWork }));
    const [{ pod, reason } = answer.pods[0]] = waiting;
    if (waiting.length === 0 && answer.count === answer.pods.length) return [];
    const hold = { code: 'no-room', pod, pods: answer.count, lack: lackText(reason) } as const;
    found.push([hold]);
    return [hold];
  };
}

/** A node of the window as it will be again, with room for anything. */
function asInService(cluster: ClusterView, name: NodeName): readonly RoomNode[] {
  const node = cluster.node(name);
  if (node === undefined) return [];
  const { labels, taints } = node;
  const requested = { cpuMilli: 0, memoryBytes: 0, pods: 0 };
  return [{ labels, unschedulable: false, requested, ...(taints === undefined ? {} : { taints }) }];
}

/** R3. */
function canBeWaitedFor(
  { pod, reason }: UnplacedPod,
  { pods, inWork }: { readonly pods: readonly RoomPod[]; readonly inWork: readonly RoomNode[] },
): boolean {
  if (reason.code === 'cpu' || reason.code === 'memory' || reason.code === 'pods') return true;
  const found = pods.filter(({ ref }) => ref === pod);
  return findRoom(found, inWork).kind === 'fits';
}

function withZones(pod: PodView, zones: readonly string[] | undefined): RoomPod {
  return zones === undefined ? pod : { ...pod, zones };
}

function roomNode(node: NodeView, cluster: ClusterView): RoomNode {
  const requested = requestedBy(cluster.podsOnNode(node.name));
  const { labels, unschedulable, taints, allocatable } = node;
  return {
    labels,
    unschedulable,
    requested,
    ...(taints === undefined ? {} : { taints }),
    ...(allocatable === undefined ? {} : { allocatable }),
  };
}

const mebibyte = 1_048_576;

function lackText(reason: NoRoomReason): string {
  switch (reason.code) {
    case 'node-selector':
      return 'no other node has the labels that it selects';
    case 'taint':
      return 'other nodes have taints that it does not tolerate';
    case 'zone':
      return 'no other node is in the zone of its volumes';
    case 'pods':
      return 'no other node may have one more pod';
    case 'cpu':
      return `it requests ${reason.requested} m of CPU, and ${reason.mostFree} m are free at most`;
    case 'memory': {
      const [requested, free] = [reason.requested, reason.mostFree].map((bytes) =>
        Math.floor(bytes / mebibyte),
      );
      return `it requests ${requested} MiB of memory, and ${free} MiB are free at most`;
    }
  }
}
