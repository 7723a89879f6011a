// Where everything of one lab lies. One directory holds it all, so that removing the directory
// removes the lab.

import { homedir } from 'node:os';
import path from 'node:path';

import { LabError } from './lab-error';

export interface LabLayout {
  readonly stateDir: string;
  /** Members, ports and nodes: written once by `lab up`. */
  readonly labFile: string;
  /** What the machines of the lab currently are: written by the supervisor. */
  readonly machinesFile: string;
  readonly accessFile: string;
  readonly kubeconfig: string;
  readonly socket: string;
  readonly lockFile: string;
  /** Names the process that will take the lab down by itself (lab-owner.ts). */
  readonly ownerFile: string;
  readonly pki: string;
  readonly logs: string;
  /** One record per running process: pid and start time. */
  readonly processes: string;
  readonly restores: string;
  readonly snapshots: string;
  /** The identity file that snapshots are sealed with. */
  readonly snapshotKey: string;
  /** Kubeconfigs of the components and the stages of kwok. */
  readonly config: string;
  readonly etcd: string;
  readonly temporal: string;
}

/** `sun_path` holds 108 bytes with the final zero (unix(7)). */
const socketPathMax = 107;

/** `${XDG_STATE_HOME or ~/.local/state}/ascent/labs/<name>`. */
export function defaultStateDir(
  name: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string {
  const xdg = environment['XDG_STATE_HOME'];
  const base =
    xdg !== undefined && path.isAbsolute(xdg) ? xdg : path.join(homedir(), '.local/state');
  return path.join(base, 'ascent', 'labs', name);
}

/** Throws LabError `state-directory-unusable` when a Unix socket would not fit into the path. */
export function labLayout(stateDirectory: string): LabLayout {
  const stateDir = path.resolve(stateDirectory);
  const at = (name: string): string => path.join(stateDir, name);
  const socket = at('supervisor.sock');
  if (Buffer.byteLength(socket) > socketPathMax) {
    throw new LabError(
      'state-directory-unusable',
      `${stateDir} is too long for the Unix socket in it ` +
        `(${Buffer.byteLength(socket)} bytes, at most ${socketPathMax}); give a shorter one`,
    );
  }
  return {
    stateDir,
    labFile: at('lab.json'),
    machinesFile: at('machines.json'),
    accessFile: at('access.json'),
    kubeconfig: at('kubeconfig'),
    socket,
    lockFile: at('up.lock'),
    ownerFile: at('owner.lock'),
    pki: at('pki'),
    logs: at('logs'),
    processes: at('processes'),
    restores: at('restores'),
    snapshots: at('snapshots'),
    snapshotKey: at('snapshot-key.txt'),
    config: at('config'),
    etcd: at('etcd'),
    temporal: at('temporal'),
  };
}
