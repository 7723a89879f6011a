// What `GET /v1/status` answers: what runs, or is to run, on every machine of the lab.

import type { LabComponent, LabStatus } from '../../activities/drivers/lab-protocol';
import type { LabBinaries } from '../binaries';
import type { LabFile } from '../lab-file';
import type { Child } from './child';
import type { ControlPlane } from './control-plane';
import type { MachineStateStore } from './machine-state';
import type { Program } from './program';

export interface LabStatusParts {
  readonly lab: LabFile;
  readonly state: MachineStateStore;
  readonly binaries: LabBinaries;
  readonly controlPlane: ControlPlane;
}

export async function labStatus(parts: LabStatusParts): Promise<LabStatus> {
  const { lab, state, binaries, controlPlane } = parts;
  return {
    cluster: lab.name,
    members: controlPlane.members.map(({ member, etcd, ...processes }) => {
      const { apiServer, controllerManager, scheduler } = processes;
      const { name } = member;
      return {
        name,
        apiServer: component(state.programOf(name, 'api-server'), apiServer),
        controllers: {
          ...component(state.programOf(name, 'controllers'), controllerManager),
          running: controllerManager.isRunning && scheduler.isRunning,
        },
        etcd: {
          version: etcd.runningVersion ?? controlPlane.etcd.versionOf(name),
          running: etcd.isRunning,
        },
      };
    }),
    nodes: lab.nodes.map(({ name }) => ({
      name,
      kubelet: state.current.nodes[name] ?? lab.version,
    })),
    versions: await binaries.versions(),
    etcdVersions: await binaries.etcdVersions(),
  };
}

function component(wanted: Program, child: Child): LabComponent {
  const { version, emulates } = child.runningProgram ?? wanted;
  return {
    version,
    ...(emulates === undefined ? {} : { emulates }),
    running: child.isRunning,
  };
}
