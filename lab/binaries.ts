// Which executables the lab runs: those that the toolchain finds on this machine without fetching
// or building anything. Who wants them installed first calls resolveToolchain (lab/toolchain).

import { kubernetesVersions } from './toolchain/catalogue';
import type { ToolRequest } from './toolchain/requests';
import { resolveToolchain } from './toolchain/resolve';
import type { Toolchain } from './toolchain/resolve';
import { ToolchainError } from './toolchain/toolchain-problem';

interface KubeBinaries {
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
  /** Releases of which all three are installed, oldest first. */
  versions(): Promise<readonly string[]>;
  /** kube-apiserver of each of them, by minor. */
  apiServers(): Promise<Readonly<Record<string, string>>>;
}

const kubeTools = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'];

/** Only what is there: a lab that comes up again must not wait for a build. */
function find(requests: readonly ToolRequest[]): Promise<Toolchain> {
  const env = { ...process.env, ASCENT_TOOLCHAIN_SOURCES: 'environment,path,cache' };
  return resolveToolchain(requests, { env });
}

/** A tool that was asked for is in the result, or resolveToolchain has thrown. */
function pathIn(toolchain: Toolchain, tool: string): string {
  const found = toolchain.pathOf(tool);
  if (found === undefined) throw new Error(`${tool} was neither found nor refused`);
  return found;
}

async function findKube(version: string): Promise<KubeBinaries | undefined> {
  let found: Toolchain;
  try {
    found = await find(kubeTools.map((tool) => ({ tool, version })));
  } catch (error) {
    if (error instanceof ToolchainError) return undefined;
    throw error;
  }
  return {
    apiServer: pathIn(found, 'kube-apiserver'),
    controllerManager: pathIn(found, 'kube-controller-manager'),
    scheduler: pathIn(found, 'kube-scheduler'),
  };
}

/** Throws ToolchainError when etcd, etcdutl or kwok is not installed. */
export async function installedBinaries(): Promise<LabBinaries> {
  const found = await find(['etcd', 'etcdutl', 'kwok'].map((tool) => ({ tool })));
  const etcdVersion = found.binaries.find(({ tool }) => tool === 'etcd')?.version;
  // What is missing now may be installed while the lab runs: only what was found is remembered.
  const kube = new Map<string, KubeBinaries>();
  const kubeOnce = async (version: string): Promise<KubeBinaries | undefined> => {
    const known = kube.get(version) ?? (await findKube(version));
    if (known !== undefined) kube.set(version, known);
    return known;
  };
  const installed = async (): Promise<readonly (readonly [string, KubeBinaries])[]> => {
    const all = await Promise.all(
      kubernetesVersions.map(async (version) => [version, await kubeOnce(version)] as const),
    );
    return all.flatMap(([version, files]) => (files === undefined ? [] : [[version, files]]));
  };
  return {
    etcd: pathIn(found, 'etcd'),
    etcdVersion: etcdVersion ?? 'unknown',
    etcdutl: pathIn(found, 'etcdutl'),
    kwok: pathIn(found, 'kwok'),
    kube: kubeOnce,
    versions: async () => (await installed()).map(([version]) => version),
    apiServers: async () =>
      Object.fromEntries(
        (await installed()).map(([version, { apiServer }]) => [
          version.split('.').slice(0, 2).join('.'),
          apiServer,
        ]),
      ),
  };
}
