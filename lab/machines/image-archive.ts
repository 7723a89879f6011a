// Writes a container image as the archive that `docker save` writes: one layer of given files. No
// registry and no container engine takes part; `ctr images import` reads it.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { create } from 'tar';

export interface ImageFile {
  /** Inside the image, absolute. */
  readonly at: string;
  /** What it is a copy of; a symbolic link goes where `linkTo` says. */
  readonly from?: string;
  readonly linkTo?: string;
}

export interface Image {
  /** `registry.k8s.io/etcd:3.5.15-0`. */
  readonly tag: string;
  readonly files: readonly ImageFile[];
  /** Made empty, mode 1777. */
  readonly directories?: readonly string[];
  readonly entrypoint: readonly string[];
}

const searchPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

async function layOut(image: Image, directory: string): Promise<void> {
  for (const each of image.directories ?? []) {
    await mkdir(path.join(directory, each), { recursive: true });
    await chmod(path.join(directory, each), 0o1777);
  }
  for (const { at, from, linkTo } of image.files) {
    const file = path.join(directory, at);
    await mkdir(path.dirname(file), { recursive: true });
    if (linkTo !== undefined) await symlink(linkTo, file);
    else if (from !== undefined) await copyFile(from, file);
  }
}

function configOf(image: Image, layerSha256: string): object {
  return {
    architecture: architectures[process.arch] ?? process.arch,
    os: 'linux',
    config: { Entrypoint: image.entrypoint, Env: [`PATH=${searchPath}`], WorkingDir: '/' },
    rootfs: { type: 'layers', diff_ids: [`sha256:${layerSha256}`] },
    history: [{ created_by: 'ascent' }],
  };
}

/** The same files make the same layer: nothing of the time or of this machine's users is in it. */
const asRoot = { portable: true, mtime: new Date(0) };

/** Replaces `file` whole: a reader sees the old archive or the new one. */
export async function writeImageArchive(image: Image, file: string): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  const scratch = await mkdtemp(`${file}.`);
  try {
    const [tree, parts] = [path.join(scratch, 'tree'), path.join(scratch, 'parts')];
    await mkdir(tree);
    await mkdir(parts);
    await layOut(image, tree);
    const layer = path.join(parts, 'layer.tar');
    await create({ file: layer, cwd: tree, ...asRoot }, ['.']);
    const config = JSON.stringify(configOf(image, await sha256Of(layer)));
    const configName = `${createHash('sha256').update(config).digest('hex')}.json`;
    await writeFile(path.join(parts, configName), config);
    const manifest = [{ Config: configName, RepoTags: [image.tag], Layers: ['layer.tar'] }];
    await writeFile(path.join(parts, 'manifest.json'), JSON.stringify(manifest));
    const whole = path.join(scratch, 'image.tar');
    const names = ['manifest.json', configName, 'layer.tar'];
    await create({ file: whole, cwd: parts, ...asRoot }, names);
    await rename(whole, file);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
