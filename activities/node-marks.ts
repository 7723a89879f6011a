// What a node's labels and taints say of its place and its role.

import { zoneLabel } from '../domain/observation';
import type { NodeView } from './ports';

/** `master`: the name before 1.24; clusters that were upgraded since may still carry it. */
const controlPlaneKeys = [
  'node-role.kubernetes.io/control-plane',
  'node-role.kubernetes.io/master',
];

/** Empty when it says none. */
export function zoneOf({ labels }: Pick<NodeView, 'labels'>): string {
  return labels[zoneLabel] ?? '';
}

export function isControlPlane({ labels, taintKeys }: NodeView): boolean {
  return controlPlaneKeys.some((key) => labels[key] !== undefined || taintKeys.includes(key));
}
