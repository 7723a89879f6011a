// The images of one Kubernetes release, made on the spot from the toolchain's programs under the
// tags that its kubeadm asks for. What a tag says is the version of the program behind it; only
// pause and web are programs of this project's own, and what node jobs use is the host's nsenter.

import { createHash } from 'node:crypto';
import { readdir, realpath, stat } from 'node:fs/promises';
import path from 'node:path';

import { exists } from '../atomic-file';
import { machineVersion } from '../toolchain/catalogue';
import { readSettings } from '../toolchain/settings';
import { type Image, type ImageFile, writeImageArchive } from './image-archive';
import { type MachineBinaries, type MachineRelease, pauseTag } from './releases';
import { runHere } from './run-here';

const registry = 'registry.k8s.io';

export const webImage = `ascent.example/web:${machineVersion}`;

export const nodeJobImage = `ascent.example/node-job:${machineVersion}`;

export const imageTags = {
  pause: `${registry}/pause:${pauseTag}`,
  etcd: ({ etcd }: MachineRelease) => `${registry}/etcd:${etcd}-0`,
  coreDns: ({ coreDns }: MachineRelease) => `${registry}/coredns/coredns:v${coreDns}`,
  kubernetes: (name: string, { kubernetes }: MachineRelease) =>
    `${registry}/${name}:v${kubernetes}`,
} as const;

function single(tag: string, at: string, from: string): Image {
  return { tag, files: [{ at, from }], entrypoint: [at] };
}

const xtables = [
  'iptables',
  'iptables-save',
  'iptables-restore',
  'ip6tables',
  'ip6tables-save',
  'ip6tables-restore',
];

/** A dynamic program of the host's with every library that it is linked to, at the same paths. */
async function withLibraries(file: string): Promise<readonly ImageFile[]> {
  const output = await runHere({
    doing: `reading the libraries of ${file}`,
    file: 'ldd',
    args: [file],
  });
  const libraries = [...output.matchAll(/(\/\S+) \(0x/g)].map(([, library = '']) => library);
  return [file, ...libraries].map((each) => ({ at: each, from: each }));
}

/** kube-proxy runs the host's iptables, in the same flavour as the host: nft. */
async function kubeProxy(release: MachineRelease, binaries: MachineBinaries): Promise<Image> {
  const multi = '/usr/sbin/xtables-nft-multi';
  const plugins = path.dirname(await realpath(await xtablesPlugin()));
  const programs = [
    ...(await withLibraries(multi)),
    ...(await withLibraries('/usr/sbin/conntrack')),
  ];
  const plugged = (await readdir(plugins)).map((name) => path.join(plugins, name));
  const ofPlugins = await Promise.all(plugged.map(withLibraries));
  const byPath = new Map([...programs, ...ofPlugins.flat()].map((file) => [file.at, file]));
  return {
    tag: imageTags.kubernetes('kube-proxy', release),
    files: [
      { at: '/usr/local/bin/kube-proxy', from: binaries.of('kube-proxy') },
      ...byPath.values(),
      ...xtables.map((name) => ({ at: `/usr/sbin/${name}`, linkTo: multi })),
    ],
    directories: ['/tmp', '/run', '/var/run', '/etc'],
    entrypoint: ['/usr/local/bin/kube-proxy'],
  };
}

/** One of the plugins: they lie in a directory that is named after the architecture. */
async function xtablesPlugin(): Promise<string> {
  for (const parent of await readdir('/usr/lib')) {
    const candidate = `/usr/lib/${parent}/xtables/libxt_comment.so`;
    if (await exists(candidate)) return candidate;
  }
  return '/usr/lib/xtables/libxt_comment.so';
}

async function imagesOf(
  release: MachineRelease,
  binaries: MachineBinaries,
): Promise<readonly Image[]> {
  const servers = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'] as const;
  return [
    single(imageTags.pause, '/pause', binaries.own('pause')),
    single(webImage, '/web', binaries.own('web')),
    {
      tag: nodeJobImage,
      files: await withLibraries('/usr/bin/nsenter'),
      entrypoint: ['/usr/bin/nsenter'],
    },
    single(imageTags.coreDns(release), '/coredns', binaries.of('coredns')),
    await kubeProxy(release, binaries),
    ...servers.map((name) =>
      single(imageTags.kubernetes(name, release), `/usr/local/bin/${name}`, binaries.of(name)),
    ),
    {
      ...single(imageTags.etcd(release), '/usr/local/bin/etcd', binaries.of('etcd')),
      files: [
        { at: '/usr/local/bin/etcd', from: binaries.of('etcd') },
        { at: '/usr/local/bin/etcdctl', from: binaries.of('etcdctl') },
      ],
    },
  ];
}

/** What a worker runs of them. */
export function isForWorkers(file: string): boolean {
  return /^(pause|web|node-job|coredns|kube-proxy)-/.test(path.basename(file));
}

/** Of its own for every state of the programs in it: an archive is never older than they are. */
async function fileNameOf({ tag, files }: Image): Promise<string> {
  const states = await Promise.all(
    files.map(async ({ at, from, linkTo }) => {
      if (from === undefined) return [at, linkTo];
      const { size, mtimeMs } = await stat(from);
      return [at, from, size, mtimeMs];
    }),
  );
  const hash = createHash('sha256').update(JSON.stringify(states)).digest('hex').slice(0, 12);
  return `${path.posix.basename(tag).replace(':', '-')}-${hash}.tar`;
}

/** Where the archives of every lab lie: machines see this directory, and only read it. */
export function imagesDirectory(): string {
  const { cacheDirectory } = readSettings(process.env);
  return path.join(cacheDirectory, 'images');
}

/** Makes those that are missing; answers the paths of all of the release's. */
export async function ensureImages(
  release: MachineRelease,
  binaries: MachineBinaries,
): Promise<readonly string[]> {
  const directory = imagesDirectory();
  const images = await imagesOf(release, binaries);
  const files: string[] = [];
  for (const image of images) {
    const file = path.join(directory, await fileNameOf(image));
    if (!(await exists(file))) await writeImageArchive(image, file);
    files.push(file);
  }
  return files;
}
