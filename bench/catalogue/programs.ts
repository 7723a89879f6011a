// What real programs of a minor serve and know: an API server with every API switched on, on an
// etcd of its own, and the help of each component.

import { execFile } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { Agent, request } from 'undici';

import { errorCode } from '../../activities/adapters/node-errors';
import {
  type ScratchProcess,
  startScratchProcess,
  untilAnswers,
} from '../../activities/adapters/scratch-process';
import { openScratchSpace, type ScratchSpace } from '../../activities/adapters/scratch-space';
import { type KubeVersion, minorOf } from '../../domain/versions';
import { installedBinaries } from '../../lab/binaries';
import { freePortBlock } from '../../lab/free-ports';
import { resolveToolchain } from '../../lab/toolchain/resolve';
import { ToolchainError } from '../../lab/toolchain/toolchain-problem';
import type { ProgramFlags, RealMinor, ServedResource } from './mismatches';

const loopback = '127.0.0.1';
const readyTimeoutMs = 240_000;
const components = [
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
  'kube-proxy',
] as const;

/** Throws when its API server or etcd is not installed, or does not become ready. */
export async function realMinor(version: string, signal: AbortSignal): Promise<RealMinor> {
  const minor = minorOf(version as KubeVersion);
  const flags = await Promise.all(components.map((name) => programFlags(name, version)));
  const space = await openScratchSpace(tmpdir(), tmpdir());
  try {
    const ask = await startApiServer(space, version, signal);
    const served = await servedBy(ask);
    const gates = gatesOf(await ask('/metrics'));
    const plugins = await pluginsOf(version);
    return { minor, served, gates, plugins, flags: flags.flat() };
  } finally {
    await space.remove();
  }
}

type Ask = (url: string) => Promise<string>;

/** It ends with the space. */
async function startApiServer(
  space: ScratchSpace,
  version: string,
  signal: AbortSignal,
): Promise<Ask> {
  const binaries = await installedBinaries();
  const kube = await binaries.kube(version);
  if (kube === undefined) throw new Error(`Kubernetes ${version} is not installed`);
  const port = await freePortBlock(3);
  await startEtcd(space, binaries.etcd, port);
  const token = randomBytes(16).toString('hex');
  const apiServer = await startScratchProcess(space, {
    name: 'kube-apiserver',
    executable: kube.apiServer,
    args: await apiServerFlags(space, { token, etcdPort: port, port: port + 2 }),
  });
  const origin = `https://${loopback}:${port + 2}`;
  const certificate = path.join(space.dataDirectory, 'apiserver.crt');
  let agent: Agent | undefined;
  const ask: Ask = async (url) => {
    agent ??= new Agent({ connect: { ca: await certificateIn(certificate) } });
    const headers = { authorization: `Bearer ${token}` };
    const answer = await request(`${origin}${url}`, { dispatcher: agent, headers, signal });
    const text = await answer.body.text();
    if (answer.statusCode === 200) return text;
    throw new Error(`${url} of Kubernetes ${version}: ${answer.statusCode} ${text.slice(0, 300)}`);
  };
  await untilReady(apiServer, version, ask, signal);
  return ask;
}

/** Throws `ENOENT` until the API server has written it to its end. */
async function certificateIn(file: string): Promise<string> {
  const text = await readFile(file, 'utf8');
  if (text.trimEnd().endsWith('-----END CERTIFICATE-----')) return text;
  throw Object.assign(new Error(`${file} is not whole yet`), { code: 'ENOENT' });
}

async function untilReady(
  process: ScratchProcess,
  version: string,
  ask: Ask,
  signal: AbortSignal,
): Promise<void> {
  await untilAnswers(process, {
    what: `the API server of ${version}`,
    timeoutMs: readyTimeoutMs,
    signal,
    async answers() {
      try {
        return (await ask('/readyz')) === 'ok';
      } catch (error) {
        signal.throwIfAborted();
        const isEarly = error instanceof Error && error.message.includes('/readyz');
        if (isEarly || errorCode(error) !== undefined) return false;
        throw error;
      }
    },
  });
}

