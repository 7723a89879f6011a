// An observation for people: members, etcd, nodes and budgets in tables.

import { count } from '../../domain/counts';
import type {
  MemberObservation,
  NodeObservation,
  Observation,
  UnreportedNode,
} from '../../domain/observation';
import type { Style } from './style';
import { columns, formatBytes } from './text';

export function renderObservation(seen: Observation, style: Style): readonly string[] {
  const table = (rows: readonly (readonly string[])[]) => {
    const [head = '', ...rest] = columns(rows);
    return [style.faint(head), ...rest];
  };
  const blocked = seen.budgets.filter(({ disruptionsAllowed }) => disruptionsAllowed === 0);
  return [
    style.strong(`Cluster ${seen.cluster}, seen ${seen.observedAt}`),
    '',
    ...table([
      ['MEMBER', 'API SERVER', 'CONTROLLER-MANAGER', 'SCHEDULER'],
      ...byName(seen.members).map(memberRow),
    ]),
    '',
    ...renderEtcd(seen),
    '',
    ...table([
      ['NODE', 'ZONE', 'KUBELET', 'READY', 'CORDON', 'PODS TO EVICT'],
      ...byName(seen.nodes).map(nodeRow),
      ...byName(seen.unreportedNodes ?? []).map(unreportedRow),
    ]),
    '',
    `${count(seen.budgets.length, 'disruption budget')},` +
      ` ${blocked.length} of them allow no eviction now;` +
      ` ${count(seen.budgetOverlaps.length, 'pod')} selected by more than one`,
    storeText(seen),
  ];
}

function byName<T extends { readonly name: string }>(list: readonly T[]): readonly T[] {
  return list.toSorted((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
}

function memberRow(member: MemberObservation): readonly string[] {
  const { apiServer, controllerManager, scheduler } = member;
  const api =
    apiServer.kind === 'unobserved'
      ? apiServer.problem.code
      : `${apiServer.version}${apiServer.ready ? '' : ' not ready'}`;
  return [member.name, api, ...[controllerManager, scheduler].map(controllerText)];
}

function controllerText(seen: MemberObservation['scheduler']): string {
  if (seen.kind === 'unobserved') return seen.problem.code;
  return `${seen.version}${seen.healthy ? '' : ' unhealthy'}`;
}

function nodeRow(node: NodeObservation): readonly string[] {
  return [
    node.name,
    node.zone === '' ? '-' : node.zone,
    node.kubeletVersion,
    node.ready ? 'yes' : 'no',
    node.cordon.kind === 'none' ? '-' : node.cordon.kind,
    node.isControlPlane ? '- (control plane)' : `${node.evictablePods}`,
  ];
}

function unreportedRow({ name, reported }: UnreportedNode): readonly string[] {
  return [name, '-', reported === '' ? 'not reported' : `"${reported}"`, '-', '-', '-'];
}

function renderEtcd({ etcd }: Observation): readonly string[] {
  if (etcd.kind === 'unobserved') return [`etcd: ${etcd.problem.code}, ${etcd.problem.message}`];
  const leader = etcd.members.find(({ isLeader }) => isLeader)?.name ?? 'none';
  const versions = [...new Set(etcd.members.map(({ version }) => version))].join(', ');
  const largest = Math.max(0, ...etcd.members.map(({ dbSizeBytes }) => dbSizeBytes));
  return [
    `etcd ${versions}: ${etcd.members.length} of ${count(etcd.memberCount, 'member')} answered,` +
      ` leader ${leader}, ${formatBytes(largest)}, hashes ${etcd.hashesAgree ? 'agree' : 'differ'}`,
  ];
}

function storeText({ snapshotStore: store }: Observation): string {
  const name = `snapshot store ${store.location}`;
  if (store.kind === 'unusable') return `${name}: ${store.problem.code}, ${store.problem.message}`;
  const { freeBytes, scratch } = store;
  const room = freeBytes === undefined ? 'writable' : `${formatBytes(freeBytes)} free`;
  if (scratch === undefined) return `${name}: ${room}`;
  return `${name}: ${room}; ${formatBytes(scratch.freeBytes)} free in ${scratch.location}`;
}
