// Which executables the lab runs, by the toolchain's names.

import { constants } from 'node:fs';
import { access, readdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';

export interface KubeBinaries {
  readonly apiServer: string;
  readonly controllerManager: string;
  readonly scheduler: string;
}

export interface LabBinaries {
  readonly etcd: string;
  readonly etcdVersion: string;
  readonly etcdutl: string;
  readonly kwok: string;
  /** Undefined when one of the three is not installed in this version. */
  kube(version: string): Promise<KubeBinaries | undefined>;
  /** Releases of which all three are installed. */
  versions(): Promise<readonly string[]>;
}

function cacheRoot(): string {
  const xdg = process.env['XDG_CACHE_HOME'];
  const base = xdg !== undefined && path.isAbsolute(xdg) ? xdg : path.join(homedir(), '.cache');
  return path.join(base, 'ascent', 'bin');
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function anyVersion(name: string): Promise<string> {
  const versions = await readdir(path.join(cacheRoot(), name));
  const [version] = versions;
  if (version === undefined) throw new Error(`${name} is not installed`);
  return path.join(cacheRoot(), name, version, name);
}

async function kube(version: string): Promise<KubeBinaries | undefined> {
  const file = (name: string): string => path.join(cacheRoot(), name, version, name);
  const found = {
    apiServer: file('kube-apiserver'),
    controllerManager: file('kube-controller-manager'),
    scheduler: file('kube-scheduler'),
  };
  const present = await Promise.all(Object.values(found).map(isExecutable));
  return present.every(Boolean) ? found : undefined;
}

async function versions(): Promise<readonly string[]> {
  const names = await readdir(path.join(cacheRoot(), 'kube-apiserver'));
  const found = await Promise.all(
    names.map(async (name) => ((await kube(name)) === undefined ? [] : [name])),
  );
  return found.flat().toSorted();
}

export async function installedBinaries(): Promise<LabBinaries> {
  return {
    etcd: await anyVersion('etcd'),
    etcdVersion: '3.5.21',
    etcdutl: await anyVersion('etcdutl'),
    kwok: await anyVersion('kwok'),
    kube,
    versions,
  };
}