async function startEtcd(space: ScratchSpace, executable: string, port: number): Promise<void> {
  const [clients, peers] = [port, port + 1].map((one) => `http://${loopback}:${one}`);
  await startScratchProcess(space, {
    name: 'etcd',
    executable,
    args: [
      `--data-dir=${path.join(space.dataDirectory, 'etcd')}`,
      `--listen-client-urls=${clients}`,
      `--advertise-client-urls=${clients}`,
      `--listen-peer-urls=${peers}`,
      '--unsafe-no-fsync',
    ],
  });
}

async function apiServerFlags(
  space: ScratchSpace,
  { token, etcdPort, port }: { readonly token: string; readonly etcdPort: number; port: number },
): Promise<readonly string[]> {
  const at = (name: string): string => path.join(space.dataDirectory, name);
  const accounts = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  await writeFile(at('accounts.key'), accounts.export({ format: 'pem', type: 'sec1' }));
  await writeFile(at('tokens'), `${token},ascent,ascent,system:masters\n`, { mode: 0o600 });
  return [
    '--runtime-config=api/all=true',
    `--etcd-servers=http://${loopback}:${etcdPort}`,
    `--bind-address=${loopback}`,
    `--advertise-address=${loopback}`,
    `--secure-port=${port}`,
    `--cert-dir=${space.dataDirectory}`,
    `--token-auth-file=${at('tokens')}`,
    '--authorization-mode=RBAC',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${at('accounts.key')}`,
    `--service-account-signing-key-file=${at('accounts.key')}`,
    '--service-cluster-ip-range=10.96.0.0/16',
    '--endpoint-reconciler-type=none',
  ];
}

interface Groups {
  readonly groups: readonly { readonly versions: readonly { readonly groupVersion: string }[] }[];
}

interface Resources {
  readonly resources: readonly { readonly name: string; readonly kind: string }[];
}

async function servedBy(ask: Ask): Promise<readonly ServedResource[]> {
  const { groups } = JSON.parse(await ask('/apis')) as Groups;
  const versions = groups.flatMap((group) => group.versions.map((one) => one.groupVersion));
  const lists = await Promise.all(
    ['v1', ...versions].map(async (version) => {
      const url = version === 'v1' ? '/api/v1' : `/apis/${version}`;
      const { resources } = JSON.parse(await ask(url)) as Resources;
      return resources.map(({ name, kind }) => ({ version, name, kind }));
    }),
  );
  return lists.flat();
}

/** Also those that are on for good, and those that `--help` does not show. */
function gatesOf(metrics: string): ReadonlySet<string> {
  const lines = metrics.matchAll(/^kubernetes_feature_enabled\{name="([^"]+)"/gm);
  return new Set([...lines].flatMap(([, name]) => (name === undefined ? [] : [name])));
}

/** What `--enable-admission-plugins` takes. */
async function pluginsOf(version: string): Promise<ReadonlySet<string>> {
  const executable = await installed('kube-apiserver', version);
  const help = executable === undefined ? '' : await said(executable, ['--help']);
  const [, list = ''] =
    /--enable-admission-plugins.*?list of admission plugins: ([\w,\s]+)\./s.exec(help) ?? [];
  return new Set(list.match(/\w+/g));
}

/** None when the component is not installed in this version. */
async function programFlags(component: string, version: string): Promise<readonly ProgramFlags[]> {
  const executable = await installed(component, version);
  if (executable === undefined) return [];
  const help = await said(executable, ['--help']);
  const shown = [...help.matchAll(/^ +(?:-\w, )?--([\w-]+)/gm)].map(([, flag = '']) => flag);
  // Flags are read before anything else is done; a known one is refused for its value, or not.
  const knows = async (flag: string): Promise<boolean> =>
    !(await said(executable, [`--${flag}=`, '--version'])).includes('unknown flag');
  return [{ component, shown: new Set(shown), knows }];
}

async function installed(component: string, version: string): Promise<string | undefined> {
  const env = { ...process.env, ASCENT_TOOLCHAIN_SOURCES: 'environment,path,cache' };
  try {
    const toolchain = await resolveToolchain([{ tool: component, version }], { env });
    return toolchain.pathOf(component);
  } catch (error) {
    if (error instanceof ToolchainError) return undefined;
    throw error;
  }
}

/** Both streams, whatever the exit code. */
function said(executable: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    const options = { timeout: 120_000, maxBuffer: 4 * 1024 * 1024 };
    execFile(executable, args, options, (_, stdout, stderr) => resolve(stdout + stderr));
  });
}
