// A registry that serves images out of archives, as far as a pull asks it, to machines of a lab:
// the distribution API for reading. It answers in the network of one of them.

import { type ChildProcess, spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import path from 'node:path';
import { extract } from 'tar';

const types = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
};

/** Listens in the network that it is started in, and answers by the server's socket. */
const relay = `
const net = require('node:net');
const [socket, address, port] = process.argv.slice(1);
const ended = () => undefined;
net
  .createServer((one) => {
    const other = net.connect(socket);
    one.on('error', ended).pipe(other).on('error', ended).pipe(one);
  })
  .listen(Number(port), address, () => process.stdout.write('listens'));
`;

interface Blob {
  readonly type: string;
  readonly size: number;
  readonly content: Buffer | { readonly file: string };
}

interface ArchiveManifest {
  readonly Config: string;
  readonly RepoTags: readonly string[];
  readonly Layers: readonly string[];
}

export class ImageRegistry {
  readonly url: string;
  /** Of every request that got something. */
  readonly served: string[] = [];
  readonly #directory: string;
  readonly #server: Server;
  readonly #relay: ChildProcess;
  /** `kube-proxy:v1.29.15` → digest of its manifest. */
  readonly #tags = new Map<string, string>();
  readonly #blobs = new Map<string, Blob>();

  private constructor(directory: string, server: Server, child: ChildProcess, url: string) {
    this.#directory = directory;
    this.#server = server;
    this.#relay = child;
    this.url = url;
    server.on('request', (request, response) => this.#answer(request, response));
  }

  /** `network`: the file of a network namespace; `address` is of it. */
  static async start(
    parent: string,
    at: { readonly network: string; readonly address: string; readonly port: number },
  ): Promise<ImageRegistry> {
    const directory = await mkdtemp(path.join(parent, 'registry-'));
    const socket = path.join(directory, 'socket');
    const server = createServer();
    server.listen(socket);
    await once(server, 'listening');
    const words = ['-e', relay, socket, at.address, `${at.port}`];
    const child = spawn('nsenter', [`--net=${at.network}`, process.execPath, ...words], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    return new ImageRegistry(directory, server, child, `http://${at.address}:${at.port}`);
  }

  async stop(): Promise<void> {
    this.#relay.kill('SIGKILL');
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    await rm(this.#directory, { recursive: true, force: true });
  }

  /** An archive as image-archive.ts writes it: one image, its layers as they are. */
  async offer(archive: string): Promise<void> {
    const cwd = await mkdtemp(path.join(this.#directory, 'image-'));
    await extract({ file: archive, cwd });
    const told = JSON.parse(await readFile(path.join(cwd, 'manifest.json'), 'utf8')) as unknown;
    const [{ Config: config, RepoTags: tags, Layers: layers }] = told as [ArchiveManifest];
    const content = await readFile(path.join(cwd, config));
    const { rootfs } = JSON.parse(content.toString('utf8')) as {
      readonly rootfs: { readonly diff_ids: readonly string[] };
    };
    const parts = await Promise.all(
      layers.map(async (layer, at) => {
        const file = path.join(cwd, layer);
        const { size } = await stat(file);
        return this.#keep(rootfs.diff_ids[at] ?? '', {
          type: types.layer,
          size,
          content: { file },
        });
      }),
    );
    const manifest = {
      schemaVersion: 2,
      mediaType: types.manifest,
      config: this.#keepBuffer(types.config, content),
      layers: parts,
    };
    const { digest } = this.#keepBuffer(types.manifest, Buffer.from(JSON.stringify(manifest)));
    for (const tag of tags) this.#tags.set(tag.slice(tag.indexOf('/') + 1), digest);
  }

  #keepBuffer(type: string, content: Buffer) {
    const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`;
    return this.#keep(digest, { type, size: content.length, content });
  }

  #keep(digest: string, blob: Blob) {
    this.#blobs.set(digest, blob);
    return { mediaType: blob.type, size: blob.size, digest };
  }

  #answer({ url = '', method }: IncomingMessage, response: ServerResponse): void {
    const [place = ''] = url.split('?');
    const [, name, kind, reference = ''] =
      /^\/v2\/(.+)\/(manifests|blobs)\/(.+)$/.exec(place) ?? [];
    const digest =
      kind === 'manifests' ? (this.#tags.get(`${name}:${reference}`) ?? reference) : reference;
    const blob = this.#blobs.get(digest);
    if (blob === undefined) {
      response.writeHead(place === '/v2/' ? 200 : 404).end();
      return;
    }
    this.served.push(`${method} ${place}`);
    response.writeHead(200, {
      'content-type': blob.type,
      'content-length': blob.size,
      'docker-content-digest': digest,
    });
    if (method === 'HEAD') response.end();
    else if (Buffer.isBuffer(blob.content)) response.end(blob.content);
    else createReadStream(blob.content.file).pipe(response);
  }
}
