// A folder with an access file's neighbours, and what a whole access file says.

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import type { ClusterAccess } from '../../../../activities/access';
import { temporaryDirectory } from './temporary-directory';

/** An access file as people write it: paths relative to its own folder. */
export const accessContent = {
  apiVersion: 'ascent/access/v1',
  cluster: 'prod',
  kubeconfig: 'kubeconfig',
  members: [
    {
      name: 'cp-1',
      apiServer: 'https://10.0.0.1:6443',
      controllerManager: 'https://10.0.0.1:10257',
      scheduler: 'https://10.0.0.1:10259',
    },
  ],
  etcd: {
    members: [{ name: 'cp-1', endpoint: 'https://10.0.0.1:2379' }],
    ca: 'ca.crt',
    certificate: 'client.crt',
    key: 'client.key',
  },
  driver: { kind: 'lab', socket: 'lab.sock' },
  snapshots: { directory: '../snapshots', inTheClear: true },
  tools: { etcd: 'etcd', etcdutl: './etcdutl' },
} as const satisfies ClusterAccess;

export interface AccessFolder {
  /** Absolute path of a name in the folder. */
  readonly at: (name: string) => string;
  /** Writes a file and returns its path. */
  readonly write: (name: string, content: object | string) => string;
  /** accessContent with the paths that it means. */
  readonly access: ClusterAccess;
}

/** Every file that accessContent names is there, and a directory `folder`. Removed at the end. */
export function accessFolder(): AccessFolder {
  const directory = temporaryDirectory();
  const at = (name: string): string => path.join(directory, name);
  for (const name of ['kubeconfig', 'ca.crt', 'client.crt', 'client.key', 'etcdutl']) {
    writeFileSync(at(name), 'content');
  }
  chmodSync(at('etcdutl'), 0o755);
  mkdirSync(at('folder'));
  return {
    at,
    write(name, content) {
      writeFileSync(at(name), typeof content === 'string' ? content : JSON.stringify(content));
      return at(name);
    },
    access: {
      ...accessContent,
      kubeconfig: at('kubeconfig'),
      etcd: {
        members: accessContent.etcd.members,
        ca: at('ca.crt'),
        certificate: at('client.crt'),
        key: at('client.key'),
      },
      driver: { kind: 'lab', socket: at('lab.sock') },
      snapshots: { directory: at('../snapshots'), inTheClear: true },
      tools: { etcd: 'etcd', etcdutl: at('etcdutl') },
    },
  };
}
