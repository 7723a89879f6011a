// Which executables the lab runs: those that the toolchain finds on this machine without fetching
// or building anything. Who wants them installed first calls resolveToolchain (lab/toolchain).

import { type KubeVersion, minorOf } from '../domain/versions';
import { etcdVersions, kubernetesVersions } from './toolchain/catalogue';
import type { ToolRequest } from './toolchain/requests';
import { resolveToolchain } from './toolchain/resolve';
import type { Toolchain } from './toolchain/resolve';
import { ToolchainError } from './toolchain/toolchain-problem';

interface KubeBinaries {
  readonly apiServer: string;
  readonly controllerManager: string;
  readonly scheduler: string;
}

export interface EtcdBinaries {
  readonly etcd: string;
  readonly etcdutl: string;
}

export interface LabBinaries extends EtcdBinaries {
  /** Of `etcd`, which labs begin with unless they are told otherwise. */
  readonly etcdVersion: string;
  readonly kwok: string;
  /** Undefined when one of the two is not installed in this version. */
  etcdOf(version: string): Promise<EtcdBinaries | undefined>;
  /** Releases of which both are installed, oldest first. */
  etcdVersions(): Promise<readonly string[]>;
  /** Undefined when one of the three is not installed in this version. */
  kube(version: string): Promise<KubeBinaries | undefined>;
  /** Releases of which all three are installed, oldest first. */
  versions(): Promise<readonly string[]>;
  /** kube-apiserver of each of them, by minor. */
  apiServers(): Promise<Readonly<Record<string, string>>>;
}

const kubeTools = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'];

/** What a lab needs of these releases, to be installed beforehand. */
export function kubeRequests(versions: readonly string[]): readonly ToolRequest[] {
  return versions.flatMap((version) => kubeTools.map((tool) => ({ tool, version })));
}

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

/** Undefined when one of them is not installed in this version. */
async function findAll(tools: readonly string[], version: string): Promise<Toolchain | undefined> {
  try {
    return await find(tools.map((tool) => ({ tool, version })));
  } catch (error) {
    if (error instanceof ToolchainError) return undefined;
    throw error;
  }
}

async function findKube(version: string): Promise<KubeBinaries | undefined> {
  const found = await findAll(kubeTools, version);
  if (found === undefined) return undefined;
  return {
    apiServer: pathIn(found, 'kube-apiserver'),
    controllerManager: pathIn(found, 'kube-controller-manager'),
    scheduler: pathIn(found, 'kube-scheduler'),
  };
}

async function findEtcd(version: string): Promise<EtcdBinaries | undefined> {
  const found = await findAll(['etcd', 'etcdutl'], version);
  if (found === undefined) return undefined;
  return { etcd: pathIn(found, 'etcd'), etcdutl: pathIn(found, 'etcdutl') };
}

/** What is missing now may be installed while the lab runs: only what was found is remembered. */
function remembering<Binaries>(
  look: (version: string) => Promise<Binaries | undefined>,
): (version: string) => Promise<Binaries | undefined> {
  const known = new Map<string, Binaries>();
  return async (version) => {
    const found = known.get(version) ?? (await look(version));
    if (found !== undefined) known.set(version, found);
    return found;
  };
}

async function installedOf(
  versions: readonly string[],
  look: (version: string) => Promise<object | undefined>,
): Promise<readonly string[]> {
  const all = await Promise.all(
    versions.map(async (version) => ((await look(version)) ? [version] : [])),
  );
  return all.flat();
}

/** Throws ToolchainError when etcd, etcdutl or kwok is not installed. */
export async function installedBinaries(): Promise<LabBinaries> {
  const found = await find(['etcd', 'etcdutl', 'kwok'].map((tool) => ({ tool })));
  const first = { etcd: pathIn(found, 'etcd'), etcdutl: pathIn(found, 'etcdutl') };
  const { version: etcdVersion = 'unknown' } =
    found.binaries.find(({ tool }) => tool === 'etcd') ?? {};
  const kube = remembering(findKube);
  const etcdOf = remembering((version) =>
    version === etcdVersion ? Promise.resolve(first) : findEtcd(version),
  );
  return {
    ...first,
    etcdVersion,
    kwok: pathIn(found, 'kwok'),
    etcdOf,
    etcdVersions: () => installedOf([...new Set([etcdVersion, ...etcdVersions])], etcdOf),
    kube,
    versions: () => installedOf(kubernetesVersions, kube),
    apiServers: async () => {
      const all = await Promise.all(
        kubernetesVersions.map(async (version) => [version, await kube(version)] as const),
      );
      return Object.fromEntries(
        all.flatMap(([version, files]) =>
          files === undefined ? [] : [[minorOf(version as KubeVersion), files.apiServer]],
        ),
      );
    },
  };
}
