// Machines of Cluster API as views, and as members of a control plane.

import type { NodeName } from '../../domain/names';
import { parseVersion } from '../../domain/versions';
import type { MemberPorts } from '../access';
import type { MachineView } from '../driver-ports';
import { PortError } from '../ports';
import type { Machine } from './capi-objects';

export function machineView({ metadata, spec, status }: Machine): MachineView {
  const version = parseVersion(spec.version ?? '');
  const node = status.nodeRef?.name as NodeName | undefined;
  // The drain says more than the summary that Ready is.
  const said = ['DrainingSucceeded', 'Ready'].flatMap((type) =>
    status.conditions.filter((one) => one.type === type && one.status === 'False'),
  )[0];
  return {
    name: metadata.name,
    ...(node === undefined ? {} : { node }),
    ...(version === undefined ? {} : { version }),
    isLeaving: metadata.deletionTimestamp !== undefined,
    phase: status.phase,
    says: said?.message || (said?.reason ?? ''),
  };
}

/** Where a member listens; the name is that of its node. */
export interface MachineMember {
  readonly name: string;
  readonly apiServer: string;
  readonly controllerManager: string;
  readonly scheduler: string;
  readonly etcd: string;
}

/** Undefined for one that has not joined, or is leaving: it is none yet, or none any more. */
export function memberOf(
  { metadata, status }: Machine,
  ports: MemberPorts,
): MachineMember | undefined {
  const { nodeRef, addresses } = status;
  if (nodeRef === undefined || metadata.deletionTimestamp !== undefined) return undefined;
  const kinds = ['InternalIP', 'ExternalIP', 'InternalDNS', 'ExternalDNS', 'Hostname'];
  const [found] = kinds.flatMap((kind) => addresses.filter(({ type }) => type === kind));
  if (found === undefined) {
    throw new PortError('unexpected', `Machine ${metadata.name} names no address of its own`);
  }
  const host = found.address.includes(':') ? `[${found.address}]` : found.address;
  return {
    name: nodeRef.name,
    apiServer: `https://${host}:${ports.apiServer}`,
    controllerManager: `https://${host}:${ports.controllerManager}`,
    scheduler: `https://${host}:${ports.scheduler}`,
    etcd: `https://${host}:${ports.etcd}`,
  };
}
