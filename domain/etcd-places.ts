// Where etcd runs in a cluster that kubeadm made, as its machines tell it: beside each control
// plane as a static pod, or outside of kubeadm as a service unit of some machine.

import type { MemberName } from './names';
import type { Problem } from './observation';

/** Why the unit of a member could not be restored. */
export type EtcdUnitFault =
  /** The machine's service manager knows none of that name. */
  | { readonly why: 'unit-missing'; readonly unit: string }
  | { readonly why: 'unit-stopped'; readonly unit: string; readonly state: string }
  /** Its main process is something else, as where etcd runs in a container. */
  | { readonly why: 'not-etcd'; readonly unit: string; readonly program: string }
  | { readonly why: 'other-name'; readonly name: string }
  /** Without the dashes. */
  | { readonly why: 'flag-missing'; readonly flag: string }
  | { readonly why: 'peers-several'; readonly urls: string }
  | { readonly why: 'data-missing'; readonly directory: string }
  | { readonly why: 'log-apart'; readonly directory: string }
  | { readonly why: 'file-missing'; readonly flag: string; readonly file: string }
  /** No etcdctl, or none that restores, of the version of its etcd. */
  | { readonly why: 'programs-missing'; readonly version: string }
  /** Its etcd is of another minor than the one that took the snapshot. */
  | { readonly why: 'other-minor'; readonly version: string; readonly wanted: string };

export type EtcdUnitObservation =
  | {
      readonly kind: 'observed';
      /** As etcd calls it. */
      readonly name: string;
      readonly version: string;
      /** `10.0.0.31:2379`: where it serves clients, names resolved there. */
      readonly sockets: readonly string[];
      readonly faults: readonly EtcdUnitFault[];
    }
  | { readonly kind: 'unobserved'; readonly name: string; readonly problem: Problem };

/** What the manifest of an API server says of its etcd. */
export type AskedEtcdObservation =
  | {
      readonly kind: 'observed';
      readonly name: MemberName;
      /** Whether etcd is a static pod beside it. */
      readonly isPod: boolean;
      /** `sockets`: names resolved there. */
      readonly endpoints: readonly { readonly url: string; readonly sockets: readonly string[] }[];
    }
  | { readonly kind: 'unobserved'; readonly name: MemberName; readonly problem: Problem };

export interface EtcdPlaces {
  readonly controlPlanes: readonly AskedEtcdObservation[];
  /** Every member of etcd in the access file; absent where that says nothing of units. */
  readonly units?: readonly EtcdUnitObservation[];
}

/** Completes `etcd of etcd-1: …`. */
export function etcdUnitFaultText(fault: EtcdUnitFault): string {
  switch (fault.why) {
    case 'unit-missing':
      return `there is no unit ${fault.unit} on its machine`;
    case 'unit-stopped':
      return `its unit ${fault.unit} is ${fault.state}`;
    case 'not-etcd':
      return `the main process of its unit ${fault.unit} is ${fault.program}, not etcd`;
    case 'other-name':
      return `it calls itself ${fault.name}`;
    case 'flag-missing':
      return `it runs without --${fault.flag}`;
    case 'peers-several':
      return `it has several addresses for its peers: ${fault.urls}`;
    case 'data-missing':
      return `its data directory ${fault.directory} is not there`;
    case 'log-apart':
      return `its log has a directory of its own: ${fault.directory}`;
    case 'file-missing':
      return `the file of --${fault.flag}, ${fault.file}, is not there`;
    case 'programs-missing':
      return `there is no etcdctl beside its etcd ${fault.version} that restores`;
    case 'other-minor':
      return `it is etcd ${fault.version}, and the snapshot is of etcd ${fault.wanted}`;
  }
}

/** As an instruction. */
export function etcdUnitFaultRemedy(fault: EtcdUnitFault): string {
  switch (fault.why) {
    case 'unit-missing':
      return 'name the unit of etcd in driver.etcd.unit of the access file';
    case 'unit-stopped':
      return `see why with systemctl status ${fault.unit} there, and start it`;
    case 'not-etcd':
      return 'have the unit run etcd itself: what a container runs cannot be restored';
    case 'other-name':
      return 'name members in the access file as etcd does: etcd.members and driver.etcd.machines';
    case 'flag-missing':
      return 'give the unit that flag, its variable, or its line in the configuration file';
    case 'peers-several':
      return 'give the unit one address in --initial-advertise-peer-urls';
    case 'data-missing':
      return 'mount or make the directory, owned by the user of etcd';
    case 'log-apart':
      return 'leave out --wal-dir: log and data are restored together';
    case 'file-missing':
      return 'put the file there, or name files that are there in driver.etcd.client';
    case 'programs-missing':
      return 'put etcdctl and etcdutl of its minor beside it, or on the PATH of root';
    case 'other-minor':
      return `put programs of etcd ${fault.wanted} there before it is restored`;
  }
}
